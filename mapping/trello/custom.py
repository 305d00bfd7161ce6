"""Canonical fields that the configuration keeps in custom fields: one name, and on each board a field of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.base import Field
from connectors.trello.models import HOLDS
from mapping.fields import FieldMap, Options, Unmappable
from mapping.model import Form, Kind, Model, folded
from mapping.pairs import Pair, clean, decimal_text, moment, money, number, text
from mapping.trello.sets import objects
from mapping.trello.values import LIMIT, Section, day_or_instant

ITEMS = "customFieldItems"
THERE = "customFields"
"""The ids of the fields that the board had when the card was read."""
ABSENT = "no_such_field"
"""The board has no field of that name: its cards say nothing about it, which is no loss in reading."""


@dataclass(frozen=True, slots=True)
class CustomField:
    """A canonical field and the custom field of each board."""

    canonical: str
    wanted: str
    form: Form
    on: Mapping[str, Field]
    """Board -> its field. A board with two of that name has none here: nobody can say which is meant."""
    table: Mapping[str, str]
    """What an option or a text says -> class, as configured."""
    model: Model

    def holds(self, field: Field) -> bool:
        return field.kind in HOLDS[self.form]

    def class_of(self, said: str) -> str | None:
        plain = folded(said)
        known = next((each for own, each in self.table.items() if folded(own) == plain), None)
        return known or self.model.class_of(self.canonical, said)

    def means(self, said: str, plain: str) -> bool:
        return self.class_of(said) == plain if self.form is Form.CHOICE else clean(said) == clean(plain)

    def fits(self, field: Field, plain: str) -> bool:
        """Whether a field can show it: a list has an option for it, or none is needed."""
        return field.kind != "list" or any(self.means(said, plain) for said in (field.called or {}).values())

    def word(self, kind: str) -> str:
        """The text that stands for a class where there are no options."""
        return next((own for own, each in self.table.items() if each == kind), kind)


def chosen(canonical: str, wanted: str, kind: Kind, fields: Sequence[Field], options: Options) -> CustomField:
    """Raises ValueError for a canonical field that no custom field can hold."""
    form = options.model[kind][canonical]
    if form not in HOLDS:
        raise ValueError(f"a {form.value} ({canonical}) cannot be kept in Trello's custom field {wanted}")
    found: dict[str, list[Field]] = {}
    for each in fields:
        if each.custom and each.scope and (each.name == wanted or clean(each.label) == clean(wanted)):
            found.setdefault(each.scope, []).append(each)
    on = {board: row[0] for board, row in found.items() if len(row) == 1}
    said = {id: words for field in on.values() for id, words in (field.called or {}).items()}
    table = {said.get(own, own): each for own, each in options.values.get(canonical, {}).items()}
    return CustomField(canonical, wanted, form, on, table, options.model)


def row(custom: CustomField, options: Options) -> FieldMap:
    """How a card's items show the field. Writing is ``written``: it needs the board, which one value does not tell."""
    pair = _canonical(custom, options)

    def read(value: Any, section: Section) -> Any:
        field = custom.on.get(str(section.get("idBoard")))
        if field is None or field.name not in section.get(THERE, (field.name,)):
            raise Unmappable(ABSENT)
        if not custom.holds(field):
            raise Unmappable("other_type", field.kind)
        item = next((each for each in objects(value) if each.get("idCustomField") == field.name), None)
        shown = _plain(field, item)
        return False if custom.form is Form.FLAG and shown is None else pair[0](shown, section)

    def shown(value: Any) -> Any:
        plain = pair[1](value, {})
        if custom.form is not Form.CHOICE:
            return pair[0](plain, {})
        if custom.on and not any(custom.fits(field, plain) for field in custom.on.values()):
            raise Unmappable("no_such_value", plain)
        return plain

    return FieldMap(custom.canonical, ITEMS, read, pair[1], shown=shown)


def written(custom: CustomField, value: Any, board: str | None, write: Any, section: Section) -> dict[str, Any]:
    """Field id -> item. Without a board, as in a create that names a list, for every board: the connector sends what
    belongs to the card's. Raises ``Unmappable``."""
    fields = list(custom.on.values()) if board is None else [custom.on[board]] if board in custom.on else []
    if not fields:
        raise Unmappable(ABSENT, custom.wanted)
    plain = None if value is None else write(value, _shown_before(custom, section))
    items, trouble = {}, None
    for field in fields:
        try:
            items[field.name] = _item(custom, field, plain)
        except Unmappable as error:
            trouble = error
    if not items and trouble is not None:
        raise trouble
    return items


def _shown_before(custom: CustomField, section: Section) -> Section:
    """What the card shows now, under the field's own name, for a day that keeps its clock time."""
    field = custom.on.get(str(section.get("idBoard")))
    item = next((each for each in objects(section.get(ITEMS)) if field and each.get("idCustomField") == field.name), {})
    return {custom.canonical: _plain(field, item) if field else None}


def _plain(field: Field, item: Section | None) -> str | None:
    """The text that an item shows; a list's is what its option says."""
    if not item:
        return None
    if field.kind == "list":
        option = item.get("idValue")
        if option and option not in (field.called or {}):
            raise Unmappable("unknown_value", option)
        return (field.called or {}).get(str(option)) if option else None
    value = item.get("value")
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise Unmappable("unknown_value", value)
    told = next(iter(value.values()), None)
    return None if told is None else str(told)


def _item(custom: CustomField, field: Field, plain: str | None) -> dict[str, Any] | None:
    if not custom.holds(field):
        raise Unmappable("other_type", field.kind)
    if plain is None:
        return None
    match field.kind:
        case "list":
            option = next((id for id, said in (field.called or {}).items() if custom.means(said, plain)), None)
            if option is None:
                raise Unmappable("no_such_value", plain)
            return {"idValue": option}
        case "checkbox":
            return {"value": {"checked": "true"}} if plain == "true" else None
        case "number":
            return {"value": {"number": _number(plain)}}
        case "text" if custom.form is Form.CHOICE:
            return {"value": {"text": custom.word(plain)}}
        case kind:
            return {"value": {kind: plain}}


def _number(plain: str) -> str:
    try:
        amount = Decimal(plain)
    except InvalidOperation as error:
        raise Unmappable("not_a_number", plain) from error
    if not amount.is_finite():
        raise Unmappable("not_a_number", plain)
    return decimal_text(amount)


def _canonical(custom: CustomField, options: Options) -> Pair:
    """Between the text that an item shows and the canonical value."""
    match custom.form:
        case Form.TEXT | Form.RICH:
            return text(LIMIT)
        case Form.DATE:
            _, write = day_or_instant(custom.canonical, options.zone)
            return lambda value, _: moment(value), write
        case Form.NUMBER:
            return number, lambda value, _: str(value)
        case Form.MONEY:
            read, write_money = money(lambda _: options.currency)
            return read, lambda value, section: str(write_money(value, section))
        case Form.FLAG:
            return lambda value, _: value == "true", lambda value, _: "true" if value else None
        case _:
            return _choice(custom)


def _choice(custom: CustomField) -> Pair:
    known = {*custom.model.classes.get(custom.canonical, ()), *custom.table.values()}

    def read(value: Any, _: Section) -> Any:
        if value is None:
            return None
        found = custom.class_of(str(value))
        if found is None:
            raise Unmappable("unknown_value", value)
        return found

    def write(value: Any, _: Section) -> Any:
        if value is not None and value not in known:
            raise Unmappable("no_such_value", value)
        return value

    return read, write
