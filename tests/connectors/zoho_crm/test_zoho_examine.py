"""A connection looks itself over, without a write; and what its organisation may spend."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from zoho_world import World

from connectors.base import Quota
from connectors.errors import AuthFailed
from connectors.examining import Examines, Symptom
from connectors.zoho_crm.described import MODULES
from connectors.zoho_crm.sandbox.core import REFRESH_TOKEN
from connectors.zoho_crm.sandbox.modules import FieldDef, Pick
from connectors.zoho_crm.scopes import needed
from mapping.model import Form, Kind, Model, OwnField

NOTES = ("window", {"stream": "Notes"})


def granted(world: World, *scopes: str, writing: bool = True) -> None:
    """What the service says that the token may do."""
    world.core._refresh_tokens[REFRESH_TOKEN] = " ".join(scopes or needed(MODULES, writing=writing, notified=False))


def look(world: World, **settings: Any) -> list[Symptom]:
    crm = world.connect(**settings)
    assert isinstance(crm, Examines)
    found = crm.examine()
    assert world.core.truth.writes() == []
    assert {line.split()[0] for line in world.core.requests} == {"GET", "POST"}
    assert {line for line in world.core.requests if line.startswith("POST")} == {"POST /oauth/v2/token"}
    return found


def found(world: World, **settings: Any) -> list[tuple[str, dict[str, Any]]]:
    symptoms = [(each.code, dict(each.params)) for each in look(world, **settings)]
    return [each for each in symptoms if each != NOTES]


@pytest.fixture
def healthy(world: World) -> World:
    granted(world)
    world.core.required_on_layouts = {}
    return world


def test_a_healthy_organisation_has_no_symptom_but_what_zoho_leaves_open(healthy: World):
    symptoms = look(healthy)
    assert [(each.code, each.severity) for each in symptoms] == [
        ("window", "info"),
        ("field_required", "warning"),
        ("field_required", "warning"),
        ("field_required", "warning"),
    ]
    assert [each.params["field"] for each in symptoms[1:]] == ["Case_Origin", "Call_Type", "End_DateTime"]
    granted(healthy, writing=False)
    assert look(healthy, access="read") == []


def test_scopes_that_lack_or_abound_are_named(world: World):
    scopes = [scope for scope in needed(MODULES, writing=True, notified=False) if ".calls." not in scope]
    granted(
        world, *(scope for scope in scopes if "deals" not in scope), "ZohoCRM.modules.deals.READ", "ZohoCRM.bulk.ALL"
    )
    symptoms = [each for each in look(world) if each.code.startswith("scope")]
    assert [(each.code, each.params["scope"], each.params["needed_for"], each.severity) for each in symptoms] == [
        ("scope_missing", "ZohoCRM.modules.deals.ALL", "Deals", "error"),
        ("scope_missing", "ZohoCRM.modules.calls.ALL", "Calls", "warning"),
        ("scope_excess", "ZohoCRM.bulk.ALL", None, "warning"),
    ]
    granted(world, "ZohoCRM.modules.ALL", "ZohoCRM.org.READ", "ZohoCRM.users.READ")
    told = found(world)
    assert {each[1]["scope"] for each in told if each[0] == "scope_missing"} == {
        "ZohoCRM.settings.modules.READ",
        "ZohoCRM.settings.fields.READ",
        "ZohoSearch.securesearch.READ",
        "ZohoCRM.settings.layouts.READ",
    }
    assert ("scope_excess", {"scope": "ZohoCRM.modules.ALL", "needed_for": None}) in told


def test_scopes_that_are_not_told_are_found_by_trying(world: World):
    world.core.scopes_missing |= {"Tasks", "Events"}
    told = [each for each in look(world) if each.code == "scope_missing"]
    assert [(each.params["scope"], each.severity) for each in told] == [
        ("ZohoCRM.modules.tasks.READ", "error"),
        ("ZohoCRM.modules.events.READ", "warning"),
    ]
    assert world.sent("GET", "/Deals")[0].headers["If-Modified-Since"] == "2026-11-02T01:00:00+00:00"


def test_a_token_that_may_not_read_metadata_is_a_symptom(world: World):
    world.core.scopes_missing.add("settings")
    assert found(world) == [("scope_missing", {"scope": "ZohoCRM.settings.modules.READ", "needed_for": "describe"})]


def test_what_the_profile_may_not_do_is_named_where_it_would_be_done(healthy: World):
    healthy.core.refused_to_us = {"Deals": {"editable"}, "Accounts": {"creatable", "deletable"}}
    rights = [params for code, params in found(healthy) if code == "scope_missing"]
    assert rights == [
        {"scope": "Accounts: create", "needed_for": "create", "place": "Accounts"},
        {"scope": "Accounts: delete", "needed_for": "delete", "place": "Accounts"},
        {"scope": "Deals: edit", "needed_for": "edit", "place": "Deals"},
    ]
    granted(healthy, writing=False)
    assert found(healthy, access="read") == []


def test_a_module_that_is_named_and_not_there_is_told(healthy: World):
    granted(healthy, *needed([*MODULES, "Project"], writing=True, notified=False))
    assert ("place_missing", {"place": "Project"}) in found(healthy, modules=["Project"])


def test_a_marker_field_that_lacks_or_allows_duplicates_is_told(healthy: World):
    healthy.core.remove_marker_field("Deals")
    healthy.core.ledger.modules["Tasks"]["Keepstep_Key"].unique = False
    fields = [(code, params) for code, params in found(healthy) if code in ("field_missing", "field_retyped")]
    assert fields == [
        ("field_missing", {"stream": "Deals", "field": "Keepstep_Key"}),
        ("field_retyped", {"stream": "Tasks", "field": "Keepstep_Key"}),
    ]


def test_fields_that_the_configuration_names_are_there_and_can_hold_it(healthy: World):
    fields = healthy.core.ledger.modules["Deals"]
    fields["Kickoff"] = FieldDef("Kickoff", "date", custom=True)
    fields["Lead"] = FieldDef("Lead", "text", custom=True)
    fields["Sum_Up"] = FieldDef("Sum_Up", "formula", result="currency", read_only=True, custom=True)
    custom = {"Deals": {"start_date": "Kickoff", "revenue": "Sum_Up", "manager": "Lead", "status": "Gone"}}
    told = [each for each in look(healthy, custom=custom) if each.params.get("stream") == "Deals"]
    assert [(each.code, each.params["field"], each.severity) for each in told] == [
        ("field_retyped", "Lead", "error"),
        ("field_missing", "Gone", "error"),
    ]


def test_list_values_of_no_class_are_told_unless_the_configuration_says_one(healthy: World):
    healthy.core.localise("zh")
    healthy.core.ledger.modules["Deals"]["Stage"].picks.append(Pick("Parked", "搁置"))
    healthy.core.ledger.modules["Tasks"]["Status"].picks.append(Pick("In Review", "评审中"))
    values = [params for code, params in found(healthy) if code == "value_unmapped"]
    assert values == [
        {"stream": "Deals", "field": "Stage", "value": "搁置"},
        {"stream": "Tasks", "field": "Status", "value": "评审中"},
    ]
    said = {"stage": {"搁置": "open"}, "status": {"评审中": "doing"}}
    assert not [code for code, _ in found(healthy, values=said) if code == "value_unmapped"]


def test_a_value_of_a_choice_of_ones_own_that_says_no_class_is_told(healthy: World):
    picks = [Pick(word, word) for word in ("-None-", "GOLD", "Silver", "Platinum", "Gold 24x7")]
    fields = healthy.core.ledger.modules["Deals"]
    fields["Level"] = FieldDef("Level", "picklist", picks=picks, custom=True)
    fields["Hours"] = FieldDef("Hours", "text", custom=True)
    level = OwnField(form=Form.CHOICE, classes=("silver", "gold"))
    healthy.model = Model({Kind.PROJECT: {"level": level, "hours": OwnField(form=Form.NUMBER)}})
    chosen = {"custom": {"Deals": {"level": "Level", "hours": "Hours"}}, "values": {"level": {"Gold 24x7": "gold"}}}
    told = [each for each in look(healthy, **chosen) if each.params.get("stream") == "Deals"]
    assert [(each.code, each.severity, each.params) for each in told] == [
        ("field_retyped", "error", {"stream": "Deals", "field": "Hours"}),
        ("value_unmapped", "warning", {"stream": "Deals", "field": "Level", "value": "Platinum"}),
    ]


def test_a_list_of_ones_own_that_decides_needs_a_class_for_each_value(healthy: World):
    picks = [Pick("-None-", "-None-"), Pick("Draft", "Draft"), Pick("Over", "Over")]
    healthy.core.add_module("Projects", FieldDef("Phase", "picklist", picks=picks, custom=True))
    granted(healthy, *needed([*MODULES, "Projects"], writing=True, notified=False))
    chosen: dict[str, Any] = {
        "modules": ["Projects"],
        "custom": {"Projects": {"stage": "Phase"}},
        "values": {"stage": {"Draft": "open"}},
    }
    values = [params for code, params in found(healthy, **chosen) if code == "value_unmapped"]
    assert values == [{"stream": "Projects", "field": "Phase", "value": "Over"}]


def test_a_field_that_a_layout_requires_and_nobody_fills_is_told_with_its_layout(healthy: World):
    healthy.core.required_on_layouts = {"Deals": {"Next_Step", "Closing_Date"}}
    deals = [params for code, params in found(healthy) if params.get("stream") == "Deals"]
    assert deals == [
        {"stream": "Deals", "field": "Closing_Date", "label": "Closing Date", "place": "Deals/Standard"},
        {"stream": "Deals", "field": "Next_Step", "label": "Next Step", "place": "Deals/Standard"},
    ]
    filled = found(healthy, custom={"Deals": {"description": "Next_Step"}})
    assert "Next_Step" not in [params["field"] for code, params in filled if code == "field_required"]


def test_another_tool_is_known_by_the_field_it_keeps_its_ids_in(healthy: World):
    fields = healthy.core.ledger.modules["Deals"]
    for name in ("HubSpot_ID", "Unito_Link", "Jira_experience", "Trellis_Id"):
        fields[name] = FieldDef(name, custom=True)
    tools = [params for code, params in found(healthy) if code == "other_tool"]
    assert tools == [
        {"tool": "Hubspot", "where": "Deals.HubSpot_ID"},
        {"tool": "Unito", "where": "Deals.Unito_Link"},
    ]


def test_clocks_that_differ_and_credits_that_run_out_are_told(healthy: World, monkeypatch: pytest.MonkeyPatch):
    serve = healthy.core._serve

    def ahead(request: Any) -> Any:
        answer = serve(request)
        answer.headers["Date"] = format_datetime(healthy.clock.now() + timedelta(seconds=90), usegmt=True)
        return answer

    monkeypatch.setattr(healthy.core, "_serve", ahead)
    healthy.core.credits = 1000
    assert "limit_near" not in [code for code, _ in found(healthy)]
    used = healthy.core._used
    used.extend([healthy.clock.monotonic()] * (905 - len(used)))
    told = found(healthy, access="read")
    assert ("clock_skew", {"seconds": 90}) in told
    assert ("limit_near", {"what": "API credits", "where": "Example GmbH", "most": 1000}) in told


def test_a_channel_that_ends_soon_is_told(healthy: World):
    hooks = {"hook_url": "https://hub.example/x", "hook_token": "under-the-doormat-0123456789"}
    granted(healthy, *needed(MODULES, writing=True, notified=True))
    assert "expires" not in [code for code, _ in found(healthy, **hooks)]
    healthy.connect(**hooks).add("subscription:notifications", lambda: None)
    healthy.core.requests.clear()
    assert "expires" not in [code for code, _ in found(healthy, **hooks)]
    healthy.clock.advance(6 * 86_400)
    told = [params for code, params in found(healthy, **hooks) if code == "expires"]
    assert told == [{"what": "notification channel", "at": "2026-11-09T00:50:00.000Z"}]
    healthy.core.scopes_missing.add("actions")
    missing = [params for code, params in found(healthy, **hooks) if code == "scope_missing"]
    assert missing == [{"scope": "ZohoCRM.notifications.ALL", "needed_for": "notifications"}]


def test_where_nothing_can_be_seen_the_sign_in_says_why(world: World):
    with pytest.raises(AuthFailed):
        world.connect(refresh_token="1000.other").examine()


@pytest.mark.parametrize(
    ("license", "amount"),
    [
        ({"paid": True, "paid_type": "enterprise", "users_license_purchased": 12}, 62_000),
        ({"paid": True, "paid_type": "Zoho One", "users_license_purchased": 3}, 53_000),
        ({"paid": True, "paid_type": "standard"}, 50_250),
        ({"paid": False, "trial_type": "ultimate", "users_license_purchased": 10}, 70_000),
        ({"paid": False, "trial_type": "zohooneenterprise", "users_license_purchased": 3}, 53_000),
        ({"paid": False, "paid_type": "enterprise"}, 5_000),
        ({"paid": True, "paid_type": "of tomorrow"}, None),
        ({"paid": True}, None),
        ({"paid": "true", "paid_type": "standard", "users_license_purchased": "4"}, 51_000),
        ({"paid": []}, None),
    ],
)
def test_the_quota_follows_from_edition_and_licences(world: World, license: dict[str, Any], amount: int | None):
    world.core.license = license
    quota = world.crm.describe().quota
    assert quota == (Quota(unit="credits", amount=amount, seconds=86_400.0) if amount else None)


@pytest.mark.parametrize(("code", "currency"), [("INR", "INR"), ("Rs.", None), ("", None), (None, None), (5, None)])
def test_the_organisation_tells_its_currency(world: World, code: Any, currency: str | None):
    world.core.ledger.currency = code
    assert world.crm.describe().currency == currency
