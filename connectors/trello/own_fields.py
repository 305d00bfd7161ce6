"""Custom fields that the configuration names and a board does not have yet: told, and made when asked.

What they come to hold is people's. So one that is there is no addition of ours, and none is ever taken away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from connectors.base import Gate
from connectors.errors import RecordRefused
from connectors.preparing import Addition
from connectors.trello.client import Failure, TrelloClient, route
from connectors.trello.models import HOLDS, Raw
from connectors.trello.reading import listed_in_batch
from mapping.model import STANDARD, Form, Model

ID: Final = re.compile("[0-9a-f]{24}")
STEPS: Final = "the board's menu > Custom Fields > New field {name!r} of type {kind}"
GRANT: Final = "member of the board, which has the Power-Up Custom Fields"


class OwnFields:
    """``custom``: canonical field -> name (or id) of the field that holds it; ``values``: what its options are to say,
    where that is not the class itself."""

    def __init__(
        self, client: TrelloClient, custom: Mapping[str, str], values: Mapping[str, Mapping[str, str]], model: Model
    ) -> None:
        self._client = client
        # A field that is named by its id cannot be made under it.
        self._custom = {canonical: name for canonical, name in custom.items() if not ID.fullmatch(name)}
        self._values = values
        self._model = model

    def missing(self, boards: Sequence[str]) -> Iterator[Addition]:
        """Those that are not there, board by board, in the order of the configuration. Boards that nobody lets us see
        are passed over."""
        wanted = {name: kind for canonical, name in self._custom.items() if (kind := self._kind(canonical))}
        if not wanted:
            return
        answers = self._client.batch([route(f"/boards/{board}/customFields", {}) for board in boards])
        for board, answer in zip(boards, answers, strict=True):
            if isinstance(answer, Failure):
                continue
            there = {_called(each) for each in listed_in_batch(answer, f"GET /boards/{board}/customFields")}
            for name, kind in wanted.items():
                if name.strip() not in there:
                    yield Addition(
                        id=f"field:{board}:{name}",
                        kind="custom field",
                        name=name,
                        stream="cards",
                        purpose="field",
                        grant=GRANT,
                        steps=STEPS.format(name=name, kind=kind),
                    )

    def has(self, name: str) -> bool:
        """Whether the configuration names such a field, and says enough of it to make it."""
        return any(own == name and self._kind(canonical) for canonical, own in self._custom.items())

    def add(self, board: str, name: str, gate: Gate) -> None:
        """Make it, with its options. Does nothing if one of that name is there."""
        there = self._client.listing(f"/boards/{board}/customFields")
        if any(_called(each) == name.strip() for each in there):
            return
        canonical = next(each for each, own in self._custom.items() if own == name)
        body = {"idModel": board, "modelType": "board", "name": name.strip(), "type": self._kind(canonical)}
        made: Raw = self._client.send("POST", "/customFields", gate, body=body | {"pos": "bottom"}).decode(dict)
        # Options that come with the field are a text in the contract and a list in the vendor's guide: one by one, both
        # say the same.
        for said in self._options(canonical):
            self._client.send("POST", f"/customFields/{made['id']}/options", gate, body={"value": {"text": said}})

    def _kind(self, canonical: str) -> str | None:
        """The type to make; None where nothing says what its options are to be, or no field can hold it."""
        form = self._model.form(canonical)
        if form is None or (form is Form.CHOICE and canonical in STANDARD.classes):
            return None
        return next(iter(HOLDS.get(form, ())), None)

    def _options(self, canonical: str) -> list[str]:
        said = {known: own for own, known in reversed(list(self._values.get(canonical, {}).items()))}
        return [said.get(each, each) for each in self._model.classes.get(canonical, ())]


def refused(name: str) -> RecordRefused:
    """Why a field that we made is not taken away."""
    return RecordRefused(f"custom field {name!r} holds what people put there: it stays", code="not_ours")


def _called(field: Raw) -> str:
    return str(field.get("name") or "").strip()
