"""Writing what hangs on an issue: comments, with a marker as their property, and remote links, by a global id."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from connectors.base import Gate, Outcome, Record, Write
from connectors.errors import ConnectorError, Forbidden, GateClosed, NotFound, RecordRefused
from connectors.jira.client import PROPERTY, Client
from connectors.jira.crawl import Recent
from connectors.jira.issues import Quiet
from connectors.jira.models import Json
from connectors.jira.outcomes import failed, wants_notification_right
from connectors.jira.records import GLOBAL_ID, STREAM_OF_LEVEL, Reader, child_id, level, split_id
from connectors.rows import NoRecord

LINK_KEYS = ("globalId", "application", "relationship", "object")


class AttachedWriter:
    """Writes to comments and remote links of one connection."""

    def __init__(self, client: Client, reader: Callable[[], Reader], recent: Recent, quiet: Quiet) -> None:
        self._client = client
        self._reader = reader
        self._recent = recent
        self._quiet = quiet

    def push(self, stream: str, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        """One outcome per write, in order."""
        one = self._comment if stream == "comments" else self._link
        for write in writes:
            try:
                outcome = one(write, gate)
            except (ConnectorError, GateClosed) as error:
                yield failed(write, error)
                continue
            if outcome.id is not None:
                self._recent.add(split_id(outcome.id)[0])
            yield outcome

    def _comment(self, write: Write, gate: Gate) -> Outcome:
        if write.kind == "create":
            parent = _parent(write)
            body: Json = {"body": write.values.get("body")}
            if write.marker:
                body["properties"] = [{"key": PROPERTY, "value": {"marker": write.marker}}]
            comment = self._client.add_comment(parent["id"], body, gate)
            made = self._commented(write, comment, parent)
            if made.record is None:
                return made
            return msgspec.structs.replace(made, record=msgspec.structs.replace(made.record, marker=write.marker))
        issue, id = _split(write)
        if write.kind == "delete":
            self._client.delete_comment(issue, id, gate)
            return Outcome(intent=write.intent, status="done", id=write.id)
        if write.kind == "update":
            return self._commented(write, self._edit(issue, id, write, gate), {"id": issue})
        raise RecordRefused(f"Jira comments know no {write.kind}", code="no_such_ability")

    def _edit(self, issue: str, id: str, write: Write, gate: Gate) -> Json:
        there = next(iter(self._client.comments_by_id([int(id)])), None)
        if there is None:
            raise NotFound(f"comment {id} is not there", status=404, code="404")
        body = {"body": write.values.get("body")}
        if there.get("visibility"):
            # An edit that leaves the restriction out would show an internal comment to everybody.
            body["visibility"] = there["visibility"]
        try:
            edited = self._client.edit_comment(issue, id, body, gate, quiet=self._quiet.allowed)
        except Forbidden as error:
            if not (self._quiet.allowed and wants_notification_right(error)):
                raise
            self._quiet.allowed = False
            edited = self._client.edit_comment(issue, id, body, gate, quiet=False)
        # The answer to an edit leaves the properties out, and no edit of ours changes them.
        return edited | {"properties": there["properties"]} if "properties" in there else edited

    def _commented(self, write: Write, comment: Json, parent: Json) -> Outcome:
        try:
            id = child_id(parent["id"], comment)
        except NoRecord as trouble:
            reason = f"the answer names no comment: {trouble}"
            return Outcome(intent=write.intent, status="unknown", id=write.id, reason=reason)
        record = self._record(comment, parent)
        return Outcome(
            intent=write.intent,
            status="done",
            id=id,
            record=record,
            version=record.version if record else None,
        )

    def _record(self, comment: Json, parent: Json) -> Record | None:
        """The comment as the answer carried it. It is written already, so trouble here must not say otherwise."""
        try:
            stream = parent.get("stream") or STREAM_OF_LEVEL.get(level(self._client.issue(parent["id"], ["issuetype"])))
            return self._reader().comment(comment, parent["id"], stream or "issues")
        except ConnectorError:
            return None

    def _link(self, write: Write, gate: Gate) -> Outcome:
        if write.kind == "create":
            parent = _parent(write)
            body = {name: value for name, value in write.values.items() if name in LINK_KEYS}
            if write.marker:
                # Jira replaces the link with this id, so a repeated create makes no second one.
                body["globalId"] = GLOBAL_ID + write.marker
            answer = self._client.put_link(parent["id"], body, gate)
            try:
                made = child_id(parent["id"], answer)
            except NoRecord as trouble:
                reason = f"the answer names no link: {trouble}"
                return Outcome(intent=write.intent, status="unknown", reason=reason)
            return Outcome(intent=write.intent, status="done", id=made)
        issue, id = _split(write)
        if write.kind == "delete":
            self._client.delete_link(issue, id, gate)
        elif write.kind == "update":
            # Whatever a replaced link leaves out is cleared, so it is sent whole.
            there = self._client.link(issue, id)
            body = {name: there[name] for name in LINK_KEYS if there.get(name) is not None}
            body |= {name: value for name, value in write.values.items() if name in LINK_KEYS and name != "object"}
            body["object"] = {**_filled(there.get("object")), **_filled(write.values.get("object"))}
            self._client.edit_link(issue, id, body, gate)
        else:
            raise RecordRefused(f"Jira links know no {write.kind}", code="no_such_ability")
        return Outcome(intent=write.intent, status="done", id=write.id)


def _parent(write: Write) -> Json:
    parent = write.values.get("issue")
    if not isinstance(parent, dict) or not parent.get("id"):
        raise RecordRefused("no issue to put it on", code="no_parent", field="issue")
    return {**parent, "id": str(parent["id"])}


def _split(write: Write) -> tuple[str, str]:
    try:
        return split_id(write.id or "")
    except ValueError as error:
        raise NotFound(str(error), status=404) from error


def _filled(part: Any) -> Json:
    return {name: value for name, value in part.items() if value is not None} if isinstance(part, dict) else {}
