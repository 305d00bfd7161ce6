"""Jira's words and canonical ones, both ways."""

from __future__ import annotations

import json

import pytest

from connectors.base import Record
from connectors.context import Context
from connectors.jira import CONNECTOR
from connectors.jira.records import Reader
from connectors.jira.sandbox import SANDBOX, JiraSandbox
from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.hosting import SandboxTransport
from mapping.fields import Approximate, Options, Unmappable
from mapping.jira import MAPPING
from mapping.jira.wiki import wiki_to_markdown
from mapping.model import Kind, Loss
from mapping.richtext import normal_markdown
from tests.connectors.jira.conftest import SITE, Tokens
from tests.connectors.jira.test_recorded import READER, SHARED, answers, issues_in, of


def site(language="en"):
    clock = VirtualClock()
    sandbox = JiraSandbox(clock, 1, language)
    settings = CONNECTOR.settings(**SANDBOX.settings(sandbox, SITE))
    return sandbox, CONNECTOR.build(settings, Context("tracker", clock, Tokens(), transport=SandboxTransport(sandbox)))


@pytest.fixture(scope="module")
def description():
    return site()[1].describe()


@pytest.fixture
def mappers(description):
    return MAPPING.build(Options(timezone="Asia/Shanghai"), description)


def issue(**fields):
    kind = {"id": "10003", "hierarchyLevel": 0, "subtask": False}
    return Record(stream="issues", id="1", payload={"id": "1", "fields": {"issuetype": kind, **fields}})


STATUS = {"id": "10001", "name": "In Progress", "statusCategory": {"key": "indeterminate"}}
BOLD = {
    "type": "doc",
    "version": 1,
    "content": [
        {"type": "paragraph", "content": [{"type": "text", "text": "now", "marks": [{"type": "strong"}]}]},
        {"type": "panel", "attrs": {"panelType": "info"}, "content": [{"type": "paragraph", "content": []}]},
    ],
}


def test_broken_users_are_nobody_and_not_all_the_same_person(mappers):
    former = {"accountId": "unknown", "displayName": "Former user", "active": False}
    mapped = mappers["issues"].canon(issue(summary="A", assignee=former))
    assert mapped.values.get("assignee", "absent") == "absent"
    assert mapped.losses == [Loss("assignee", "nobody_named", "Former user")]
    record = READER.comment({"id": "1", "author": former, "updateAuthor": former}, "7")
    assert record.modified_by is None
    deleted = {"accountId": "557058:8b2c", "displayName": "Former user", "active": False}
    assert mappers["issues"].canon(issue(assignee=deleted)).values["assignee"]["account"] == "557058:8b2c"


def test_a_task_in_canonical_words(mappers):
    mapped = mappers["issues"].canon(
        issue(
            summary=" Order the cables ",
            status=STATUS,
            priority={"id": "1", "name": "最高"},
            duedate="2026-12-01",
            resolutiondate="2026-04-28T15:41:27.114+0200",
            assignee={"accountId": "a1", "displayName": "Ann"},
            labels=["b", "a"],
            parent={"id": "7", "fields": {"issuetype": {"hierarchyLevel": 1}}},
            customfield_10020=[{"id": 1}],
        )
    )
    assert mapped.kind is Kind.TASK
    assert mapped.losses == []
    assert mapped.values == {
        "title": "Order the cables",
        "project": {"stream": "epics", "id": "7"},
        "status": "doing",
        "priority": "highest",
        "due_date": "2026-12-01",
        "actual_end": "2026-04-28T13:41:27.114Z",
        "assignee": {"account": "a1", "name": "Ann", "email": None},
        "labels": ["a", "b"],
    }


def test_an_issue_without_an_epic_has_an_empty_project_and_no_parent(mappers):
    values = mappers["issues"].canon(issue(summary="A")).values
    assert values == {"title": "A", "project": None}


def test_a_subtask_has_its_task_as_parent_and_no_project_of_its_own(mappers):
    record = issue(summary="A", parent={"id": "7"})
    record.payload["fields"]["issuetype"] = {"id": "10002", "hierarchyLevel": -1, "subtask": True}
    assert mappers["issues"].canon(record).values == {"title": "A", "parent": {"stream": "issues", "id": "7"}}


def test_an_epic_is_a_project_with_its_assignee_as_manager(mappers):
    fields = {"summary": "新工厂", "assignee": {"accountId": "a1", "displayName": "李雷"}, "status": STATUS}
    mapped = mappers["epics"].canon(Record(stream="epics", id="1", payload={"fields": fields}))
    assert mapped.kind is Kind.PROJECT
    assert mapped.values["name"] == "新工厂"
    assert mapped.values["manager"] == {"account": "a1", "name": "李雷", "email": None}


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (["x"], Kind.TASK),
        (["feedback"], Kind.FEEDBACK),
        (["change"], Kind.CHANGE_REQUEST),
        (["gate", "x"], Kind.MILESTONE),
        (["gate", "feedback"], Kind.FEEDBACK),
    ],
)
def test_a_label_says_what_an_issue_is(description, labels, kind):
    options = Options(labels={"change_request": "change", "milestone": "gate"})
    mapper = MAPPING.build(options, description)["issues"]
    assert mapper.canon(issue(labels=labels)).kind is kind


def test_a_kind_known_by_a_label_is_created_with_it(mappers):
    made = mappers["issues"].unmap(Kind.FEEDBACK, {"title": "Too loud"})
    assert made.values == {"summary": "Too loud", "labels": ["feedback"]}
    changed = mappers["issues"].unmap(Kind.FEEDBACK, {"title": "B"}, issue(labels=["feedback"]).payload)
    assert changed.values == {"summary": "B"}


def test_labels_are_written_as_a_change_to_those_that_were_compared(mappers):
    base = issue(labels=["a", "feedback", "b"]).payload
    made = mappers["issues"].unmap(Kind.TASK, {"labels": ["b", "c"]}, base)
    assert made.values == {"labels": {"add": ["c"], "remove": ["a"]}}
    assert mappers["issues"].unmap(Kind.TASK, {"labels": ["c"]}).values == {"labels": ["c"]}
    assert mappers["issues"].unmap(Kind.TASK, {"labels": ["a", "b"]}, base).values == {}
    for made in (
        mappers["issues"].unmap(Kind.TASK, {"labels": ["b", "two words", "c"]}),
        mappers["issues"].unmap(Kind.TASK, {"labels": ["b", "two words", "c"]}, base),
    ):
        assert made.values["labels"] in (["b", "c"], {"add": ["c"], "remove": ["a"]})
        assert made.losses == [Loss("labels", "label_with_space", "two words")]


@pytest.mark.parametrize(
    ("value", "target"),
    [("todo", "new"), ("doing", "indeterminate"), ("done", "done")],
)
def test_a_status_is_asked_for_by_category(mappers, value, target):
    made = mappers["issues"].unmap(Kind.TASK, {"status": value})
    assert made.values == {"status": {"statusCategory": {"key": target}}}
    assert mappers["issues"].normalise(Kind.TASK, "status", value) == value


def test_a_status_of_the_right_class_stays_which_it_is(mappers):
    review = {"id": "10002", "name": "In Review", "statusCategory": {"key": "indeterminate"}}
    made = mappers["issues"].unmap(Kind.TASK, {"status": "doing"}, issue(status=review).payload)
    assert made.values == {"status": {"id": "10002"}}


def test_statuses_may_be_configured_by_id_or_name(description):
    options = Options(values={"status": {"10002": "cancelled", "Abandoned": "cancelled"}})
    mapper = MAPPING.build(options, description)["issues"]
    assert mapper.canon(issue(status={"id": "10002", "name": "In Review"})).values["status"] == "cancelled"
    assert mapper.canon(issue(status={"id": "5", "name": "Abandoned"})).values["status"] == "cancelled"
    assert mapper.unmap(Kind.TASK, {"status": "cancelled"}).values == {"status": {"id": "10002"}}
    # 10002 is of the category that "doing" would name, so the other status of it is named by id.
    assert mapper.unmap(Kind.TASK, {"status": "doing"}).values["status"]["id"] == "10001"


def test_what_jira_cannot_hold_is_a_loss(mappers):
    mapper = mappers["issues"]
    assert mapper.unmap(Kind.TASK, {"status": "cancelled"}).losses == [Loss("status", "no_such_value", "cancelled")]
    assert mapper.unmap(Kind.TASK, {"title": "x" * 256}).losses == [Loss("title", "too_long", 255)]
    with pytest.raises(Unmappable):
        mapper.normalise(Kind.TASK, "status", "cancelled")
    unknown = mapper.canon(issue(status={"id": "77", "name": "?"}))
    assert (unknown.values.get("status"), unknown.losses) == (None, [Loss("status", "unknown_value", "?")])


def test_a_title_of_two_lines_becomes_one(mappers):
    assert mappers["issues"].normalise(Kind.TASK, "title", "One\nTwo") == "One Two"


def test_projects_and_parents_share_one_field_of_jira(mappers):
    mapper = mappers["issues"]
    epic, task = {"stream": "epics", "id": "7"}, {"stream": "issues", "id": "8"}
    assert mapper.unmap(Kind.TASK, {"project": epic}).values == {"parent": {"id": "7"}}
    assert mapper.unmap(Kind.TASK, {"project": epic, "parent": task}).values == {"parent": {"id": "8"}}
    base = issue(parent={"id": "7"}).payload
    assert mapper.unmap(Kind.TASK, {"project": None}, base).values == {"parent": None}
    onto = mapper.unmap(Kind.TASK, {"parent": task}, base)
    assert (onto.values, onto.losses) == ({}, [Loss("parent", "not_a_subtask", task)])
    assert mapper.unmap(Kind.TASK, {"project": task}).losses == [Loss("project", "other_stream", task)]


def test_rich_text_keeps_what_markdown_cannot_say(mappers):
    mapper = mappers["issues"]
    record = issue(description=BOLD)
    text = mapper.canon(record).values["description"]
    assert text.startswith("**now**")
    same = mapper.unmap(Kind.TASK, {"description": text}, record.payload).values["description"]
    assert same == BOLD
    more = mapper.unmap(Kind.TASK, {"description": text + "\n\nlater"}, record.payload).values["description"]
    assert more["content"][:2] == BOLD["content"]


def test_custom_fields_hold_what_the_configuration_says(description):
    options = Options(
        timezone="Asia/Shanghai",
        currency="CNY",
        custom={
            "issues": {"start_date": "customfield_10015"},
            "epics": {"revenue": "customfield_10200", "stage": "customfield_10201", "account_manager": "customfield_1"},
        },
        values={"stage": {"Won": "won", "Open": "open"}},
    )
    mappers = MAPPING.build(options, description)
    assert mappers["issues"].canon(issue(customfield_10015="2026-11-20")).values["start_date"] == "2026-11-20"
    written = mappers["issues"].unmap(Kind.TASK, {"start_date": "2026-11-20T20:00:00.000Z"}).values
    assert written == {"customfield_10015": "2026-11-21"}
    fields = {"customfield_10200": 1200.5, "customfield_10201": {"id": "1", "value": "Won"}, "customfield_1": None}
    values = mappers["epics"].canon(Record(stream="epics", id="1", payload={"fields": fields})).values
    assert values == {"revenue": {"amount": "1200.5", "currency": "CNY"}, "stage": "won", "account_manager": None}
    made = mappers["epics"].unmap(Kind.PROJECT, {"stage": "open", "revenue": {"amount": "7", "currency": "CNY"}})
    assert made.values == {"customfield_10201": {"value": "Open"}, "customfield_10200": 7}


def test_a_comment_knows_its_place_author_and_time(mappers):
    payload = {
        "id": "5",
        "issue": {"id": "1", "stream": "epics"},
        "body": BOLD,
        "author": {"accountId": "a1", "displayName": "Ann"},
        "created": "2026-04-28T15:41:27.114+0200",
    }
    mapper = mappers["comments"]
    values = mapper.canon(Record(stream="comments", id="1-5", payload=payload)).values
    assert values["parent"] == {"stream": "epics", "id": "1"}
    assert values["created"] == "2026-04-28T13:41:27.114Z"
    assert values["author"]["account"] == "a1"
    made = mapper.unmap(Kind.COMMENT, {"parent": values["parent"], "body": "Hi"})
    assert made.values["issue"] == {"id": "1", "stream": "epics"}
    changed = mapper.unmap(Kind.COMMENT, {"parent": values["parent"], "body": "Ho"}, payload)
    assert set(changed.values) == {"body"}
    assert changed.losses == []


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"visibility": {"type": "role", "value": "Administrators"}}, ["visibility"]),
        ({"visibility": {"type": "group", "value": "team"}, "jsdPublic": True}, ["visibility"]),
        ({"jsdPublic": False}, ["jsdPublic"]),
        ({"jsdPublic": True}, []),
        ({}, []),
    ],
)
def test_what_a_comment_says_to_some_only_is_not_carried(mappers, more, told):
    payload = {
        "issue": {"id": "1", "stream": "issues"},
        "body": BOLD,
        "author": {"accountId": "a1", "displayName": "Ann"},
        **more,
    }
    mapped = mappers["comments"].canon(Record(stream="comments", id="1-5", payload=payload))
    assert ("body" in mapped.values) is (not told)
    assert [loss.field for loss in mapped.losses if loss.why == "restricted"] == told


def test_a_file_lies_under_its_issue_and_is_named_when_it_is_made(mappers):
    payload = {
        "issue": {"id": "1", "stream": "issues"},
        "filename": "plan.pdf",
        "author": {"accountId": "a1", "displayName": "Ann"},
        "created": "2026-04-28T15:41:27.114+0200",
        "mimeType": "application/pdf",
        "size": 4,
    }
    mapper = mappers["attachments"]
    values = mapper.canon(Record(stream="attachments", id="1-5", payload=payload)).values
    assert values == {
        "parent": {"stream": "issues", "id": "1"},
        "title": "plan.pdf",
        "author": {"account": "a1", "name": "Ann", "email": None},
        "created": "2026-04-28T13:41:27.114Z",
        "mime_type": "application/pdf",
        "size": 4,
    }
    made = mapper.unmap(Kind.ATTACHMENT, values).values
    assert made == {"issue": {"id": "1", "stream": "issues"}, "filename": "plan.pdf"}
    assert mapper.unmap(Kind.ATTACHMENT, {"parent": {"stream": "cards", "id": "k"}}).losses[0].why == "other_stream"


def test_a_link_is_a_document_of_its_epic(mappers):
    payload = {"object": {"title": "Plan", "url": "https://x.example/p"}, "issue": {"id": "1", "stream": "epics"}}
    mapper = mappers["remote_links"]
    values = mapper.canon(Record(stream="remote_links", id="1-2", payload=payload)).values
    assert values == {"title": "Plan", "url": "https://x.example/p", "project": {"stream": "epics", "id": "1"}}
    assert mapper.unmap(Kind.DOCUMENT, values).values == {
        "object": {"title": "Plan", "url": "https://x.example/p"},
        "issue": {"id": "1", "stream": "epics"},
    }
    assert mapper.unmap(Kind.DOCUMENT, {"title": "B"}, payload).values == {"object": {"title": "B"}}


def test_what_is_written_reads_back_the_same_on_a_localised_site():
    sandbox, jira = site("zh")
    mappers = MAPPING.build(Options(timezone="Asia/Shanghai"), jira.describe())
    values = {
        "title": "订购电缆",
        "description": "# 目标\n\n- **快**\n- 便宜",
        "status": "todo",
        "priority": "low",
        "due_date": "2026-12-01",
        "labels": ["电缆"],
    }
    id = sandbox.create("李雷", "issues", mappers["issues"].unmap(Kind.TASK, values).values)
    [record] = jira.get("issues", [id])
    mapped = mappers["issues"].canon(record)
    assert {name: mapped.values[name] for name in values} == values
    assert mapped.losses == []


WRITTEN = ("title", "name", "description", "due_date", "labels", "assignee", "manager", "project", "parent")


@pytest.mark.parametrize("entry", of("issues"))
def test_recorded_issues_survive_the_round_trip(mappers, entry):
    for payload in issues_in(entry):
        if "fields" not in payload:
            continue
        record = READER.issue(payload)
        mapper = mappers[record.stream]
        mapped = mapper.canon(record)
        assert not [loss for loss in mapped.losses if loss.why == "unreadable"], mapped.losses
        own = {name: value for name, value in mapped.values.items() if name in WRITTEN and value is not None}
        back = mapper.unmap(mapped.kind, own)
        assert not [loss for loss in back.losses if loss.why != "label_with_space"], back.losses
        fields = {**back.values, "issuetype": record.payload["fields"].get("issuetype")}
        again = mapper.canon(Record(stream=record.stream, id=record.id, payload={"fields": fields})).values
        for name, value in own.items():
            if name in ("assignee", "manager"):
                assert again[name]["account"] == value["account"]
            else:
                assert again[name] == value, name
        unchanged = mapper.unmap(mapped.kind, {n: own[n] for n in own if n == "description"}, record.payload).values
        original = record.payload["fields"].get("description")
        if isinstance(original, dict):
            assert unchanged == {"description": original}


@pytest.mark.parametrize("entry", of("comments", "answer:comments"))
def test_recorded_comments_survive_the_round_trip(mappers, entry):
    for body in answers(entry):
        for comment in body.get("comments", [body]):
            mapped = mappers["comments"].canon(READER.comment(comment, "10002"))
            assert mapped.losses == []
            text = mapped.values["body"]
            assert text
            assert mapped.values["author"]["account"]
            written = mappers["comments"].unmap(Kind.COMMENT, {"body": text}).values["body"]
            assert (
                mappers["comments"].canon(Reader(SITE).comment({**comment, "body": written}, "10002")).values["body"]
                == text
            )


@pytest.mark.parametrize("entry", of("adf"))
def test_recorded_documents_come_back_node_for_node_when_their_text_is_unchanged(mappers, entry):
    document = json.loads((SHARED / "recorded" / entry["file"]).read_text())
    record = issue(description=document)
    text = mappers["issues"].canon(record).values["description"]
    if text is not None:
        written = mappers["issues"].unmap(Kind.TASK, {"description": text}, record.payload).values
        assert written == {"description": document}


@pytest.mark.parametrize(
    ("wiki", "markdown"),
    [
        ("h2. Goal\n\n*fast* and _cheap_, -not late-", "## Goal\n\n**fast** and *cheap*, ~~not late~~"),
        ("* one\n* two\n** deeper", "- one\n- two\n   - deeper"),
        ("* \n* two", "*\n\n- two"),
        ("see [the plan|https://x.example/p]", "see [the plan](https://x.example/p)"),
        ("{code:python}\na*b*c\n{code}", "```python\na*b*c\n```"),
        ("3*4 and snake_case_name and 2026-11-20", "3*4 and snake_case_name and 2026-11-20"),
        ("{*}Goal{*}: {color:#de350b}now{color}", "**Goal**: now"),
        ("https://x.example/_a_b_ *now*", "https://x.example/\\_a_b\\_ **now**"),
        ("[https://x.example/p|https://x.example/p|smart-link]", "<https://x.example/p>"),
        ("brackets \\[ and \\{ and 5 \\+ 5", "brackets \\[ and { and 5 + 5"),
    ],
)
def test_wiki_markup_says_the_same_in_markdown(wiki, markdown):
    assert wiki_to_markdown(wiki) == normal_markdown(markdown)
    assert not isinstance(wiki_to_markdown(wiki), Approximate)


@pytest.mark.parametrize(
    "wiki",
    [
        "ask [~accountid:712020:f1ad] first",
        "!screenshot-1.png|width=200,height=183!",
        "[^plan.pdf]",
        "||Name||Day||\n|a|b|",
        "{panel:bgColor=#deebff}\nMind this\n{panel}",
        "+mind+ this, H{~}2{~}O",
        "(/) done :)",
        "one\\\\two",
        "text {noformat}a*b*c{noformat}",
    ],
)
def test_wiki_markup_that_says_more_than_markdown_is_approximate(mappers, wiki):
    assert isinstance(wiki_to_markdown(wiki), Approximate)
    assert isinstance(mappers["issues"].canon_field(Kind.TASK, "description", wiki), Approximate)


def test_the_history_of_a_description_compares_with_the_text_itself(mappers):
    sandbox, jira = site()
    first, second = "Plain and **bold**", "# Goal\n\n- one\n- two\n\n`code` and [link](https://x.example/p)"
    mapper = mappers["issues"]
    id = sandbox.create("Ann", "issues", mapper.unmap(Kind.TASK, {"title": "A", "description": first}).values)
    sandbox.edit("Ann", "issues", id, mapper.unmap(Kind.TASK, {"description": second}).values)
    [change] = jira.history("issues", [id], "2026-11-01T00:00:00.000Z")
    sides = [issue(description=text) for text in (change.old, change.new)]
    assert [mapper.canon(side).values["description"] for side in sides] == [
        mapper.normalise(Kind.TASK, "description", text) for text in (first, second)
    ]
