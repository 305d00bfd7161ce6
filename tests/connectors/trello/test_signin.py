"""Signing in: the link, the token pasted, what is kept, and what happens without one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from connectors.context import Context
from connectors.errors import AuthFailed, ScopeMissing
from connectors.sandbox.hosting import SandboxTransport
from connectors.trello import CONNECTOR
from connectors.trello.sandbox.state import KEY, TOKEN
from connectors.trello.signin import link

from .conftest import World


class Somebody:
    """Pastes a token."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.told: list[tuple[str, dict[str, object]]] = []
        self.asked: list[tuple[str, bool]] = []

    def tell(self, code: str, **params: object) -> None:
        self.told.append((code, params))

    def ask(self, code: str, *, secret: bool = False, **params: object) -> str:
        self.asked.append((code, secret))
        return self.token

    def redirected(self, address: Callable[[str], str]) -> Mapping[str, str]:
        raise AssertionError("Trello's link leads nowhere")


class Kept:
    def __init__(self, **secrets: str) -> None:
        self.secrets = dict(secrets)

    def load(self, name: str) -> str | None:
        return self.secrets.get(name)

    def save(self, name: str, secret: str) -> None:
        raise AssertionError("the caller keeps it")


def ground(world: World, kept: Kept, access: Any = "write") -> tuple[Any, Context]:
    settings = CONNECTOR.settings(key=KEY, base_url="https://trello.test/1")
    return settings, Context("board", world.clock, kept, access=access, transport=SandboxTransport(world.sandbox))


@pytest.mark.parametrize(("access", "scope"), [("write", "read,write"), ("read", "read")])
def test_a_pasted_token_is_looked_at_and_given_back_to_be_kept(world: World, access: Any, scope: str) -> None:
    world.sandbox.token_expires = "2026-12-02T01:00:00.000Z"
    person = Somebody(f" {TOKEN}\n")
    assert CONNECTOR.login is not None
    gained = CONNECTOR.login(*ground(world, Kept(), access), person)
    ((code, params),) = person.told
    parts = urlsplit(str(params["link"]))
    assert code == "trello_authorize"
    assert {name: values[0] for name, values in parse_qs(parts.query).items()} == {
        "expiration": "never",
        "scope": scope,
        "response_type": "token",
        "key": KEY,
        "name": "Keepstep",
    }
    assert person.asked == [("trello_token", True)]
    assert (gained.account.id, gained.account.name) == (world.sandbox.hub, "Keepstep")
    assert gained.secrets == {"token": TOKEN}
    assert (gained.scopes, gained.expires_at) == (["read", "write"], "2026-12-02T01:00:00.000Z")
    assert TOKEN not in repr(gained)
    settings, context = ground(world, Kept(**gained.secrets))
    assert CONNECTOR.build(settings, context).check().id == world.sandbox.hub


def test_the_link_is_the_vendors_own() -> None:
    assert link(CONNECTOR.settings(key="k"), "write").startswith(
        "https://trello.com/1/authorize?expiration=never&scope="
    )  # type: ignore[arg-type]


def test_a_wrong_token_and_one_that_may_only_read_are_refused(world: World) -> None:
    assert CONNECTOR.login is not None
    with pytest.raises(AuthFailed):
        CONNECTOR.login(*ground(world, Kept()), Somebody("wrong"))
    world.sandbox.scopes = ["read"]
    with pytest.raises(ScopeMissing, match="write"):
        CONNECTOR.login(*ground(world, Kept()), Somebody(TOKEN))


def test_without_a_token_the_message_says_what_to_do_and_nothing_is_sent(world: World) -> None:
    connector = CONNECTOR.build(*ground(world, Kept()))
    with pytest.raises(AuthFailed, match="run `keepstep login board`"):
        connector.check()
    assert world.sandbox.requests == []


def test_a_token_stored_while_running_is_taken_up_after_a_refusal(world: World) -> None:
    kept = Kept(token="old")
    connector = CONNECTOR.build(*ground(world, kept))
    with pytest.raises(AuthFailed):
        connector.check()
    kept.secrets["token"] = TOKEN
    assert connector.check().id == world.sandbox.hub


@pytest.mark.usefixtures("every_line")
def test_the_address_of_a_token_is_shown_nowhere(world: World, caplog: pytest.LogCaptureFixture, capsys: Any) -> None:
    class Broken(SandboxTransport):
        def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
            assert f"/tokens/{TOKEN}?" in str(request.url)
            raise requests.ConnectionError(str(request.url))

    settings, context = ground(world, Kept())
    broken = Context("board", world.clock, Kept(), transport=Broken(world.sandbox))
    assert CONNECTOR.login is not None
    with caplog.at_level(logging.DEBUG), pytest.raises(Exception, match="/tokens/own") as raised:
        CONNECTOR.login(settings, broken, Somebody(TOKEN))
    CONNECTOR.login(settings, context, Somebody(TOKEN))
    shown = capsys.readouterr()
    assert "/tokens/own" in shown.out
    assert TOKEN not in str(raised.value) + caplog.text + shown.out + shown.err
