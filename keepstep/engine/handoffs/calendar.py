"""The working calendar: public holidays, China's adjusted working weekends, office hours, and what is not known yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

WEEKDAYS = frozenset(range(5))

MOST_HOLIDAYS = 30
"""More public holidays on weekdays than any country has in a year (the most is Nepal with 28)."""

LONGEST_WALK = 366 * 20
"""Days after which a search for working days gives up: a calendar that closes for twenty years is a mistake."""


class CalendarInvalid(ValueError):
    """The calendar's settings contradict each other or name no country."""


class Year(NamedTuple):
    """What is known of one country's year."""

    holidays: frozenset[date]
    workdays: frozenset[date]
    """Weekend days that are worked, such as China's 调休."""
    known: bool


class Deadline(NamedTuple):
    """When something is due. Without unknown years the three times are the same."""

    at: datetime
    unknown_years: tuple[int, ...]
    """Years on the way whose holidays are not announced yet, counted by weekdays alone."""
    earliest: datetime
    latest: datetime
    """Whatever will be announced, the true deadline lies between these two."""


class Span(NamedTuple):
    days: int
    unknown_years: tuple[int, ...]


@lru_cache(maxsize=512)
def _year(country: str, subdivision: str | None, year: int) -> Year:
    # 0.4 s to import: paid only where a calendar with a country is asked for a day.
    from holidays import country_holidays

    days = country_holidays(country, subdiv=subdivision, years=year)
    # Where days are swapped by decree, each year is announced on its own; elsewhere the law holds for all years.
    last = days.end_year
    if getattr(days, "has_substituted_holidays", False):
        last = max(getattr(days, "special_public_holidays", {}), default=days.start_year - 1)
    return Year(
        frozenset(day for day in days if day.year == year),
        frozenset(day for day in days.weekend_workdays if day.year == year),
        days.start_year <= year <= last,
    )


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days are worked, and when. Raises ``CalendarInvalid`` when it is built wrong."""

    country: str | None = None
    subdivision: str | None = None
    timezone: str = "UTC"
    week: frozenset[int] = WEEKDAYS
    """Monday is 0."""
    opens: time = time(9)
    closes: time = time(18)
    closed: frozenset[date] = frozenset()
    """The company's own days off."""
    worked: frozenset[date] = frozenset()
    """Days the company works although the calendar says otherwise."""

    def __post_init__(self) -> None:
        if not self.week or not self.week <= frozenset(range(7)):
            raise CalendarInvalid("the working week needs at least one day from 0 (Monday) to 6")
        if self.opens >= self.closes:
            raise CalendarInvalid(f"opens at {self.opens:%H:%M}, closes at {self.closes:%H:%M}")
        try:
            _ = self.zone
        except (KeyError, ValueError, OSError) as error:
            raise CalendarInvalid(f"no time zone {self.timezone}") from error
        if self.country is not None:
            from holidays import list_supported_countries

            countries = list_supported_countries()
            if self.country not in countries:
                raise CalendarInvalid(f"no public holidays are known for country {self.country}")
            if self.subdivision is not None and self.subdivision not in countries[self.country]:
                raise CalendarInvalid(f"no part {self.subdivision} of country {self.country}")

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def knows(self, year: int) -> bool:
        """The holidays of that year are known, or none are asked for."""
        return self.country is None or _year(self.country, self.subdivision, year).known

    def is_working_day(self, day: date) -> bool:
        """By what is known; in an unknown year by the working week alone (see ``knows``)."""
        if day in self.worked:
            return True
        if day in self.closed:
            return False
        if self.country is not None:
            year = _year(self.country, self.subdivision, day.year)
            if year.known:
                if day in year.workdays:
                    return True
                if day in year.holidays:
                    return False
        return day.weekday() in self.week

    def local(self, moment: datetime) -> datetime:
        """The moment on the calendar's own clock. Raises ValueError for a time without a zone."""
        if moment.tzinfo is None:
            raise ValueError(f"a time without a zone: {moment.isoformat()}")
        return moment.astimezone(self.zone)

    def closing(self, day: date) -> datetime:
        """The end of work on that day, in UTC."""
        return datetime.combine(day, self.closes, self.zone).astimezone(UTC)

    def add_working_days(self, start: datetime, days: int) -> Deadline:
        """The end of work on the ``days``-th working day after the day of ``start``.

        The day of the start is not counted; with 0 the deadline is the end of that very day, or of the next working
        day if it is not worked or work is over. Raises ValueError for a negative number.
        """
        if days < 0:
            raise ValueError(f"a deadline of {days} working days")
        local = self.local(start)
        today = local.date() + timedelta(days=1 if days or local.time() >= self.closes else 0)
        count = days or 1
        last = self._nth(today, count)
        unknown = self._unknown(today, last)
        at = self.closing(last)
        if not unknown:
            return Deadline(at, (), at, at)
        earliest = self.closing(self._nth(today, count, eager=True))
        return Deadline(at, unknown, earliest, self.closing(self._nth(today, count + MOST_HOLIDAYS * len(unknown))))

    def add_working_hours(self, start: datetime, hours: float) -> Deadline:
        """The moment at which ``hours`` of office time have passed since ``start``. Raises ValueError if negative."""
        if hours < 0:
            raise ValueError(f"a deadline of {hours} working hours")
        last, at = self._hours(start, hours)
        unknown = self._unknown(self.local(start).date(), last)
        if not unknown:
            return Deadline(at, (), at, at)
        latest = self.closing(self._nth(last, 1 + MOST_HOLIDAYS * len(unknown)))
        return Deadline(at, unknown, self._hours(start, hours, eager=True)[1], latest)

    def working_days_between(self, first: datetime, second: datetime) -> Span:
        """Working days after the day of ``first`` up to and with the day of ``second``; negative when turned round."""
        begin, end = self.local(first).date(), self.local(second).date()
        if end < begin:
            back = self.working_days_between(second, first)
            return Span(-back.days, back.unknown_years)
        steps = (begin + timedelta(days=n) for n in range(1, (end - begin).days + 1))
        return Span(sum(map(self.is_working_day, steps)), self._unknown(begin, end) if end > begin else ())

    def _nth(self, first: date, count: int, *, eager: bool = False) -> date:
        """The count-th working day from ``first`` on; ``eager`` takes every day of an unknown year for one."""
        day = first
        for _ in range(LONGEST_WALK):
            if self.is_working_day(day) or (eager and not self.knows(day.year)):
                count -= 1
                if not count:
                    return day
            day += timedelta(days=1)
        raise CalendarInvalid("not enough working days in twenty years")

    def _unknown(self, first: date, last: date) -> tuple[int, ...]:
        return tuple(year for year in range(first.year, last.year + 1) if not self.knows(year))

    def _hours(self, start: datetime, hours: float, *, eager: bool = False) -> tuple[date, datetime]:
        """The day and moment at which so much office time has passed; ``eager`` as in ``_nth``."""
        day, left = self.local(start).date(), timedelta(hours=hours)
        for _ in range(LONGEST_WALK):
            if self.is_working_day(day) or (eager and not self.knows(day.year)):
                # Differences are taken in UTC: an hour that a clock change skips has not passed.
                begin = max(datetime.combine(day, self.opens, self.zone).astimezone(UTC), start.astimezone(UTC))
                end = self.closing(day)
                if begin <= end:
                    if left <= end - begin:
                        return day, begin + left
                    left -= end - begin
            day += timedelta(days=1)
        raise CalendarInvalid("not enough working days in twenty years")
