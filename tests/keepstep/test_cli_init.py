"""From nothing to a first plan."""

from __future__ import annotations

import json
import logging
import stat
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptography.fernet import Fernet

from connectors.jira.sandbox import SANDBOX as JIRA
from tests.keepstep.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    office.task("Draft the plan")
    office.card("Draft the plan")
    return office


def answers(office: Office, **more: object) -> str:
    path = office.folder / "answers.yaml"
    path.write_text(json.dumps({"language": "en", "timezone": "Europe/Berlin", **more}), encoding="utf-8")
    return str(path)


def sandboxes(office: Office) -> str:
    path = office.folder / "sandbox.yaml"
    path.write_text(json.dumps({"connections": office.connections}), encoding="utf-8")
    return str(path)


def test_a_first_plan_takes_a_handful_of_answers(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(office.folder)
    given = ["en", "Asia/Shanghai", "n", "y", "y"]
    result = office.keep("init", "--from", sandboxes(office), answer="\n".join(given) + "\n", configure=False)
    assert result.exit_code == 0, result.output
    text = office.path.read_text(encoding="utf-8")
    assert "sides: [crm.Tasks, board.cards]" in text
    assert "mode: observe" in text
    assert text.count("# ") >= 4
    assert "${CRM_REFRESH_TOKEN}" in text
    assert office.connections["crm"]["refresh_token"] not in text
    assert office.connections["crm"]["refresh_token"] not in result.output
    assert "CRM_REFRESH_TOKEN=\n" in result.stdout
    assert "no mistakes found" in result.stdout
    assert "tasks (only observes)" in result.stdout
    assert office.writes() == []


def test_what_is_asked_of_the_systems_meanwhile_is_not_told(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.log._level", logging.NOTSET)  # as in a process that has just begun
    monkeypatch.setattr("connectors.log._prepare", None)
    structlog.reset_defaults()
    result = office.keep("init", "--from", sandboxes(office), "--answers", answers(office), "--json", configure=False)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["syncs"] == ["milestones", "projects", "tasks"]
    assert "request" not in result.stderr


def test_secrets_stand_in_the_file_only_if_the_user_says_so(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(office.folder)
    said = answers(office, secrets_in_file=True, run_check=True)
    result = office.keep("init", "--from", sandboxes(office), "--answers", said, configure=False)
    assert result.exit_code == 0, result.output
    assert office.connections["crm"]["refresh_token"] in office.path.read_text(encoding="utf-8")
    assert stat.S_IMODE(office.path.stat().st_mode) == 0o600
    assert office.keep("plan", configure=False).exit_code in (0, 3)


def test_what_is_there_is_never_overwritten(office: Office) -> None:
    office.configure()
    before = office.path.read_bytes()
    result = office.keep("init", "--from", sandboxes(office), "--answers", answers(office))
    assert result.exit_code == 2
    assert "is there already" in result.stderr
    assert office.path.read_bytes() == before


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"systems": ["trelo"]}, "did you mean `trello`?"),
        ({"timezone": "Mars", "systems": ["trello"]}, "`Mars` is not a time zone"),
        ({"systems": ["trello"]}, "the answers lack `connections.trello.key`"),
        ({}, "the answers lack `systems`"),
        ({"language": "fr", "systems": ["trello"]}, "`fr` is not known"),
    ],
)
def test_wrong_answers_are_wrong_usage(office: Office, more: dict[str, object], words: str) -> None:
    result = office.keep("init", "--answers", answers(office, **more), configure=False)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert not office.path.exists()


def test_settings_are_asked_one_by_one_and_secrets_hidden(office: Office) -> None:
    office.cores = {"trello": office.board, "zoho_crm": office.crm}
    board, crm = office.connections["board"], office.connections["crm"]
    given = ["zh-CN", "Asia/Shanghai", "trello, zoho_crm", board["key"]]
    office.environ["TRELLO_TOKEN"] = board["token"]  # else it would come by `keepstep login`
    office.environ["ZOHO_CRM_REFRESH_TOKEN"] = crm["refresh_token"]
    given += [crm["client_id"], crm["client_secret"], "data_center", "us", "n", "n", "n"]
    assert len(given) <= 12
    result = office.keep("init", answer="\n".join(given) + "\n", configure=False)
    assert result.exit_code == 0, result.output
    text = office.path.read_text(encoding="utf-8")
    assert "sides: [trello.cards, zoho_crm.Tasks]" in text
    assert "要保持一致的内容" in text
    for secret in (board["key"], board["token"], crm["client_secret"], crm["refresh_token"]):
        assert secret not in text
        assert secret not in result.output


def test_fields_that_the_connections_name_are_taken_along(office: Office) -> None:
    fields = {"task": {"effort": {"form": "text", "label": {"en": "effort", "zh-CN": "工作量"}}}}
    board = office.connections["board"] | {"custom": {"cards": {"effort": "Effort"}}}
    path = office.folder / "sandbox.yaml"
    path.write_text(json.dumps({"fields": fields, "connections": office.connections | {"board": board}}), "utf-8")
    result = office.keep("init", "--from", str(path), "--answers", answers(office), configure=False)
    assert result.exit_code == 0, result.output
    assert "工作量" in office.path.read_text(encoding="utf-8")


@pytest.mark.parametrize("option", ["--from", "--answers"])
@pytest.mark.parametrize(("text", "words"), [(None, "there is no file {file}\n"), ("", "{file} is empty\n")])
def test_a_file_that_holds_nothing_is_told_as_that(office: Office, option: str, text: str | None, words: str) -> None:
    path = office.folder / "named.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    more = () if option == "--answers" else ("--answers", answers(office))
    result = office.keep("init", option, str(path), *more, configure=False)
    assert result.exit_code == 2
    assert result.stderr.endswith(words.format(file=path))


def test_an_empty_answer_is_asked_for_again_with_the_reason(office: Office) -> None:
    given = ["en", "UTC", "", "trello", "", "key", "n", "n"]
    result = office.keep("init", answer="\n".join(given) + "\n", configure=False)
    assert result.stderr.count("this needs an answer") == 2
    assert "Warning" not in result.stderr
    assert "key" in office.path.read_text(encoding="utf-8")


def test_a_file_without_connections_is_wrong_usage(office: Office) -> None:
    path = office.folder / "other.yaml"
    path.write_text("version: 1\n", encoding="utf-8")
    result = office.keep("init", "--from", str(path), "--answers", answers(office), configure=False)
    assert result.exit_code == 2
    assert "has no `connections`" in result.stderr


def test_a_connection_without_a_token_is_signed_in_to_by_hand(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(office.folder)
    tracker: Any = JIRA.build(office.clock, 3)
    office.cores = {"trello": office.board, "jira": tracker}
    site = JIRA.settings(tracker, "https://jira.test")
    office.environ |= {"KEEPSTEP_KEY": Fernet.generate_key().decode(), "JIRA_TOKEN": site["token"]}
    board = office.connections["board"]
    given = ["en", "UTC", "trello, jira", board["key"], site["url"], "email", site["email"], "n", "y", board["token"]]
    given.append("n")
    assert len(given) <= 12
    result = office.keep("init", answer="\n".join(given) + "\n", configure=False)
    assert result.exit_code == 0, result.output
    assert "trello has nothing to sign in with. Sign in now?" in result.stderr
    text = office.path.read_text(encoding="utf-8")
    assert "sides: [trello.cards, jira.issues]" in text
    assert "trello: signed in to trello.com" in result.stdout
    assert board["token"] not in result.output + text
    assert board["token"].encode() not in b"".join(path.read_bytes() for path in office.folder.glob("keepstep.db*"))


@pytest.mark.parametrize(("key", "answer"), [(False, None), (True, "n")], ids=["no key to keep it with", "no"])
def test_without_a_sign_in_the_file_is_written_all_the_same(
    office: Office, monkeypatch: pytest.MonkeyPatch, key: bool, answer: str | None
) -> None:
    monkeypatch.chdir(office.folder)
    office.cores = {"trello": office.board}
    if key:
        office.environ["KEEPSTEP_KEY"] = Fernet.generate_key().decode()
    given = ["en", "UTC", "trello", office.connections["board"]["key"], "n", *([answer] if answer else []), "n"]
    result = office.keep("init", answer="\n".join(given) + "\n", configure=False)
    assert result.exit_code == 0, result.output
    assert ("Sign in now?" in result.stderr) is key
    assert "keepstep login trello" in result.stderr
    assert office.path.exists()
    assert not list(office.folder.glob("keepstep.db*"))


def test_a_sign_in_that_fails_loses_no_answer(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(office.folder)
    office.cores = {"trello": office.board}
    office.environ["KEEPSTEP_KEY"] = Fernet.generate_key().decode()
    given = ["en", "UTC", "trello", office.connections["board"]["key"], "n", "y", "no-such-token", "n"]
    result = office.keep("init", answer="\n".join(given) + "\n", configure=False)
    assert result.exit_code == 0, result.output
    assert office.path.exists()
    assert "no-such-token" not in result.output
