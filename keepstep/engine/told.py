"""Verdicts on handoffs become findings: opened once, raised when they get worse, closed when they are met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa

from keepstep.config import Config
from keepstep.engine import moved
from keepstep.engine.handoffs import Calendar, Setting, Verdict, compiled, judge, shipped
from keepstep.engine.handoffs.verdict import Level
from keepstep.engine.people import People
from keepstep.engine.ports import Ports
from keepstep.engine.snapshot import graph
from keepstep.engine.waivers import given, reopen, waivers
from keepstep.engine.world import World
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Tx
from mapping.model import Kind

COUNTRIES = {"zh-CN": "CN"}
TOLD = ("due", "breached")
HANDOFFS = "handoffs"
MEASURED = "handoffs:measured"
"""Setting: what the sides could show when all of them were last connected."""


JUDGED = [kind for kind in Kind if kind not in (Kind.COMMENT, Kind.ATTACHMENT)]
"""What rules are judged over: no shipped one asks what people said or attached, of which there may be very much."""


class Shown(msgspec.Struct, frozen=True):
    """What the connected sides can show: of ``Setting``, what cannot be told while one of them is down."""

    sides: frozenset[str]
    roles: dict[str, tuple[str, ...]]
    fields: dict[Kind, frozenset[str]]


def judge_handoffs(ports: Ports, world: World, config: Config) -> list[Finding]:
    """Judge every rule in use, and keep the findings in step with the verdicts. Returns those not open before.

    Goes through the whole graph as it is at one moment, unless nothing moved since the last time and that was a short
    while ago. Others write to the store meanwhile: what they moved is judged in the next round.
    """
    if not config.handoffs.use:
        return []
    with ports.store.read() as tx:
        about = _about(_setting(tx, world, config), world, config)
        if moved.at_rest(tx, ports, HANDOFFS, about):
            return []
        place, last, waived, audited = moved.place(tx), moved.last(tx, HANDOFFS), given(tx), tx.scalar(_AUDITED)
        measured = msgspec.to_builtins(_shown(tx, world), order="sorted") if _whole(world, config) else None
        verdicts = verdicts_now(tx, ports, world, config)
        people = People(tx)
    with ports.store.write() as tx:
        if moved.last(tx, HANDOFFS) != last or _forgotten_since(tx, audited):
            return []  # another worker told what may be of a later moment; or these name whom the store has forgotten
        if measured is not None and tx.scalar(_MEASURED) != measured:
            tx.upsert(t.setting, [{"name": MEASURED, "value": measured}])
        fresh = _tell(tx, ports, verdicts, people, _spoken_of(waived, given(tx)))
        moved.gone_through(tx, ports, HANDOFFS, about, place)
    return fresh


_AUDITED = sa.select(sa.func.coalesce(sa.func.max(t.audit.c.n), 0))


def _forgotten_since(tx: Tx, audited: int) -> bool:
    """Whether a person was erased from the store since the audit stood there."""
    return tx.one(sa.select(t.audit.c.n).where(t.audit.c.n > audited, t.audit.c.code == "person_forgotten")) is not None


def _spoken_of(before: Mapping[str, Any], now: Mapping[str, Any]) -> set[str]:
    """Keys of the findings that a person has waived, or would have again, between these two looks."""
    return {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)}


def _tell(tx: Tx, ports: Ports, verdicts: Sequence[Verdict], people: People, left: set[str]) -> list[Finding]:
    """Bring the findings in step with the verdicts, but for those that are ``left`` as they are."""
    there = [
        _finding(verdict, people) for verdict in verdicts if verdict.level in TOLD or verdict.shape != "expectation"
    ]
    there = [finding for finding in there if finding.key not in left]
    fresh = findings.report(tx, there, ports.now(), ports.new_id)
    over = reopen(tx, {finding.key for finding in there})
    fresh += [finding for finding in there if finding.key in over]
    rows = tx.all(
        sa.select(t.finding.c.key).where(t.begins(t.finding.c.key, "handoff:"), t.finding.c.state.in_(findings.OPEN))
    )
    # What a person waived stays known, for as long as it would be told of otherwise.
    wanted = {finding.key for finding in there} | left
    wanted |= {_key(verdict) for verdict in verdicts if verdict.level is Level.WAIVED}
    findings.close(tx, [row["key"] for row in rows if row["key"] not in wanted], ports.now())
    return fresh


def _about(setting: Setting, world: World, config: Config) -> str:
    """What verdicts depend on, beside the graph and the time."""
    fields = sorted((kind.value, sorted(names)) for kind, names in (setting.fields or {}).items())
    sources = (sorted(setting.sides), sorted(setting.roles.items()), fields, setting.categories)
    return repr((config.handoffs, config.timezone, config.language, world.people, sources))


def verdicts_now(tx: Tx, ports: Ports, world: World, config: Config) -> list[Verdict]:
    """The word of every rule in use on every subject, from what is stored."""
    since = config.handoffs.since
    if since is not None:
        begun = datetime(since.year, since.month, since.day, tzinfo=ZoneInfo(config.timezone))
    else:
        begun = datetime.fromisoformat(_first_applied(tx) or ports.now())
    calendar = Calendar(country=COUNTRIES.get(config.language), timezone=config.timezone)
    return judge(
        compiled(shipped(config.handoffs.use), config.model),
        graph(tx, People(tx, world.people), JUDGED),
        ports.clock.now(),
        begun,
        waivers(tx),
        calendar,
        _setting(tx, world, config),
    )


def _first_applied(tx: Tx) -> str | None:
    first: str | None = tx.scalar(sa.select(sa.func.min(t.run.c.started_at)).where(t.run.c.mode == "write"))
    return first


_MEASURED = sa.select(t.setting.c.value).where(t.setting.c.name == MEASURED)


def _whole(world: World, config: Config) -> bool:
    """Whether every configured sync has all its connections."""
    return all(name in world.syncs for name in config.syncs)


def _setting(tx: Tx, world: World, config: Config) -> Setting:
    """What the sides can show. While a connection is down it is what they last could: what is stored stays true, and
    an expectation does not end because a sign-in did."""
    kept = None if _whole(world, config) else tx.scalar(_MEASURED)
    shown = msgspec.convert(kept, Shown) if kept else _shown(tx, world)
    return Setting(
        sides=shown.sides,
        roles=shown.roles,
        fields=shown.fields,
        categories=tuple(config.documents.categories),
        model=config.model,
    )


def _shown(tx: Tx, world: World) -> Shown:
    crawled = {row["name"] for row in tx.all(sa.select(t.feed.c.name).where(t.feed.c.crawled.is_(True)))}
    sides: set[str] = set()
    fields: dict[Kind, set[str]] = {}
    for sync in world.syncs.values():
        for side in sync.sides.values():
            feeds = [feed for feed in side.connection.description.feeds if side.stream in feed.streams]
            if any(side.connection.feed_key(feed) in crawled for feed in feeds):
                sides.add(side.name)
            for name in sync.fields:
                if sync.can(side, name) != "absent":
                    fields.setdefault(sync.kind, set()).add(name)
    return Shown(frozenset(sides), _roles(world), {kind: frozenset(names) for kind, names in fields.items()})


def _roles(world: World) -> dict[str, tuple[str, ...]]:
    """What sides are for, told from what they hold: a side of projects whose connection also holds tasks is where the
    work is; one whose connection also holds folders or documents is where the documents are."""
    holds: dict[str, set[Kind]] = {}
    for sync in world.syncs.values():
        for side in sync.sides.values():
            holds.setdefault(side.connection.name, set()).add(sync.kind)
    projects = [side for sync in world.syncs.values() if sync.kind is Kind.PROJECT for side in sync.sides.values()]
    roles: dict[str, Any] = {}
    for side in projects:
        kinds = holds[side.connection.name]
        if Kind.TASK in kinds and Kind.CUSTOMER not in kinds:
            roles.setdefault("work", []).append(side.name)
        elif kinds & {Kind.FOLDER, Kind.DOCUMENT}:
            roles.setdefault("documents", []).append(side.name)
    return {role: tuple(names) for role, names in roles.items()}


def _key(verdict: Verdict) -> str:
    return verdict.key if verdict.key.startswith("handoff:") else f"handoff:{verdict.key}"


def _finding(verdict: Verdict, people: People) -> Finding:
    params = {
        "entity": verdict.title or verdict.subject,
        "rule": verdict.rule,
        "expectation": verdict.expectation,
        "missing": list(verdict.missing),
        "since": verdict.since,
        "due_at": verdict.due_at,
        "owner": people.name(verdict.owner) if verdict.owner else verdict.owner_role,
        "why": verdict.why,
        **msgspec.to_builtins(verdict.params),
    }
    return Finding(
        key=_key(verdict),
        code=verdict.code.replace(".", "_"),
        severity=str(verdict.severity),
        entity=verdict.subject,
        params=params,
    )
