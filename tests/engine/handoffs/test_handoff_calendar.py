"""Deadlines in working days: holidays, adjusted weekends, clock changes, and years nobody has announced yet."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keepstep.engine.handoffs import Calendar, CalendarInvalid

CHINA = Calendar(country="CN", timezone="Asia/Shanghai")
GERMANY = Calendar(country="DE", timezone="Europe/Berlin")
PLAIN = Calendar()
ZONES = ("UTC", "Europe/Berlin", "Asia/Shanghai", "America/Sao_Paulo", "Pacific/Apia")


def local(calendar: Calendar, text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=calendar.zone)


@pytest.mark.parametrize(
    ("calendar", "start", "days", "due"),
    [
        pytest.param(PLAIN, "2026-03-02T08:00", 2, "2026-03-04T18:00", id="two days after a Monday is Wednesday's end"),
        pytest.param(PLAIN, "2026-03-06T15:00", 2, "2026-03-10T18:00", id="a weekend does not count"),
        pytest.param(PLAIN, "2026-03-07T15:00", 2, "2026-03-10T18:00", id="a start on Saturday counts from Monday"),
        pytest.param(PLAIN, "2026-03-02T08:00", 0, "2026-03-02T18:00", id="no days means the end of the same day"),
        pytest.param(PLAIN, "2026-03-06T19:00", 0, "2026-03-09T18:00", id="after work it means the next working day"),
        pytest.param(CHINA, "2026-09-30T10:00", 1, "2026-10-08T18:00", id="the golden week is off"),
        pytest.param(CHINA, "2026-02-13T10:00", 1, "2026-02-14T18:00", id="an adjusted Saturday is worked"),
        pytest.param(
            CHINA, "2026-02-14T10:00", 1, "2026-02-24T18:00", id="spring festival and its bridge days are off"
        ),
        pytest.param(
            CHINA, "2026-10-09T10:00", 2, "2026-10-12T18:00", id="the Saturday after the golden week is worked"
        ),
        pytest.param(GERMANY, "2026-04-02T10:00", 1, "2026-04-07T18:00", id="Easter is off in Germany"),
        pytest.param(GERMANY, "2026-03-27T10:00", 1, "2026-03-30T18:00", id="closing time holds over the clock change"),
    ],
)
def test_working_days(calendar: Calendar, start: str, days: int, due: str) -> None:
    deadline = calendar.add_working_days(local(calendar, start), days)
    assert deadline.at == local(calendar, due)
    assert deadline.unknown_years == ()
    assert deadline.earliest == deadline.latest == deadline.at


@pytest.mark.parametrize(
    ("calendar", "start", "hours", "due"),
    [
        pytest.param(PLAIN, "2026-03-02T10:00", 4, "2026-03-02T14:00", id="within one day"),
        pytest.param(PLAIN, "2026-03-06T16:00", 4, "2026-03-09T11:00", id="the night and the weekend do not pass"),
        pytest.param(PLAIN, "2026-03-06T22:00", 9, "2026-03-09T18:00", id="a whole day ends at closing time"),
        pytest.param(PLAIN, "2026-03-02T06:00", 0, "2026-03-02T09:00", id="no hours from before opening is opening"),
    ],
)
def test_working_hours(calendar: Calendar, start: str, hours: float, due: str) -> None:
    assert calendar.add_working_hours(local(calendar, start), hours).at == local(calendar, due)


def test_an_hour_that_the_clock_change_skips_has_not_passed() -> None:
    night = Calendar(timezone="Europe/Berlin", week=frozenset({6}), opens=time(0), closes=time(12))
    begun = datetime(2026, 3, 29, 0, 0, tzinfo=night.zone)
    # 02:00 to 03:00 does not exist on that Sunday.
    assert night.add_working_hours(begun, 4).at == datetime(2026, 3, 29, 5, 0, tzinfo=night.zone).astimezone(UTC)


def test_deadlines_are_told_in_utc_by_the_offset_of_their_own_day() -> None:
    assert GERMANY.add_working_days(local(GERMANY, "2026-03-27T10:00"), 1).at == datetime(2026, 3, 30, 16, tzinfo=UTC)
    assert GERMANY.add_working_days(local(GERMANY, "2026-03-26T10:00"), 1).at == datetime(2026, 3, 27, 17, tzinfo=UTC)


def test_the_day_of_a_start_is_the_day_on_the_calendars_own_clock() -> None:
    late_on_sunday_in_utc = datetime(2026, 3, 8, 20, tzinfo=UTC)  # Monday in Shanghai
    assert CHINA.add_working_days(late_on_sunday_in_utc, 1).at == local(CHINA, "2026-03-10T18:00")


def test_a_year_that_china_has_not_announced_is_said_and_not_guessed() -> None:
    deadline = CHINA.add_working_days(local(CHINA, "2039-12-30T10:00"), 2)
    assert deadline.unknown_years == (2039, 2040)
    assert deadline.earliest < deadline.at < deadline.latest
    assert not CHINA.knows(2039)


def test_a_country_whose_law_holds_for_all_years_knows_the_future() -> None:
    assert GERMANY.knows(2039)
    assert PLAIN.knows(2039)


def test_an_unknown_year_that_is_not_touched_is_not_mentioned() -> None:
    assert CHINA.add_working_days(local(CHINA, "2026-11-20T10:00"), 2).unknown_years == ()
    assert CHINA.working_days_between(local(CHINA, "2026-11-20T10:00"), local(CHINA, "2026-11-24T10:00")) == (2, ())


def test_hours_in_an_unknown_year_lie_between_bounds() -> None:
    deadline = CHINA.add_working_hours(local(CHINA, "2039-12-30T17:00"), 10)
    assert deadline.unknown_years == (2039, 2040)
    assert deadline.earliest < deadline.at < deadline.latest


def test_the_companys_own_days_win_over_the_calendar() -> None:
    day = date(2026, 3, 3)
    saturday = date(2026, 3, 7)
    own = Calendar(closed=frozenset({day}), worked=frozenset({saturday}))
    assert not own.is_working_day(day)
    assert own.is_working_day(saturday)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"country": "ZZ"}, id="no such country"),
        pytest.param({"country": "DE", "subdivision": "XX"}, id="no such part of it"),
        pytest.param({"timezone": "Mars/Olympus"}, id="no such zone"),
        pytest.param({"week": frozenset()}, id="no working day"),
        pytest.param({"week": frozenset({7})}, id="no such weekday"),
        pytest.param({"opens": time(18), "closes": time(9)}, id="closes before it opens"),
    ],
)
def test_a_calendar_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(CalendarInvalid):
        Calendar(**wrong)  # type: ignore[arg-type]


def test_a_time_without_a_zone_and_a_negative_deadline_are_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        PLAIN.add_working_days(datetime(2026, 3, 2), 1)
    with pytest.raises(ValueError, match="-1 working days"):
        PLAIN.add_working_days(datetime(2026, 3, 2, tzinfo=UTC), -1)
    with pytest.raises(ValueError, match="-1 working hours"):
        PLAIN.add_working_hours(datetime(2026, 3, 2, tzinfo=UTC), -1)


def test_a_company_that_never_works_is_an_error_and_no_endless_search() -> None:
    start = date(2026, 3, 2)
    never = Calendar(week=frozenset({0}), closed=frozenset(start + timedelta(weeks=n) for n in range(52 * 30)))
    with pytest.raises(CalendarInvalid):
        never.add_working_days(datetime(2026, 3, 2, tzinfo=UTC), 1)


moments = st.datetimes(datetime(2019, 1, 1), datetime(2026, 12, 1), timezones=st.just(UTC))
calendars = st.builds(
    Calendar,
    country=st.sampled_from((None, "CN", "DE", "US", "SA")),
    timezone=st.sampled_from(ZONES),
    week=st.frozensets(st.integers(0, 6), min_size=1),
    closes=st.sampled_from((time(12), time(18), time(23, 59))),
)


@settings(max_examples=150, deadline=None)
@given(calendars, moments, moments, st.integers(0, 30), st.integers(0, 30))
def test_later_starts_and_more_days_are_never_due_earlier(
    calendar: Calendar, one: datetime, other: datetime, few: int, more: int
) -> None:
    one, other = sorted((one, other))
    few, more = sorted((few, more))
    assert calendar.add_working_days(one, few).at <= calendar.add_working_days(one, more).at
    assert calendar.add_working_days(one, few).at <= calendar.add_working_days(other, few).at
    assert calendar.add_working_hours(one, few).at <= calendar.add_working_hours(one, more).at
    assert calendar.add_working_hours(one, few).at <= calendar.add_working_hours(other, few).at


@settings(max_examples=150, deadline=None)
@given(calendars, moments, st.integers(1, 40))
def test_counting_back_finds_the_days_that_were_added(calendar: Calendar, start: datetime, days: int) -> None:
    deadline = calendar.add_working_days(start, days)
    assert calendar.working_days_between(start, deadline.at).days == days
    assert calendar.working_days_between(deadline.at, start).days == -days
    assert calendar.is_working_day(deadline.at.astimezone(ZoneInfo(calendar.timezone)).date())
    assert deadline.at >= start


@settings(max_examples=60, deadline=None)
@given(st.datetimes(datetime(2038, 1, 1), datetime(2041, 1, 1), timezones=st.just(UTC)), st.integers(0, 20))
def test_the_bounds_of_an_unknown_year_enclose_the_count_by_weekdays(start: datetime, days: int) -> None:
    deadline = CHINA.add_working_days(start, days)
    assert deadline.unknown_years
    assert start <= deadline.earliest <= deadline.at < deadline.latest
