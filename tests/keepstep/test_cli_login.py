"""Signing in by hand at a terminal: what is asked, what is kept, and how the next command finds it."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet

from connectors.base import Account
from connectors.context import ConnectorPlugin, Context
from connectors.errors import AuthFailed
from connectors.login import Person, SignedIn
from connectors.sandbox.clock import VirtualClock
from keepstep.cli import main, terminal
from keepstep.cli.session import Session
from keepstep.registry import Registry
from keepstep.runtime import Runtime
from tests.keepstep.plugins import BOARD, BOARD_MAPPING, Board, BoardSettings, Entry

SECRET = "s3cret-token-of-the-board"
CONFIG = """\
version: 1
store: sqlite:///{store}
connections:
  board: {{system: board, url: 'https://board.test', token: stands-in-the-file}}
"""


def pasted(settings: BoardSettings, context: Context, person: Person) -> SignedIn:
    person.tell("jira_token_page", url="https://board.test/tokens", email="bot@acme.example")
    token = person.ask("jira_token", secret=True)
    if token != SECRET:
        raise AuthFailed("the token is refused")
    account = Account(id="bot", name="Keepstep", site="board.test")
    return SignedIn(
        account=account, secrets={"token": token}, scopes=["write", "read"], expires_at="2026-11-20T00:00:00.000Z"
    )


def by_page(settings: BoardSettings, context: Context, person: Person) -> SignedIn:
    answer = person.redirected(lambda redirect: f"https://board.test/authorize?{urlencode({'redirect_uri': redirect})}")
    return SignedIn(account=Account(id="bot", name="Keepstep", site="board.test"), secrets={"token": answer["code"]})


class SignedBoard(Board):
    """A board whose token may have been kept by a former sign-in."""

    def __init__(self, settings: BoardSettings, context: Context) -> None:
        super().__init__(settings, context)
        self.kept = context.tokens.load("token")

    def check(self) -> Account:
        if self.kept is None:
            raise AuthFailed("run `keepstep login board`")
        return super().check()


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    path = tmp_path / "keepstep.yaml"
    path.write_text(CONFIG.format(store=tmp_path / "hub.db"))
    environ = {"KEEPSTEP_KEY": Fernet.generate_key().decode(), "LANG": "C"}

    def call(*args: str, login: Any = pasted, key: bool = True, **more: Any) -> Result:
        plugin = ConnectorPlugin(
            system="board", settings=BoardSettings, build=SignedBoard, streams=BOARD.streams, login=login
        )
        entries = ([Entry("board", "test:board", lambda: plugin)], [Entry("board", "test:map", lambda: BOARD_MAPPING)])
        session = Session(Registry(*entries), Runtime.of(VirtualClock(), 1, environ if key else {"LANG": "C"}))
        return CliRunner().invoke(main, [*args, "--config", str(path)], obj=session, **more)

    return call


def test_what_is_gained_is_kept_sealed_and_found_by_the_next_command(run: Any, tmp_path: Path) -> None:
    assert "run `keepstep login board`" in run("check").stderr
    done = run("login", "board", "--json", input=f"{SECRET}\n")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {
        "connection": "board",
        "account": "Keepstep",
        "id": "bot",
        "site": "board.test",
        "expires_at": "2026-11-20T00:00:00.000Z",
        "scopes": ["read", "write"],
    }
    assert "https://board.test/tokens" in done.stderr
    assert SECRET not in done.output
    assert run("check").exit_code == 0
    held = b"".join(path.read_bytes() for path in tmp_path.glob("hub.db*"))
    assert SECRET.encode() not in held
    with sqlite3.connect(tmp_path / "hub.db") as store:
        assert [name for (name,) in store.execute("SELECT name FROM sealed")] == ["board:token"]


def test_what_is_refused_is_not_kept(run: Any, tmp_path: Path) -> None:
    done = run("login", "board", input="wrong\n")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "the token is refused" in done.stderr
    assert "run `keepstep login board`" in run("check").stderr


def test_without_a_key_nothing_is_asked(run: Any) -> None:
    done = run("login", "board", key=False, input=f"{SECRET}\n")
    assert done.exit_code == 2
    assert "KEEPSTEP_KEY" in done.stderr
    assert "https://board.test/tokens" not in done.stderr


def test_a_system_that_needs_no_sign_in_says_so(run: Any) -> None:
    done = run("login", "board", login=None)
    assert done.exit_code == 2
    assert "stands in the configuration" in done.stderr


def test_without_a_browser_the_address_is_pasted(run: Any) -> None:
    done = run("login", "board", "--no-browser", login=by_page, input="http://127.0.0.1:1/?state=s&code=c-0-d-e\n")
    assert done.exit_code == 0, done.output
    assert "https://board.test/authorize?redirect_uri=http%3A%2F%2F127.0.0.1%3A" in done.stderr
    assert "c-0-d-e" not in done.output


def test_the_browser_comes_back_to_the_loopback(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, str]] = []

    def browse(url: str) -> None:
        redirect = requests.utils.unquote(url.partition("redirect_uri=")[2])
        for path in ("favicon.ico", "?state=s&code=c-0-d-e"):
            answer = requests.get(redirect + path, timeout=60)
            seen.append((answer.status_code, answer.text))

    visits: list[threading.Thread] = []

    def open_page(url: str) -> bool:
        visits.append(threading.Thread(target=browse, args=(url,)))
        visits[-1].start()
        return True

    monkeypatch.setattr(terminal.webbrowser, "open", open_page)
    done = run("login", "board", login=by_page)
    for visit in visits:
        visit.join()
    assert done.exit_code == 0, done.output
    assert [status for status, _ in seen] == [404, 200]
    assert "You may close this page" in seen[-1][1]
