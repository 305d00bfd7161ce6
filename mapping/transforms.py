"""Values of a side that a configuration transforms: an expression (CEL) on the way in, and one on the way out.

    transforms:
      issues:
        name: {read: 'value.removePrefix("[ACME] ")', write: '"[ACME] " + value'}

``value`` is the field's canonical value, never empty: what is empty stays so. Besides CEL's own functions there are
``removePrefix``, ``removeSuffix``, ``replace``, ``lower``, ``upper``, ``trim`` and ``substring``. What the side will
show once it was given a value is ``read(write(value))``, so that a pair which loses something causes no ping-pong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from connectors.base import Record
from mapping.fields import Mapper, Mode, Transform, Unmappable
from mapping.model import STANDARD, Form, Kind, Loss, Mapped, Model, Unmapped
from mapping.pairs import clean, decimal_text

FORMS: Final = frozenset(Form) - {Form.REF, Form.PERSON, Form.LIST}
"""Forms of value that can be transformed. The others are identities, which mean the same on all sides."""

FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "removePrefix": str.removeprefix,
    "removeSuffix": str.removesuffix,
    "replace": str.replace,
    "lower": str.lower,
    "upper": str.upper,
    "trim": str.strip,
    "substring": lambda text, start, end=None: text[start:end],
}

_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d\.\d{3}Z)?")


def transformed(
    mappers: Mapping[str, Mapper], transforms: Mapping[str, Mapping[str, Transform]], model: Model = STANDARD
) -> Mapping[str, Mapper]:
    """The mappers, those of the streams that are named wrapped. The expressions must have been checked."""
    return {
        stream: Transformed(mapper, transforms[stream], model) if stream in transforms else mapper
        for stream, mapper in mappers.items()
    }


class Transformed:
    """A mapper, with the configured expressions between it and everybody else."""

    def __init__(self, mapper: Mapper, transforms: Mapping[str, Transform], model: Model) -> None:
        self._mapper = mapper
        self._model = model
        self._reads = {name: _function(each.read) for name, each in transforms.items() if each.read is not None}
        self._writes = {name: _function(each.write) for name, each in transforms.items() if each.write is not None}
        self._one_way = transforms.keys() - self._writes.keys()
        self.kinds = mapper.kinds
        self.place = mapper.place

    def canon(self, record: Record) -> Mapped:
        found = self._mapper.canon(record)
        values, losses = dict(found.values), list(found.losses)
        for name in self._reads.keys() & values.keys():
            try:
                values[name] = self._in(found.kind, name, values[name])
            except Unmappable as trouble:
                del values[name]
                losses.append(Loss(self._mapper.system(found.kind, name), trouble.why, trouble.value))
        return Mapped(kind=found.kind, values=values, losses=losses, url=found.url)

    def unmap(self, kind: Kind, values: Mapping[str, Any], base: Mapping[str, Any] | None = None) -> Unmapped:
        out: dict[str, Any] = {}
        losses: list[Loss] = []
        for name, value in values.items():
            if name in self._one_way:
                continue
            try:
                out[name] = self._out(kind, name, value)
            except Unmappable as trouble:
                losses.append(Loss(name, trouble.why, trouble.value))
        found = self._mapper.unmap(kind, out, base)
        return Unmapped(values=found.values, losses=[*losses, *found.losses])

    def normalise(self, kind: Kind, name: str, value: Any) -> Any:
        return self._in(kind, name, self._mapper.normalise(kind, name, self._out(kind, name, value)))

    def mode(self, kind: Kind, name: str) -> Mode:
        able = self._mapper.mode(kind, name)
        return "read" if able in ("both", "once") and name in self._one_way else able

    def system(self, kind: Kind, name: str) -> str:
        return self._mapper.system(kind, name)

    def holders(self, kind: Kind, name: str) -> Collection[str]:
        return self._mapper.holders(kind, name)

    def canon_field(self, kind: Kind, name: str, value: Any) -> Any:
        return self._in(kind, name, self._mapper.canon_field(kind, name, value))

    def _in(self, kind: Kind, name: str, value: Any) -> Any:
        return self._through(self._reads.get(name), kind, name, value)

    def _out(self, kind: Kind, name: str, value: Any) -> Any:
        return self._through(self._writes.get(name), kind, name, value)

    def _through(self, function: Callable[[Any], Any] | None, kind: Kind, name: str, value: Any) -> Any:
        if function is None or value is None:
            return value
        made = function(value)
        return None if made is None else _formed(self._model[kind][name], self._model.classes.get(name), made)


def _function(text: str) -> Callable[[Any], Any]:
    """The expression, as a function of ``value``. Raises ``Unmappable`` where it has no answer."""
    import cel  # what no configuration asks for is not imported: a cold start counts

    program = cel.compile(text)

    def function(value: Any) -> Any:
        try:
            return program.execute(cel.Context(variables={"value": value}, functions=FUNCTIONS))
        except (KeyError, TypeError, ValueError, RuntimeError) as trouble:
            raise Unmappable("transform_failed", str(trouble)) from trouble

    return function


def _formed(form: Form, classes: Collection[str] | None, value: Any) -> Any:
    """The value in the model's form. Raises ``Unmappable`` if an expression made something else."""
    match form, value:
        case ((Form.TEXT | Form.RICH), str()):
            return clean(value)
        case Form.DATE, str() if _DATE.fullmatch(value):
            return value
        case Form.FLAG, bool():
            return value
        case Form.NUMBER, int() | float() if not isinstance(value, bool):
            return value
        case Form.CHOICE, str() if classes is None or value in classes:
            return value
        case Form.SET, list() if all(isinstance(each, str) for each in value):
            return sorted(set(value))
        case Form.MONEY, {"amount": amount, "currency": str(currency)}:
            try:
                return {"amount": decimal_text(Decimal(str(amount))), "currency": currency}
            except InvalidOperation:
                pass
    raise Unmappable("transform_unfit", str(value))
