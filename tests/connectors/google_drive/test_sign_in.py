"""Settings, tokens of both kinds, and what ``check`` refuses."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs

import pytest
import responses
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import ValidationError
from requests.adapters import HTTPAdapter

from connectors.errors import AuthFailed, Fatal, Misconfigured, ScopeMissing, Transient
from connectors.google_drive.connector import GoogleDrive
from connectors.google_drive.sandbox import SANDBOX
from connectors.google_drive.sandbox.core import GoogleDriveSandbox
from connectors.google_drive.settings import Settings
from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.faults import Fault
from connectors.sandbox.hosting import Host, SandboxTransport
from keepstep.testing.contract.world import MemoryAccessTokens

from .conftest import BASE, Office, connect, context, furnish, pages, places

ROBOT = "robot@project.iam.gserviceaccount.com"


@pytest.fixture(scope="module")
def key() -> str:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return json.dumps(
        {
            "type": "service_account",
            "client_email": ROBOT,
            "private_key": pem.decode(),
            "private_key_id": "k1",
            "token_uri": "https://elsewhere.test/token",
        }
    )


def robot(core: GoogleDriveSandbox, key: str, **more: Any) -> dict[str, Any]:
    return {
        "root": core.root_id,
        "service_account_json": key,
        "base_url": BASE,
        "token_url": f"{BASE}/token",
        **more,
    }


class Spy(SandboxTransport):
    """Keeps what was sent to the token endpoint."""

    def __init__(self, core: GoogleDriveSandbox) -> None:
        super().__init__(core)
        self.forms: list[dict[str, list[str]]] = []

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        if request.url.endswith("/token"):
            body = request.body.decode() if isinstance(request.body, bytes) else request.body
            self.forms.append(parse_qs(body))
        return super().send(request, *args, **kwargs)


def claims(form: dict[str, list[str]]) -> dict[str, Any]:
    part = form["assertion"][0].split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="no-credentials"),
        pytest.param({"client_id": "c"}, id="half-of-oauth"),
        pytest.param({"service_account_json": "{}", "refresh_token": "r"}, id="two-ways"),
        pytest.param({"service_account_json": "{}", "service_account_file": "k.json"}, id="two-keys"),
        pytest.param(
            {"client_id": "c", "client_secret": "s", "refresh_token": "r", "subject": "ada@acme.example"},
            id="subject-without-service-account",
        ),
        pytest.param({"service_account_json": "{}", "rooot": "x"}, id="unknown-key"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings(root="r", **given)


def test_secrets_do_not_show_in_settings() -> None:
    settings = Settings(root="r", client_id="c", client_secret="hush-1", refresh_token="hush-2")  # type: ignore[arg-type]
    assert "hush" not in repr(settings)
    assert "hush" not in settings.model_dump_json()
    with pytest.raises(ValidationError) as caught:
        Settings(root="r", client_id="c", client_secret="hush-1", refreshtoken="hush-2")  # type: ignore[call-arg, arg-type]
    assert "hush" not in str(caught.value)


def test_check_names_account_and_root(connector: GoogleDrive, core: GoogleDriveSandbox) -> None:
    account = connector.check()
    assert account.id == core.hub.permission_id
    assert account.name == "Keepstep, root Clients"
    assert account.site == f"drive:{core.drive_id}"
    assert account.server_time == "2026-11-02T01:00:00.000Z"
    assert connector.calls == 3, "one token, about, the root"


def test_a_token_is_fetched_once_and_again_when_it_ends(core: GoogleDriveSandbox, clock: VirtualClock) -> None:
    connector = connect(core)
    connector.check()
    connector.check()
    assert core.requests.count("POST /token") == 1
    clock.advance(3600)
    connector.check()
    assert core.requests.count("POST /token") == 2


def test_a_token_that_ends_early_is_renewed(core: GoogleDriveSandbox) -> None:
    connector = connect(core)
    connector.check()
    core.faults.switch_on(Fault("expired", match="/about", times=1))
    connector.check()
    assert core.requests.count("POST /token") == 2


@pytest.mark.parametrize("kind", ["person", "robot"])
def test_a_token_is_kept_for_the_next_process_that_has_the_same_credential(
    core: GoogleDriveSandbox, clock: VirtualClock, key: str, kind: str
) -> None:
    core.service_account(ROBOT)
    settings, kept = SANDBOX.settings(core, BASE) if kind == "person" else robot(core, key), MemoryAccessTokens()

    def tokens(**more: Any) -> int:
        """Tokens that were fetched once a new process has signed in."""
        connect(core, settings=settings, access_tokens=kept, **more).check()
        return core.requests.count("POST /token")

    assert [tokens(), tokens(), tokens()] == [1, 1, 1]
    clock.advance(3590)  # it would end within the next minute
    assert [tokens(), tokens()] == [2, 2]
    if kind == "robot":
        assert tokens(access="read") == 3, "it was granted for another scope"
    assert kept.kept is not None
    kept.kept = (kept.kept[0], "in the form of another version")
    assert tokens() == 3 + (kind == "robot")


def test_a_refused_refresh_token_is_told_without_any_secret(core: GoogleDriveSandbox) -> None:
    settings = SANDBOX.settings(core, BASE) | {"refresh_token": "revoked-secret-token"}
    with pytest.raises(AuthFailed, match="invalid_grant Token has been expired or revoked") as caught:
        connect(core, settings=settings).check()
    assert "revoked-secret" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert core.requests == ["POST /token"]


def test_trouble_at_the_token_endpoint_is_transient(core: GoogleDriveSandbox) -> None:
    core.faults.switch_on(Fault("unavailable", match="POST /token", times=1))
    connect(core).check()  # asked again by the one place that asks again
    assert core.requests.count("POST /token") == 2
    core.faults.switch_on(Fault("rate_limited", match="POST /token", times=1))
    connect(core).check()  # a refusal that is not OAuth's is no verdict on the credentials
    core.faults.switch_on(Fault("html", match="POST /token"))
    with pytest.raises(Transient, match="not JSON"):
        connect(core).check()


def test_a_service_account_signs_an_assertion(core: GoogleDriveSandbox, key: str) -> None:
    core.service_account(ROBOT)
    spy = Spy(core)
    account = connect(core, spy, robot(core, key)).check()
    assert account.site == f"drive:{core.drive_id}"
    [form] = spy.forms
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assert claims(form)["iss"] == ROBOT
    assert claims(form)["scope"] == "https://www.googleapis.com/auth/drive"
    assert "sub" not in claims(form)


def test_read_access_asks_for_the_read_only_scope(core: GoogleDriveSandbox, key: str) -> None:
    core.service_account(ROBOT)
    spy = Spy(core)
    connector = connect(core, spy, robot(core, key), access="read")
    connector.check()
    assert claims(spy.forms[0])["scope"].endswith("/auth/drive.readonly")
    assert pages(connector)[-1].complete


def test_a_service_account_outside_a_shared_drive_is_refused_with_the_cures(clock: VirtualClock, key: str) -> None:
    core = GoogleDriveSandbox(clock, 1, shared_drive=False)
    core.service_account(ROBOT)
    core.create("Keepstep", "permissions", {"fileId": core.root_id, "role": "writer", "emailAddress": ROBOT})
    with pytest.raises(Misconfigured) as caught:
        connect(core, settings=robot(core, key)).check()
    for part in ("Clients", "shared drive", ROBOT, "subject", "delegation"):
        assert part in str(caught.value)


def test_delegation_makes_my_drive_work(clock: VirtualClock, key: str) -> None:
    core = GoogleDriveSandbox(clock, 1, shared_drive=False)
    core.service_account(ROBOT, delegated=True)
    spy = Spy(core)
    account = connect(core, spy, robot(core, key, subject=core.hub.email)).check()
    assert claims(spy.forms[0])["sub"] == core.hub.email
    assert account.site == f"root:{core.root_id}"
    core.tokens.delegated.clear()
    with pytest.raises(ScopeMissing, match=r"unauthorized_client .* domain-wide delegation for https"):
        connect(core, settings=robot(core, key, subject=core.hub.email)).check()


NOBODY = "Invalid email or User ID"
CLOCK = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."


@pytest.mark.parametrize(
    ("who", "code", "words", "kind", "cure"),
    [
        ("person", "invalid_grant", "reauth related error (invalid_rapt)", AuthFailed, "invalid_rapt"),
        ("person", "invalid_grant", "Account has been deleted", AuthFailed, "deleted"),
        ("person", "invalid_client", "The OAuth client was not found.", AuthFailed, "`client_id`"),
        ("person", "deleted_client", "The OAuth client was deleted.", AuthFailed, "`client_id`"),
        ("person", "admin_policy_enforced", "", ScopeMissing, "administrator"),
        ("robot", "invalid_grant", "Invalid JWT Signature.", Misconfigured, "its key was deleted"),
        ("robot", "invalid_grant", CLOCK, Misconfigured, "the clock of this machine"),
        ("robot", "invalid_grant", "Invalid grant: account not found", Misconfigured, "no such service account"),
        ("robot", "invalid_grant", NOBODY, Misconfigured, "`subject` names nobody"),
        ("robot", "invalid_client", "The OAuth client was not found.", Misconfigured, "a new key"),
        ("robot", "unauthorized_client", "", Misconfigured, "a new key"),
    ],
)
@responses.activate
def test_a_refused_sign_in_names_what_mends_it(
    clock: VirtualClock, key: str, who: str, code: str, words: str, kind: type, cure: str
) -> None:
    responses.post(f"{BASE}/token", json={"error": code, "error_description": words}, status=400)
    core = GoogleDriveSandbox(clock, 1)
    settings = robot(core, key) if who == "robot" else SANDBOX.settings(core, BASE)
    with pytest.raises(Fatal, match=cure) as caught:
        connect(core, HTTPAdapter(), settings).check()
    assert type(caught.value) is kind
    assert "BEGIN" not in str(caught.value)


@pytest.mark.parametrize("bad", ["not json", "[]", '{"client_email": "x"}'])
def test_a_key_that_is_none_is_misconfigured(core: GoogleDriveSandbox, clock: VirtualClock, bad: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        GoogleDrive(Settings(**robot(core, bad)), context(clock, SandboxTransport(core)))
    assert bad not in str(caught.value)


def test_a_root_that_cannot_be_is_named(core: GoogleDriveSandbox, office: Office) -> None:
    settings = SANDBOX.settings(core, BASE)
    with pytest.raises(Misconfigured, match="no such folder"):
        connect(core, settings=settings | {"root": "nowhere"}).check()
    with pytest.raises(Misconfigured, match="not a folder"):
        connect(core, settings=settings | {"root": office.file}).check()
    core.delete("Ada", "folders", core.root_id)
    with pytest.raises(Misconfigured, match="in the trash"):
        connect(core).check()


def test_a_shared_drive_itself_may_be_the_root(core: GoogleDriveSandbox) -> None:
    settings = SANDBOX.settings(core, BASE) | {"root": core.drive_id}
    connector = connect(core, settings=settings)
    assert connector.check().name == "Keepstep, root Projects"
    assert [id for page in connector.ids("client_folders") for id in page] == [core.root_id]


def test_a_missing_scope_or_right_is_named(clock: VirtualClock) -> None:
    core = GoogleDriveSandbox(clock, 1)
    furnish(core)
    core.tokens.scope = "https://www.googleapis.com/auth/drive.metadata"
    with pytest.raises(ScopeMissing, match=r"lacks the scope https://www\.googleapis\.com/auth/drive"):
        connect(core).check()
    core = GoogleDriveSandbox(clock, 1, shared_drive=False)
    other = core.make(core.hub, core.root_of(core.hub), core.store.items[core.root_id].mime, {"name": "Theirs"})
    other.owner = None
    other.permissions = {"x": {"role": "reader", "type": "anyone"}}
    settings = SANDBOX.settings(core, BASE) | {"root": other.id}
    with pytest.raises(ScopeMissing, match="may read but not add"):
        connect(core, settings=settings).check()
    assert connect(core, settings=settings, access="read").check().name.endswith("root Theirs")


def test_the_whole_way_works_over_real_http(core: GoogleDriveSandbox, office: Office) -> None:
    with Host(core) as host:
        connector = connect(core, HTTPAdapter(), SANDBOX.settings(core, host.url))
        assert connector.check().id == core.hub.permission_id
        assert len(places(pages(connector))) == 5
        found = list(connector.get("files", [office.file, "missing"]))
        assert [each.deleted for each in found] == [False, True]
        assert "POST /batch/drive/v3" in core.requests
