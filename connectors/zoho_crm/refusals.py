"""Zoho's refusals: what one says, which field it blames, and whether it is about the record itself.

An error may fill the whole body or be a row of it, with almost any status; several errors of one record come as one
(github.com/zoho/crm-oas, the examples of ``record``).
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from connectors.answer import Answer, whole_characters
from connectors.zoho_crm.models import Trouble

ERROR_BODY = 4000
"""No error that is a whole answer is longer; what is need not be read twice."""

ITSELF = "id"
"""What is blamed where the record itself is meant."""

WANTED = {"maximum_length": "at most", "expected_data_type": "expected", "limit": "at most"}
"""What an error says of the value that it would have taken -> the words for it."""

CURES = {
    "RECORD_IN_BLUEPRINT": "a blueprint leads this record; carry out its next step in Zoho",
    "RECORD_LOCKED": "unlock the record in Zoho",
    "NOT_APPROVED": "the record waits for an approval in Zoho",
    "CONVERTED_RECORD": "the lead became a contact; nothing changes it any more",
}
"""Refusals whose own words name no cure."""

_FIELD = re.compile(r"\$\.data\[\d+\]\.([^.\[]+)")
"""The field of a row in which an error lies, at whatever depth: the id in a lookup is not the record's."""


def whole(answer: Answer) -> Trouble | None:
    """An error that is the whole answer. Some come with 200 or 202: the body counts, not the status."""
    if not answer.body or len(answer.body) > ERROR_BODY:
        return None
    try:
        trouble = msgspec.json.decode(whole_characters(answer.body), type=Trouble)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
    return trouble if answer.status >= 400 or trouble.status == "error" else None


def alone(answer: Answer) -> Trouble | None:
    """An error that a list has instead of rows: the only one, below the key that rows would stand below."""
    if answer.status < 400 or not answer.body or len(answer.body) > ERROR_BODY:
        return None
    try:
        told = msgspec.json.decode(whole_characters(answer.body), type=dict[str, list[Trouble]])
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
    return next((rows[0] for rows in told.values() if len(rows) == 1), None)


def blamed(details: Any) -> str | None:
    """The field that an error names, ``ITSELF`` for the record; of several errors in one, the first that is named."""
    if not isinstance(details, dict):
        return None
    for inner in _several(details, "errors"):
        if (found := blamed(inner.get("details"))) is not None:
            return found
    for inner in _several(details, "expected_fields"):
        if (found := blamed(inner)) is not None:
            return found
    path = details.get("json_path")
    lies = _FIELD.match(path) if isinstance(path, str) else None
    named = lies[1] if lies else details.get("parent_api_name") or details.get("api_name")
    if named:
        return str(named)
    # Without a field it is the record that is named, by its id or by its place in the address.
    return ITSELF if details.get("id") or details.get("resource_path_index") == 1 else None


def said(code: str, message: Any, details: Any) -> str:
    """An error in the service's words; several errors in one each in theirs."""
    several = _several(details, "errors")
    if several:
        return "; ".join(_of_field(each) for each in several)
    words = f"{code} {message}".rstrip()
    if code == "DUPLICATE_DATA" and (holder := _holder(details)):
        return f"{words}, held by record {holder}"
    if isinstance(details, dict):
        wanted = [f"{word} {details[name]}" for name, word in WANTED.items() if details.get(name) not in (None, "")]
        words = ", ".join((words, *wanted))
    return f"{words}: {CURES[code]}" if code in CURES else words


def _holder(details: Any) -> str | None:
    """The record that has a value already which no two may have."""
    if not isinstance(details, dict):
        return None
    record = details.get("duplicate_record")
    id = record.get("id") if isinstance(record, dict) else details.get("id")
    return str(id) if id else None


def _of_field(error: dict[str, Any]) -> str:
    details = error.get("details")
    field, words = blamed(details), said(str(error.get("code") or ""), error.get("message") or "", details)
    return f"{field}: {words}" if field is not None else words


def _several(details: Any, name: str) -> list[dict[str, Any]]:
    found = details.get(name) if isinstance(details, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
