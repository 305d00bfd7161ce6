"""Fields of one's own: from what a configuration declares to the model that everything else works with.

fields:
  project:
    contract_number: text
    service_level: {form: choice, values: [bronze, silver, gold]}
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from keepstep.config.expressions import CLASSED
from keepstep.config.schema import File, NewField
from keepstep.config.source import Source
from keepstep.config.words import RESERVED
from keepstep.problems import Loc, Problem
from mapping.model import STANDARD, Form, Kind, Model, OwnField, folded

MEANT: Final = RESERVED | {"entity", "id", "kind", "subject", "value", *CLASSED}
"""What names mean in expressions already."""


def model_of(file: File) -> Model:
    """The standard fields and those that the file declares, as far as these make sense."""
    return Model(
        {
            kind: {
                name: OwnField(
                    form=each.form,
                    classes=tuple(each.values),
                    label={str(language): said for language, said in each.label.items()},
                )
                for name, each in fields.items()
                if name not in STANDARD.names
            }
            for kind, fields in file.fields.items()
        }
    )


def problems(file: File, source: Source, connections: Collection[str]) -> Iterator[Problem]:
    """What is wrong with the declarations: names that mean something already, and classes that tell nothing apart."""
    first: dict[str, tuple[Kind, NewField]] = {}
    for kind, fields in file.fields.items():
        for name, declared in fields.items():
            loc: Loc = ("fields", kind.value, name)
            known = [each.value for each in Kind if name in STANDARD[each]]
            if kind.value in known:
                yield source.problem("field_is_standard", loc, at_key=True, field=name, entity=kind.value)
            elif known:
                yield source.problem("field_of_others", loc, at_key=True, field=name, entity=kind.value, known=known)
            elif name in MEANT or name in connections:
                yield source.problem("field_name_taken", loc, at_key=True, field=name, entity=kind.value)
            other, before = first.setdefault(name, (kind, declared))
            if (before.form, before.values) != (declared.form, declared.values):
                yield source.problem("field_declared_apart", loc, at_key=True, field=name, other=other.value)
            yield from _classes(loc, name, declared, source)


def _classes(loc: Loc, name: str, declared: NewField, source: Source) -> Iterator[Problem]:
    if declared.form is not Form.CHOICE:
        if declared.values:
            yield source.problem("classes_unused", (*loc, "values"), at_key=True, form=declared.form.value)
        return
    if not declared.values:
        yield source.problem("classes_missing", loc, field=name)
    seen: dict[str, str] = {}
    for index, each in enumerate(declared.values):
        at = (*loc, "values", index)
        if not folded(each) or each != each.strip():
            yield source.problem("class_blank", at)
        elif folded(each) in seen:
            yield source.problem("class_twice", at, value=each, first=seen[folded(each)])
        seen.setdefault(folded(each), each)


def notes(file: File, source: Source) -> Iterator[Problem]:
    """Fields that nothing carries, or one side alone."""
    for kind, fields in file.fields.items():
        for name in fields:
            most = max((_carrying(file, kind, name, sync) for sync in file.syncs), key=len, default=[])
            loc: Loc = ("fields", kind.value, name)
            if not most:
                yield source.problem("field_carried_nowhere", loc, at_key=True, field=name, entity=kind.value)
            elif len(most) == 1:
                yield source.problem("field_carried_by_one", loc, at_key=True, field=name, side=most[0])


def _carrying(file: File, kind: Kind, name: str, sync: str) -> list[str]:
    """The sides of the sync that keep the field somewhere."""
    configured = file.syncs[sync]
    return [
        str(side)
        for side in configured.sides
        if configured.entity is kind and name in file.connections[side.connection].custom.get(side.stream, {})
    ]
