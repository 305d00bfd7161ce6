"""The commands over fields of a configuration's own: set up, looked over, planned, decided and explained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.zoho_crm.sandbox.modules import FieldDef, Pick
from keepstep.cli.session import Trouble
from keepstep.cli.values import typed
from mapping.model import Form, Kind, Model, OwnField
from tests.keepstep.office import Office

FIELDS: dict[str, Any] = {
    "task": {
        "effort": {"form": "number", "label": {"zh-CN": "工作量"}},
        "service_level": {"form": "choice", "values": ["bronze", "silver", "gold"]},
    }
}


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Two systems that lack the fields."""
    office = Office(tmp_path)
    for name in ("Doing", "Done"):
        office.board.create("Ada", "lists", {"name": name, "idBoard": office.place})
    office.rest["fields"] = FIELDS
    office.connections["crm"]["custom"] = {"Tasks": {"effort": "Effort", "service_level": "Service_Level"}}
    office.connections["board"]["custom"] = {"cards": {"effort": "Effort", "service_level": "Service level"}}
    office.connections["board"]["values"] = {"service_level": {"Gold 24x7": "gold"}}
    return office


@pytest.fixture
def ready(office: Office) -> Office:
    """Set up, as far as requests can, and by hand for the rest."""
    office.crm.ledger.modules["Tasks"]["Effort"] = FieldDef("Effort", "double", custom=True)
    assert office.keep("setup", "--yes").exit_code == 0
    office.settle()
    return office


def custom_items(office: Office, card: str) -> dict[str, Any]:
    fields = {id: raw["name"] for id, raw in office.board.records("customFields").items()}
    return {fields[each["idCustomField"]]: each for each in office.board.records("cards")[card]["customFieldItems"]}


def option(office: Office, said: str) -> str:
    (field,) = [raw for raw in office.board.records("customFields").values() if raw["name"] == "Service level"]
    return next(str(each["id"]) for each in field["options"] if each["value"]["text"] == said)


def test_what_is_missing_is_shown_and_made_with_type_and_values(office: Office) -> None:
    shown = office.keep("setup", "--plan")
    for words in ("Service level", "Effort", "Service Level"):
        assert words in shown.stdout
    assert "of type decimal" in shown.stdout, "how many places a number has only a person can say"
    assert office.writes() == []
    assert office.keep("setup", "--yes").exit_code == 3, "one is left to be made by hand"
    made = {raw["name"]: raw for raw in office.board.records("customFields").values()}
    assert {name: raw["type"] for name, raw in made.items()} == {"Effort": "number", "Service level": "list"}
    assert [each["value"]["text"] for each in made["Service level"]["options"]] == ["bronze", "silver", "Gold 24x7"]
    picks = office.crm.ledger.modules["Tasks"]["Service_Level"].picks
    assert [pick.shown for pick in picks] == ["bronze", "silver", "gold"]


def symptoms(office: Office, code: int) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (connection["connection"], each["code"], each["params"])
        for connection in office.document("doctor", code=code)["connections"]
        for each in connection["symptoms"]
        if each["severity"] != "info"
    ]


def test_doctor_tells_what_is_missing_unfit_or_goes_nowhere(office: Office) -> None:
    told = symptoms(office, 1)
    missing = {(connection, each["field"]) for connection, code, each in told if code == "field_missing"}
    assert missing == {
        ("crm", "Effort"), ("crm", "Service_Level"), ("board", "Effort"), ("board", "Service level"),
    }  # fmt: skip
    assert ("crm", "field_carried_by_one", {"field": "effort", "side": "crm.Tasks"}) in told


def test_doctor_finds_nothing_where_all_is_set_up_and_what_a_list_lacks(ready: Office) -> None:
    assert symptoms(ready, 0) == []
    picks = ready.crm.ledger.modules["Tasks"]["Service_Level"].picks
    picks.remove(picks[0])
    assert symptoms(ready, 3) == [
        (
            "board",
            "value_without_counterpart",
            {"side": "board.cards", "field": "service_level", "values": ["bronze"], "other": "crm.Tasks"},
        )
    ]


def test_doctor_tells_values_of_a_list_that_say_no_class(ready: Office) -> None:
    (field,) = [raw for raw in ready.board.records("customFields").values() if raw["name"] == "Service level"]
    ready.board.make_option(ready.board.custom_field(field["id"]), "Platinum")
    ready.board.make_option(ready.board.custom_field(field["id"]), " SILVER")
    ready.crm.ledger.modules["Tasks"]["Service_Level"].picks += [Pick("-None-", "-None-"), Pick("Iron", "Iron")]
    assert symptoms(ready, 3) == [
        ("crm", "value_unmapped", {"stream": "Tasks", "field": "Service_Level", "value": "Iron"}),
        ("board", "value_unmapped", {"stream": "cards", "field": "Service level", "value": "Platinum"}),
    ]


def test_check_notes_a_field_that_one_side_alone_names(ready: Office) -> None:
    assert [each["code"] for each in ready.document("check")["notes"] if "field_" in each["code"]] == []
    del ready.connections["board"]["custom"]["cards"]["effort"]
    shown = ready.keep("check")
    assert shown.exit_code == 0
    assert "`effort` goes nowhere: crm.Tasks alone names a field for it" in shown.stdout


def test_it_is_planned_decided_and_explained_by_what_people_call_it(ready: Office) -> None:
    task = ready.task("Lay the cable", Effort=3, Service_Level="silver")
    ready.rest["language"] = "zh-CN"
    assert "工作量" in ready.keep("plan").stdout
    ready.rest["language"] = "en"
    shown = ready.keep("plan").stdout
    assert "effort" in shown
    assert "service level" in shown
    assert ready.keep("apply", "--yes", "--as", "Ann").exit_code == 0
    (card,) = ready.cards()
    items = custom_items(ready, card)
    assert (items["Effort"]["value"], items["Service level"]["idValue"]) == ({"number": "3"}, option(ready, "silver"))

    ready.settle()
    ready.crm.edit("Bo", "Tasks", task, {"Service_Level": "bronze"})
    level = next(id for id, raw in ready.board.records("customFields").items() if raw["name"] == "Service level")
    ready.board.edit("Ada", "cards", card, {"customFieldItems": {level: {"idValue": option(ready, "Gold 24x7")}}})
    ready.settle()
    assert ready.keep("sync").exit_code == 3
    (conflict,) = [each for each in ready.document("findings", code=3)["findings"] if each["code"] == "conflict"]
    assert conflict["params"]["field"] == "service_level"
    assert "service level" in conflict["message"]

    where = f"crm.Tasks:{task}.service_level"
    wrong = ready.keep("resolve", where, "value", "--value", "platinum", "--as", "Mei")
    assert wrong.exit_code == 2
    assert "bronze, silver, gold" in wrong.stderr
    rev = str(ready.document("resolve", conflict["id"], code=3)["conflict"]["rev"])
    assert ready.keep("resolve", where, "value", "--value", "silver", "--rev", rev, "--as", "Mei").exit_code == 0
    ready.keep("sync")
    assert ready.crm.records("Tasks")[task]["Service_Level"] == "silver"
    assert custom_items(ready, card)["Service level"]["idValue"] == option(ready, "silver")

    told = ready.document("explain", where)
    assert (told["field"], told["agreed"]["value"]) == ("service_level", "silver")
    assert {side["side"]: side["mapping"]["system_field"] for side in told["sides"]} == {
        "crm.Tasks": "Service_Level",
        "board.cards": "customFieldItems",
    }
    assert ready.keep("explain", f"crm.Tasks:{task}.servicelevel").exit_code == 2


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        (Form.NUMBER, "12", 12),
        (Form.NUMBER, "12.50", 12.5),
        (Form.CHOICE, "gold", "gold"),
        (Form.SET, "b, a", ["a", "b"]),
    ],
)
def test_what_a_person_types_takes_the_form_of_the_field(form: Form, text: str, value: Any) -> None:
    model = Model({Kind.TASK: {"own": OwnField(form=form, classes=("gold",) if form is Form.CHOICE else ())}})
    typed_value = typed(model, Kind.TASK, "own", text)
    assert (typed_value, type(typed_value)) == (value, type(value))
    if form is not Form.SET:
        with pytest.raises(Trouble) as raised:
            typed(model, Kind.TASK, "own", "Infinity")
        assert raised.value.problem.code == ("value_unfit" if form is Form.CHOICE else "value_misspelt")
