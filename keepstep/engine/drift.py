"""A service's schema moves: a field goes, changes its type, or allows and shows values that nobody here can read.

That is a finding on the field, until it is mended; the other fields go on flowing. What cannot be read is absent on
that side: it is neither taken for cleared nor written over. Once it is mended, the side is read anew: what people did
there meanwhile is in records that no feed tells of a second time. A field that was gone, or could not hold what is
meant for it, or that somebody made anew between two looks, comes back as if it was linked for the first time: whoever
makes a field again makes it empty, and that clears nothing. A place that goes (a board) is told as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from connectors.base import Description, Field
from keepstep.engine.ports import Ports
from keepstep.engine.reconfigured import NEVER_SEEN
from keepstep.engine.state import forget_shown
from keepstep.engine.world import Connection
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Tx
from mapping.fields import Mapper, Unmappable
from mapping.model import Form, Kind, Model

UNREAD = ("unknown_value", "unreadable", "not_text", "not_a_number")
"""Why a whole value could not be read, other than by a mapping's own choice."""

NAMED = 10
"""Values that a finding names."""

Facts = dict[str, dict[str, dict[str, Any]]]
"""Stream -> field of the service -> its id and the only place that has it, its type, the canonical fields it stands
for, the values it allows, those of them whose meaning was known."""

Feeds = dict[str, dict[str, Any]]
"""Feed -> what people call its place, and the streams of it that syncs use."""

UNKNOWN = ("unknown_value", "unknown_list")
"""Why a value that a field allows has no meaning."""


# -- what a service says of its fields


def compare(
    tx: Tx, ports: Ports, connections: Mapping[str, Connection], used: Mapping[str, Collection[str]],
    under: Mapping[str, str], model: Model,
) -> None:  # fmt: skip
    """Compare what each connection says of the fields that are mapped with what it said before. Asks no system.

    ``used``: connection -> streams that syncs use. ``under``: connection -> what its configuration decides about the
    mapping; if that changed, a person has looked at it, and the comparison begins anew.
    """
    rows = tx.all(sa.select(t.setting).where(t.setting.c.name.in_([_setting(name) for name in connections])))
    kept = {row["name"]: row["value"] for row in rows}
    for name, connection in connections.items():
        facts = _facts(connection, used.get(name, ()), model)
        known = kept.get(_setting(name))
        feeds = _feeds(connection, used.get(name, ()))
        there: list[Finding] = []
        mended: set[str] = set()
        if known is not None and known["under"] == under[name]:
            there = [*_drifted(connection, known["streams"], facts, model), *_lost(connection, known, used, feeds)]
            mended = _learned(known["streams"], facts) | _anew(tx, name, known["streams"], facts)
        value = {"under": under[name], "streams": facts, "feeds": feeds}
        if value != known:
            tx.upsert(t.setting, [{"name": _setting(name), "value": value}])
        mended |= _settle(tx, ports, f"drift:{name}:", there)
        _read_anew(tx, connection, mended)


def retyped(tx: Tx, connection: str, under: str, description: Description) -> dict[str, set[str]]:
    """Stream -> fields of the service whose type is not the one that was known under the same configuration."""
    known = tx.setting(_setting(connection))
    if known is None or known["under"] != under:
        return {}
    kinds = {stream.name: {field.name: field.kind for field in stream.fields} for stream in description.streams}
    return {
        stream: {name for name, each in fields.items() if kinds.get(stream, {}).get(name, each["kind"]) != each["kind"]}
        for stream, fields in known["streams"].items()
    }


def _setting(connection: str) -> str:
    return f"described:{connection}"


def _facts(connection: Connection, streams: Collection[str], model: Model) -> Facts:
    facts: Facts = {}
    for stream in connection.description.streams:
        mapper = connection.mappers.get(stream.name)
        if stream.name not in streams or mapper is None:
            continue
        names = _names(mapper, model)
        facts[stream.name] = {
            field.name: _fact(field, names[field.name], mapper, model) for field in stream.fields if field.name in names
        }
    return facts


def _fact(field: Field, names: Sequence[str], mapper: Mapper, model: Model) -> dict[str, Any]:
    # Where each place has a field of its own, one value does not tell which of them it is of.
    values = None if field.scope else field.values
    return {
        "id": field.id,
        "scope": field.scope,
        "kind": field.kind,
        "names": names,
        "values": values,
        "called": field.called or {},
        "meant": [value for value in values or () if not _unknown(mapper, model, names, value)],
    }


def _names(mapper: Mapper, model: Model) -> dict[str, list[str]]:
    """The service's field -> the canonical fields that it stands for."""
    found: dict[str, set[str]] = defaultdict(set)
    for kind in mapper.kinds:
        for name in model[kind]:
            if mapper.mode(kind, name) != "absent":
                for system in mapper.holders(kind, name):
                    found[system].add(name)
    return {system: sorted(names) for system, names in found.items()}


def _drifted(connection: Connection, known: Facts, facts: Facts, model: Model) -> Iterator[Finding]:
    """What differs. ``facts`` keep what was known of it, so that it counts as different until it is mended."""
    described = {
        stream.name: {field.name: field for field in stream.fields} for stream in connection.description.streams
    }
    for stream, fields in known.items():
        if stream not in described:
            facts[stream] = fields  # as long as the whole stream is not described, nothing is known of its fields
            continue
        if stream not in facts:
            continue  # no sync uses it any more
        side, now = f"{connection.name}.{stream}", facts[stream]
        for field, before in fields.items():
            key = f"drift:{connection.name}:{stream}:{field}"
            if field not in described[stream]:
                if before.get("scope"):
                    continue  # with its place, maybe; what cannot be written there any more is told then
                now[field] = before
                yield Finding(
                    key=f"{key}:gone",
                    code="field_gone",
                    params={"side": side, "field": field, "names": before["names"]},
                )
            elif field in now:
                yield from _changed(connection.mappers[stream], side, field, key, before, now[field], model)
            elif described[stream][field].kind != before["kind"]:
                now[field] = before
                yield _retyped(f"{key}:unfit", side, field, before, described[stream][field].kind)


def _changed(
    mapper: Mapper, side: str, field: str, key: str, before: dict[str, Any], now: dict[str, Any], model: Model
) -> Iterator[Finding]:
    if now["kind"] != before["kind"]:
        yield _retyped(f"{key}:type", side, field, before, now["kind"])
        now["kind"] = before["kind"]
    if now["values"] is None or before["values"] is None:
        return
    fresh = [value for value in now["values"] if value not in before["values"]]
    # A list may be given another name, and no longer say what its cards are.
    meant = before.get("meant", ())  # a store that an earlier version filled does not say
    bereft = [value for value in now["values"] if value in meant and value not in now["meant"]]
    unknown = [value for value in (*fresh, *bereft) if _unknown(mapper, model, now["names"], value)]
    if unknown:
        now["values"] = [value for value in now["values"] if value not in unknown]
        yield Finding(
            key=f"{key}:values",
            code="field_values_unknown",
            params={
                "side": side,
                "field": field,
                "names": now["names"],
                "shown": [now["called"].get(value, value) for value in unknown[:NAMED]],
            },
        )


def _feeds(connection: Connection, streams: Collection[str]) -> Feeds:
    return {
        feed.name: {"place": feed.place, "streams": sorted({*feed.streams} & {*streams})}
        for feed in connection.description.feeds
        if not {*feed.streams}.isdisjoint(streams)
    }


def _lost(
    connection: Connection, known: Mapping[str, Any], used: Mapping[str, Collection[str]], feeds: Feeds
) -> Iterator[Finding]:
    """Places that are not there any more. ``feeds`` keep what was known of them, until they are back."""
    told = {feed.name for feed in connection.description.feeds}
    for name, before in known.get("feeds", {}).items():
        if name in told or not before["place"] or {*before["streams"]}.isdisjoint(used.get(connection.name, ())):
            continue
        feeds[name] = before
        yield Finding(
            key=f"drift:{connection.name}:feed:{name}",
            code="place_gone",
            params={"connection": connection.name, "place": before["place"]},
        )


def _retyped(key: str, side: str, field: str, before: Mapping[str, Any], after: str) -> Finding:
    return Finding(
        key=key,
        code="field_retyped",
        params={"side": side, "field": field, "names": before["names"], "before": before["kind"], "after": after},
    )


def _learned(known: Facts, facts: Facts) -> set[str]:
    """Streams in which a value has a meaning now that it did not have before, though it was there."""
    return {
        stream
        for stream, fields in known.items()
        for field, before in fields.items()
        if (now := facts.get(stream, {}).get(field)) is not None and "meant" in before
        if (set(now["meant"]) - set(before["meant"])) & set(before["values"] or ())
    }


def _anew(tx: Tx, connection: str, known: Facts, facts: Facts) -> set[str]:
    """Streams with a field that was made anew under its name, or that a place has or lacks now. What it showed before
    is forgotten: that it shows nothing clears nothing."""
    found: set[str] = set()
    for stream in known.keys() & facts.keys():
        before, now = known[stream], facts[stream]
        if any(fact["scope"] for field, fact in now.items() if field not in before):
            found.add(stream)
        for field, fact in before.items():
            left = fact.get("scope") and field not in now
            if left or (field in now and fact.get("id") and now[field]["id"] != fact["id"]):
                forget_shown(tx, f"{connection}.{stream}", fact["names"], fact.get("scope"))
                found.add(stream)
    return found


def _read_anew(tx: Tx, connection: Connection, streams: Collection[str]) -> None:
    """The next look at those streams reads all that is there, and maps it as if it was seen for the first time."""
    for stream in sorted(streams):
        side = f"{connection.name}.{stream}"
        feeds = [connection.feed_key(feed) for feed in connection.description.feeds if stream in feed.streams]
        tx.execute(sa.update(t.feed).where(t.feed.c.name.in_(feeds)).values(cursor=None))
        tx.execute(sa.update(t.record).where(t.record.c.side == side).values(digest=NEVER_SEEN))


def _unknown(mapper: Mapper, model: Model, names: Sequence[str], value: str) -> bool:
    """Whether the value of a list belongs to no class. A field of any other form takes what comes."""
    for kind in mapper.kinds:
        for name in names:
            if model[kind].get(name) is Form.CHOICE and _refused(mapper, kind, name, value):
                return True
    return False


def _refused(mapper: Mapper, kind: Kind, name: str, value: str) -> bool:
    try:
        mapper.canon_field(kind, name, value)
    except Unmappable as trouble:
        return trouble.why in UNKNOWN
    except (TypeError, ValueError, KeyError, AttributeError):
        return False  # payloads show more than the value: whether it can be read is told once one shows it
    return False


def _settle(tx: Tx, ports: Ports, prefix: str, there: Sequence[Finding]) -> set[str]:
    """Tell what is there, and end what is not; the streams of the latter."""
    findings.report(tx, there, ports.now(), ports.new_id)
    keys = {finding.key for finding in there}
    open_ones = sa.select(t.finding.c.key, t.finding.c.code, t.finding.c.params).where(
        t.finding.c.key.startswith(prefix, autoescape=True), t.finding.c.state.in_(findings.OPEN)
    )
    over = [row for row in tx.all(open_ones) if row["key"] not in keys]
    findings.close(tx, [row["key"] for row in over], ports.now())
    fields = [row for row in over if row["code"] != "place_gone"]  # a place goes on from where its feed stood
    for row in fields:
        if row["code"] == "field_gone" or row["key"].endswith(":unfit"):
            forget_shown(tx, row["params"]["side"], row["params"]["names"])
    return {row["params"]["side"].partition(".")[2] for row in fields}


# -- what records show


def tell_unread(tx: Tx, ports: Ports, rows: Sequence[Mapping[str, Any]], known: Collection[tuple[str, str]]) -> None:
    """One finding for each field of a side that shows what cannot be read; over once no record does.

    ``rows``: records as they were just stored; ``known``: those of them that were held before.
    """
    lost: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        for loss in row["losses"] or ():
            if loss["why"] in UNREAD:
                lost[row["side"], loss["field"]].add(_said(loss["value"]))
    again = {side for side, _ in known}
    if not lost and not again:
        return
    query = sa.select(t.finding.c.params).where(
        t.finding.c.state.in_(findings.OPEN), t.finding.c.code == "value_unread"
    )
    told = {(row["params"]["side"], row["params"]["field"]): set(row["params"]["shown"]) for row in tx.all(query)}
    for place in told.keys() - lost.keys():
        if place[0] in again:
            left = _left(tx, *place)
            if left:
                lost[place], told[place] = left, set()
            else:
                findings.close(tx, [_key(*place)], ports.now())
    there = [
        Finding(
            key=_key(side, field),
            code="value_unread",
            params={"side": side, "field": field, "shown": sorted(values | told.get((side, field), set()))[:NAMED]},
        )
        for (side, field), values in sorted(lost.items())
    ]
    findings.report(tx, there, ports.now(), ports.new_id)


def _key(side: str, field: str) -> str:
    return f"unread:{side}:{field}"


def _left(tx: Tx, side: str, field: str) -> set[str]:
    """What live records of the side still show in that field and nobody can read."""
    query = sa.select(t.record.c.losses).where(
        t.record.c.side == side, t.record.c.losses.is_not(None), t.record.c.deleted.is_(False)
    )
    return {
        _said(loss["value"])
        for row in tx.all(query)
        for loss in row["losses"]
        if loss["field"] == field and loss["why"] in UNREAD
    }


def _said(value: Any) -> str:
    return str(value)[:100]
