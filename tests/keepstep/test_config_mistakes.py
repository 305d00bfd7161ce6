"""Each mistake in ``keepstep.yaml``: its place, its cure, and no secret in it."""

from __future__ import annotations

from typing import Any

import pytest

from keepstep.config import ConfigurationError, loads
from keepstep.language import LANGUAGES, say
from tests.keepstep.configurations import ENVIRON, problems, told, with_connection, with_sync
from tests.keepstep.plugins import registry


@pytest.mark.parametrize(
    ("text", "expected", "params"),
    [
        pytest.param(with_connection("stoer: x\n"), ("unknown_key", 4, 1), {"nearest": "store"}, id="unknown key"),
        pytest.param(with_connection("version: 1\n"), ("duplicate_key", 4, 1), {"first": 1}, id="duplicate key"),
        pytest.param(with_connection("language: zh\n"), ("not_one_of", 4, 11), {"nearest": "zh-CN"}, id="language"),
        pytest.param(
            with_connection("timezone: Asia/Shangai\n"), ("bad_zone", 4, 11), {"nearest": "Asia/Shanghai"}, id="zone"
        ),
        pytest.param(with_connection("x: !!python/name:os a\n"), ("yaml_tag", 4, 4), {}, id="tag"),
        pytest.param(with_connection("<<: {a: 1}\n"), ("yaml_merge", 4, 1), {}, id="merge"),
        pytest.param(with_connection("? [a]\n: b\n"), ("key_not_text", 4, 3), {}, id="key"),
        pytest.param(
            with_connection("first_sync: {won_days: -1}\n"), ("out_of_range", 4, 24), {"limit": 0}, id="range"
        ),
        pytest.param(with_connection("people: [{c: x}]\n"), ("unknown_connection", 4, 11), {"name": "c"}, id="person"),
        pytest.param(
            with_connection("people: [{b: x}, {b: X}]\n"), ("person_twice", 4, 22), {"first": 1}, id="same person"
        ),
        pytest.param(
            with_connection("documents: {categories: [paln]}\n"),
            ("not_one_of", 4, 26),
            {"nearest": "plan", "key": "categories"},
            id="category",
        ),
        pytest.param(
            with_connection("changes_to_tasks: {watch: [b.cards]}\n"),
            ("bad_watch", 4, 28),
            {"value": "b.cards"},
            id="watch",
        ),
        pytest.param(
            with_connection("  c: {system: bord}\n"), ("unknown_system", 4, 15), {"nearest": "board"}, id="system"
        ),
        pytest.param(
            with_connection("  c: {system: lost}\n"),
            ("plugin_broken", 4, 15),
            {"reason": "ImportError: no module named 'lost'"},
            id="broken plugin",
        ),
        pytest.param(
            with_connection("  in: {system: crm_system}\n"), ("bad_connection_name", 4, 3), {"value": "in"}, id="name"
        ),
        pytest.param(
            with_connection("  c: {system: board, url: 'https://x'}\n"),
            ("missing_key", 4, 3),
            {"key": "token"},
            id="missing",
        ),
        pytest.param(
            with_connection("  c: {system: crm_system, data_centre: x}\n"),
            ("unknown_key", 4, 27),
            {"nearest": "data_center"},
            id="setting",
        ),
        pytest.param(
            with_connection("  c: {system: crm_system, acess: read}\n"),
            ("unknown_key", 4, 27),
            {"nearest": "access"},
            id="own key of a connection",
        ),
        pytest.param(
            with_connection("  c: {system: crm_system, values: {stage: {A: Won}}}\n"),
            ("not_one_of", 4, 47),
            {"nearest": "won"},
            id="class",
        ),
        pytest.param(
            with_connection("  c: {system: crm_system, custom: {Deals: {bugdet: x}}}\n"),
            ("unknown_field", 4, 44),
            {},
            id="custom",
        ),
        *(
            pytest.param(
                with_connection(f"  c: {{system: crm_system, transforms: {{Deals: {{{pair}}}}}}}\n"),
                expected,
                params,
                id=f"transform {pair}",
            )
            for pair, expected, params in (
                ("nme: {read: value}", ("unknown_field", 4, 48), {"nearest": "name"}),
                ("customer: {read: value}", ("transform_unfit", 4, 48), {"field": "customer", "form": "ref"}),
                ("name: {}", ("transform_empty", 4, 48), {}),
                ("name: {read: vlaue}", ("unknown_variable", 4, 61), {"nearest": "value"}),
                ("name: {write: value.uper()}", ("unknown_function", 4, 62), {"nearest": "upper"}),
                ("name: {write: '1 +'}", ("expression_syntax", 4, 66), {}),
            )
        ),
        pytest.param(
            with_connection(
                "  c: {system: board, url: 'https://b', token: x, transforms: {card: {name: {read: value}}}}\n"
            ),
            ("unknown_stream", 4, 63),
            {"nearest": "cards"},
            id="transforms of what",
        ),
        *(
            pytest.param(
                with_connection(f"  c: {{system: crm_system, budget: {budget}}}\n"),
                ("bad_budget", 4, 35),
                {"value": budget},
                id=f"budget of {budget}",
            )
            for budget in ("99", "0%", "110%", "a lot", "12.5", "true")
        ),
        pytest.param(with_sync("every: 5 minutes"), ("bad_duration", 8, 12), {"value": "5 minutes"}, id="duration"),
        pytest.param(with_sync("leave: follow"), ("not_one_of", 8, 12), {"known": ["park"]}, id="leave"),
        pytest.param(with_sync("match: [titel]"), ("unknown_field", 8, 13), {"nearest": "title"}, id="match"),
        pytest.param(with_sync("fields: {titel: {}}"), ("unknown_field", 8, 14), {"nearest": "title"}, id="field"),
        pytest.param(
            with_sync("fields: {title: {policy: set}}"),
            ("policy_unfit", 8, 30),
            {"known": ["append", "ask", "newest", "owner"]},
            id="policy",
        ),
        pytest.param(
            with_sync("fields: {title: {policy: owner}}"), ("owner_missing", 8, 30), {"known": ["b"]}, id="owner"
        ),
        pytest.param(
            with_sync("fields: {title: {policy: owner, owner: c}}"),
            ("unknown_connection", 8, 44),
            {},
            id="owner unknown",
        ),
        pytest.param(with_sync("fields: {title: {owner: b}}"), ("owner_unused", 8, 22), {}, id="owner unused"),
        pytest.param(with_sync("first: owner"), ("owner_missing", 8, 12), {"key": "first"}, id="first"),
        pytest.param(
            with_sync("fields: {title: {direction: forward}}"), ("direction_unused", 8, 22), {}, id="direction"
        ),
        pytest.param(
            with_sync("fields: {title: {sides: {c: read}}}"), ("unknown_connection", 8, 30), {"name": "c"}, id="whose"
        ),
        pytest.param(
            with_sync("fields: {title: {sides: {b: folow}}}"), ("not_one_of", 8, 33), {"nearest": "follow"}, id="mode"
        ),
        pytest.param(
            with_sync("fields: {title: {sides: {b: follow}}}"), ("field_without_source", 8, 22), {}, id="no source"
        ),
        pytest.param(with_sync("with: [comment]"), ("not_one_of", 8, 12), {"nearest": "comments"}, id="with"),
        pytest.param(
            with_sync("with: [comments]", "customer"),
            ("rides_with_none", 8, 12),
            {"what": "comments", "entity": "customer"},
            id="rides with none",
        ),
        pytest.param(with_sync("with: [comments, comments]"), ("rides_twice", 8, 22), {}, id="rides twice"),
        pytest.param(
            with_sync("with: [checklist]"), ("holds_no_checklist", 8, 12), {"side": "b.cards"}, id="no checklist"
        ),
        pytest.param(
            with_sync("with: [checklist]", "milestone"),
            ("rides_with_none", 8, 12),
            {"what": "checklist", "known": ["task"]},
            id="checklist of no task",
        ),
        pytest.param(with_sync("comments: {older: carry}"), ("rules_unused", 8, 5), {}, id="comments unused"),
        pytest.param(
            with_sync("attachments: {largest: 25 megs}\n    with: [attachments]"),
            ("bad_size", 8, 28),
            {"value": "25 megs"},
            id="size",
        ),
        pytest.param(
            with_sync("create: {b.card: {}}"), ("create_not_a_side", 8, 14), {"nearest": "b.cards"}, id="create"
        ),
        pytest.param(with_sync("create: {bcards: {}}"), ("bad_side", 8, 14), {"value": "bcards"}, id="side"),
        pytest.param(
            with_connection("retention: {audit: 30d, before_images: 12h}\n"),
            ("retention_short", 4, 40),
            {"key": "before_images"},
            id="retention",
        ),
        pytest.param(with_sync("where: 'b.x =='"), ("expression_syntax", 8, 19), {}, id="expression"),
        pytest.param(
            with_sync("where: |\n      b.x &&\n      +"), ("expression_syntax", 10, 1), {}, id="expression, block"
        ),
        pytest.param(
            with_sync("where: 'b.title.upper() == entity.title'"), ("unknown_function", 8, 12), {}, id="function"
        ),
        pytest.param(with_sync("where: 'crn.x'"), ("unknown_variable", 8, 12), {"name": "crn"}, id="variable"),
        pytest.param(
            with_sync("where: 'b.statsu_class == \"done\"'"),
            ("unknown_field", 8, 15),
            {"field": "statsu_class", "nearest": "status_class"},
            id="member",
        ),
        pytest.param(
            with_sync("where: 'b.title != \"b.x\" && has( entity . lables )'"),
            ("unknown_field", 8, 47),
            {"field": "lables", "nearest": "labels"},
            id="member that is asked for",
        ),
        pytest.param(
            with_sync("where: |\n      b.title != '' &&\n      b['tilte'] != ''"),
            ("unknown_field", 10, 3),
            {"field": "tilte", "nearest": "title"},
            id="member by index",
        ),
        pytest.param(
            with_sync("where: 'b.stage_class == \"won\"'"), ("unknown_field", 8, 15), {}, id="member of another kind"
        ),
        pytest.param(
            with_sync("create: {b.cards: {a: '=b.status_class'}}"),
            ("unknown_field", 8, 31),
            {"nearest": "status"},
            id="member in a place",
        ),
        pytest.param(
            with_sync("where: 'b.x == \"${TOKEN}\"'"),
            ("variable_in_expression", 8, 12),
            {},
            id="from outside",
        ),
        pytest.param(
            with_sync("create: {b.cards: {a: '=b. '}}"), ("expression_syntax", 8, 32), {}, id="expression of a place"
        ),
        pytest.param(
            with_connection("syncs: {s: {entity: task, sides: [b.cadrs]}}\n"),
            ("unknown_stream", 4, 35),
            {"nearest": "cards"},
            id="stream",
        ),
        pytest.param(
            with_connection("syncs: {s: {entity: task, sides: [b.cards, b.cards]}}\n"),
            ("side_twice", 4, 44),
            {},
            id="twice",
        ),
        pytest.param(
            with_connection("syncs: {s: {entity: task, sides: []}}\n"), ("too_few", 4, 34), {"least": 1}, id="no side"
        ),
        pytest.param(
            with_connection("syncs: {s: {entity: taks, sides: [b.cards]}}\n"),
            ("not_one_of", 4, 21),
            {"nearest": "task"},
            id="kind",
        ),
        pytest.param(
            with_connection("store: '${NO_SUCH}'\n"), ("variable_missing", 4, 8), {"name": "NO_SUCH"}, id="no variable"
        ),
        pytest.param(
            with_connection("store: '${EMPTY}'\n"), ("variable_empty", 4, 8), {"name": "EMPTY"}, id="empty variable"
        ),
        pytest.param(
            with_connection("store: 'a${TOKEN:-x}'\n"),
            ("variable_malformed", 4, 8),
            {"text": "${TOKEN:-x}"},
            id="odd variable",
        ),
    ],
)
def test_each_mistake_has_a_place_and_a_cure(text: str, expected: tuple[str, int, int], params: dict[str, Any]) -> None:
    found = [each for each in problems(text) if each.code == expected[0]]
    assert [(each.code, each.line, each.column) for each in found] == [expected]
    assert dict(found[0].params) | params == dict(found[0].params)
    for language in LANGUAGES:
        assert say(found[0].code, found[0].params, language)


@pytest.mark.parametrize(
    "where",
    [
        'b.status_class == "done" && entity.priority_class != "low" && b.priority == "low"',
        'b["title"] == "b.x" || b.title == "\\"b.x" || has(b.labels)  // b.x',
        'size(b) > 0 && b.size() > 0 && b.title.size() > 0 && "x" in b && title == entity.title',
        'b.labels.exists(b, b.x == 1) || b.assignee.x == "y" || [b].all(each, each.x == 1)',
        'b . title == "" || b.exists(key, b[key] == "b.x") || b[title] == ""',
        'r\'b.x\\\' == \'\' || """b.x " b.x""" == title || {\'b\': 1}.b == 1',
    ],
)
def test_what_an_expression_can_name_is_left_alone(where: str) -> None:
    text = with_sync(f"where: |\n      {where}\n")
    assert loads(text, ENVIRON, registry()).syncs["s"].where == f"{where}\n"


def test_a_place_to_create_in_must_be_writable() -> None:
    text = with_sync("create: {b.cards: {}}").replace("system: board", "access: read, system: board")
    assert told(text) == [("create_into_read", 8, 14)]


def test_all_mistakes_come_at_once_in_the_order_of_the_file() -> None:
    text = (
        "version: 2\n"
        "connections:\n"
        "  b: {system: board, url: 'http://${TOKEN}', token: '${TOKEN}', page: many, x: 1}\n"
        "  c: {system: nothing}\n"
        "syncs:\n"
        "  one: {entity: task, sides: [b.cadrs, d.x], where: '1 +', every: 0m}\n"
        "  two: {entity: folder}\n"
    )
    found = problems(text)
    assert [each.code for each in found] == [
        "not_one_of",
        "invalid",
        "wrong_type",
        "unknown_key",
        "unknown_system",
        "unknown_stream",
        "unknown_connection",
        "expression_syntax",
        "bad_duration",
        "missing_key",
    ]
    assert "s3cr3t" not in str([dict(each.params) for each in found])


def test_values_from_the_environment_and_in_settings_are_never_repeated() -> None:
    text = (
        "version: 1\nlanguage: '${TOKEN}'\nconnections:\n"
        "  b: {system: board, url: '${TOKEN}', token: plain-s3cr3t, token: other-s3cr3t, boards: plain-s3cr3t}\n"
    )
    with pytest.raises(ConfigurationError) as caught:
        loads(text, ENVIRON, registry())
    found = caught.value.problems
    assert [each.code for each in found] == ["not_one_of", "invalid", "duplicate_key", "wrong_type"]
    assert found[0].params["value"] == "${TOKEN}"
    everything = str([dict(each.params) for each in found]) + str(caught.value) + repr(caught.value)
    assert "s3cr3t" not in everything
