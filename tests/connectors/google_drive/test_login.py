"""Signing in by hand: what the sign-in page is asked, what comes back, what is kept, and what is told when it fails."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet

from connectors.context import Context
from connectors.errors import AuthFailed, Misconfigured, ScopeMissing, Transient
from connectors.google_drive import CONNECTOR
from connectors.google_drive.sandbox import SANDBOX
from connectors.google_drive.sandbox.core import GoogleDriveSandbox
from connectors.google_drive.sandbox.tokens import CLIENT_SECRET, REFRESH_TOKEN
from connectors.login import SignedIn
from connectors.sandbox.faults import Fault
from connectors.sandbox.hosting import SandboxTransport
from keepstep.cli import main, terminal
from keepstep.cli.session import Session
from keepstep.registry import Registry
from keepstep.runtime import Runtime

from .conftest import BASE
from .test_sign_in import Spy

LOOPBACK = "http://127.0.0.1:8765/"
SCOPE = "https://www.googleapis.com/auth/drive"


class Kept(dict[str, str]):
    """A token store."""

    def load(self, name: str) -> str | None:
        return self.get(name)

    def save(self, name: str, secret: str) -> None:
        self[name] = secret


class Somebody:
    """Agrees on the sign-in page."""

    def __init__(self, core: GoogleDriveSandbox, **altered: str) -> None:
        self.core, self.altered = core, altered
        self.pages: list[str] = []

    def tell(self, code: str, **params: object) -> None:
        raise AssertionError("the terminal says itself where to go")

    def ask(self, code: str, *, secret: bool = False, **params: object) -> str:
        raise AssertionError("nothing is asked")

    def redirected(self, address: Callable[[str], str]) -> Mapping[str, str]:
        self.pages.append(address(LOOPBACK))
        return self.core.tokens.consent(self.pages[-1]) | self.altered


def settings(core: GoogleDriveSandbox) -> Any:
    given = SANDBOX.settings(core, BASE)
    del given["refresh_token"]
    return CONNECTOR.settings(**given)


def signed_in(core: GoogleDriveSandbox, person: Any, wire: Any = None, **more: Any) -> SignedIn:
    clock: Any = core.clock
    assert CONNECTOR.login is not None
    gained: SignedIn = CONNECTOR.login(
        settings(core), Context("files", clock, Kept(), transport=wire or Spy(core), **more), person
    )
    return gained


def test_a_consent_gains_a_refresh_token_by_code_state_and_proof(core: GoogleDriveSandbox) -> None:
    person, wire = Somebody(core), Spy(core)
    gained = signed_in(core, person, wire)
    page = urlsplit(person.pages[0])
    asked = {name: found[0] for name, found in parse_qs(page.query).items()}
    assert (page.netloc, page.path) == ("accounts.google.com", "/o/oauth2/v2/auth")
    assert (asked["scope"], asked["redirect_uri"], asked["response_type"]) == (SCOPE, LOOPBACK, "code")
    assert (asked["access_type"], asked["prompt"], asked["code_challenge_method"]) == ("offline", "consent", "S256")
    assert CLIENT_SECRET not in person.pages[0]
    sent = {name: found[0] for name, found in wire.forms[0].items()}
    assert (sent["grant_type"], sent["redirect_uri"]) == ("authorization_code", LOOPBACK)
    assert len(sent["code_verifier"]) >= 43
    assert sent["code_verifier"] not in person.pages[0]
    assert gained.account.id == core.hub.permission_id
    assert gained.secrets == {"refresh_token": REFRESH_TOKEN}
    assert (list(gained.scopes), gained.expires_at) == ([SCOPE], None)
    assert REFRESH_TOKEN not in repr(gained)

    clock: Any = core.clock
    later = CONNECTOR.build(settings(core), Context("files", clock, Kept(gained.secrets), transport=Spy(core)))
    assert later.check().id == core.hub.permission_id


def test_a_connection_for_reading_asks_for_less(core: GoogleDriveSandbox) -> None:
    person = Somebody(core)
    core.tokens.scope = f"{SCOPE}.readonly"
    gained = signed_in(core, person, access="read")
    assert list(gained.scopes) == [f"{SCOPE}.readonly"]


def test_a_consent_that_ends_by_itself_is_told_with_its_end(core: GoogleDriveSandbox) -> None:
    core.tokens.lasts = 604_800
    gained = signed_in(core, Somebody(core))
    assert gained.expires_at == "2026-11-09T01:00:00.000Z"
    assert gained.secrets["refresh_token_expires"] == gained.expires_at


@pytest.mark.parametrize(
    ("altered", "said"),
    [
        ({"state": "of-another"}, "another sign-in"),
        ({"state": "é"}, "another sign-in"),
        ({"code": "4/nobody-gave"}, "invalid_grant Malformed auth code"),
    ],
)
def test_an_answer_of_another_sign_in_gains_nothing(
    core: GoogleDriveSandbox, altered: dict[str, str], said: str
) -> None:
    with pytest.raises(AuthFailed, match=said):
        signed_in(core, Somebody(core, **altered))


def test_a_person_who_declines_or_unticks_is_believed(core: GoogleDriveSandbox) -> None:
    class Declines(Somebody):
        def redirected(self, address: Callable[[str], str]) -> Mapping[str, str]:
            return {"state": super().redirected(address)["state"], "error": "access_denied"}

    with pytest.raises(AuthFailed, match="access_denied"):
        signed_in(core, Declines(core))
    core.tokens.withheld = {SCOPE}
    with pytest.raises(ScopeMissing, match="tick it"):
        signed_in(core, Somebody(core))


def test_trouble_on_the_way_is_not_taken_for_a_refusal(core: GoogleDriveSandbox) -> None:
    core.faults.switch_on(Fault("unavailable", match="POST /token", times=1))
    with pytest.raises(Transient):
        signed_in(core, Somebody(core))


def test_without_any_credentials_the_cure_is_named(core: GoogleDriveSandbox) -> None:
    clock: Any = core.clock
    with pytest.raises(AuthFailed, match="run `keepstep login files`"):
        CONNECTOR.build(settings(core), Context("files", clock, Kept(), transport=Spy(core))).check()
    assert core.requests == []


def test_a_service_account_needs_no_sign_in_by_hand(core: GoogleDriveSandbox) -> None:
    clock: Any = core.clock
    robot = CONNECTOR.settings(root="r", service_account_json="{}")
    assert CONNECTOR.login is not None
    with pytest.raises(Misconfigured, match="nothing to do by hand"):
        CONNECTOR.login(robot, Context("files", clock, Kept()), Somebody(core))


def test_the_command_line_signs_in_through_the_loopback_and_the_next_command_finds_it(
    core: GoogleDriveSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = SANDBOX.settings(core, BASE)
    del given["refresh_token"]
    path = tmp_path / "keepstep.yaml"
    store = f"sqlite:///{tmp_path / 'hub.db'}"
    connections = {"files": {"system": "google_drive", **given}}
    path.write_text(json.dumps({"version": 1, "store": store, "connections": connections}))
    environ = {"KEEPSTEP_KEY": Fernet.generate_key().decode(), "LANG": "C"}
    visits: list[threading.Thread] = []

    def run(*args: str) -> Result:
        clock: Any = core.clock
        wires = {"files": SandboxTransport(core)}
        session = Session(Registry.installed(), Runtime.of(clock, 1, environ), transports=wires)
        return CliRunner().invoke(main, [*args, "--config", str(path)], obj=session)

    def open_page(url: str) -> bool:
        answer = core.tokens.consent(url)
        redirect = parse_qs(urlsplit(url).query)["redirect_uri"][0]
        visits.append(threading.Thread(target=requests.get, args=(redirect,), kwargs={"params": answer, "timeout": 60}))
        visits[-1].start()
        return True

    monkeypatch.setattr(terminal.webbrowser, "open", open_page)
    assert "run `keepstep login files`" in run("check").stderr
    done = run("login", "files")
    for visit in visits:
        visit.join()
    assert done.exit_code == 0, done.output
    assert "Keepstep, root Clients" in done.stdout
    assert run("check").exit_code == 0
    held = b"".join(each.read_bytes() for each in tmp_path.glob("hub.db*"))
    assert REFRESH_TOKEN not in done.output
    assert REFRESH_TOKEN.encode() not in held
