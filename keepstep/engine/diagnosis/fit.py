"""Whether a configuration fits what the services really have, and the sides of each sync fit each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connectors.base import Field
from connectors.errors import ConnectorError
from connectors.examining import KnowsPlaces, Symptom
from keepstep.config.schema import Sync
from keepstep.config.words import Side
from keepstep.engine.diagnosis.look import Looked
from keepstep.problems import nearest
from mapping.fields import Mapper, Unmappable
from mapping.model import Form, Kind, Model

WRITTEN = ("both", "create", "once")
"""Modes of a field that is sent to the system, so that the system must have it."""


def of_connections(syncs: Mapping[str, Sync], looked: Mapping[str, Looked]) -> None:
    """Add what is found to the connection that it concerns. Connections that could not be described are left out."""
    seen = {name: each for name, each in looked.items() if each.description is not None}
    for each in seen.values():
        for symptom in _custom(each):
            each.add(symptom)
    for at, symptom in _own_fields(syncs, seen):
        seen[at].add(symptom)
    for sync in syncs.values():
        for side in sync.sides:
            if side.connection in seen:
                for symptom in (
                    *of_side(sync, side, seen[side.connection]),
                    *_fields(sync, side, seen[side.connection]),
                    *_own_values(sync, side, seen[side.connection]),
                    *_place(sync, side, seen[side.connection]),
                ):
                    seen[side.connection].add(symptom)
        sides = [side for side in sync.sides if side.connection in seen and _fits(sync, side, seen[side.connection])]
        for side in sides:
            for symptom in _counterparts(sync, side, sides, seen):
                seen[side.connection].add(symptom)


def _own_fields(syncs: Mapping[str, Sync], seen: Mapping[str, Looked]) -> Iterator[tuple[str, Symptom]]:
    """Fields of one's own that go nowhere, as the services really are; each at a connection that could carry it."""
    whole = [sync for sync in syncs.values() if all(side.connection in seen for side in sync.sides)]
    own = next((looked.connection.options.model.own for looked in seen.values()), {})
    for kind, name in ((kind, name) for kind, fields in own.items() for name in fields):
        able = [sync for sync in whole if sync.entity is kind]
        carrying = [[side for side in sync.sides if _carries(seen[side.connection], side, kind, name)] for sync in able]
        most = max(carrying, key=len, default=[])
        if able and not most:
            params = {"field": name, "entity": kind.value}
            yield able[0].sides[0].connection, Symptom(code="field_carried_nowhere", params=params)
        elif len(most) == 1:
            params = {"field": name, "side": str(most[0])}
            yield most[0].connection, Symptom(code="field_carried_by_one", params=params)


def _carries(looked: Looked, side: Side, kind: Kind, name: str) -> bool:
    mapper = looked.mappers.get(side.stream)
    return mapper is not None and kind in mapper.kinds and mapper.mode(kind, name) != "absent"


def of_side(sync: Sync, side: Side, looked: Looked) -> Iterator[Symptom]:
    """Whether a side's stream is there, mapped and of the right kind, and has the fields that the sync names."""
    streams = [stream.name for stream in looked.streams]
    if side.stream not in streams:
        params = {"side": str(side), "nearest": nearest(side.stream, streams), "known": streams}
        yield Symptom(code="unknown_stream", severity="error", params=params)
        return
    mapper = looked.mappers.get(side.stream)
    if mapper is None:
        params = {"side": str(side), "known": sorted(looked.mappers)}
        yield Symptom(code="unmapped_stream", severity="error", params=params)
        return
    if sync.entity not in mapper.kinds:
        params = {"side": str(side), "entity": sync.entity.value, "known": [kind.value for kind in mapper.kinds]}
        yield Symptom(code="unmapped_kind", severity="error", params=params)
        return
    for name in sorted({*sync.fields, *sync.match}):
        if mapper.mode(sync.entity, name) == "absent":
            yield Symptom(code="unmapped_field", severity="info", params={"side": str(side), "field": name})
    for name, rule in sync.fields.items():
        able = mapper.mode(sync.entity, name)
        if rule.sides.get(side.connection) == "follow" and able not in ("both", "absent"):
            yield Symptom(code="cannot_follow", params={"side": str(side), "field": name})


def _fields(sync: Sync, side: Side, looked: Looked) -> Iterator[Symptom]:
    """Fields that would be written and that the service does not show, and values of lists without a meaning."""
    if not _fits(sync, side, looked):
        return
    mapper = looked.mappers[side.stream]
    described = {
        field.name: field for stream in looked.streams if stream.name == side.stream for field in stream.fields
    }
    for name, form in looked.connection.options.model[sync.entity].items():
        if mapper.mode(sync.entity, name) not in WRITTEN:
            continue
        field = described.get(mapper.system(sync.entity, name))
        if field is None and described and name not in looked.connection.options.custom.get(side.stream, {}):
            params = {"stream": side.stream, "field": mapper.system(sync.entity, name)}
            yield Symptom(code="field_missing", params=params)
        elif field is not None and form is Form.CHOICE and not looked.examined:
            yield from _values(mapper, sync.entity, name, side.stream, field)


def _place(sync: Sync, side: Side, looked: Looked) -> Iterator[Symptom]:
    """Whether new records can be put where ``create`` puts them, as far as it names a place and no rule."""
    if side not in sync.create or not _fits(sync, side, looked) or not isinstance(looked.connector, KnowsPlaces):
        return
    if looked.connection.access == "read":
        return
    named = {
        key: value
        for key, value in sync.create[side].items()
        if not (
            isinstance(value, str) and (value.startswith("=") or value in looked.connection.options.model[sync.entity])
        )
    }
    ruled = sync.create[side].keys() - named.keys()
    try:
        found = looked.connector.misplaced(side.stream, looked.mappers[side.stream].place(named))
    except ConnectorError as error:
        yield Symptom(code="not_examined", params={"reason": str(error)})
        return
    yield from (each for each in found if not (each.code == "place_unsaid" and each.params["what"] in ruled))


def _values(mapper: Mapper, kind: Kind, name: str, stream: str, field: Field) -> Iterator[Symptom]:
    """Values of a list that have no canonical class. Where a connector looks itself over, it tells that."""
    for value in field.values or ():
        try:
            mapper.canon_field(kind, name, value)
        except Unmappable:
            said = (field.called or {}).get(value, value)
            yield Symptom(code="value_unmapped", params={"stream": stream, "field": field.name, "value": said})
        except (AttributeError, TypeError, ValueError, KeyError, IndexError):
            return  # the payload shows more than the value itself: what it means cannot be told from a list


def _own_values(sync: Sync, side: Side, looked: Looked) -> Iterator[Symptom]:
    """Values of lists that say none of the classes of a field of one's own."""
    options = looked.connection.options
    described = next((stream.fields for stream in looked.streams if stream.name == side.stream), [])
    for name, own in options.model.own.get(sync.entity, {}).items():
        wanted, table = options.custom.get(side.stream, {}).get(name), options.values.get(name, {})
        if own.form is not Form.CHOICE or wanted is None:
            continue
        for field in (each for each in described if wanted.strip() in (each.name, each.label.strip())):
            for value in field.values or ():
                said = (field.called or {}).get(value, value)
                if options.model.class_of(name, said) is None and not {said, value} & table.keys():
                    params = {"stream": side.stream, "field": wanted, "value": said}
                    yield Symptom(code="value_unmapped", params=params)


def _custom(looked: Looked) -> Iterator[Symptom]:
    """Fields that the configuration names, and the service does not show to this account."""
    for stream, table in looked.connection.options.custom.items():
        described = next((each for each in looked.streams if each.name == stream), None)
        if described is None:
            known = [each.name for each in looked.streams]
            side = f"{looked.connection.name}.{stream}"
            params = {"side": side, "nearest": nearest(stream, known), "known": known}
            yield Symptom(code="unknown_stream", severity="error", params=params)
            continue
        names = {field.name for field in described.fields}
        labels = {field.label.strip() for field in described.fields if field.label}
        for canonical, wanted in table.items():
            by_label = wanted.strip() in labels and not _verbatim(looked.mappers.get(stream), canonical, wanted)
            if wanted not in names and not by_label:
                yield Symptom(code="field_missing", severity="error", params={"stream": stream, "field": wanted})


def _verbatim(mapper: Mapper | None, canonical: str, wanted: str) -> bool:
    """Whether the mapping takes the configured name for the payload's own: then what people call it does not serve."""
    kinds = mapper.kinds if mapper is not None else ()
    return any(
        mapper is not None and mapper.mode(kind, canonical) != "absent" and mapper.system(kind, canonical) == wanted
        for kind in kinds
    )


def _fits(sync: Sync, side: Side, looked: Looked) -> bool:
    mapper = looked.mappers.get(side.stream)
    return mapper is not None and sync.entity in mapper.kinds


def _counterparts(sync: Sync, side: Side, sides: Sequence[Side], looked: Mapping[str, Looked]) -> Iterator[Symptom]:
    """Classes of a value that this side can show and another, which would be written, cannot."""
    mapper = looked[side.connection].mappers[side.stream]
    model = looked[side.connection].connection.options.model
    for name, form in model[sync.entity].items():
        if form is not Form.CHOICE or mapper.mode(sync.entity, name) == "absent":
            continue
        shown = _classes(mapper, model, sync.entity, name)
        for other in sides:
            theirs = looked[other.connection].mappers[other.stream]
            able = theirs.mode(sync.entity, name) == "both" and looked[other.connection].connection.access == "write"
            lacks = [each for each in shown if each not in _classes(theirs, model, sync.entity, name)] if able else []
            if other != side and lacks:
                params = {"side": str(side), "field": name, "values": lacks, "other": str(other)}
                yield Symptom(code="value_without_counterpart", params=params)


def _classes(mapper: Mapper, model: Model, kind: Kind, name: str) -> list[str]:
    """The canonical classes that a side can hold."""
    held = []
    for each in model.classes.get(name, ()):
        try:
            mapper.normalise(kind, name, each)
        except Unmappable:
            continue
        held.append(each)
    return held
