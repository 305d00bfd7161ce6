"""The throwaway place: what is made in it is noted before it is sent, so that all of it can be taken away again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import msgspec

from connectors.base import Abilities, Clock, Connector, Description, Gate, Outcome, Record, Write, utc
from connectors.errors import ConnectorError
from connectors.proving import Proving

ATTEMPTS = 3


class Occupied(Exception):
    """The place is not empty: ``count`` records lie there, at least."""

    def __init__(self, count: int) -> None:
        super().__init__(str(count))
        self.count = count


class Made(msgspec.Struct, kw_only=True):
    """A create, noted before it was sent."""

    stream: str
    since: str
    marker: str | None = None
    reserved_id: str | None = None
    id: str | None = None
    deleted: bool = False


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """What could not be taken away: where it is, and why. For the person alone, never for a report."""

    stream: str
    where: str
    why: str
    """A state of the delete, a kind of error, or ``archived``."""


def open_gate() -> None:
    """Lets everything through: a person said so before the first request."""


class Place:
    """Safe to clear at any time and as often as wanted: what is gone already counts as taken away."""

    def __init__(self, connector: Connector, clock: Clock, proving: Proving) -> None:
        self.connector = connector
        self.clock = clock
        self.description: Description = connector.describe()
        self._holds = proving.holds
        self._made: list[Made] = []

    def must_be_empty(self) -> None:
        """Raises ``Occupied``."""
        there = [stream.name for stream in self.description.streams]
        for stream in self._holds:
            if stream in there:
                count = sum(len(page) for page in self.connector.ids(stream))
                if count:
                    raise Occupied(count)

    def push(self, stream: str, writes: Sequence[Write], gate: Gate = open_gate) -> list[Outcome]:
        """Send writes. What was created is remembered, even if no answer comes."""
        noted = {write.intent: self._note(stream, write) for write in writes if write.kind == "create"}
        outcomes = []
        for outcome in self.connector.push(stream, writes, gate):
            made = noted.get(outcome.intent)
            if made is not None:
                made.id = outcome.id
                made.deleted = outcome.status in ("refused", "not_sent")
            outcomes.append(outcome)
        return outcomes

    def _note(self, stream: str, write: Write) -> Made:
        since = utc(self.clock.now())
        made = Made(stream=stream, since=since, marker=write.marker, reserved_id=write.reserved_id)
        self._made.append(made)
        return made

    def clear(self, tell: Callable[[str], None] = lambda stream: None) -> list[Left]:
        """Take away everything that was made, the last first; what stays, with its address."""
        left: list[Left] = []
        for stream, group in groupby(reversed(self._made), key=lambda made: made.stream):
            rows = [made for made in group if not made.deleted]
            if rows:
                tell(stream)
                left += self._clear(stream, rows)
        return left

    def _clear(self, stream: str, rows: Sequence[Made]) -> Iterator[Left]:
        try:
            if any(made.id is None for made in rows):
                self.clock.wait(self._abilities(stream).search_lag + 1.0)  # no answer told the id: it must be found
            ids = {id: made for made in rows for id in self._ids(stream, made)}
            stuck = self._delete(stream, list(ids))
            for id, made in ids.items():
                made.deleted = id not in stuck
            records = {record.id: record for record in self.connector.get(stream, list(stuck))} if stuck else {}
        except ConnectorError as error:
            yield from (_left(stream, made.id, None, type(error).__name__) for made in rows)
            return
        for id, why in stuck.items():
            record = records.get(id)
            if record is None or not record.deleted:
                yield _left(stream, id, record, why)

    def _ids(self, stream: str, made: Made) -> list[str]:
        """Where no answer told the id, whatever the marker finds."""
        if made.id is not None:
            return [made.id]
        match self._abilities(stream).marker:
            case "reserved_id":
                return [made.reserved_id] if made.reserved_id else []
            case "unique_field" | "in_create":
                return [record.id for record in self.connector.find(stream, made.marker or "")]
            case "fingerprint":
                return [record.id for record in self.connector.made_since(stream, None, made.since)]
            case _:
                return []

    def _delete(self, stream: str, ids: list[str]) -> dict[str, str]:
        """Delete, or archive where nobody can delete; the ids that are still there, each with the reason."""
        able = self._abilities(stream)
        kind = "delete" if able.delete else "archive" if able.archive else None
        if kind is None:
            return dict.fromkeys(ids, "no_delete")
        stuck: dict[str, str] = {}
        for _ in range(ATTEMPTS):
            writes = [Write(intent=id, kind=kind, id=id) for id in ids]  # type: ignore[arg-type]
            outcomes = list(self.connector.push(stream, writes, open_gate)) if writes else []
            stuck |= {each.intent: each.status for each in outcomes if each.status not in ("done", "gone")}
            if kind == "archive":
                stuck |= {each.intent: "archived" for each in outcomes if each.status == "done"}
            waits = [each.retry_after or 0.0 for each in outcomes if each.status == "not_sent"]
            if not waits:
                break
            self.clock.wait(max(waits))
            ids = [each.intent for each in outcomes if each.status == "not_sent"]
            stuck = {id: why for id, why in stuck.items() if id not in ids}
        else:
            stuck |= dict.fromkeys(ids, "not_sent")
        return stuck

    def _abilities(self, stream: str) -> Abilities:
        return self.description.stream(stream).abilities


def _left(stream: str, id: str | None, record: Record | None, why: str) -> Left:
    url = record.url if record is not None else None
    return Left(stream=stream, where=url or id or "?", why=why)
