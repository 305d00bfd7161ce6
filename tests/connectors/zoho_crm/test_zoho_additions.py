"""What would be added to an organisation: told, made when asked, taken away again."""

from __future__ import annotations

from datetime import datetime

import pytest
from zoho_world import World

from connectors.base import Write
from connectors.errors import ConnectorError, GateClosed, RecordRefused, ScopeMissing, WriteForbidden
from connectors.preparing import Prepares
from connectors.zoho_crm.described import MODULES
from connectors.zoho_crm.hooks import channel_of
from mapping.model import Form, Kind, Model, OwnField

TOKEN = "under-the-doormat-0123456789"
FIELD = "field:Deals.Keepstep_Key"
HOOKS = {"hook_url": "https://hub.example/hooks/x", "hook_token": TOKEN}
CHANNEL = "subscription:notifications"
MARKED = [module for module in MODULES if module != "Notes"]


def open_gate() -> None:
    """Lets everything through."""


def shut() -> None:
    raise GateClosed("the lease is not ours")


def writing(world: World) -> list[str]:
    return [line for line in world.core.requests if not line.startswith(("GET", "POST /oauth"))]


def test_a_field_for_each_module_is_told_with_whether_it_is_there_and_nothing_is_written(world: World):
    world.core.remove_marker_field("Tasks")
    assert isinstance(world.crm, Prepares)
    additions = world.crm.additions()
    assert [(each.stream, each.present) for each in additions] == [(module, module != "Tasks") for module in MARKED]
    (tasks,) = [each for each in additions if not each.present]
    assert (tasks.id, tasks.purpose, tasks.manual) == ("field:Tasks.Keepstep_Key", "marker", False)
    assert "settings.fields.CREATE" in tasks.grant
    assert "'Keepstep Key'" in tasks.steps
    assert writing(world) == []


def test_the_field_is_made_once_and_creates_are_upserts_from_then_on(world: World):
    world.core.remove_marker_field("Deals")
    assert world.crm.describe().stream("Deals").abilities.marker == "none"
    world.crm.add(FIELD, open_gate)
    world.crm.add(FIELD, open_gate)
    assert writing(world) == ["POST /crm/v8/settings/fields"]
    (request,) = world.sent("POST", "/settings/fields")
    assert (request.url or "").endswith("?module=Deals")
    assert world.bodies("POST", "/settings/fields") == [
        {
            "fields": [
                {
                    "field_label": "Keepstep Key",
                    "data_type": "text",
                    "length": 120,
                    "unique": {"casesensitive": False},
                }
            ]
        }
    ]
    assert world.crm.describe().stream("Deals").abilities.marker == "unique_field"
    create = Write(intent="1", kind="create", marker="k-1", values={"Deal_Name": "P", "Stage": "Qualification"})
    assert world.push("Deals", create)[0].status == "done"
    assert len(world.sent("POST", "/Deals/upsert")) == 1


def test_a_field_in_the_way_and_one_of_another_name_are_told_with_the_cure(world: World):
    world.core.ledger.modules["Deals"]["Keepstep_Key"].unique = False
    with pytest.raises(RecordRefused, match="allows duplicates"):
        world.crm.add(FIELD, open_gate)
    assert writing(world) == []
    world.core.remove_marker_field("Deals")
    world.core.renamed_fields = True
    with pytest.raises(RecordRefused, match="marker_field"):
        world.crm.add(FIELD, open_gate)


def test_a_module_of_the_customers_own_has_its_field_too(world: World):
    world.core.add_module("Projects")
    world.core.remove_marker_field("Projects")
    crm = world.connect(modules=["Projects"])
    crm.add("field:Projects.Keepstep_Key", open_gate)
    assert {each.stream: each.present for each in crm.additions()}["Projects"]


def test_removing_the_field_takes_it_with_what_it_holds_and_nothing_else(world: World):
    (made,) = world.push(
        "Deals",
        Write(intent="1", kind="create", marker="k-1", values={"Deal_Name": "P", "Stage": "Qualification"}),
    )
    world.crm.remove(FIELD, open_gate)
    world.crm.remove(FIELD, open_gate)
    assert [line.rsplit("/", 1)[0] for line in writing(world)[1:]] == ["DELETE /crm/v8/settings/fields"]
    shown = world.core.records("Deals")[made.id or ""]
    assert ("Keepstep_Key" in shown, shown["Deal_Name"]) == (False, "P")
    assert world.crm.describe().stream("Deals").abilities.marker == "none"


def test_a_field_of_the_services_own_is_never_deleted(world: World):
    crm = world.connect(marker_field="Description")
    with pytest.raises(RecordRefused, match="no field that anybody added"):
        crm.remove("field:Deals.Description", open_gate)
    assert writing(world) == []


@pytest.mark.parametrize(
    "id", ["field:Deals.Amount", "field:Notes.Keepstep_Key", "field:Nowhere.Keepstep_Key", CHANNEL, "tag:x", ""]
)
def test_what_is_not_ours_is_refused_before_anything_is_sent(world: World, id: str):
    for act in (world.crm.add, world.crm.remove):
        with pytest.raises(ValueError, match="no addition"):
            act(id, open_gate)
    assert world.core.requests == []


def test_a_token_that_may_not_says_what_to_grant_and_a_closed_gate_lets_nothing_out(world: World):
    world.core.remove_marker_field("Deals")
    with pytest.raises(GateClosed):
        world.crm.add(FIELD, shut)
    with pytest.raises(WriteForbidden):
        world.connect(access="read").add(FIELD, open_gate)
    assert writing(world) == []
    world.core.scopes_missing.add("settings")
    with pytest.raises(ScopeMissing):
        world.crm.add(FIELD, open_gate)


def test_unmarking_empties_the_field_a_hundred_records_a_request(world: World):
    writes = [
        Write(intent=str(n), kind="create", marker=f"k-{n}", values={"Deal_Name": f"D{n}", "Stage": "Qualification"})
        for n in range(120)
    ]
    ids = [outcome.id or "" for outcome in world.push("Deals", *writes)]
    before = len(writing(world))
    outcomes = world.crm.unmark("Deals", [*ids, "4876876000009999999"], open_gate)
    assert [(one.intent, one.status) for one in outcomes] == [
        *((id, "done") for id in ids),
        ("4876876000009999999", "gone"),
    ]
    assert writing(world)[before:] == ["PUT /crm/v8/Deals"] * 2
    body = world.bodies("PUT", "/Deals")[0]
    assert body["data"][0] == {"id": ids[0], "Keepstep_Key": None}
    assert body["trigger"] == []
    assert {record.marker for record in world.crm.get("Deals", ids)} == {None}
    assert {shown["Deal_Name"] for shown in world.core.records("Deals").values()} == {f"D{n}" for n in range(120)}
    assert [one.status for one in world.crm.unmark("Deals", ids[:1], shut)] == ["not_sent"]


def test_where_nothing_of_ours_is_on_a_record_nothing_is_sent(world: World):
    assert [one.status for one in world.crm.unmark("Notes", ["1"], open_gate)] == ["done"]
    assert world.core.requests == []


def test_a_channel_is_made_renewed_before_it_ends_and_taken_away(world: World):
    crm = world.connect(**HOOKS)
    assert {each.id: each.present for each in crm.additions()}[CHANNEL] is False
    crm.add(CHANNEL, open_gate)
    crm.add(CHANNEL, open_gate)
    assert writing(world) == ["POST /crm/v8/actions/watch"]
    (sent,) = world.bodies("POST", "/actions/watch")[0]["watch"]
    ends = datetime.fromisoformat(sent.pop("channel_expiry")) - world.clock.now()
    assert 6.9 * 86_400 < ends.total_seconds() < 7 * 86_400
    assert sent == {
        "channel_id": channel_of(TOKEN),
        "events": [f"{module}.all" for module in MODULES],
        "notify_url": "https://hub.example/hooks/x",
        "token": TOKEN,
        "notify_on_related_action": False,
        "return_affected_field_values": False,
    }
    assert {each.id: each.present for each in crm.additions()}[CHANNEL] is True

    world.clock.advance(5.5 * 86_400)
    assert {each.id: each.present for each in crm.additions()}[CHANNEL] is False
    crm.add(CHANNEL, open_gate)
    assert writing(world)[1:] == ["PUT /crm/v8/actions/watch"]
    world.clock.advance(5 * 86_400)
    assert channel_of(TOKEN) in world.core.channels

    crm.remove(CHANNEL, open_gate)
    crm.remove(CHANNEL, open_gate)
    assert writing(world)[2:] == ["DELETE /crm/v8/actions/watch"]
    assert world.core.channels == {}


def test_a_module_that_was_added_since_renews_the_channel(world: World):
    world.connect(**HOOKS).add(CHANNEL, open_gate)
    wider = world.connect(modules=["Leads"], **HOOKS)
    assert {each.id: each.present for each in wider.additions()}[CHANNEL] is False
    wider.add(CHANNEL, open_gate)
    assert world.core.channels[channel_of(TOKEN)].modules["Leads"] == ["Leads.all"]
    assert {each.id: each.present for each in wider.additions()}[CHANNEL] is True


def test_a_refusal_within_a_good_answer_is_told(world: World):
    crm = world.connect(**HOOKS)
    del world.core.ledger.modules["Calls"]  # gone between two requests: known to the metadata, not to the channel
    crm._additions._modules = lambda: ("Deals", "Calls")  # type: ignore[assignment]
    with pytest.raises(ConnectorError, match="INVALID_DATA") as raised:
        crm.add(CHANNEL, open_gate)
    assert TOKEN not in str(raised.value)


def test_a_field_of_ones_own_that_is_not_there_is_told_and_made_and_never_taken_away(world: World):
    own = {
        "Accounts": {"industry": "Trade", "archived": "Closed_Down", "phone": "Phone"},
        "Calls": {"created": "On_Day"},
    }
    crm = world.connect(custom=own)
    told = {each.id: each for each in crm.additions() if each.purpose == "field"}
    assert list(told) == ["field:Accounts.Trade", "field:Accounts.Closed_Down", "field:Calls.On_Day"]
    assert not any(each.manual or each.present for each in told.values())
    assert "Setup > Modules and Fields > Accounts" in told["field:Accounts.Trade"].steps
    assert writing(world) == []
    for id in told:
        crm.add(id, open_gate)
        crm.add(id, open_gate)
    assert [body["fields"][0] for body in world.bodies("POST", "/settings/fields")] == [
        {"field_label": "Trade", "data_type": "text", "length": 255},
        {"field_label": "Closed Down", "data_type": "boolean"},
        {"field_label": "On Day", "data_type": "date"},
    ]
    assert not [each for each in crm.additions() if each.purpose == "field"], "what is there is people's"
    with pytest.raises(RecordRefused, match="it stays"):
        crm.remove("field:Accounts.Trade", open_gate)
    with pytest.raises(ValueError, match="no addition"):
        crm.add("field:Accounts.Phone_2", open_gate)


def test_what_only_a_person_can_say_is_made_by_hand(world: World):
    world.core.add_module("Projects")
    own = {"Projects": {"customer": "Client", "stage": "Phase", "revenue": "Worth"}}
    crm = world.connect(modules=["Projects"], custom=own)
    told = [each for each in crm.additions() if each.purpose == "field"]
    assert all(each.manual for each in told)
    assert [each.steps.partition("of type ")[2] for each in told] == [
        "lookup, to Accounts, with the API name Client",
        "pick list, with the API name Phase",
        "currency, with the API name Worth",
    ]
    with pytest.raises(RecordRefused, match="only a person"):
        crm.add("field:Projects.Client", open_gate)
    assert writing(world) == []


def test_a_field_that_got_another_name_is_told_with_the_cure(world: World):
    world.core.renamed_fields = True
    crm = world.connect(custom={"Accounts": {"industry": "Trade"}})
    with pytest.raises(RecordRefused, match="set `custom: Accounts: industry`"):
        crm.add("field:Accounts.Trade", open_gate)


LEVEL = OwnField(form=Form.CHOICE, classes=("bronze", "silver", "gold"))
MODEL = Model({Kind.PROJECT: {"service_level": LEVEL, "hours_sold": OwnField(form=Form.NUMBER)}})


def test_a_choice_of_ones_own_is_made_with_its_values_and_what_they_are_called(world: World):
    world.model = MODEL
    own = {"Deals": {"service_level": "Service_Level", "hours_sold": "Hours_Sold"}}
    crm = world.connect(custom=own, values={"service_level": {"Gold 24x7": "gold", "Gold plated": "gold"}})
    told = {each.id: each for each in crm.additions() if each.purpose == "field"}
    assert {id: each.manual for id, each in told.items()} == {
        "field:Deals.Service_Level": False,
        "field:Deals.Hours_Sold": True,  # how many places it has only a person can say
    }
    assert told["field:Deals.Hours_Sold"].steps.endswith("of type decimal, with the API name Hours_Sold")
    crm.add("field:Deals.Service_Level", open_gate)
    crm.add("field:Deals.Service_Level", open_gate)
    values = [{"display_value": word, "actual_value": word} for word in ("bronze", "silver", "Gold 24x7")]
    assert [body["fields"][0] for body in world.bodies("POST", "/settings/fields")] == [
        {"field_label": "Service Level", "data_type": "picklist", "pick_list_values": values}
    ]
    (field,) = [each for each in crm.describe().stream("Deals").fields if each.name == "Service_Level"]
    assert (field.kind, field.values) == ("picklist", ["bronze", "silver", "Gold 24x7"])
    assert not [each for each in crm.additions() if each.id == "field:Deals.Service_Level"]
