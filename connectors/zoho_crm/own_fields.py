"""Fields that the configuration names (``custom``) and the organisation does not have yet: told, and made when asked.

What they come to hold is people's. So one that is there is no addition of ours, and none is ever taken away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from connectors.base import Gate
from connectors.errors import RecordRefused
from connectors.preparing import Addition
from connectors.zoho_crm.client import Client
from connectors.zoho_crm.words import HOLDS
from mapping.model import STANDARD, Form, Model

MADE: Final[Mapping[Form, Mapping[str, Any]]] = {
    Form.TEXT: {"data_type": "text", "length": 255},
    Form.DATE: {"data_type": "date"},
    Form.FLAG: {"data_type": "boolean"},
}
"""Forms whose field one request makes as it should be; of a choice of one's own the classes are its values. The others
want what only a person can say: the values of any other list, the places of a number, the module that a lookup leads
to."""

CALLED: Final[Mapping[Form, str]] = {
    Form.TEXT: "single line",
    Form.RICH: "multi-line (large)",
    Form.DATE: "date",
    Form.NUMBER: "decimal",
    Form.MONEY: "currency",
    Form.FLAG: "checkbox",
    Form.CHOICE: "pick list",
    Form.SET: "multi-select",
    Form.PERSON: "user",
}
LEADS_TO: Final[Mapping[str, str]] = {"customer": "Accounts", "project": "Deals"}
"""Reference -> the module whose records it names."""

STEPS: Final = "Setup > Modules and Fields > {module} > a field {label!r} of type {kind}, with the API name {name}"


class OwnFields:
    """``custom``: module -> canonical field -> API name of the field of one's own that holds it.
    ``values``: canonical field -> what a list shows -> class, where the two are not the same word."""

    def __init__(
        self,
        client: Client,
        custom: Mapping[str, Mapping[str, str]],
        values: Mapping[str, Mapping[str, str]],
        grant: str,
        model: Model,
    ) -> None:
        self._client = client
        self._custom = custom
        self._values = values
        self._grant = grant
        self._model = model

    def missing(self, modules: Sequence[str]) -> Iterator[Addition]:
        """Those that are not there, in the order of the configuration."""
        for module, table in self._custom.items():
            if module not in modules:
                continue
            there = {meta.api_name for meta in self._client.fields(module)}
            for canonical, name in table.items():
                form = self._model.form(canonical)
                if name in there or form not in HOLDS:
                    continue
                yield Addition(
                    id=f"field:{module}.{name}",
                    kind="custom field",
                    name=_label(name),
                    stream=module,
                    purpose="field",
                    grant=self._grant,
                    manual=self._made(canonical) is None,
                    steps=STEPS.format(module=module, label=_label(name), kind=_kind(form, canonical), name=name),
                )

    def has(self, module: str, name: str) -> bool:
        """Whether the configuration names such a field."""
        return name in self._custom.get(module, {}).values()

    def add(self, module: str, name: str, gate: Gate) -> None:
        """Make it. Does nothing if it is there. Raises ``RecordRefused`` for one that a person has to make."""
        if any(meta.api_name == name for meta in self._client.fields(module)):
            return
        canonical = next(each for each, own in self._custom[module].items() if own == name)
        made = self._made(canonical)
        if made is None:
            raise RecordRefused(f"{module}.{name}: only a person can say what it shall hold", code="by_hand")
        self._client.add_field(module, {"field_label": _label(name), **made}, gate)
        if not any(meta.api_name == name for meta in self._client.fields(module)):
            raise RecordRefused(
                f"{module}: a field {_label(name)!r} was made, not as {name}; set `custom: {module}: {canonical}` to"
                " the API name that it got",
                code="other_name",
            )

    def _made(self, canonical: str) -> Mapping[str, Any] | None:
        """What the request says of the new field beside its label."""
        form = self._model.form(canonical)
        if form is not Form.CHOICE or canonical in STANDARD.classes:
            return MADE.get(form) if form is not None else None
        said = {known: own for own, known in reversed(list(self._values.get(canonical, {}).items()))}
        words = [said.get(each, each) for each in self._model.classes[canonical]]
        picks = [{"display_value": word, "actual_value": word} for word in words]
        return {"data_type": "picklist", "pick_list_values": picks}


def _kind(form: Form | None, canonical: str) -> str:
    if form is Form.REF:
        return f"lookup, to {LEADS_TO.get(canonical, 'the module of the records it names')}"
    return CALLED[form] if form is not None else ""


def _label(name: str) -> str:
    """Zoho makes the API name of a field from its label."""
    return name.replace("_", " ")
