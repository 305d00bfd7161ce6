"""Recorded payloads in which single values are odd: each is a record or set aside by name, and no mapping raises."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.answer import whole_characters
from connectors.base import Abilities, Description, Record, Stream, Unreadable
from connectors.google_drive.records import record as drive_record
from connectors.google_drive.tree import stream_of
from connectors.jira.models import all_opened
from connectors.jira.records import Reader, issue_and_comments
from connectors.rows import each_row, identified
from connectors.trello.records import record as trello_record
from connectors.zoho_crm.records import Shape
from keepstep.engine.intake import digest_of
from mapping import google_drive, jira, trello, zoho_crm
from mapping.fields import Mapper, MappingPlugin, Options, Unmappable
from tests.odd.forms import misformed
from tests.odd.mutations import mutated, sent

SHARED = Path(os.environ.get("KEEPSTEP_SHARED", Path(__file__).parents[3] / "shared"))
RECORDED = SHARED / "recorded"
OPTIONS = Options(timezone="America/St_Johns")
MOST, FORMS = 40, 16
"""Recorded records of a system that are taken, chosen at random, and odd forms of each."""
READER = Reader("https://acme.atlassian.net")
WAY = ("client", "project", "category")

pytestmark = pytest.mark.skipif(not RECORDED.exists(), reason="no recorded payloads: set KEEPSTEP_SHARED")


def dicts(value: Any) -> Iterator[dict[str, Any]]:
    """All objects within a file, the outer ones first."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from dicts(each)


def of_jira(row: Any, aside: list[Unreadable]) -> Iterator[Any]:
    for issue in all_opened([msgspec.Raw(whole_characters(sent(row)))], aside):
        yield from each_row("issues", [issue], lambda each: list(issue_and_comments(READER, each)), aside)


def of_trello(row: Any, aside: list[Unreadable]) -> Iterator[Any]:
    stream = "cards" if "idList" in row else "comments" if "type" in row else "checklists"
    rows = identified(stream, [json.loads(whole_characters(sent(row)))], aside)
    yield from each_row(stream, rows, lambda each: [trello_record(stream, each, "me")], aside)


def of_zoho(row: Any, aside: list[Unreadable]) -> Iterator[Any]:
    shape = Shape("Keepstep_Key", "https://crm.zoho.com", "5")
    rows = identified("Contacts", [json.loads(whole_characters(sent(row)))], aside)
    for stream in ("Contacts", "Leads", "Tasks", "Notes", "Deals", "Cases"):  # whichever it was
        yield from each_row(stream, rows, lambda each, stream=stream: [shape.record(stream, each)], aside)


def of_drive(row: Any, aside: list[Unreadable]) -> Iterator[Any]:
    def made(each: Any) -> list[Record]:
        stream = stream_of(each.get("mimeType") or "", WAY)
        return [drive_record(stream or "files", each, WAY, "root")]

    rows = identified("files", [json.loads(whole_characters(sent(row)))], aside)
    yield from each_row("files", rows, made, aside)


SYSTEMS: dict[str, tuple[MappingPlugin, Callable[[Any, list[Unreadable]], Iterator[Any]], tuple[str, ...]]] = {
    "jira": (jira.MAPPING, of_jira, ("id", "key", "fields")),
    "trello": (trello.MAPPING, of_trello, ("id", "idBoard", "idList")),
    "zoho-crm": (zoho_crm.MAPPING, of_zoho, ("id", "Owner", "Created_Time")),
    "google-drive": (google_drive.MAPPING, of_drive, ("id", "mimeType", "name")),
}
"""System -> its mapping, how rows become records, and the keys by which a record is known in its files."""


def recordings(system: str, keys: tuple[str, ...], chance: random.Random) -> list[dict[str, Any]]:
    found = [
        each
        for path in sorted((RECORDED / system).rglob("*.json"))
        for each in dicts(json.loads(path.read_text()))
        if each.keys() >= set(keys)
    ]
    return chance.sample(found, min(MOST, len(found)))


def tried(mappers: Mapping[str, Mapper], record: Any) -> bool:
    """Whether there is a mapping, and it took it."""
    mapper = mappers.get(record.stream) if isinstance(record, Record) else None
    if mapper is None:
        return False
    assert digest_of(record)
    mapped = mapper.canon(record)
    assert misformed(mapped) == []
    msgspec.json.encode([mapped.values, msgspec.to_builtins(mapped.losses)])
    mapper.unmap(mapped.kind, mapped.values, record.payload)
    mapper.unmap(mapped.kind, mapped.values)
    for field, value in mapped.values.items():
        try:
            mapper.normalise(mapped.kind, field, value)
        except Unmappable:
            continue
    return True


@pytest.mark.parametrize("system", SYSTEMS)
def test_one_odd_value_in_a_recorded_record_costs_no_more_than_that_value(system: str) -> None:
    plugin, records, keys = SYSTEMS[system]
    chance = random.Random(system)
    found = recordings(system, keys, chance)
    assert len(found) > 5
    streams = [Stream(name=name, abilities=Abilities()) for name in ("files", "client_folders", "project_folders")]
    mappers = plugin.build(OPTIONS, Description(system=plugin.system, streams=streams, feeds=[]))
    mapped = 0
    for row in found:
        odd = list(mutated(row, 12, chance))
        for each in chance.sample(odd, min(FORMS, len(odd))):
            aside: list[Unreadable] = []
            made = [one for several in records(each, aside) for one in several]
            assert made or aside
            assert all(one.why and len(one.why) <= 500 for one in aside)
            mapped += sum(tried(mappers, record) for record in made)
    assert mapped > len(found)
