"""Whether a canonical value has the form that the model gives its field."""

from __future__ import annotations

import re
from typing import Any

from mapping.model import STANDARD, Form, Mapped

DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d\.\d{3}Z)?")


def misformed(mapped: Mapped) -> list[tuple[str, Any]]:
    """Fields whose value no other side could take for what it is."""
    forms = STANDARD[mapped.kind]
    return [(name, value) for name, value in mapped.values.items() if not _fits(forms[name], name, value)]


def _fits(form: Form, name: str, value: Any) -> bool:
    match form, value:
        case (_, None) | (Form.FLAG, bool()):
            return True
        case ((Form.TEXT | Form.RICH), str()):
            return value != "" and value == value.strip()
        case Form.DATE, str():
            return DATE.fullmatch(value) is not None
        case Form.NUMBER, int() | float():
            return not isinstance(value, bool)
        case Form.CHOICE, str():
            return value in STANDARD.classes.get(name, (value,))
        case Form.SET, list():
            return all(isinstance(each, str) for each in value) and value == sorted(set(value))
        case Form.PERSON, {"account": str(), "name": str() | None, "email": str() | None}:
            return True
        case Form.REF, {"stream": str(), "id": str()}:
            return True
        case Form.REFS, list():
            return all(isinstance(each["id"], str) for each in value)
        case Form.MONEY, {"amount": str(), "currency": str()}:
            return True
        case Form.LIST, list():
            return all(
                isinstance(each["id"], str) and isinstance(each["text"], str) and isinstance(each["done"], bool)
                for each in value
            )
    return False
