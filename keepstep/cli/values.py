"""Canonical values for people: references and persons by name, classes as words; and values as people type them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.base import utc
from keepstep.cli.session import WRONG, Session, Trouble
from keepstep.engine.people import People
from keepstep.engine.titles import title
from keepstep.language import codes
from keepstep.problems import Problem
from keepstep.store.store import Tx
from mapping.agreement import UNSURE
from mapping.model import Form, Kind, Model


class Reading:
    """Says canonical values within one transaction."""

    def __init__(self, tx: Tx, session: Session) -> None:
        self._tx = tx
        self._session = session
        self._model = session.config().model
        self.people = People(tx)

    def value(self, kind: Kind, field: str, value: Any) -> Any:
        """The value with ids of persons and entities replaced by their names; classes in the reader's language."""
        form = self._model[kind].get(field)
        if value == UNSURE:
            return self._session.say("word.unsure")
        match form, value:
            case Form.PERSON, str():
                return self.people.name(value)
            case Form.REFS, list():
                return [self.title(each) for each in value]
            case Form.REF, str():
                return self.title(value)
            case Form.CHOICE, str() if f"class.{field}.{value}" in codes():
                return self._session.say(f"class.{field}.{value}")
        return value

    def title(self, entity: str) -> str:
        """How people know the entity."""
        return title(self._tx, entity)

    def author(self, side: str, account: str | None) -> str | None:
        """The name behind an account, where it is known."""
        return self.people.author(side.partition(".")[0], account) if account else None


def typed(model: Model, kind: Kind, field: str, text: str) -> Any:
    """What a person typed as the canonical value of a field; empty text clears it. Raises ``Trouble``."""
    form, classes = model[kind][field], model.classes.get(field, ())
    if text == "":
        return [] if form in (Form.SET, Form.LIST, Form.REFS) else None
    try:
        return _typed(form, classes, text)
    except (ValueError, InvalidOperation, KeyError, TypeError):
        params = {"field": field, "value": text, "form": form.value, "known": list(classes)}
        raise Trouble(Problem("value_unfit" if classes else "value_misspelt", params), WRONG) from None


def _number(typed: Decimal) -> int | float:
    """A whole number as such. Raises ValueError for one without end."""
    if not typed.is_finite():
        raise ValueError(str(typed))
    return int(typed) if typed == typed.to_integral_value() else float(typed)


def _typed(form: Form, classes: Sequence[str], text: str) -> Any:
    match form:
        case Form.DATE:
            if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
                return date.fromisoformat(text).isoformat()
            return utc(datetime.fromisoformat(text))
        case Form.CHOICE:
            if text not in classes:
                raise ValueError(text)
            return text
        case Form.FLAG:
            return {"true": True, "yes": True, "false": False, "no": False}[text.casefold()]
        case Form.NUMBER:
            return _number(Decimal(text))
        case Form.MONEY:
            amount, currency = text.split()
            if not re.fullmatch("[A-Z]{3}", currency):
                raise ValueError(currency)
            return {"amount": format(Decimal(amount), "f"), "currency": currency}
        case Form.SET:
            return sorted({part.strip() for part in text.split(",") if part.strip()})
        case Form.LIST:
            items = json.loads(text)
            return [
                {"id": str(n), "text": str(item["text"]), "done": bool(item["done"])} for n, item in enumerate(items)
            ]
        case Form.PERSON | Form.REF | Form.REFS:
            raise ValueError("people and things are chosen among the candidates")
        case _:
            return text
