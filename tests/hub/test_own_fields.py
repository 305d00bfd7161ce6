"""Fields of a configuration's own, kept in step between the custom fields of three systems."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from connectors.sandbox.faults import Fault
from connectors.zoho_crm.sandbox.modules import FieldDef, Pick
from keepstep.store import tables as t
from tests.databases import Databases
from tests.hub.conftest import SYNCS, Company

LEVEL, SOLD, LIVE, RENEWED, REGIONS, NUMBER = (f"customfield_1030{n}" for n in range(6))

FIELDS: dict[str, Any] = {
    "project": {
        "contract_number": "text",
        "service_level": {"form": "choice", "values": ["bronze", "silver", "gold"]},
        "hours_sold": "number",
        "go_live": "date",
        "renewed": "flag",
        "regions": "set",
    },
    "task": {"effort": "number", "area": {"form": "choice", "values": ["web", "app"], "label": "Area of work"}},
}
CRM = {
    "contract_number": "Contract_No",
    "service_level": "Service_Level",
    "hours_sold": "Hours",
    "go_live": "Go_Live",
    "renewed": "Renewed",
    "regions": "Regions",
}
TRACKER = {
    "contract_number": NUMBER,
    "service_level": LEVEL,
    "hours_sold": SOLD,
    "go_live": LIVE,
    "renewed": RENEWED,
    "regions": REGIONS,
}
SOLD_DEAL = {
    "Contract_No": "C-17",
    "Service_Level": "Gold 24x7",
    "Hours": 120,
    "Go_Live": "2026-12-01",
    "Renewed": True,
    "Regions": ["CN", "EU"],
}


def picks(*words: str) -> list[Pick]:
    return [Pick(word, word) for word in words]


@pytest.fixture
def own(company: Company) -> Company:
    """The company, whose systems have the fields, some under other words; not yet configured."""
    deals = company.cores["crm"].ledger.modules["Deals"]
    for field in (
        FieldDef("Contract_No", "text", custom=True),
        FieldDef("Service_Level", "picklist", picks=picks("Bronze", "Silver", "Gold 24x7"), custom=True),
        FieldDef("Hours", "double", custom=True),
        FieldDef("Go_Live", "date", custom=True),
        FieldDef("Renewed", "boolean", custom=True),
        FieldDef("Regions", "multiselectpicklist", picks=picks("CN", "EU", "US"), custom=True),
    ):
        deals[field.name] = field
    tracker = company.cores["tracker"]
    tracker.add_field(NUMBER, "Contract", "text")
    tracker.add_field(LEVEL, "Level", "option", ["bronze", "SILVER", "gold", "platinum"])
    tracker.add_field(SOLD, "Hours sold", "number")
    tracker.add_field(LIVE, "Go-live", "date")
    tracker.add_field(RENEWED, "Renewed", "checkboxes", ["renewed"])
    tracker.add_field(REGIONS, "Regions", "options", ["CN", "EU"])
    return company


def configured(company: Company, rules: dict[str, Any] | None = None, **left: Any) -> None:
    """The hub with one sync of projects between the CRM and the tracker, which carries the fields."""
    crm = company.settings["crm"] | {
        "custom": {"Deals": CRM},
        "values": {"service_level": {"Gold 24x7": "gold"}},
    }
    tracker = company.settings["tracker"] | {"custom": {"epics": TRACKER}}
    projects = SYNCS["projects"] | {
        "sides": ["crm.Deals", "tracker.epics"],
        "create": {"tracker.epics": {"project": "ACME"}},
        "fields": rules or {},
    }
    more: dict[str, Any] = {"fields": FIELDS, "connections": {"crm": crm, "tracker": tracker}} | left
    company.hub = company.build(syncs={"projects": projects}, handoffs={}, changes_to_tasks=None, **more)


def epic(company: Company) -> tuple[str, dict[str, Any]]:
    ((id, raw),) = company.cores["tracker"].records("epics").items()
    return id, raw["fields"]


def findings(company: Company) -> dict[str, dict[str, Any]]:
    with company.hub.store.read() as tx:
        rows = tx.all(sa.select(t.finding.c.code, t.finding.c.params).where(t.finding.c.state == "open"))
    return {row["code"]: row["params"] for row in rows}


def test_a_create_carries_them_and_an_edit_on_either_side_reaches_the_other(own: Company) -> None:
    configured(own)
    _, deal = own.deal(**SOLD_DEAL)
    own.rounds(3)
    id, shown = epic(own)
    assert shown[NUMBER] == "C-17"
    assert shown[LEVEL]["value"] == "gold"
    assert (shown[SOLD], shown[LIVE]) == (120, "2026-12-01")
    assert [each["value"] for each in shown[RENEWED]] == ["renewed"]
    assert [each["value"] for each in shown[REGIONS]] == ["CN", "EU"]

    crm, tracker = own.cores["crm"], own.cores["tracker"]
    crm.edit("Anna", "Deals", deal, {"Hours": 80.5, "Service_Level": "Silver", "Renewed": False, "Regions": ["EU"]})
    own.rounds(2)
    _, shown = epic(own)
    assert (shown[SOLD], shown[LEVEL]["value"], shown[RENEWED] or []) == (80.5, "SILVER", [])
    assert [each["value"] for each in shown[REGIONS]] == ["EU"]

    tracker.edit(
        "Ben", "epics", id, {LEVEL: {"value": "bronze"}, NUMBER: "C-18", LIVE: None, RENEWED: [{"value": "renewed"}]}
    )
    own.rounds(2)
    raw = crm.records("Deals")[deal]
    assert (raw["Service_Level"], raw["Contract_No"], raw["Go_Live"], raw["Renewed"]) == ("Bronze", "C-18", None, True)
    assert (raw["Hours"], raw["Regions"]) == (80.5, ["EU"])

    sent = sum(len(core.truth.writes()) for core in own.cores.values())
    own.rounds(2)
    assert sum(len(core.truth.writes()) for core in own.cores.values()) == sent
    assert findings(own) == {}


def test_two_people_who_set_one_differently_are_asked_or_the_owner_holds(own: Company) -> None:
    configured(own, {"service_level": {"policy": "owner", "owner": "crm"}})
    _, deal = own.deal(**SOLD_DEAL)
    own.rounds(3)
    id, _ = epic(own)
    crm, tracker = own.cores["crm"], own.cores["tracker"]
    crm.edit("Anna", "Deals", deal, {"Service_Level": "Silver", "Hours": 80})
    tracker.edit("Ben", "epics", id, {LEVEL: {"value": "bronze"}, SOLD: 90})
    own.rounds(3)
    _, shown = epic(own)
    assert (shown[LEVEL]["value"], crm.records("Deals")[deal]["Service_Level"]) == ("SILVER", "Silver")
    assert (shown[SOLD], crm.records("Deals")[deal]["Hours"]) == (90, 80)
    told = findings(own)
    assert list(told) == ["conflict"]
    assert told["conflict"]["field"] == "hours_sold"


def test_a_value_without_a_counterpart_is_told_and_written_over_nothing(own: Company) -> None:
    configured(own)
    _, deal = own.deal(**SOLD_DEAL)
    own.rounds(3)
    id, _ = epic(own)
    own.cores["tracker"].edit("Ben", "epics", id, {LEVEL: {"value": "platinum"}})
    own.rounds(2)
    assert epic(own)[1][LEVEL]["value"] == "platinum"
    assert own.cores["crm"].records("Deals")[deal]["Service_Level"] == "Gold 24x7"
    told = findings(own)["value_unread"]
    assert (told["side"], told["field"], told["shown"]) == ("tracker.epics", LEVEL, ["platinum"])


def test_a_field_whose_type_was_changed_to_one_that_cannot_hold_it_is_told_and_the_rest_goes_on(
    own: Company, databases: Databases
) -> None:
    store = databases.url()
    configured(own, store=store)
    _, deal = own.deal(**SOLD_DEAL)
    own.rounds(3)
    id, _ = epic(own)
    crm, tracker = own.cores["crm"], own.cores["tracker"]
    crm.edit("Anna", "Deals", deal, {"Contract_No": None})  # as the service leaves what is no number
    crm.ledger.modules["Deals"]["Contract_No"] = FieldDef("Contract_No", "integer", custom=True)
    configured(own, store=store)
    crm.edit("Anna", "Deals", deal, {"Hours": 80.5})
    own.rounds(2)
    assert own.hub.down == {}
    _, shown = epic(own)
    assert (shown[NUMBER], shown[SOLD]) == ("C-17", 80.5)
    told = findings(own)["field_retyped"]
    assert (told["side"], told["field"], told["before"], told["after"]) == (
        "crm.Deals",
        "Contract_No",
        "text",
        "integer",
    )

    tracker.edit("Ben", "epics", id, {NUMBER: "C-18"})
    own.rounds(2)
    assert crm.records("Deals")[deal]["Contract_No"] is None

    crm.ledger.modules["Deals"]["Contract_No"] = FieldDef("Contract_No", "text", custom=True)
    configured(own, store=store)
    own.rounds(3)
    assert crm.records("Deals")[deal]["Contract_No"] == "C-18"
    assert epic(own)[1][NUMBER] == "C-18"
    assert findings(own) == {}


def test_a_field_that_never_could_hold_what_is_meant_for_it_is_a_mistake_of_the_configuration(own: Company) -> None:
    own.cores["crm"].ledger.modules["Deals"]["Contract_No"] = FieldDef("Contract_No", "integer", custom=True)
    configured(own)
    assert "crm" not in own.hub.engine.world.connections
    assert "Contract_No is of type integer" in str(own.hub.down["crm"])


def test_what_a_list_lacks_is_told_and_the_rest_goes_on(own: Company) -> None:
    configured(own)
    _, deal = own.deal(**SOLD_DEAL)
    own.rounds(3)
    own.cores["crm"].edit("Anna", "Deals", deal, {"Regions": ["CN", "US"], "Hours": 10})
    own.rounds(3)
    _, shown = epic(own)
    assert [each["value"] for each in shown[REGIONS]] == ["CN", "EU"]
    assert shown[SOLD] == 10
    assert own.cores["crm"].records("Deals")[deal]["Regions"] == ["CN", "US"]
    told = findings(own)
    assert list(told) == ["unmapped_value"]
    assert (told["unmapped_value"]["side"], told["unmapped_value"]["field"]) == ("tracker.epics", "regions")


def test_a_field_added_to_a_sync_long_linked_is_filled_and_asked_about_and_nothing_is_lost(
    own: Company, databases: Databases
) -> None:
    store = databases.url()
    plain = {
        "connections": {name: own.settings[name] for name in ("crm", "tracker")},
        "fields": {},
        "store": store,
    }
    configured(own, **plain)
    deals = [own.cores["crm"].create("Anna", "Deals", {"Deal_Name": name, "Stage": "Qualification"}) for name in "ABC"]
    own.rounds(3)
    crm, tracker = own.cores["crm"], own.cores["tracker"]
    epics = {raw["fields"]["summary"]: id for id, raw in tracker.records("epics").items()}
    crm.edit("Anna", "Deals", deals[0], {"Hours": 5})  # on one side alone
    tracker.edit("Ben", "epics", epics["B"], {SOLD: 7})  # on the other alone
    crm.edit("Anna", "Deals", deals[2], {"Hours": 1})
    tracker.edit("Ben", "epics", epics["C"], {SOLD: 2})  # on both, differently
    own.rounds(2)
    sent = sum(len(core.truth.writes()) for core in own.cores.values())

    configured(own, store=store)
    own.rounds(2, let_through=False)
    assert sum(len(core.truth.writes()) for core in own.cores.values()) == sent
    assert "guard_configuration_changed" in findings(own)

    own.rounds(4)
    hours = [crm.records("Deals")[deal].get("Hours") for deal in deals]
    sold = [tracker.records("epics")[epics[name]]["fields"].get(SOLD) for name in "ABC"]
    assert (hours, sold) == ([5, 7, 1], [5, 7, 2])
    told = findings(own)
    assert list(told) == ["conflict"]
    assert told["conflict"]["field"] == "hours_sold"


def test_issues_and_cards_share_them(own: Company) -> None:
    tracker, board = own.cores["tracker"], own.cores["board"]
    tracker.add_field("customfield_10310", "Effort", "number")
    tracker.add_field("customfield_10311", "Area", "option", ["Web", "App"])
    home = board.create("Anna", "boards", {"name": "Acme", "defaultLists": False})
    todo = board.create("Anna", "lists", {"idBoard": home, "name": "To do"})
    effort = board.create("Anna", "customFields", {"idModel": home, "name": "Effort", "type": "number"})
    area = board.create(
        "Anna", "customFields", {"idModel": home, "name": "Area", "type": "list", "options": ["APP", "WEB"]}
    )
    options = {each["value"]["text"]: each["id"] for each in board.records("customFields")[area]["options"]}
    connections = {
        "tracker": own.settings["tracker"]
        | {"custom": {"issues": {"effort": "customfield_10310", "area": "customfield_10311"}}},
        "board": own.settings["board"] | {"custom": {"cards": {"effort": "Effort", "area": "Area"}}},
    }
    own.hub = own.build(
        fields=FIELDS, connections=connections, syncs={"tasks": SYNCS["tasks"]}, handoffs={}, changes_to_tasks=None
    )
    items = {effort: {"value": {"number": "3"}}, area: {"idValue": options["APP"]}}
    card = board.create("Anna", "cards", {"idList": todo, "name": "Cable", "customFieldItems": items})
    own.rounds(3)
    ((id, raw),) = tracker.records("issues").items()
    assert (raw["fields"]["customfield_10310"], raw["fields"]["customfield_10311"]["value"]) == (3, "App")

    tracker.edit("Ben", "issues", id, {"customfield_10310": 4.5, "customfield_10311": {"value": "Web"}})
    own.rounds(2)
    shown = {each["idCustomField"]: each for each in board.records("cards")[card]["customFieldItems"]}
    assert (shown[effort]["value"], shown[area]["idValue"]) == ({"number": "4.5"}, options["WEB"])


@pytest.mark.parametrize("signed_in_anew", [True, False])
@pytest.mark.parametrize("seen", [True, False], ids=["a look in between", "between two looks"])
def test_a_field_that_a_board_lost_clears_nothing_and_is_filled_once_it_is_made_again(
    own: Company, databases: Databases, seen: bool, signed_in_anew: bool
) -> None:
    store = databases.url()
    tracker, board = own.cores["tracker"], own.cores["board"]
    tracker.add_field("customfield_10310", "Effort", "number")
    home = board.create("Anna", "boards", {"name": "Acme", "defaultLists": False})
    todo = board.create("Anna", "lists", {"idBoard": home, "name": "To do"})
    effort = board.create("Anna", "customFields", {"idModel": home, "name": "Effort", "type": "number"})
    connections = {
        "tracker": own.settings["tracker"] | {"custom": {"issues": {"effort": "customfield_10310"}}},
        "board": own.settings["board"] | {"custom": {"cards": {"effort": "Effort"}}},
    }

    def sign_in() -> None:
        own.hub = own.build(
            store=store,
            fields=FIELDS,
            connections=connections,
            syncs={"tasks": SYNCS["tasks"]},
            handoffs={},
            changes_to_tasks=None,
        )

    sign_in()
    items = {effort: {"value": {"number": "3"}}}
    card = board.create("Anna", "cards", {"idList": todo, "name": "Cable", "customFieldItems": items})
    own.rounds(3)
    ((issue, _),) = tracker.records("issues").items()

    board.delete("Anna", "customFields", effort)
    board.edit("Anna", "cards", card, {"name": "Two cables"})
    if signed_in_anew:
        sign_in()
    if seen:
        own.rounds(2)
        assert tracker.records("issues")[issue]["fields"]["summary"] == "Two cables"
    again = board.create("Anna", "customFields", {"idModel": home, "name": "Effort", "type": "number"})
    own.rounds(2)
    sign_in()
    own.rounds(2)
    assert tracker.records("issues")[issue]["fields"]["customfield_10310"] == 3
    (shown,) = board.records("cards")[card]["customFieldItems"]
    assert (shown["idCustomField"], shown["value"]) == (again, {"number": "3"})

    board.edit("Anna", "cards", card, {"customFieldItems": {again: None}})
    own.rounds(2)
    assert tracker.records("issues")[issue]["fields"]["customfield_10310"] is None, "now a person cleared it"
    assert findings(own) == {}


def test_a_field_that_is_declared_no_more_is_left_alone_also_in_the_midst_of_a_conflict(
    own: Company, databases: Databases
) -> None:
    store = databases.url()
    configured(own, store=store)
    _, deal = own.deal(**SOLD_DEAL)
    own.rounds(3)
    id, _ = epic(own)
    crm, tracker = own.cores["crm"], own.cores["tracker"]
    crm.edit("Anna", "Deals", deal, {"Hours": 80})
    tracker.edit("Ben", "epics", id, {SOLD: 90})
    own.rounds(2)
    assert list(findings(own)) == ["conflict"]

    plain = {name: own.settings[name] for name in ("crm", "tracker")}
    configured(own, fields={}, connections=plain, store=store)
    crm.edit("Anna", "Deals", deal, {"Contract_No": "C-99", "Deal_Name": "Shop"})
    own.rounds(4)
    _, shown = epic(own)
    assert (shown["summary"], shown[NUMBER], shown[SOLD]) == ("Shop", "C-17", 90)
    assert findings(own) == {}


def test_records_are_matched_by_a_number_of_ones_own(own: Company) -> None:
    tracker = own.cores["tracker"]
    known = tracker.create(
        "Ben", "epics", {"project": {"key": "ACME"}, "summary": "Portal for Müller", NUMBER: "c-17 "}
    )
    configured(own)
    projects = own.hub.config.syncs["projects"]
    assert projects.match == ["name"]
    crm = own.settings["crm"] | {"custom": {"Deals": CRM}, "values": {"service_level": {"Gold 24x7": "gold"}}}
    sides = {"sides": ["crm.Deals", "tracker.epics"], "match": ["contract_number"], "first": "owner", "owner": "crm"}
    syncs = {"projects": SYNCS["projects"] | sides | {"create": {"tracker.epics": {"project": "ACME"}}}}
    connections = {"crm": crm, "tracker": own.settings["tracker"] | {"custom": {"epics": TRACKER}}}
    own.hub = own.build(syncs=syncs, connections=connections, fields=FIELDS, handoffs={}, changes_to_tasks=None)
    own.deal(**SOLD_DEAL)
    own.rounds(3)
    id, shown = epic(own)
    assert (id, shown["summary"], shown[NUMBER], shown[SOLD]) == (known, "Website", "C-17", 120)


def test_an_edit_of_a_watched_field_of_ones_own_becomes_a_task_that_calls_it_by_its_name(own: Company) -> None:
    fields = {"project": {**FIELDS["project"], "hours_sold": {"form": "number", "label": "Hours that were sold"}}}
    crm = own.settings["crm"] | {"custom": {"Deals": CRM}, "values": {"service_level": {"Gold 24x7": "gold"}}}
    tracker = own.settings["tracker"] | {"custom": {"epics": TRACKER}}
    syncs = {name: SYNCS[name] for name in ("projects", "tasks")}
    syncs["projects"] = syncs["projects"] | {
        "sides": ["crm.Deals", "tracker.epics"],
        "create": {"tracker.epics": {"project": "ACME"}},
    }
    own.hub = own.build(
        fields=fields,
        connections={"crm": crm, "tracker": tracker, "board": own.settings["board"]},
        syncs=syncs,
        handoffs={},
        changes_to_tasks={"watch": ["crm.Deals.hours_sold", "crm.Deals.Service_Level"], "create_in": "tracker.issues"},
    )
    _, deal = own.deal(**SOLD_DEAL)
    own.rounds(4)
    own.cores["crm"].edit("Anna", "Deals", deal, {"Hours": 150, "Service_Level": "Silver", "Regions": ["EU"]})
    own.rounds(4)
    ((_, raw),) = own.cores["tracker"].records("issues").items()
    assert "Hours that were sold" in raw["fields"]["summary"]
    assert "regions" not in raw["fields"]["summary"]
    text = str(raw["fields"]["description"])
    assert "120" in text
    assert "150" in text


def test_a_condition_over_a_field_of_ones_own_says_what_belongs(own: Company) -> None:
    configured(own)
    crm = own.settings["crm"] | {"custom": {"Deals": CRM}, "values": {"service_level": {"Gold 24x7": "gold"}}}
    tracker = own.settings["tracker"] | {"custom": {"epics": TRACKER}}
    projects = SYNCS["projects"] | {
        "sides": ["crm.Deals", "tracker.epics"],
        "create": {"tracker.epics": {"project": "ACME"}},
        "where": 'crm.service_level == "gold"',
    }
    own.hub = own.build(
        fields=FIELDS, connections={"crm": crm, "tracker": tracker}, syncs={"projects": projects}, handoffs={},
        changes_to_tasks=None,
    )  # fmt: skip
    own.deal(**SOLD_DEAL)
    own.deal(Deal_Name="Small", Service_Level="Bronze")
    own.rounds(3)
    assert [raw["fields"]["summary"] for raw in own.cores["tracker"].records("epics").values()] == ["Website"]


def test_a_person_an_amount_and_a_formatted_text_of_ones_own_go_both_ways(own: Company) -> None:
    crm, tracker = own.cores["crm"], own.cores["tracker"]
    for field in (
        FieldDef("Architect", "ownerlookup", lookup="users", custom=True),
        FieldDef("Fee", "currency", custom=True),
        FieldDef("Scope", "textarea", length=32000, custom=True),
    ):
        crm.ledger.modules["Deals"][field.name] = field
    for id, name, kind in (("20", "Architect", "user"), ("21", "Fee", "number"), ("22", "Scope", "textarea")):
        tracker.add_field(f"customfield_103{id}", name, kind)
    mei, mei_there = crm.hire("Mei"), tracker.person("Mei").id
    places = {"architect": "Architect", "fee": "Fee", "scope_text": "Scope"}
    own.hub = own.build(
        fields={"project": {"architect": "person", "fee": "money", "scope_text": "rich"}},
        connections={
            "crm": own.settings["crm"] | {"custom": {"Deals": places}},
            "tracker": own.settings["tracker"]
            | {"custom": {"epics": {name: f"customfield_103{20 + n}" for n, name in enumerate(places)}}},
        },
        people=[{"crm": mei, "tracker": mei_there}],
        syncs={
            "projects": SYNCS["projects"]
            | {"sides": ["crm.Deals", "tracker.epics"], "create": {"tracker.epics": {"project": "ACME"}}}
        },
        handoffs={},
        changes_to_tasks=None,
    )
    _, deal = own.deal(Architect={"id": mei}, Fee=1200.5, Scope="**Two** pages")
    own.rounds(3)
    id, shown = epic(own)
    assert shown["customfield_10320"]["accountId"] == mei_there
    assert shown["customfield_10321"] == 1200.5
    assert "strong" in str(shown["customfield_10322"])
    tracker.edit("Ben", "epics", id, {"customfield_10320": None, "customfield_10321": 900})
    own.rounds(3)
    raw = crm.records("Deals")[deal]
    assert (raw["Fee"], raw["Scope"]) == (900, "**Two** pages")
    assert raw["Architect"] is None
    assert findings(own) == {}


@pytest.mark.parametrize("trouble", ["lost_after", "lost_before"])
def test_a_write_in_doubt_of_a_field_that_is_declared_no_more_holds_nothing_up(
    own: Company, databases: Databases, trouble: str
) -> None:
    store = databases.url()
    configured(own, store=store)
    _, deal = own.deal(**SOLD_DEAL)
    own.rounds(3)
    crm, tracker = own.cores["crm"], own.cores["tracker"]
    crm.edit("Anna", "Deals", deal, {"Hours": 80, "Closing_Date": "2026-12-05"})
    tracker.faults.switch_on(Fault(trouble, "PUT /rest/api/3/issue/*", times=50))
    own.rounds(1)
    tracker.faults.clear()
    with own.hub.store.read() as tx:
        assert tx.all(sa.select(t.intent).where(t.intent.c.closed_at.is_(None))) != []

    configured(own, fields={}, connections={name: own.settings[name] for name in ("crm", "tracker")}, store=store)
    own.rounds(5)
    crm.edit("Anna", "Deals", deal, {"Deal_Name": "Shop"})
    own.rounds(4)
    _, shown = epic(own)
    assert (shown["summary"], shown["duedate"]) == ("Shop", "2026-12-05")
    with own.hub.store.read() as tx:
        assert tx.all(sa.select(t.intent).where(t.intent.c.closed_at.is_(None))) == []
    assert findings(own) == {}
