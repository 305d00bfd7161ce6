"""Pydantic's complaints as problems with a place, a cure and no secrets in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Union, get_args, get_origin
from zoneinfo import available_timezones

from pydantic import BaseModel, ValidationError

from keepstep.config.environment import Filled
from keepstep.config.source import Source
from keepstep.problems import Loc, Problem, nearest

TYPES = {
    "string": "text",
    "int": "whole_number",
    "float": "number",
    "bool": "flag",
    "dict": "mapping",
    "model": "mapping",
    "list": "list",
    "tuple": "list",
    "set": "list",
    "date": "day",
    "datetime": "day",
    "url": "url",
}
"""First word of pydantic's error type -> the code of what was expected."""

OWN = frozenset(
    f"bad_{word}"
    for word in (
        "side",
        "watch",
        "duration",
        "size",
        "zone",
        "connection_name",
        "sync_name",
        "currency",
        "budget",
        "form",
        "field_name",
    )
)
LIMITS = {"greater_than_equal": "ge", "less_than_equal": "le", "greater_than": "gt", "less_than": "lt"}


def complaints(
    source: Source,
    filled: Filled,
    error: ValidationError,
    model: type[BaseModel],
    prefix: Loc = (),
    *,
    private: bool = False,
    also_known: Iterable[str] = (),
) -> Iterator[Problem]:
    """Each complaint once. ``private``: nothing that stands in the file is repeated; ``also_known``: further keys
    that the outermost part may have."""
    seen: set[tuple[str, int | None, int | None]] = set()
    for each in error.errors(include_url=False, include_input=False):
        inner: Loc = each["loc"]
        at_key = bool(inner) and inner[-1] == "[key]"
        inner = inner[:-1] if at_key else inner
        loc = (*prefix, *inner)
        if loc in filled.failed:
            continue
        code, params = _said(each, inner, model, also_known if len(inner) == 1 else ())
        if code in ("not_one_of", *OWN) and not private:
            params["value"] = str(loc[-1]) if at_key else source.written(loc)
        elif code in ("not_one_of", *OWN):
            params |= {"value": None}
        if params.get("nearest") is None and code == "not_one_of" and params["value"]:
            params["nearest"] = nearest(params["value"], map(str, params["known"]))
        if code == "bad_zone" and params["value"]:
            params["nearest"] = nearest(params["value"], available_timezones())
        problem = source.problem(code, loc, at_key=at_key or code == "unknown_key", **params)
        if (code, problem.line, problem.column) not in seen or code == "missing_key":
            seen.add((code, problem.line, problem.column))
            yield problem


def _said(each: Any, loc: Loc, model: type[BaseModel], also_known: Iterable[str]) -> tuple[str, dict[str, Any]]:
    kind: str = each["type"]
    context = each.get("ctx") or {}
    key = next((step for step in reversed(loc) if isinstance(step, str)), "")
    if kind == "missing":
        return "missing_key", {"key": key}
    if kind == "extra_forbidden":
        known = sorted({*keys_at(model, loc[:-1]), *also_known})
        return "unknown_key", {"key": key, "nearest": nearest(key, known), "known": known}
    if kind in ("literal_error", "enum"):
        expected = str(context.get("expected", ""))
        known = re.findall(r"'([^']*)'", expected) or [expected]
        return "not_one_of", {"key": key, "known": known, "nearest": None}
    if kind in OWN:
        return kind, {"key": key, "nearest": None}
    if kind == "too_short":
        return "too_few", {"key": key, "least": context.get("min_length")}
    if kind in LIMITS:
        return "out_of_range", {"key": key, "limit": context.get(LIMITS[kind])}
    word = kind.split("_")[0]
    if word in TYPES and kind.endswith(("_type", "_parsing", "_from_float", "_inexact")):
        return "wrong_type", {"key": key, "expected": TYPES[word]}
    return "invalid", {"key": key, "reason": str(each["msg"]).removeprefix("Value error, ")}


def names(model: type[BaseModel]) -> list[str]:
    """The keys that a part of the file may have."""
    return [field.alias or name for name, field in model.model_fields.items()]


def keys_at(model: type[BaseModel], loc: Loc) -> list[str]:
    """The keys allowed where ``loc`` leads to, inside ``model``; none if it leads to no part with fixed keys."""
    shape: Any = model
    for step in loc:
        shape = _bare(shape)
        origin, inside = get_origin(shape), get_args(shape)
        if isinstance(shape, type) and issubclass(shape, BaseModel):
            fields = {field.alias or name: field.annotation for name, field in shape.model_fields.items()}
            shape = fields.get(str(step))
        elif origin is dict and len(inside) == 2:
            shape = inside[1]
        elif origin in (list, tuple) and inside:
            shape = inside[0]
        else:
            return []
    shape = _bare(shape)
    return names(shape) if isinstance(shape, type) and issubclass(shape, BaseModel) else []


def _bare(shape: Any) -> Any:
    """Without ``None`` beside it."""
    if get_origin(shape) in (Union, type(int | str)):
        return next((each for each in get_args(shape) if each is not type(None)), None)
    return shape
