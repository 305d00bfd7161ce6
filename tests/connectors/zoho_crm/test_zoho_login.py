"""Signing in by hand: where the person is sent, what is traded and kept, and what is told when it fails."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest
from pydantic import ValidationError
from zoho_world import BASE, World

from connectors.context import Context
from connectors.errors import AuthFailed, ScopeMissing
from connectors.zoho_crm import CONNECTOR
from connectors.zoho_crm.sandbox.core import CLIENT_ID, CLIENT_SECRET
from connectors.zoho_crm.scopes import ORGANISATION, covered, excess, missing, needed


class Kept:
    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}

    def load(self, name: str) -> str | None:
        return self.secrets.get(name)

    def save(self, name: str, secret: str) -> None:
        raise AssertionError("the caller keeps it")


class Somebody:
    """Answers in order; generates the code for the scopes that were shown, or gives another one."""

    def __init__(self, world: World, *answers: str, code: str = "", without: str = "nothing") -> None:
        self.world, self.answers, self.code, self.without = world, list(answers), code, without
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.asked: list[tuple[str, bool]] = []

    def tell(self, code: str, **params: Any) -> None:
        self.told.append((code, params))

    def ask(self, code: str, *, secret: bool = False, **params: Any) -> str:
        self.asked.append((code, secret))
        if code != "zoho_code":
            return self.answers.pop(0)
        scopes = [each for each in self.shown["scopes"].split(",") if self.without not in each]
        return f" {self.code or self.world.core.generate_code(scopes)}\n"

    @property
    def shown(self) -> dict[str, Any]:
        return next(params for code, params in self.told if code == "zoho_generate_code")

    def redirected(self, address: Any) -> Any:
        raise AssertionError("a self client leads nowhere")


def ground(world: World, kept: Kept | None = None, access: Any = "write", **changes: Any) -> tuple[Any, Context]:
    given = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "base_url": BASE, "accounts_url": BASE}
    tokens = kept or Kept()
    return CONNECTOR.settings(**given | changes), Context("crm", world.clock, tokens, access, world.wire)


def sign_in(world: World, person: Somebody, *args: Any, **changes: Any) -> Any:
    assert CONNECTOR.login is not None
    return CONNECTOR.login(*ground(world, *args, **changes), person)


def test_a_code_is_traded_for_a_refresh_token_which_is_tried_and_given_back_to_be_kept(world: World):
    person = Somebody(world, "https://api-console.zoho.com.cn/client/1000.X")
    gained = sign_in(world, person)
    assert [code for code, _ in person.told] == ["zoho_console", "zoho_generate_code"]
    assert person.asked == [("zoho_console_address", False), ("zoho_code", True)]
    assert person.shown["url"] == "https://api-console.zoho.com.cn"
    assert (gained.account.name, gained.account.site) == ("Keepstep Hub", "60011223344")
    assert set(gained.secrets) == {"refresh_token", "data_center", "scopes"}
    assert gained.secrets["data_center"] == "cn"
    assert gained.scopes == sorted(person.shown["scopes"].split(","))
    assert gained.expires_at is None
    assert gained.secrets["refresh_token"] not in repr(gained)
    traded, refreshed = (parse_qs(str(request.body)) for request in world.sent("POST", "/oauth/v2/token"))
    assert traded["grant_type"] == ["authorization_code"]
    assert traded["client_secret"] == [CLIENT_SECRET]
    assert "redirect_uri" not in traded
    assert refreshed["refresh_token"] == [gained.secrets["refresh_token"]]

    kept = Kept()
    kept.secrets = dict(gained.secrets)
    settings, context = ground(world, kept)
    crm = CONNECTOR.build(settings, context)
    id = world.deal()
    (record,) = crm.get("Deals", [id])
    assert record.url == f"https://crm.zoho.com.cn/crm/tab/Potentials/{id}"


@pytest.mark.parametrize(("answer", "center"), [("eu", "eu"), ("API-console.zohocloud.ca", "ca"), ("sa ", "sa")])
def test_the_data_centre_is_known_by_the_consoles_address_or_its_short_name(world: World, answer, center):
    person = Somebody(world, "https://evil.example/api-console.zoho.eu", "http://[", answer)
    gained = sign_in(world, person)
    assert [code for code, _ in person.told[1:3]] == ["zoho_no_console"] * 2
    assert gained.secrets["data_center"] == center


def test_a_configured_data_centre_is_not_asked_for(world: World):
    person = Somebody(world)
    sign_in(world, person, data_center="in")
    assert person.asked == [("zoho_code", True)]
    assert person.shown["url"] == "https://api-console.zoho.in"


def test_who_only_reads_is_asked_for_nothing_that_writes(world: World):
    person = Somebody(world)
    sign_in(world, person, None, "read", data_center="us")
    scopes = person.shown["scopes"].split(",")
    assert {scope.rpartition(".")[2] for scope in scopes} == {"READ"}
    assert "ZohoCRM.modules.deals.READ" in scopes
    person = Somebody(world)
    sign_in(world, person, data_center="us")
    assert {"ZohoCRM.modules.deals.ALL", "ZohoSearch.securesearch.READ"} <= set(person.shown["scopes"].split(","))


def test_a_used_or_late_code_gains_nothing_and_is_shown_nowhere(world: World):
    for code in ("1000.never", world.core.generate_code(["ZohoCRM.org.READ"], minutes=0)):
        with pytest.raises(AuthFailed, match="the code is not known in data centre 'us'") as raised:
            sign_in(world, Somebody(world, code=code), data_center="us")
        assert code not in str(raised.value)
    assert [line for line in world.core.requests if "oauth" not in line] == []


def test_a_code_without_what_everything_needs_is_refused_and_modules_may_be_left_out(world: World):
    with pytest.raises(ScopeMissing, match=r"ZohoCRM\.org\.READ"):
        sign_in(world, Somebody(world, without=".org."), data_center="us")
    gained = sign_in(world, Somebody(world, without=".tasks."), data_center="us")
    assert "ZohoCRM.modules.tasks.ALL" not in gained.scopes


def test_scopes_that_the_service_does_not_tell_are_not_made_up(world: World):
    world.core.tells_scopes = False
    gained = sign_in(world, Somebody(world), data_center="us")
    assert (gained.scopes, gained.secrets["scopes"]) == ([], "")


def test_without_credentials_the_cure_is_named_and_nothing_is_sent(world: World):
    settings, context = ground(world)
    with pytest.raises(AuthFailed, match="run `keepstep login crm`"):
        CONNECTOR.build(settings, context).check()
    assert world.core.requests == []


def test_a_token_without_its_data_centre_is_a_mistake():
    with pytest.raises(ValidationError, match="data_center"):
        CONNECTOR.settings(client_id="c", client_secret="s", refresh_token="r")


@pytest.mark.parametrize(
    ("scope", "granted", "enough"),
    [
        ("ZohoCRM.modules.deals.READ", ["ZohoCRM.modules.deals.READ"], True),
        ("ZohoCRM.modules.deals.READ", ["ZohoCRM.modules.deals.ALL"], True),
        ("ZohoCRM.modules.deals.READ", ["ZohoCRM.modules.ALL"], True),
        ("ZohoCRM.modules.deals.READ", ["ZohoCRM.modules.tasks.ALL", "ZohoCRM.modules.deals.UPDATE"], False),
        ("ZohoCRM.modules.deals.ALL", [f"ZohoCRM.modules.deals.{one}" for one in ("READ", "CREATE", "UPDATE")], False),
        (
            "ZohoCRM.modules.deals.ALL",
            ["ZohoCRM.modules.READ", *(f"ZohoCRM.modules.deals.{one}" for one in ("CREATE", "UPDATE", "DELETE"))],
            True,
        ),
        ("ZohoCRM.org.READ", ["ZohoCRM.ALL"], False),
    ],
)
def test_a_scope_is_covered_by_wider_ones(scope, granted, enough):
    assert covered(scope, granted) is enough


def test_what_is_missing_and_what_is_too_much():
    wanted = needed(["Deals", "Price_Books", "Projects", "Orders"], writing=False, notified=True)
    assert list(wanted)[len(ORGANISATION) :] == [
        "ZohoCRM.modules.deals.READ",
        "ZohoCRM.modules.pricebooks.READ",
        "ZohoCRM.modules.custom.READ",
        "ZohoCRM.notifications.ALL",
    ]
    granted = [*ORGANISATION, "ZohoCRM.modules.ALL", "ZohoCRM.notifications.READ"]
    assert missing(wanted, granted) == {"ZohoCRM.notifications.ALL": "notifications"}
    assert excess(wanted, granted) == ["ZohoCRM.modules.ALL"]
