"""What a record is known by, and what it points at: in the shapes in which people and other sync tools leave it."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import Record
from mapping.model import Kind
from mapping.pointers import MOST, hung_on, own_addresses, pointers

ISSUE = Record(
    stream="issues",
    id="10017",
    url="https://acme.atlassian.net/browse/ACME-12",
    payload={"key": "ACME-12", "self": "https://acme.atlassian.net/rest/api/3/issue/10017", "fields": {}},
)
CARD = Record(
    stream="cards",
    id="5f2b8c0de4a1b2c3d4e5f601",
    url="https://trello.com/c/aBcDeFgH/12-phase-1",
    payload={"shortLink": "aBcDeFgH", "name": "Phase 1", "idShort": 12},
)
DEAL = Record(stream="Deals", id="543783000000012345", url="https://crm.zoho.eu/crm/tab/Potentials/543783000000012345")
FOLDER = Record(
    stream="project_folders",
    id="1AbCdEfGhIjKlMnOpQrStUvWx-_z",
    url="https://drive.google.com/drive/folders/1AbCdEfGhIjKlMnOpQrStUvWx-_z",
    payload={"id": "1AbCdEfGhIjKlMnOpQrStUvWx-_z", "name": "Website"},
)


def text(value: str, kind: Kind = Kind.TASK, field: str = "description") -> set[str]:
    return set(pointers(Record(stream="x", id="1"), kind, {field: value}))


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (ISSUE, "See https://acme.atlassian.net/browse/ACME-12."),
        (ISSUE, "[the issue](https://acme.atlassian.net/browse/ACME-12?focusedCommentId=3)"),
        (ISSUE, "<https://ACME.atlassian.net/jira/software/projects/ACME/boards/1?selectedIssue=ACME-12>"),
        (ISSUE, "ACME-12"),
        (ISSUE, "已同步:ACME-12,请勿修改"),
        (ISSUE, "已同步：ACME-12，请勿修改"),
        (CARD, "https://trello.com/c/aBcDeFgH"),
        (CARD, "https://trello.com/c/aBcDeFgH/12-phase-one-renamed"),
        (CARD, "Trello id 5f2b8c0de4a1b2c3d4e5f601"),
        (DEAL, "https://crm.zoho.eu/crm/org20098/tab/Potentials/543783000000012345"),
        (DEAL, "543783000000012345"),
        (DEAL, "https://crm.zoho.com/crm/EntityInfo.do?module=Potentials&id=543783000000012345"),
        (FOLDER, "https://drive.google.com/drive/u/0/folders/1AbCdEfGhIjKlMnOpQrStUvWx-_z?usp=sharing"),
        (FOLDER, "https://drive.google.com/open?id=1AbCdEfGhIjKlMnOpQrStUvWx-_z"),
    ],
)
def test_a_link_a_key_or_an_id_in_a_text_points_at_the_record(target: Record, said: str) -> None:
    assert text(said) & own_addresses(target)


@pytest.mark.parametrize(
    "said",
    [
        "https://acme.atlassian.net/browse/ACME-120",
        "https://other.atlassian.net/browse/ACME-12",
        "ACME-12a",
        "XACME-12",
        "10017",
        "https://trello.com/c/AbCdEfGh/12-phase-1",
        "the number 12, phase 1, 2026",
        "543783000000012345678",
        "https://[broken",
    ],
)
def test_what_only_looks_like_it_points_at_nothing(said: str) -> None:
    targets = (ISSUE, CARD, DEAL, FOLDER)
    assert not any(text(said) & own_addresses(target) for target in targets)


def test_where_to_look_is_said_by_the_model_and_by_the_service() -> None:
    payload: dict[str, Any] = {"Jira_Key": "ACME-12", "Territory": "ACME-12", "fields": {"customfield_1": "ACME-12"}}
    record = Record(stream="Deals", id="1", payload=payload)
    own = own_addresses(ISSUE)
    assert not pointers(record, Kind.PROJECT, {}).keys() & own
    assert pointers(record, Kind.PROJECT, {}, ["Jira_Key"]).keys() & own
    assert pointers(record, Kind.PROJECT, {}, ["customfield_1"]).keys() & own
    assert text("ACME-12", Kind.CUSTOMER, "website") & own
    assert not text("ACME-12", Kind.TASK, "status") & own


def test_an_attachment_that_is_a_link_points_and_links_of_ones_own_system_do_not() -> None:
    link = "https://acme.atlassian.net/browse/ACME-12"
    card = Record(
        stream="cards", id="1", url="https://trello.com/c/x1y2z3", payload={"attachments": [{"name": "x", "url": link}]}
    )
    assert pointers(card, Kind.TASK, {}).keys() & own_addresses(ISSUE)
    sibling = Record(stream="issues", id="2", url="https://acme.atlassian.net/browse/ACME-2", payload={"a": link})
    assert not pointers(sibling, Kind.TASK, {}, own=own_addresses(sibling))


@pytest.mark.parametrize(
    ("values", "payload", "whole"),
    [
        ({"description": "ACME-12"}, {}, True),
        ({"description": " https://acme.atlassian.net/browse/ACME-12\n"}, {}, True),
        ({"description": "blocked by ACME-12"}, {}, False),
        ({"description": "see https://acme.atlassian.net/browse/ACME-12"}, {}, False),
        ({"description": "blocked by ACME-12", "title": "ACME-12"}, {}, True),
        ({"description": "see https://acme.atlassian.net/browse/ACME-12"}, {"Key": "ACME-12"}, True),
        ({"description": "see ACME-12"}, {"attachments": [{"url": ISSUE.url}]}, True),
    ],
)
def test_a_field_that_holds_nothing_else_is_told_from_a_mention(
    values: dict[str, str], payload: dict[str, Any], whole: bool
) -> None:
    found = pointers(Record(stream="x", id="1", payload=payload), Kind.TASK, values, ["Key"])
    assert any(found[address] for address in found.keys() & own_addresses(ISSUE)) is whole


def test_nobody_points_at_himself() -> None:
    record = Record(stream="issues", id="10017", url=ISSUE.url, payload={"key": "ACME-12"})
    assert not pointers(record, Kind.TASK, {"description": "I am ACME-12"}, own=own_addresses(record))


def test_a_record_that_points_at_everything_is_cut_off() -> None:
    assert len(text(" ".join(f"ACME-{number}" for number in range(10_000)))) == MOST


def test_what_a_record_hangs_on_is_told_by_its_own_reference() -> None:
    record = Record(stream="remote_links", id="9", payload={"issue": {"stream": "issues", "id": "10017"}, "id": 9})
    assert list(hung_on(record)) == [("issues", "10017")]
