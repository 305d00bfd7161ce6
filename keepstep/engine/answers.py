"""A person's answer to what no system can tell: whether a create, whose answer was lost, made a record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from keepstep.engine.ports import Ports
from keepstep.engine.world import World
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.store import Tx

CANDIDATES = 20


class Answer(msgspec.Struct, frozen=True):
    """``record``: the one that was made; None if nothing was."""

    record: str | None
    by: str
    at: str


class NothingToAnswer(Exception):
    """The create is no longer in doubt."""


class RecordUnfit(Exception):
    """That record cannot be what the create made. ``why``: ``absent``, ``taken`` (it is linked already)."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def finding_key(intent: str) -> str:
    return f"unknown_create:{intent}"


def candidates(tx: Tx, intent: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Records over there that belong to nothing and came after the create was sent, at most ``CANDIDATES``."""
    record = t.record.c
    return tx.all(
        sa.select(record.id, record.kind, record.shown, record.url, record.created_at)
        .where(record.side == intent["side"], record.entity.is_(None), record.deleted.is_(False))
        .where(record.created_at >= intent["written_at"][:19])
        .order_by(record.created_at, record.id)
        .limit(CANDIDATES)
    )


def in_doubt(tx: Tx, finding: Mapping[str, Any]) -> dict[str, Any]:
    """The open create that a finding ``unknown_create`` speaks of. Raises ``NothingToAnswer``."""
    _, _, id = finding["key"].partition(":")
    intent = tx.one(sa.select(t.intent).where(t.intent.c.id == id, t.intent.c.closed_at.is_(None)))
    if intent is None:
        raise NothingToAnswer(id)
    return intent


def answer(ports: Ports, world: World, finding: Mapping[str, Any], record: str | None, by: str) -> Answer:
    """Say which record the create made, or that it made none. The record is looked at over there first.

    Takes effect in the sync's next round, which links the record or plans the create anew. Until then a later answer
    takes the place of an earlier one; repeating it changes nothing. Raises ``NothingToAnswer``, ``RecordUnfit``, or
    what reading the record raises.
    """
    with ports.store.read() as tx:
        intent = in_doubt(tx, finding)
        taken = record is not None and tx.one(
            sa.select(t.link.c.entity).where(t.link.c.side == intent["side"], t.link.c.record == record)
        )
    if taken:
        raise RecordUnfit("taken")
    if record is not None:
        side = world.side(intent["side"])
        if side is None:
            raise NothingToAnswer(intent["id"])
        looked = next(iter(side.connector.get(side.stream, [record])))
        if looked.deleted or looked.forbidden:
            raise RecordUnfit("absent")
        record = looked.id
    given = Answer(record, by, ports.now())
    with ports.store.write() as tx:
        intent = in_doubt(tx, finding)
        outcome = {**(intent["outcome"] or {}), "answer": msgspec.to_builtins(given)}
        tx.execute(sa.update(t.intent).where(t.intent.c.id == intent["id"]).values(outcome=outcome))
        tx.insert(
            t.audit,
            [
                {
                    "at": given.at,
                    "run": None,
                    "code": "create_answered",
                    "entity": intent["entity"],
                    "side": intent["side"],
                    "field": None,
                    "params": {"intent": intent["id"], "record": record, "by": by},
                }
            ],
        )
    return given


def given(intent: Mapping[str, Any]) -> Answer | None:
    """The answer that an open create was given."""
    told = (intent["outcome"] or {}).get("answer")
    return msgspec.convert(told, Answer) if told else None


def over(tx: Tx, intent: Mapping[str, Any], now: str) -> None:
    """The create is in doubt no more."""
    findings.close(tx, [finding_key(intent["id"])], now)
