"""Drive's words and the canonical ones, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from connectors.base import Record
from connectors.google_drive.description import describe
from mapping.categories import category_of
from mapping.fields import Mapper, Options
from mapping.google_drive import MAPPING
from mapping.model import Kind, Loss


@pytest.fixture
def mappers() -> Mapping[str, Mapper]:
    return MAPPING.build(Options(), describe())


def row(stream: str, **payload: Any) -> Record:
    return Record(stream=stream, id="id-1", payload={"id": "id-1", **payload})


def test_streams_that_mean_something_have_a_mapper(mappers: Mapping[str, Mapper]) -> None:
    assert {name: mapper.kinds for name, mapper in mappers.items()} == {
        "client_folders": (Kind.CUSTOMER,),
        "project_folders": (Kind.PROJECT,),
        "category_folders": (Kind.FOLDER,),
        "files": (Kind.DOCUMENT,),
        "comments": (Kind.FEEDBACK,),
    }


def test_a_folder_is_named_when_made_and_never_again(mappers: Mapping[str, Mapper]) -> None:
    mapper = mappers["client_folders"]
    assert mapper.unmap(Kind.CUSTOMER, {"name": "青云科技", "phone": "1"}).values == {"name": "青云科技"}
    assert mapper.unmap(Kind.CUSTOMER, {"name": "New"}, {"name": "Old"}).values == {}
    assert mapper.mode(Kind.CUSTOMER, "name") == "create"
    assert mapper.mode(Kind.CUSTOMER, "phone") == "absent"
    assert mapper.canon(row("client_folders", name="Old", ancestors=[])).values == {"name": "Old"}


def test_a_project_folder_goes_into_its_customers_folder(mappers: Mapping[str, Mapper]) -> None:
    mapper = mappers["project_folders"]
    customer = {"stream": "client_folders", "id": "c"}
    made = mapper.unmap(Kind.PROJECT, {"name": "Website", "customer": customer, "stage": "won"})
    assert made.values == {"name": "Website", "parents": ["c"]}
    assert made.losses == []
    shown = mapper.canon(row("project_folders", name="Website", parents=["c"], ancestors=["c"]))
    assert shown.values == {"name": "Website", "customer": customer}
    assert mapper.mode(Kind.PROJECT, "customer") == "create"
    assert mapper.normalise(Kind.PROJECT, "customer", customer) == customer
    assert mapper.unmap(Kind.PROJECT, {"customer": customer}, {"parents": ["x"]}).values == {}, "never moved by a value"


def test_a_category_folder_goes_into_its_projects_folder(mappers: Mapping[str, Mapper]) -> None:
    mapper = mappers["category_folders"]
    project = {"stream": "project_folders", "id": "p"}
    made = mapper.unmap(Kind.FOLDER, {"name": "需求文档", "project": project, "category": "requirements"})
    assert made.values == {"name": "需求文档", "parents": ["p"]}
    shown = mapper.canon(row("category_folders", name="需求文档", parents=["p"], ancestors=["c", "p"]))
    assert shown.values == {"name": "需求文档", "project": project, "category": "requirements"}
    assert shown.losses == []


@pytest.mark.parametrize(
    ("name", "category"),
    [
        pytest.param(name, category, id=name)
        for category, names in {
            "plan": ["Plan", "1. Project plan", "Projektplan", "01_Planung", "项目计划"],
            "requirements": ["REQUIREMENTS", "Anforderungen", "2) Pflichtenheft", "需求文档"],
            "design": ["Design", "Entwurf", "设计文档"],
            "test": ["Tests", "Prüfung", "Pru\u0308fung", "测试文档"],
            "report": ["Report", "Abschlussbericht", "5 项目报告"],
        }.items()
        for name in names
    ],
)
def test_categories_are_known_by_their_names(name: str, category: str) -> None:
    assert category_of(name) == category


def test_an_unknown_category_is_a_loss_unless_the_configuration_knows_it(mappers: Mapping[str, Mapper]) -> None:
    folder = row("category_folders", name="Fotos", parents=["p"], ancestors=["c", "p"])
    shown = mappers["category_folders"].canon(folder)
    assert "category" not in shown.values
    assert shown.losses == [Loss("name", "unknown_category", "Fotos")]
    own = MAPPING.build(Options(values={"category": {"fotos": "report"}}), describe())
    assert own["category_folders"].canon(folder).values["category"] == "report"


@pytest.mark.parametrize(
    ("ancestors", "folder", "project"),
    [
        ([], None, None),
        (["c"], {"stream": "client_folders", "id": "c"}, None),
        (["c", "p"], {"stream": "project_folders", "id": "p"}, {"stream": "project_folders", "id": "p"}),
        (["c", "p", "k"], {"stream": "category_folders", "id": "k"}, {"stream": "project_folders", "id": "p"}),
        (["c", "p", "k", "f", "g"], {"stream": "folders", "id": "g"}, {"stream": "project_folders", "id": "p"}),
    ],
)
def test_a_file_is_a_document_in_a_folder_of_a_project(
    mappers: Mapping[str, Mapper], ancestors: list[str], folder: Any, project: Any
) -> None:
    shown = mappers["files"].canon(
        row(
            "files",
            name="Plan.pdf",
            webViewLink="https://drive.google.com/file/d/1/view",
            parents=["x"],
            ancestors=ancestors,
            mimeType="application/pdf",
            md5Checksum="abc",
        )
    )
    assert shown.values == {
        "title": "Plan.pdf",
        "url": "https://drive.google.com/file/d/1/view",
        "folder": folder,
        "project": project,
        "mime_type": "application/pdf",
        "content_hash": "abc",
    }
    assert shown.losses == []


def test_of_a_document_only_the_title_is_written(mappers: Mapping[str, Mapper]) -> None:
    mapper = mappers["files"]
    values = {"title": "New", "url": "u", "mime_type": "x", "content_hash": "h", "folder": {"stream": "f", "id": "k"}}
    assert mapper.unmap(Kind.DOCUMENT, values, {"name": "Old"}).values == {"name": "New"}
    assert mapper.unmap(Kind.DOCUMENT, values).values == {"name": "New", "parents": ["k"]}
    assert mapper.normalise(Kind.DOCUMENT, "title", " New\r\n") == "New"
    modes = {name: mapper.mode(Kind.DOCUMENT, name) for name in ("title", "url", "folder", "project")}
    assert modes == {"title": "both", "url": "read", "folder": "once", "project": "read"}


def test_a_google_document_has_no_hash_and_that_is_absent_not_empty(mappers: Mapping[str, Mapper]) -> None:
    shown = mappers["files"].canon(row("files", name="n", mimeType="application/vnd.google-apps.document"))
    assert "content_hash" not in shown.values


def test_a_comment_is_feedback_and_nothing_of_it_is_written(mappers: Mapping[str, Mapper]) -> None:
    mapper = mappers["comments"]
    shown = mapper.canon(
        row(
            "comments",
            content="The date is wrong.\nPlease check.",
            author={"displayName": "Carla", "me": False},
            createdTime="2026-11-02T01:00:00.000Z",
            ancestors=["c", "p", "k"],
        )
    )
    assert shown.values == {
        "title": "The date is wrong.",
        "description": "The date is wrong.\nPlease check.",
        "customer": {"stream": "client_folders", "id": "c"},
        "project": {"stream": "project_folders", "id": "p"},
        "status": "todo",
        "reporter": {"account": "Carla", "name": "Carla", "email": None},
        "created": "2026-11-02T01:00:00.000Z",
    }
    assert mapper.canon(row("comments", content="x", resolved=True)).values["status"] == "done"
    known = {"displayName": "Carla", "emailAddress": "c@x.example", "permissionId": "7"}
    assert mapper.canon(row("comments", author=known)).values["reporter"]["account"] == "7"
    assert mapper.unmap(Kind.FEEDBACK, shown.values).values == {}
    assert mapper.unmap(Kind.FEEDBACK, shown.values, {"content": "x"}).values == {}
    for name in shown.values:
        assert mapper.mode(Kind.FEEDBACK, name) == "read"


@pytest.mark.parametrize(
    ("beside", "losses"),
    [
        ({}, []),
        ({"quotedFileContent": {"mimeType": "text/html", "value": "5 May"}}, [("quotedFileContent", "5 May")]),
        ({"quotedFileContent": {}, "replies": []}, []),
        ({"replies": [{"id": "1", "content": "Yes"}, {"id": "2", "content": "No"}]}, [("replies", ["Yes", "No"])]),
        ({"resolved": True, "replies": [{"id": "1", "action": "resolve"}]}, []),
        ({"resolved": True, "replies": [{"id": "1", "action": "resolve", "content": "Done"}]}, [("replies", ["Done"])]),
        ({"replies": [{"id": "1", "deleted": True, "content": "gone"}, None, "odd"]}, []),
        ({"replies": "odd", "quotedFileContent": "odd"}, []),
    ],
)
def test_what_stands_beside_a_comment_is_told_as_lost(
    mappers: Mapping[str, Mapper], beside: dict[str, Any], losses: list[tuple[str, Any]]
) -> None:
    shown = mappers["comments"].canon(row("comments", content="The date is wrong.", ancestors=["c", "p"], **beside))
    assert shown.losses == [Loss(field, "not_carried", value) for field, value in losses]
    assert shown.values["status"] == ("done" if beside.get("resolved") else "todo")


def test_a_long_first_line_is_cut_at_a_word(mappers: Mapping[str, Mapper]) -> None:
    title = mappers["comments"].canon(row("comments", content="word " * 40)).values["title"]
    assert title.endswith("word…")
    assert len(title) <= 81


@pytest.mark.parametrize("value", [7, ["x"], {"a": 1}])
def test_odd_data_is_a_loss_and_never_raises(mappers: Mapping[str, Mapper], value: Any) -> None:
    for stream, mapper in mappers.items():
        payload = dict.fromkeys(
            ("name", "parents", "ancestors", "content", "author", "createdTime", "webViewLink"), value
        )
        mapped = mapper.canon(row(stream, **payload))
        assert isinstance(mapped.losses, list)
    assert mappers["files"].canon(row("files", name=value)).losses == [Loss("name", "not_text", type(value).__name__)]
