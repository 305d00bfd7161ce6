"""Which values a field accepts, and the words in which a row is refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connectors.zoho_crm.sandbox.modules import FieldDef, Pick


class Refused(Exception):
    """One row that the service will not have, in its own words."""

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(f"{code} {details}")
        self.row = {"code": code, "details": details, "message": message, "status": "error"}


def checked(one: FieldDef, value: Any) -> Any:
    """A value of a field that refers to nothing, as it is stored. Raises ``Refused``."""
    match one.type:
        case "picklist":
            return _picked(one.picks, value, one.name)
        case "multiselectpicklist":
            if not isinstance(value, list):
                raise _wrong(one)
            return [_picked(one.picks, each, one.name, one.type) for each in value] or None
        case "tag":
            return [_tag(item) for item in value]
        case "currency" | "double" | "integer" | "bigint":
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise _wrong(one)
            return value
        case "boolean":
            if not isinstance(value, bool):
                raise _wrong(one)
            return value
        case "datetime":
            return _moment(one, value).replace(microsecond=0)
        case "date":
            try:
                return datetime.strptime(value, "%Y-%m-%d").date().isoformat()
            except (TypeError, ValueError):
                raise _wrong(one) from None
    if not isinstance(value, str):
        raise _wrong(one)
    if len(value) > one.length:
        raise Refused("INVALID_DATA", "invalid data", api_name=one.name, maximum_length=one.length)
    if one.type == "email" and "@" not in value:
        raise _wrong(one)
    return value or None


def _wrong(one: FieldDef) -> Refused:
    return Refused("INVALID_DATA", "invalid data", api_name=one.name, expected_data_type=one.type)


def _moment(one: FieldDef, value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _wrong(one) from None
    if moment.tzinfo is None:
        raise _wrong(one)
    return moment


def _picked(picks: list[Pick], value: Any, name: str, kind: str = "picklist") -> str:
    for pick in picks:
        if value in (pick.shown, pick.stored):
            return pick.stored
    raise Refused("INVALID_DATA", "invalid data", api_name=name, expected_data_type=kind)


def _tag(item: Any) -> dict[str, Any]:
    name = item.get("name") if isinstance(item, Mapping) else None
    if not name or len(str(name)) > 25:
        raise Refused("INVALID_DATA", "invalid data", api_name="Tag", maximum_length=25)
    return {"name": str(name), "id": str(4876876000000200000 + sum(map(ord, str(name)))), "color_code": None}
