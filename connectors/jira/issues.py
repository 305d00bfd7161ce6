"""Writing issues and epics: creates, edits of what changes only, status by transitions, deletes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial

from connectors.base import Clock, Gate, Outcome, Write
from connectors.errors import ConnectorError, Forbidden, GateClosed, NotFound, RecordRefused
from connectors.jira.answers import IssueThrottled
from connectors.jira.client import Client
from connectors.jira.crawl import Recent
from connectors.jira.creating import Creating, labels_meant
from connectors.jira.links import add_links, removed_links, without_links
from connectors.jira.models import Json, part
from connectors.jira.moving import ALONE, Arrival, Convoy, Group, Move
from connectors.jira.outcomes import failed, wants_notification_right
from connectors.jira.places import Places
from connectors.jira.records import MARKER_LABEL
from connectors.jira.transitions import Progress


class Quiet:
    """Whether Jira lets us change things without mail to watchers; it refuses accounts that do not administer."""

    def __init__(self) -> None:
        self.allowed = True


class IssueWriter:
    """Writes to issues and epics of one connection."""

    def __init__(self, client: Client, clock: Clock, places: Places, recent: Recent, quiet: Quiet) -> None:
        self._client = client
        self._clock = clock
        self._recent = recent
        self._quiet = quiet
        self._convoy = Convoy(client, clock)
        self._creating = Creating(client, places, recent, self._convoy)
        self._resume: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def push(self, stream: str, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        """One outcome per write. Creates that follow each other share requests, and so do changes of status."""
        try:
            looks = self._convoy.seen(_changing(writes))
        except ConnectorError as error:
            yield from [failed(write, error) for write in writes]
            return
        written: set[str | None] = set()
        for run in _runs(writes):
            if run[0].kind == "create":
                yield from self._creating.create(stream, run, gate)
                continue
            again = [id for id in _changing(run) if id in written]
            try:
                looks |= self._convoy.seen(again)
            except ConnectorError as error:
                yield from [failed(write, error) for write in run]
                continue
            written |= {write.id for write in run}
            yield from self._change(run, looks, gate)

    def _change(self, writes: Sequence[Write], looks: Mapping[str, Json], gate: Gate) -> Iterator[Outcome]:
        """Writes to different issues: those whose statuses go together last, the others in order."""
        groups = self._convoy.groups(
            Move.of(write, looks[id])
            for write in writes
            if write.kind == "update" and write.values.get("status")
            if (id := write.id or "") in looks and not self._held_back(id)[0]
        )
        joined = {id for group in groups for id in group.members}
        for write in writes:
            if write.id not in joined:
                yield self._one(write, looks.get(write.id or ""), gate)
        if groups:
            yield from self._together([write for write in writes if write.id in joined], looks, groups, gate)

    def _one(self, write: Write, look: Json | None, gate: Gate) -> Outcome:
        id = write.id or ""
        wait, why = self._held_back(id)
        if wait > 0:
            return Outcome(intent=write.intent, id=id, status="not_sent", reason=why, retry_after=wait)
        progress = Progress()

        def work() -> None:
            if write.kind == "delete":
                self._client.delete_issue(id, gate)
            elif write.kind == "update":
                self._edit(write, look, gate, progress)
            else:
                raise RecordRefused(f"Jira issues know no {write.kind} here", code="no_such_ability")

        return self._attempt(write, progress, work)

    def _attempt(self, write: Write, progress: Progress, work: Callable[[], None]) -> Outcome:
        """The outcome of a write by what becomes of its last request; ``progress`` tells of those before."""
        id = write.id or ""
        try:
            work()
        except (ConnectorError, GateClosed) as error:
            if isinstance(error, IssueThrottled):
                with self._lock:
                    self._resume[id] = (self._clock.monotonic() + error.retry_after, str(error))
            if progress.moved:
                self._recent.add(id)
            return failed(write, error, moved=progress.moved)
        self._recent.add(id)
        return Outcome(intent=write.intent, status="done", id=id)

    def _together(
        self, writes: Sequence[Write], looks: Mapping[str, Json], groups: Sequence[Group], gate: Gate
    ) -> Iterator[Outcome]:
        """Writes whose statuses change together. As by itself: reopened before the edit, finished after it."""
        reopened = {id for group in groups if group.walk.leaves_done for id in group.members}
        progress = {id: moved for group in groups for id, moved in group.members.items()}
        arrivals = self._convoy.go([group for group in groups if group.walk.leaves_done], gate)
        left: list[Write] = []
        for write in writes:
            id = write.id or ""
            if id in reopened:
                left.append(write)
                continue
            edited = self._attempt(write, progress[id], partial(self._rest, write, looks, gate, progress))
            if edited.status == "done":
                left.append(write)
                continue
            for group in groups:
                group.members.pop(id, None)
            yield edited
        arrivals |= self._convoy.go([group for group in groups if not group.walk.leaves_done], gate)
        try:
            stand = self._convoy.seen([write.id or "" for write in left if arrivals[write.id or ""] == ALONE])
        except ConnectorError as error:
            arrivals |= {id: Arrival(trouble=error) for id, arrival in arrivals.items() if arrival == ALONE}
            stand = {}
        for write in left:
            id = write.id or ""

            def work(write: Write = write, id: str = id) -> None:
                arrival = arrivals[id]
                if arrival.trouble is not None:
                    raise arrival.trouble
                if not arrival.there:
                    self._convoy.alone(Move.of(write, stand.get(id)), without_links(write.values), gate, progress[id])
                if id in reopened:
                    self._rest(write, looks, gate, progress)

            yield self._attempt(write, progress[id], work)

    def _rest(self, write: Write, looks: Mapping[str, Json], gate: Gate, progress: Mapping[str, Progress]) -> None:
        """What else the write changes, beside the status."""
        id = write.id or ""
        values = {name: value for name, value in write.values.items() if name != "status"}
        self._fields(id, values, looks.get(id), gate, progress[id])

    def _edit(self, write: Write, look: Json | None, gate: Gate, progress: Progress) -> None:
        id = write.id or ""
        values = dict(write.values)
        target = values.pop("status", None)
        if look is None and ("labels" in values or target):
            raise NotFound(f"issue {id} is not there", status=404, code="404")
        walk = None
        if look is not None and target:
            walk = self._convoy.way(Move.of(write, look))
        # A finished issue often takes no edits, so it is reopened first and finished last.
        if walk is not None and walk.leaves_done:
            for name in walk.go(without_links(values), gate, progress):
                values.pop(name)
            walk = None
        self._fields(id, values, look, gate, progress)
        if walk is not None:
            walk.go(without_links(write.values), gate, progress)

    def _fields(self, id: str, values: Json, look: Json | None, gate: Gate, progress: Progress) -> None:
        """All but the status, in one edit; links that go, one by one after it."""
        body = _edit_body(without_links(values), look)
        add_links(body, values)
        if body:
            self.edit(id, body, gate)
            progress.moved = True
        for link in removed_links(values):
            with suppress(NotFound):  # what is not there any more has come true already
                self._client.delete_issue_link(link, gate)
            progress.moved = True

    def edit(self, id: str, body: Json, gate: Gate) -> None:
        """Edit without mail to watchers, as long as Jira lets this account."""
        try:
            self._client.edit_issue(id, body, gate, quiet=self._quiet.allowed)
        except Forbidden as error:
            if not (self._quiet.allowed and wants_notification_right(error)):
                raise
            self._quiet.allowed = False
            self._client.edit_issue(id, body, gate, quiet=False)

    def _held_back(self, id: str) -> tuple[float, str]:
        """Seconds for which this issue is to be left alone: Jira wants no writes to it, or has one on its way."""
        with self._lock:
            until, why = self._resume.get(id, (0.0, ""))
            wait = until - self._clock.monotonic()
            if wait <= 0:
                self._resume.pop(id, None)
        under_way = self._convoy.wait(id)
        if under_way > wait:
            return under_way, "a bulk change that was sent before may still move it"
        return max(0.0, wait), why


def _edit_body(values: Json, look: Json | None) -> Json:
    """Only what changes. Labels as additions and removals against what is there, so that others' are not lost."""
    fields = {name: value for name, value in values.items() if name != "labels"}
    body: Json = {}
    if "labels" in values:
        labels = part(look, "fields").get("labels")
        there = {label for label in labels if isinstance(label, str)} if isinstance(labels, list) else set()
        wanted = labels_meant(values["labels"], there)
        steps = [{"add": label} for label in sorted(wanted - there)]
        steps += [{"remove": each} for each in sorted(there - wanted) if not each.startswith(MARKER_LABEL)]
        if steps:
            body["update"] = {"labels": steps}
    if fields:
        body["fields"] = fields
    return body


def _changing(writes: Sequence[Write]) -> list[str]:
    """Issues whose writes depend on how they stand."""
    ids = [w.id for w in writes if w.kind == "update" and w.id and {"status", "labels"} & set(w.values)]
    return list(dict.fromkeys(ids))


def _runs(writes: Sequence[Write]) -> Iterator[list[Write]]:
    """The writes in order: creates that follow each other, and other writes that follow each other to different issues.

    What was seen before a write to an issue is no longer how it stands for the next one.
    """
    run: list[Write] = []
    for write in writes:
        creates = write.kind == "create"
        if run and (creates != (run[0].kind == "create") or (not creates and write.id in {each.id for each in run})):
            yield run
            run = []
        run.append(write)
    if run:
        yield run
