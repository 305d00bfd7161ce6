"""``keepstep.yaml``: what is accepted, and how each mistake is told."""

from __future__ import annotations

import json
from datetime import date, timedelta
from importlib import resources

import pytest
from pydantic import SecretStr

from keepstep.config import Side, Watched, fingerprint, schema
from keepstep.config.words import Budget
from mapping.model import Kind
from tests.keepstep.configurations import GOOD, config, with_connection, with_sync
from tests.keepstep.plugins import BoardSettings


@pytest.mark.parametrize(
    ("written", "budget", "said"),
    [
        ("25%", Budget(share=0.25), "25%"),
        ("100 %", Budget(share=1.0), "100%"),
        ("5000", Budget(calls=5000), "5000"),
    ],
)
def test_a_budget_is_a_part_or_a_number(written: str, budget: Budget, said: str) -> None:
    read = config(with_connection(f"  c: {{system: crm_system, data_center: eu, budget: {written}}}\n"))
    assert read.connections["c"].budget == budget
    assert str(budget) == said


def test_a_budget_does_not_change_what_is_planned() -> None:
    one, other = (
        with_connection(f"  c: {{system: crm_system, data_center: eu{key}}}\n") for key in ("", ", budget: 50%")
    )
    assert fingerprint(config(one)) == fingerprint(config(other))


def test_a_whole_configuration_is_read() -> None:
    read = config(GOOD)
    assert read.language == "zh-CN"
    assert read.connections["crm"].access == "read"
    board = read.connections["board"]
    assert board.access == "write"
    assert isinstance(board.settings, BoardSettings)
    assert board.settings.token.get_secret_value() == "s3cr3t-token"
    assert (board.options.timezone, read.connections["crm"].options.timezone) == ("Europe/Berlin", "Asia/Shanghai")
    assert board.options.values == {"status": {"Erledigt": "done"}}
    sync = read.syncs["tasks"]
    assert sync.entity is Kind.TASK
    assert sync.sides == [Side("crm", "Tasks"), Side("board", "cards")]
    assert sync.create[Side("board", "cards")] == {"list": "Inbox", "name": '=entity.title + "!"', "position": 3}
    assert (sync.mode, sync.every, sync.leave, sync.deletes) == (
        "propose",
        timedelta(hours=1),
        "park",
        "flag",
    )
    assert read.changes_to_tasks is not None
    assert read.changes_to_tasks.watch[1] == Watched("crm", "Accounts", "*")
    assert read.handoffs.since == date(2026, 11, 1)
    assert read.people == ({"crm": "17", "board": "ann@acme.test"},)
    kept = read.retention
    assert [kept.before_images.days, kept.audit.days, kept.prefect_runs.days] == [90, 400, 14]


def test_defaults_protect() -> None:
    read = config(with_sync("match: [title]"))
    assert read.store == SecretStr("sqlite:///keepstep.db")
    assert (read.language, read.timezone, read.first_sync.won_days) == ("en", "UTC", 90)
    assert read.syncs["s"].mode == "observe"
    assert read.syncs["s"].first == "ask"


def test_secrets_are_listed_and_never_shown() -> None:
    read = config(GOOD)
    assert sorted(read.secrets()) == ["pa%2Fss", "pa/ss", "s3cr3t-token"]
    assert "s3cr3t" not in repr(read)
    assert "pa%2Fss" not in repr(read)


def test_notes_name_what_is_allowed_and_worth_knowing() -> None:
    read = config(
        "version: 1\nconnections:\n  b: {system: board, url: 'https://b', token: written-here}\n"
        "syncs: {s: {entity: task, sides: [b.cards], mode: write}}\n"
    )
    assert [(note.code, note.line) for note in read.notes] == [("secret_in_file", 3), ("never_created_into", 4)]
    assert "written-here" not in str([note.params for note in read.notes])


def test_a_doubled_dollar_stays_a_dollar() -> None:
    read = config(with_connection("").replace("https://b", "https://b/$${TOKEN}$x"))
    settings = read.connections["b"].settings
    assert isinstance(settings, BoardSettings)
    assert settings.url == "https://b/${TOKEN}$x"


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        pytest.param("every: 1h", "every: 5m", True, id="schedule"),
        pytest.param("mode: propose", "mode: write", True, id="mode"),
        pytest.param("language: zh-CN", "language: en", True, id="language"),
        pytest.param("keep:pa%2Fss@", "keep:other@", True, id="store"),
        pytest.param("[title, due_date]", "[title]", False, id="match"),
        pytest.param("sides: [crm.Tasks, board.cards]", "sides: [crm.Other, board.cards]", False, id="sides"),
        pytest.param('== "done"', '== "doing"', False, id="where"),
        pytest.param("position: 3", "position: 4", False, id="create"),
        pytest.param("policy: set", "policy: ask", False, id="fields"),
        pytest.param("Europe/Berlin", "Europe/Paris", False, id="zone"),
        pytest.param("Erledigt", "Fertig", False, id="values"),
        pytest.param("https://board.test", "https://other.test", False, id="site"),
        pytest.param("access: read", "access: write", False, id="access"),
    ],
)
def test_the_fingerprint_changes_with_what_decides_about_data(before: str, after: str, same: bool) -> None:
    assert before in GOOD
    first, second = config(GOOD), config(GOOD.replace(before, after))
    assert (fingerprint(first) == fingerprint(second)) is same
    assert (fingerprint(first, "tasks") == fingerprint(second, "tasks")) is same


def test_the_fingerprint_does_not_depend_on_secrets_or_the_order_of_keys() -> None:
    moved = GOOD.replace("    match: [title, due_date]\n", "").replace(
        "    every: 1h\n", "    every: 1h\n    match: [title, due_date]\n"
    )
    assert moved != GOOD
    assert fingerprint(config(GOOD)) == fingerprint(config(moved, {"TOKEN": "another"}))


def test_the_shipped_schema_is_current() -> None:
    shipped = json.loads(resources.files("keepstep.config").joinpath("keepstep.schema.json").read_text("utf-8"))
    assert shipped == schema()
    assert set(shipped["properties"]) >= {"version", "connections", "syncs", "people", "handoffs"}
