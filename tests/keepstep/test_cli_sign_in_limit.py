"""Commands one after the other: how often they sign in, what is kept for that, and what is said where one must wait."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.context import Wait
from connectors.zoho_crm.sandbox.core import CLIENT_SECRET, REFRESH_TOKEN
from keepstep.cli.output import ProgressLine
from tests.keepstep.office import Office

TOKEN = "POST /oauth/v2/token"
KEPT = "access_token:crm"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def sign_ins(office: Office) -> int:
    return int(office.crm.requests.count(TOKEN))


def setting(office: Office, change: str | None = None) -> Any:
    """What is kept of the token; a change is made by hand."""
    with sqlite3.connect(office.folder / "keep.db") as store:
        if change is not None:
            store.execute("UPDATE setting SET value = ? WHERE name = ?", (json.dumps({"sealed": change}), KEPT))
        row = store.execute("SELECT value FROM setting WHERE name = ?", (KEPT,)).fetchone()
    return json.loads(row[0])["sealed"] if row else None


def test_a_second_command_does_not_sign_in_again(office: Office) -> None:
    office.task("Sign")
    office.keep("sync")
    assert sign_ins(office) == 1
    for command in (
        ["plan"],
        ["sync"],
        ["status"],
        ["describe", "crm"],
        ["check"],
        ["pull", "crm", "Tasks"],
        ["doctor"],
    ):
        assert office.keep(*command).exit_code in (0, 3)
    assert sign_ins(office) == 1
    office.settle(3600)  # a token lives for an hour
    office.keep("sync")
    office.keep("sync")
    assert sign_ins(office) == 2


def test_nothing_of_it_is_in_the_clear(office: Office) -> None:
    office.keep("sync")
    (token,) = office.crm._tokens
    whole = b"".join(path.read_bytes() for path in office.folder.glob("keep.db*"))
    assert setting(office).encode() in whole
    for secret in (token, token.removeprefix("1000."), REFRESH_TOKEN, CLIENT_SECRET):
        assert secret.encode() not in whole


def test_another_credential_signs_in_anew(office: Office) -> None:
    office.keep("sync")
    office.crm._refresh_tokens["1000.another"] = ""
    office.connections["crm"]["refresh_token"] = "1000.another"
    office.keep("sync")
    assert sign_ins(office) == 2
    office.connections["crm"]["client_secret"] = "mistyped"
    result = office.keep("describe", "crm")
    assert (result.exit_code, sign_ins(office)) == (1, 3)
    assert "client secret" in result.stderr


def test_what_was_altered_signs_in_anew(office: Office) -> None:
    office.keep("sync")
    kept = setting(office)
    setting(office, kept[:-8] + "AAAAAAA=")
    assert office.keep("sync").exit_code == 0
    assert sign_ins(office) == 2
    setting(office, "1000.put-there-by-somebody")
    office.keep("sync")
    assert sign_ins(office) == 3


def test_a_token_that_the_service_takes_back_is_followed_by_another(office: Office) -> None:
    office.keep("sync")
    office.crm._tokens.clear()
    assert office.keep("sync").exit_code == 0
    assert sign_ins(office) == 2
    office.keep("sync")
    assert sign_ins(office) == 2


def test_no_store_is_made_for_it_and_looking_over_keeps_nothing(office: Office) -> None:
    for command in ("describe", "pull"):
        assert office.keep(command, "crm", *(["Tasks"] if command == "pull" else [])).exit_code == 0
    assert not (office.folder / "keep.db").exists()
    assert sign_ins(office) == 2
    office.keep("sync")
    office.settle(3600)
    before = setting(office)
    office.keep("doctor")
    assert (setting(office), sign_ins(office)) == (before, 4)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "crm waits until Nov 2, 2026, 1:14:00 AM: its service lets nobody sign in more often"),
        ("zh-CN", "crm 等到 2026年11月2日 01:14:00 再继续：该服务限制短时间内的登录次数"),
    ],
)
def test_where_nobody_may_sign_in_more_often_it_is_said_how_long_that_lasts(
    office: Office, language: str, said: str
) -> None:
    for _ in range(10):  # there is no store, so nothing is kept
        assert office.keep("--lang", language, "describe", "crm").stderr == ""
    office.crm._refreshes.extend([office.clock.monotonic()] * 10)
    result = office.keep("--lang", language, "describe", "crm")
    first, *later = result.stderr.splitlines()
    assert (result.exit_code, first) == (0, said)
    assert len(later) == 8  # the service does not say when it will: it is asked again each minute


def test_on_a_terminal_the_progress_line_says_it_for_as_long_as_it_lasts(
    office: Office,
) -> None:
    office.configure()
    session, shown = office.session(), list[str]()
    wait = Wait("crm", "asked", datetime(2026, 11, 2, 9, 30, tzinfo=UTC))
    said = "crm waits until Nov 2, 2026, 9:30:00 AM: its service asked for a pause"
    line: ProgressLine = session._progress_line
    with line.on("looking", shown.append):
        with session.waiting(wait):
            assert shown == [said]
            with session.waiting(replace(wait, connection="board")):
                assert shown[1:] == [f"{said}\n{said.replace('crm', 'board')}"]
        assert shown[2:] == [said, "looking"]
    with line.noted(said) as there:
        assert there is False
    assert len(shown) == 4
