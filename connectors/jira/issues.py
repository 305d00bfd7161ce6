"""Writing issues and epics: bulk creates with a marker inside, edits of what changes only, status by transitions."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from connectors.base import Clock, Gate, Outcome, Write, chunks
from connectors.errors import ConnectorError, EffectUnknown, Forbidden, GateClosed, NotFound, RecordRefused
from connectors.jira.answers import IssueThrottled, Refused, words_of
from connectors.jira.client import CREATE_BATCH, FETCH_BATCH, PROPERTY, Client
from connectors.jira.crawl import Recent
from connectors.jira.models import Created, ElementError, ErrorBody, Json
from connectors.jira.outcomes import failed, wants_notification_right
from connectors.jira.places import Places
from connectors.jira.records import MARKER_LABEL
from connectors.jira.transitions import Progress, Workflows

LINKS = "issuelinks"
"""Links between issues: ``{"add": [{"type": {"id"}, "inwardIssue" or "outwardIssue": {"id"}}], "remove": [link id]}``.
An added one is told as the issue itself would show it."""

LOOK = ["status", "labels", "issuetype", "project"]


class Quiet:
    """Whether Jira lets us change things without mail to watchers; it refuses accounts that do not administer."""

    def __init__(self) -> None:
        self.allowed = True


class IssueWriter:
    """Writes to issues and epics of one connection."""

    def __init__(self, client: Client, clock: Clock, places: Places, recent: Recent, quiet: Quiet) -> None:
        self._client = client
        self._clock = clock
        self._places = places
        self._recent = recent
        self._quiet = quiet
        self._flows = Workflows(client)
        self._resume: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def push(self, stream: str, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        """One outcome per write, in order; creates that follow each other share requests."""
        try:
            looks = self._looks(writes)
        except ConnectorError as error:
            yield from [failed(write, error) for write in writes]
            return
        run: list[Write] = []
        written: set[str | None] = set()
        for write in writes:
            if write.kind == "create":
                run.append(write)
                continue
            yield from self._create(stream, run, gate)
            run = []
            if write.id in written:
                # What was seen before the former write to this issue is no longer how it stands.
                try:
                    looks |= self._looks([write])
                except ConnectorError as error:
                    yield failed(write, error)
                    continue
            written.add(write.id)
            yield self._one(write, looks.get(write.id or ""), gate)
        yield from self._create(stream, run, gate)

    def _looks(self, writes: Sequence[Write]) -> dict[str, Json]:
        """Status and labels as they stand, of the issues where the write depends on them: one request a hundred."""
        ids = [w.id for w in writes if w.kind == "update" and w.id and {"status", "labels"} & set(w.values)]
        found: dict[str, Json] = {}
        for batch in chunks(list(dict.fromkeys(ids)), FETCH_BATCH):
            for issue in self._client.bulk_fetch(batch, LOOK):
                found[str(issue["id"])] = issue
        return found

    # -- creates

    def _create(self, stream: str, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        for batch in chunks(writes, CREATE_BATCH):
            bodies: list[Json] = []
            sent: list[Write] = []
            early: dict[str, Outcome] = {}
            for write in batch:
                try:
                    bodies.append(self._body(stream, write))
                    sent.append(write)
                except ConnectorError as error:
                    early[write.intent] = failed(write, error)
            done = early | (self._send(sent, bodies, gate) if sent else {})
            yield from (done[write.intent] for write in batch)

    def _body(self, stream: str, write: Write) -> Json:
        apart = ("status", LINKS)
        fields = {name: value for name, value in write.values.items() if value is not None and name not in apart}
        fields.update(self._places.of_create(stream, fields))
        body: Json = {"fields": fields}
        joined = (write.values.get(LINKS) or {}).get("add")
        if joined:
            body["update"] = {LINKS: [{"add": each} for each in joined]}
        if "labels" in fields:
            fields["labels"] = sorted(_labels(fields["labels"], set()))
        if write.marker:
            fields["labels"] = [*fields.get("labels", ()), MARKER_LABEL + write.marker]
            body["properties"] = [{"key": PROPERTY, "value": {"marker": write.marker}}]
        return body

    def _send(self, writes: Sequence[Write], bodies: Sequence[Json], gate: Gate) -> dict[str, Outcome]:
        """One bulk create. Jira makes what it can and names the rest by their place in the request."""
        try:
            answer = self._client.create_issues(bodies, gate)
        except Refused as error:
            refusals = _none_created(error)
            if refusals is None:
                return {write.intent: failed(write, error) for write in writes}
            answer = refusals
        except (ConnectorError, GateClosed) as error:
            return {write.intent: failed(write, error) for write in writes}
        wrong = {error.failedElementNumber: error for error in answer.errors}
        made = iter(answer.issues)
        if len(answer.issues) + len(wrong) != len(writes):
            unclear = EffectUnknown(f"POST /rest/api/3/issue/bulk: {len(answer.issues)} made of {len(writes)}")
            return {write.intent: failed(write, unclear) for write in writes}
        outcomes = {}
        for number, write in enumerate(writes):
            if number in wrong:
                outcomes[write.intent] = _refused(write, wrong[number])
                continue
            id = str(next(made)["id"])
            self._recent.add(id)
            outcomes[write.intent] = self._placed(write, id, gate)
        return outcomes

    def _placed(self, write: Write, id: str, gate: Gate) -> Outcome:
        """A created issue, moved to the status it shall have. It exists, so it is done even if it cannot move."""
        done = Outcome(intent=write.intent, status="done", id=id)
        target = write.values.get("status")
        if not target:
            return done
        try:
            issue = self._client.issue(id, LOOK)
            self._walk(id, issue, target, {name: value for name, value in write.values.items() if name != LINKS}, gate)
        except (ConnectorError, GateClosed) as error:
            code = error.code if isinstance(error, ConnectorError) else ""
            return msgspec.structs.replace(done, reason=f"created, but not moved: {error}", code=code, field="status")
        return done

    # -- edits and deletes

    def _one(self, write: Write, look: Json | None, gate: Gate) -> Outcome:
        id = write.id or ""
        wait, why = self._held_back(id)
        if wait > 0:
            return Outcome(intent=write.intent, id=id, status="not_sent", reason=why, retry_after=wait)
        progress = Progress()
        try:
            if write.kind == "delete":
                self._client.delete_issue(id, gate)
            elif write.kind == "update":
                self._edit(write, look, gate, progress)
            else:
                raise RecordRefused(f"Jira issues know no {write.kind} here", code="no_such_ability")
        except (ConnectorError, GateClosed) as error:
            if isinstance(error, IssueThrottled):
                with self._lock:
                    self._resume[id] = (self._clock.monotonic() + error.retry_after, str(error))
            if progress.moved:
                self._recent.add(id)
            return failed(write, error, moved=progress.moved)
        self._recent.add(id)
        return Outcome(intent=write.intent, status="done", id=id)

    def _edit(self, write: Write, look: Json | None, gate: Gate, progress: Progress) -> None:
        id = write.id or ""
        values = dict(write.values)
        target = values.pop("status", None)
        links: Json = values.pop(LINKS, None) or {}
        if look is None and ("labels" in values or target):
            raise NotFound(f"issue {id} is not there", status=404, code="404")
        walk = None
        if look is not None and target:
            walk = self._flows.leave(id, _place(look), look["fields"]["status"], target)
        # A finished issue often takes no edits, so it is reopened first and finished last.
        if walk is not None and walk.leaves_done:
            for name in walk.go(values, gate, progress):
                values.pop(name)
            walk = None
        body = _edit_body(values, look)
        if links.get("add"):
            body.setdefault("update", {})[LINKS] = [{"add": each} for each in links["add"]]
        if body:
            self.edit(id, body, gate)
            progress.moved = True
        for each in links.get("remove") or ():
            self._unlink(each, gate)
            progress.moved = True
        if walk is not None:
            walk.go({name: value for name, value in write.values.items() if name != LINKS}, gate, progress)

    def _unlink(self, link: str, gate: Gate) -> None:
        """What is not there any more has come true already."""
        try:
            self._client.delete_issue_link(link, gate)
        except NotFound:
            return

    def _walk(self, id: str, issue: Json, target: Mapping[str, Any], values: Mapping[str, Any], gate: Gate) -> None:
        walk = self._flows.leave(id, _place(issue), issue["fields"]["status"], target)
        if walk is not None:
            walk.go(values, gate, Progress())

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
        """Seconds for which Jira wants no writes to this issue."""
        with self._lock:
            until, why = self._resume.get(id, (0.0, ""))
            wait = until - self._clock.monotonic()
            if wait <= 0:
                self._resume.pop(id, None)
        return max(0.0, wait), why


def _edit_body(values: Json, look: Json | None) -> Json:
    """Only what changes. Labels as additions and removals against what is there, so that others' are not lost."""
    fields = {name: value for name, value in values.items() if name != "labels"}
    body: Json = {}
    if "labels" in values:
        there = set(((look or {}).get("fields") or {}).get("labels") or ())
        wanted = _labels(values["labels"], there)
        steps = [{"add": label} for label in sorted(wanted - there)]
        steps += [{"remove": each} for each in sorted(there - wanted) if not each.startswith(MARKER_LABEL)]
        if steps:
            body["update"] = {"labels": steps}
    if fields:
        body["fields"] = fields
    return body


def _labels(given: Any, there: set[str]) -> set[str]:
    """The labels meant: a list is all of them, ``add`` and ``remove`` start from what is there."""
    if isinstance(given, dict):
        return (there | set(given.get("add") or ())) - set(given.get("remove") or ())
    return set(given or ())


def _place(issue: Json) -> tuple[str, str]:
    fields = issue["fields"]
    return str(fields["project"]["id"]), str(fields["issuetype"]["id"])


def _none_created(error: Refused) -> Created | None:
    """A bulk create of which every element was refused answers 400 in the shape of a success."""
    try:
        answer = msgspec.json.decode(error.body, type=Created)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
    return answer if answer.errors else None


def _refused(write: Write, error: ElementError) -> Outcome:
    reasons = msgspec.convert(error.elementErrors, ErrorBody)
    words, field = words_of(reasons)
    return Outcome(intent=write.intent, status="refused", reason=words, code=str(error.status), field=field)
