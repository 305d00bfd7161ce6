"""What a task depends on: links between issues of the types that say so, and no others.

By default that is the type that is called ``Blocks``; ``Options.values`` may name others for ``depends_on``, by name or
id, each with the end at which the dependent issue stands: ``inward`` (it *is blocked by* the other) or ``outward`` (it
*depends on* the other). Links of other types, and those to epics, stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.errors import Misconfigured
from mapping.fields import FieldMap, Unmappable
from mapping.jira.values import Section, Words
from mapping.pairs import identifier

FIELD = "issuelinks"
CANONICAL = "depends_on"
ENDS = {"inward": "inwardIssue", "outward": "outwardIssue"}
USUAL = "blocks"


def dependencies(words: Words, stream: str) -> list[FieldMap]:
    """The row, where the site knows such a type of link. Raises ``Misconfigured`` for a type that it does not know."""
    ends = _ends(words, stream)
    if not ends:
        return []
    field = words.fields[stream][FIELD]

    def write(value: Any, section: Section) -> Any:
        there = {other: link for link, other in _links(section.get(FIELD), ends)}
        wanted = [_issue(each) for each in value or ()]
        kind, end = next(iter(ends.items()))
        return {
            "add": [{"type": {"id": kind}, end: {"id": id}} for id in wanted if id not in there],
            "remove": [link for other, link in there.items() if other not in wanted],
        }

    def read(value: Any, _: Section) -> Any:
        found = sorted({other for _, other in _links(value, ends)})
        return [{"stream": "issues", "id": other} for other in found] or None

    return [
        FieldMap(CANONICAL, FIELD, read, write if field.writable else None, mode="both" if field.writable else "read")
    ]


def _ends(words: Words, stream: str) -> dict[str, str]:
    """Type id -> the key under which a dependent issue shows the other one."""
    field = words.fields.get(stream, {}).get(FIELD)
    names = (field.called if field is not None else None) or {}
    chosen = words.options.values.get(CANONICAL)
    if chosen is None:
        return {id: ENDS["inward"] for id, name in names.items() if name.strip().casefold() == USUAL}
    ends: dict[str, str] = {}
    for wanted, end in chosen.items():
        found = [id for id, name in names.items() if wanted in (id, name)]
        if not found:
            known = ", ".join(f"{name} ({id})" for id, name in names.items()) or "none"
            raise Misconfigured(f"values: {CANONICAL}: Jira has no type of link {wanted!r}; it has: {known}")
        if end not in ENDS:
            raise Misconfigured(f"values: {CANONICAL}: {wanted} is `inward` or `outward`, not {end!r}")
        ends |= dict.fromkeys(found, ENDS[end])
    return ends


def _links(value: Any, ends: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Id of each link that is meant, and of the issue that it leads to."""
    if not isinstance(value, list | tuple | type(None)):
        raise Unmappable("not_links")
    for each in value or ():
        end = ends.get(str((each.get("type") or {}).get("id")))
        other = each.get(end) if end is not None else None
        if other and not _is_epic(other):
            yield identifier(each), identifier(other)


def _is_epic(issue: Mapping[str, Any]) -> bool:
    level = ((issue.get("fields") or {}).get("issuetype") or {}).get("hierarchyLevel")
    return isinstance(level, int) and level > 0


def _issue(reference: Mapping[str, Any]) -> str:
    if reference["stream"] != "issues":
        raise Unmappable("other_stream", reference["stream"])
    return str(reference["id"])
