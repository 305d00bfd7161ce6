"""Every message in both languages, with the same gaps, and values said as people say them."""

from __future__ import annotations

import re
import string
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from keepstep.language import LANGUAGES, codes, listed, say
from keepstep.language.catalogue import catalogue
from keepstep.language.forms import FORMS, Reader
from keepstep.language.messages import MESSAGES, PARTS, Plural
from mapping.model import STANDARD, Form, Kind


def gaps(text: str) -> set[tuple[str, str]]:
    return {(name, form or "") for _, name, form, _ in string.Formatter().parse(text) if name is not None}


def english(code: str) -> list[str]:
    message = MESSAGES[code]
    return [message.one, message.other] if isinstance(message, Plural) else [message]


def chinese(code: str) -> list[str]:
    entry = catalogue("zh-CN").get(english(code)[0], context=code)
    assert entry is not None, "no entry for this code and English text"
    return [entry.string] if isinstance(entry.string, str) else list(entry.string or ())


@pytest.mark.parametrize("code", sorted(MESSAGES))
def test_every_message_is_there_in_chinese_with_the_same_gaps(code: str) -> None:
    texts = chinese(code)
    assert texts
    assert all(texts)
    for text in [*texts, *english(code)]:
        assert gaps(text) == gaps(english(code)[0])
        assert {form for _, form in gaps(text)} <= set(FORMS)
    message = MESSAGES[code]
    if isinstance(message, Plural):
        assert message.by in {name for name, _ in gaps(texts[0])}


def test_no_code_has_two_messages() -> None:
    assert len(MESSAGES) == sum(map(len, PARTS))


def test_the_chinese_file_holds_nothing_else() -> None:
    assert {entry.context for entry in catalogue("zh-CN") if entry.id} == codes()


def test_chinese_has_chinese_punctuation() -> None:
    """But for code, gaps, addresses and times of day; ``problem_at`` is a place as editors and compilers write it."""
    other = re.compile(r"`[^`]*`|\{[^}]*\}|SIDE:ID|\d\d:\d\d")
    texts = {code: other.sub("", "".join(chinese(code))) for code in codes() - {"problem_at"}}
    assert [code for code, text in texts.items() if re.search("[,:;()?!]", text)] == []


def test_chinese_is_chinese() -> None:
    spoken = [code for code in codes() if not code.startswith(("word.", "problem_"))]
    silent = [code for code in spoken if not re.search("[\u4e00-\u9fff]", "".join(chinese(code)))]
    assert sorted(silent) == [
        "audit_field",
        "change",
        "change_first",
        "change_task.line",
        "change_task.line_no_author",
        "explain_entity",
        "loss_line",
        "match_cell",
        "match_field",
        "match_line",
        "match_value",
        "plan_change",
        "plan_ours",
        "plan_title",
        "plan_value",
        "plan_whose",
        "proposal_refused",
        "result_line",
        "status_sync",
        "sync_line",
        "told_at",
        "told_of",
        "undo_line",
        "verify_count",
        "verify_line",
        "verify_stray",
    ]


def test_the_model_has_a_word_for_each_kind_field_and_form() -> None:
    assert {f"kind.{kind.value}" for kind in Kind} <= codes()
    assert {f"field.{name}" for fields in STANDARD.values() for name in fields} <= codes()
    assert {f"type.{form.value}" for form in Form} <= codes()


@pytest.mark.parametrize(
    ("code", "params", "in_english", "in_chinese"),
    [
        (
            "freshness",
            {"minutes": 1},
            "the oldest change not yet carried over is 1 minute old",
            "最早的未传递更改已有 1 分钟",
        ),
        (
            "freshness",
            {"minutes": 4},
            "the oldest change not yet carried over is 4 minutes old",
            "最早的未传递更改已有 4 分钟",
        ),
        ("nothing_to_do", {}, "nothing to do", "无事可做"),
        (
            "unknown_key",
            {"key": "stoer", "nearest": "store", "known": ["store", "syncs"]},
            "`stoer` is not known here (did you mean `store`?); possible are: store, syncs",
            "这里没有 `stoer` 这个键（是否想写 `store`？）；可用的有：store、syncs",
        ),
        (
            "unknown_key",
            {"key": "{x}", "nearest": None, "known": []},
            "`{x}` is not known here; possible are: empty",
            "这里没有 `{x}` 这个键；可用的有：空",
        ),
        (
            "conflict",
            {
                "title": "Website",
                "field": "due_date",
                "candidates": [
                    {"side": "crm.Deals", "value": "2026-11-30", "by": "Ann", "at": "2026-11-02T01:00:00.000Z"},
                    {"side": "tracker.epics", "value": None},
                ],
            },
            "Website: due date was changed in different ways: crm.Deals says Nov 30, 2026 "
            "(Ann, Nov 2, 2026, 9:00:00 AM); tracker.epics says empty (someone unknown, at an unknown time)",
            "Website：截止日期被改成了不同的值：crm.Deals 为 2026年11月30日（Ann，2026年11月2日 09:00:00）；"
            "tracker.epics 为 空（未知人员，时间未知）",
        ),
    ],
)
def test_messages_are_said_in_both_languages(
    code: str, params: dict[str, Any], in_english: str, in_chinese: str
) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    assert [say(code, params, language, zone) for language in LANGUAGES] == [in_english, in_chinese]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"amount": "1200.50", "currency": "EUR"}, "€1,200.50"),
        ({"amount": "many", "currency": "EUR"}, "many EUR"),
        ({"account": "u1", "name": None, "email": "ann@acme.test"}, "ann@acme.test"),
        ({"stream": "epics", "id": "7"}, "epics 7"),
        ([{"id": "1", "text": "Sign", "done": True}, {"id": "2", "text": "Send", "done": False}], "[x] Sign, [ ] Send"),
        (["a", "b"], "a, b"),
        (True, "yes"),
        (1234.5, "1,234.5"),
        ("2026-99-99", "2026-99-99"),
        ("x" * 300, "x" * 199 + "…"),
    ],
)
def test_values_are_said_as_people_say_them(value: Any, expected: str) -> None:
    params = {"field": "x", "before": value, "after": None}
    assert say("plan_change", params, "en") == f"x: {expected} -> empty"


def test_durations_follow_the_language() -> None:
    assert Reader("en").duration(timedelta(hours=5)) == "5 hours"
    assert Reader("zh-CN").duration(18_000) == "5小时"


def test_an_unknown_code_or_a_missing_parameter_is_an_error() -> None:
    with pytest.raises(KeyError):
        say("no_such_code", {}, "en")
    with pytest.raises(KeyError):
        say("file_missing", {}, "en")


@pytest.mark.parametrize(("language", "said"), [("en", "Plan, Build"), ("zh-CN", "Plan、Build")])
def test_words_are_listed_as_the_language_does(language: str, said: str) -> None:
    assert listed(iter(["Plan", "Build"]), language) == said


@pytest.mark.parametrize(("language", "words"), [("en", ("to do", "done")), ("zh-CN", ("待办", "已完成"))])
def test_a_conflict_says_classes_in_the_readers_words_and_other_values_as_they_are(
    language: str, words: tuple[str, str]
) -> None:
    values = [{"side": side, "value": value} for side, value in (("a.items", "todo"), ("b.items", "done"))]
    text = say("conflict", {"title": "T", "field": "status", "candidates": values}, language)
    assert all(word in text for word in words)
    assert "todo" not in text
    text = say("conflict", {"title": "T", "field": "title", "candidates": values}, language)
    assert "todo" in text
