"""What happened, in words: a line of the audit, a finding, an answer or a look, for whoever asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from keepstep.cli import told
from keepstep.cli.session import Session
from keepstep.cli.story import SAME_CHANGE, was_and_is
from keepstep.cli.values import Reading
from keepstep.engine.timeline import Event
from keepstep.language import codes
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.model import TITLE, Kind

WRITES = ("create", "update", "archive", "delete")


class Telling:
    """Says events within one transaction. What an event's entity is called is looked up once."""

    def __init__(self, tx: Tx, session: Session) -> None:
        self._tx = tx
        self._session = session
        self._reading = Reading(tx, session)
        self._entities: dict[str, tuple[Kind | None, str]] = {}

    def title(self, entity: str) -> str:
        return self._entity(entity)[1]

    def message(self, event: Event, name: str | None = None) -> str:
        """The event as a sentence, without its time. ``name``: only what it says of this field."""
        kind = self._entity(event.entity)[0] if event.entity else None
        params = event.params
        gaps: dict[str, Any] = {"value": None, "before": None, "n": None, "record": None} | params
        gaps |= {"at": event.at, "side": event.side, "code": event.code, "run": event.run, "sync": event.sync}
        field = name or event.field
        if kind is not None and field is not None:
            gaps |= self._values(kind, field, params)
        gaps["reason"] = params.get("reason") or (params.get("outcome") or {}).get("reason") or None
        gaps["by"] = self._author(event)
        if event.code.startswith("finding_"):
            gaps["text"] = told.words(self._session, params["code"], self._said(params))
        if "other" in params:
            gaps["other"] = self.title(params["other"])
        return self._session.say(self._code(event, name), **gaps)

    def _said(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a finding says; nothing once it is not kept any more."""
        if "params" in params:
            found: Mapping[str, Any] = params["params"]
            return found
        row = self._tx.one(sa.select(t.finding.c.params).where(t.finding.c.id == params["id"]))
        return row["params"] if row is not None else {}

    def each(self, event: Event) -> str:
        """As ``message``, led by the field that it is about."""
        text = self.message(event)
        return self._session.say("audit_field", field=event.field, text=text) if event.field else text

    def told(self, events: Sequence[Event]) -> str:
        """As ``message``, of what is told in one line: one event, or the fields of one change."""
        event = events[0]
        kind = self._entity(event.entity)[0] if event.entity else None
        if event.code not in SAME_CHANGE or kind is None:
            return self.each(event)
        changes = []
        for each in events:
            before, value = (self._reading.value(kind, each.field or "", one) for one in was_and_is(each.params))
            changes.append({"field": each.field, "before": before, "value": value})
        # What it is called stands before the line already.
        named = {"field": TITLE[kind], "before": None, "value": self.title(event.entity or "")}
        changes = [each for each in changes if each != named] or changes
        by = self._author(event)
        code = "story_begun" if event.code == "begun" else "story_changed_by" if by else "story_changed"
        return self._session.say(code, side=event.side, by=by, changes=changes)

    def _author(self, event: Event) -> str | None:
        """Who did it: where a record tells, the name behind an account."""
        by = event.params.get("by")
        return self._reading.author(event.side or "", by) if event.code in ("seen", "agreed") else by

    def _code(self, event: Event, name: str | None) -> str:
        code = f"audit_{event.code}"
        params = event.params
        if (
            event.code in ("write_done", "write_refused")
            and params.get("kind") in WRITES
            and (name is None or name not in params["fields"])
        ):
            code = f"audit_{event.code}_{params['kind']}"
        elif event.code == "seen" and params.get("deleted"):
            code = "audit_seen_deleted"
        elif event.code == "seen" and params.get("by"):
            code = "audit_seen_by"
        elif event.code == "agreed" and params.get("by"):
            code = "audit_agreed_by"
        return code if code in codes() else "audit_other"

    def _values(self, kind: Kind, field: str, params: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for key, gap in (("from", "before"), ("to", "value"), ("value", "value")):
            if key in params:
                found[gap] = self._reading.value(kind, field, params[key])
        fields = params.get("fields", {})
        if field in fields:
            found["value"] = self._reading.value(kind, field, fields[field])
        return found

    def _entity(self, entity: str) -> tuple[Kind | None, str]:
        if entity not in self._entities:
            if len(self._entities) > 10_000:
                self._entities.clear()  # a long story tells of many
            kind = self._tx.scalar(sa.select(t.entity.c.kind).where(t.entity.c.id == entity))
            self._entities[entity] = (Kind(kind) if kind else None, self._reading.title(entity))
        return self._entities[entity]
