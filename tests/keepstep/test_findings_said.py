"""Every finding that the engine can raise has a sentence in both languages, made of what the engine passes."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import keepstep
import mapping
from keepstep.engine import change_text
from keepstep.engine.handoffs.shipped import SHIPPED
from keepstep.engine.handoffs.verdict import Level
from keepstep.language import LANGUAGES, codes, say
from keepstep.language.messages import MESSAGES, Plural
from mapping.model import STANDARD

ROOT = Path(keepstep.__file__).parent
FAILED = ("connection_failed", *(f"connection_failed_{why}" for why in ("auth", "scope", "unreachable", "configured")))
HANDOFF = {"entity", "rule", "expectation", "missing", "since", "due_at", "owner", "why"}


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT / "engine").rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def calls(tree: ast.Module, name: str) -> list[ast.Call]:
    return [each for each in ast.walk(tree) if isinstance(each, ast.Call) and ast.unparse(each.func) == name]


def keys(node: ast.expr | None) -> set[str]:
    assert isinstance(node, ast.Dict), "parameters are a dict literal, so that this test can read them"
    return {key.value for key in node.keys if isinstance(key, ast.Constant)}


def constant(node: ast.expr) -> str:
    assert isinstance(node, ast.Constant)
    return str(node.value)


def argument(call: ast.Call, name: str) -> ast.expr | None:
    return next((each.value for each in call.keywords if each.arg == name), None)


def assigned(tree: ast.Module, name: str) -> ast.expr | None:
    for each in ast.walk(tree):
        if isinstance(each, ast.Assign) and [ast.unparse(target) for target in each.targets] == [name]:
            return each.value
    return None


def raised() -> Iterator[tuple[str, set[str]]]:
    """Each code that some line of the engine raises, with the parameters passed there."""
    for path, tree in sources():
        for call in calls(tree, "Finding"):
            code = argument(call, "code")
            if isinstance(code, ast.Constant):
                yield str(code.value), keys(argument(call, "params"))
            elif isinstance(code, ast.Call) and ast.unparse(code.func) == "failure_code":
                given = argument(call, "params")
                if isinstance(given, ast.Name):  # the dict is built just above the call
                    given = assigned(tree, given.id)
                for each in FAILED:
                    yield each, keys(given)
            else:
                assert path.name in ("trouble.py", "placing.py", "round.py", "news.py", "told.py"), ast.unparse(call)
        for call in calls(tree, "trouble"):
            passed = {each.arg for each in call.keywords if each.arg}
            yield constant(call.args[3]), passed | {"entity", "kind", "title"}
        for call in calls(tree, "self._tell") if path.name == "placing.py" else ():
            passed = {each.arg for each in call.keywords if each.arg} - {"entity"}
            yield constant(call.args[0]), passed | {"side", "record", "title", "url"}
        for call in calls(tree, "Hold"):
            given = call.args[1]
            # A dict built just above the call is named ``params``.
            passed = keys(given) if isinstance(given, ast.Dict) else {"side", "scope", "deletes", "there"}
            yield f"guard_{constant(call.args[0])}", passed | {"sync"}
        for call in calls(tree, "Note") if path.name == "changes.py" else ():
            code = argument(call, "code")
            assert code is not None
            yield constant(code).replace(".", "_"), {"entity", "task", "subject", "projects"}
    for level in (Level.DUE, Level.BREACHED, Level.CANNOT_BE_JUDGED):
        yield f"handoff_{level.value}", HANDOFF
    yield "handoff_not_measured", HANDOFF | {"expectations", "whole"}
    yield "handoff_baseline", HANDOFF | {"count", "subjects", "items"}


RAISED = sorted((code, tuple(sorted(passed))) for code, passed in raised())
SAMPLE = {
    "candidates": [{"side": "crm.Deals", "value": 1, "at": None, "by": None, "url": None}],
    "missing": ["tracker-record", "plan"],
    "shown": ["red", "blue"],
    "projects": ["A", "B"],
    "names": ["status"],
    "versions": {},
    "since": "2026-11-02T01:00:00.000Z",
    "until": "2026-11-02T01:00:00.000Z",
    "due_at": None,
    "at": None,
}
NUMBERS = {
    "operations",
    "deletes",
    "limit",
    "changes",
    "there",
    "count",
    "rev",
    "creates",
    "unknown",
    "size",
    "linked",
    "proposals",
    "values",
    "used",
    "ceiling",
}


def test_the_engine_is_read_at_all() -> None:
    found = {code for code, _ in RAISED}
    assert found >= {"conflict", "twin", "taken_place", "gone", "record_refused", "guard_mass_change", "unknown_create"}
    assert found >= {"guard_scope_emptied", "guard_scope_thinned", "change_task_unassigned", *FAILED}


@pytest.mark.parametrize(("code", "passed"), RAISED, ids=lambda each: each if isinstance(each, str) else "")
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_finding_is_said_with_what_is_passed(code: str, passed: tuple[str, ...], language: str) -> None:
    message = MESSAGES[code]
    text = message.other if isinstance(message, Plural) else message
    wanted = {name for _, name, _, _ in string.Formatter().parse(text) if name}
    assert wanted <= set(passed)
    params = {name: SAMPLE.get(name, 2 if name in NUMBERS else name) for name in passed}
    assert say(code, params, language)


def test_shipped_rules_and_their_expectations_have_names() -> None:
    for name, rule in SHIPPED.items():
        assert f"rule.{name}" in codes()
        assert {f"expectation.{each.id}" for each in rule.expect} <= codes()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_task_from_changes_finds_every_word(language: str) -> None:
    for code, names in change_text.CODES.items():
        params = {name: 2 if name in ("count", "done") else name for name in names}
        said = say(code, params, language)
        assert all(str(params[name]) in said for name in names)
    for kind, fields in STANDARD.items():
        for field in fields:
            assert say(f"field.{kind.value}.{field}", {}, language) == say(f"field.{field}", {}, language)
    for field, classes in STANDARD.classes.items():
        assert all(say(f"class.{field}.{each}", {}, language) for each in classes)


def test_every_trouble_of_a_store_is_said() -> None:
    words = (ROOT / "store").rglob("*.py")
    named = {
        each.value
        for path in words
        for each in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value.startswith("store_")
    }
    assert len(named) >= 15
    known = {"url": "sqlite:///keep.db", "detail": "why", "revision": "9", "version": "9.6", "oldest": 14, "kind": "x"}
    known |= {"to": "sqlite:///other.db", "at": "2026-11-02T01:00:00.000Z", "place": "/var/keep"}
    # Two say nothing of the address: it could not be taken apart, so its password may stand anywhere in it.
    for code in named - {"store_address_bad", "store_kind_unknown"}:
        assert "keep.db" in say(code, known, "en")


def lost() -> Iterator[tuple[str, str]]:
    """Each reason for which a mapping says that a value cannot be carried, with the file that says it."""
    for path in sorted(Path(mapping.__file__).parent.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for name, place in (("Unmappable", 0), ("Loss", 1), ("self.lose", 1)):
            for call in calls(tree, name):
                why = call.args[place] if len(call.args) > place else None
                if isinstance(why, ast.Constant):
                    yield path.name, str(why.value)


def test_every_reason_for_which_a_value_is_not_carried_has_words() -> None:
    reasons = set(lost())
    assert len(reasons) > 60
    assert sorted(each for each in reasons if f"reason.{each[1]}" not in MESSAGES) == []
