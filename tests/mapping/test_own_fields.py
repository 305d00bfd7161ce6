"""Fields of a configuration's own in each system: read, written back the same, and read again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from connectors.base import Abilities, Description, Field, Record, Stream
from mapping import google_drive, jira, memory, trello, zoho_crm
from mapping.fields import FieldMap, Mapper, MappingPlugin, Options, StreamMapping, Unmappable
from mapping.model import OWN_FORMS, STANDARD, Form, Kind, Model, OwnField
from mapping.pairs import text
from mapping.transforms import Transform, transformed

LEVELS = ("bronze", "silver", "gold")
FIELDS = {form.value: OwnField(form=form, classes=LEVELS if form is Form.CHOICE else ()) for form in OWN_FORMS}
MODEL = Model({Kind.PROJECT: FIELDS, Kind.TASK: FIELDS})
"""A field of each form, called after it."""

TABLE = {"choice": {"Gold 24x7": "gold"}, "flag": {"Ja": "true", "Nein": "false"}}
ANN = {"account": "17", "name": "Ann", "email": "ann@acme.example"}
EURO = {"amount": "12.5", "currency": "EUR"}


def options(stream: str, name: str, system: str) -> Options:
    return Options(timezone="Europe/Berlin", custom={stream: {name: system}}, values=TABLE, model=MODEL)


def description(system: str, stream: str, *fields: Field) -> Description:
    return Description(
        system=system, streams=[Stream(name=stream, abilities=Abilities(), fields=list(fields))], feeds=[]
    )


def zoho(name: str, kind: str, values: list[str] | None = None) -> Mapper:
    field = Field(name="Ours", kind=kind, values=values, custom=True)
    return zoho_crm.MAPPING.build(options("Deals", name, "Ours"), description("zoho_crm", "Deals", field))["Deals"]


def jira_epics(name: str, kind: str, values: list[str] | None = None) -> Mapper:
    field = Field(name="customfield_1", kind=kind, values=values, custom=True)
    chosen = options("epics", name, "customfield_1")
    return jira.MAPPING.build(chosen, description("jira", "epics", field))["epics"]


def trello_cards(name: str, kind: str, words: dict[str, str] | None = None) -> Mapper:
    field = Field(name="f1", label="Ours", kind=kind, custom=True, scope="b1", values=list(words or ()), called=words)
    return trello.MAPPING.build(options("cards", name, "Ours"), description("trello", "cards", field))["cards"]


def adf(said: str) -> dict[str, Any]:
    return {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": [{"type": "text", "text": said}]}],
    }


def back_and_forth(mapper: Mapper, kind: Kind, name: str, shown: Any, value: Any, wrapped: Any) -> Any:
    """What is written for the value over that record; it is read, and stays, the same."""
    payload = wrapped(shown)
    seen = mapper.canon(Record(stream="x", id="1", payload=payload))
    assert (seen.kind, seen.values[name], [each for each in seen.losses if each.why != "unknown_list"]) == (
        kind, value, [],
    )  # fmt: skip
    assert mapper.mode(kind, name) == "both"
    if name != "person":  # people are known by their account, whatever else a side tells of them
        assert mapper.normalise(kind, name, value) == value
    for base in (payload, None):
        sent = mapper.unmap(kind, {name: value}, base)
        assert sent.losses == []
    return mapper.unmap(kind, {name: value}, payload).values


@pytest.mark.parametrize(
    ("name", "kind", "values", "shown", "value"),
    [
        ("text", "text", None, "C-17", "C-17"),
        ("text", "textarea", None, "a\nb", "a\nb"),
        ("text", "email", None, "a@b.example", "a@b.example"),
        ("text", "picklist", ["A", "B"], "B", "B"),
        ("rich", "textarea", None, "**now**", "**now**"),
        ("number", "integer", None, 12, 12),
        ("number", "double", None, 12.5, 12.5),
        ("number", "percent", None, 40, 40),
        ("number", "currency", None, 1200.5, 1200.5),
        ("money", "currency", None, 12.5, EURO),
        ("date", "date", None, "2026-12-01", "2026-12-01"),
        ("date", "datetime", None, "2026-12-01T09:30:00+00:00", "2026-12-01T09:30:00.000Z"),
        ("flag", "boolean", None, True, True),
        ("flag", "boolean", None, False, False),
        ("choice", "picklist", ["Bronze", "SILVER ", "Gold 24x7"], "SILVER ", "silver"),
        ("choice", "picklist", ["Bronze", "Silver", "Gold 24x7"], "Gold 24x7", "gold"),
        ("set", "multiselectpicklist", ["CN", "EU", "US"], ["CN", "EU"], ["CN", "EU"]),
        ("person", "userlookup", None, {"id": "17", "name": "Ann", "email": "ann@acme.example"}, ANN),
    ],
)
def test_zoho(name: str, kind: str, values: list[str] | None, shown: Any, value: Any) -> None:
    mapper = zoho(name, kind, values)
    sent = back_and_forth(mapper, Kind.PROJECT, name, shown, value, lambda one: {"Ours": one})
    assert sent == {"Ours": {"id": "17"} if name == "person" else shown}
    assert mapper.unmap(Kind.PROJECT, {name: [] if name == "set" else None}, {"Ours": shown}).values == {
        "Ours": {"set": [], "flag": False}.get(name)
    }


@pytest.mark.parametrize(
    ("name", "kind", "values", "value", "loss"),
    [
        ("number", "integer", None, 1.5, ("not_whole", 1.5)),
        ("choice", "picklist", ["Bronze", "Silver"], "gold", ("no_such_value", "gold")),
        ("text", "picklist", ["A", "B"], "C", ("no_such_value", "C")),
        ("set", "multiselectpicklist", ["CN"], ["EU"], ("no_such_value", "EU")),
        ("money", "currency", None, {"amount": "1", "currency": "USD"}, ("other_currency", "USD")),
    ],
)
def test_what_zoho_cannot_take_is_a_loss(name: str, kind: str, values: Any, value: Any, loss: Any) -> None:
    sent = zoho(name, kind, values).unmap(Kind.PROJECT, {name: value}, {"Ours": None})
    assert (sent.values, [(each.why, each.value) for each in sent.losses]) == ({}, [loss])


def test_zoho_shows_a_dash_where_nothing_is_chosen() -> None:
    for name in ("text", "choice"):
        mapped = zoho(name, "picklist", ["Gold"]).canon(Record(stream="x", id="1", payload={"Ours": "-None-"}))
        assert (mapped.values[name], mapped.losses) == (None, [])


def test_long_numbers_of_zoho_are_texts_there() -> None:
    mapper = zoho("number", "bigint")
    assert mapper.canon(Record(stream="x", id="1", payload={"Ours": "9007199254740993"})).values == {
        "number": 9007199254740993
    }
    for odd in ("x", "NaN", "1e999999999", True):
        lost = mapper.canon(Record(stream="x", id="1", payload={"Ours": odd})).losses
        assert [each.why for each in lost] == ["not_a_number"]


@pytest.mark.parametrize(
    ("name", "kind", "values", "shown", "value"),
    [
        ("text", "textfield", None, "C-17", "C-17"),
        ("text", "textarea", None, adf("C-17"), "C-17"),
        ("text", "url", None, "https://x.example", "https://x.example"),
        ("text", "select", ["A", "B"], {"value": "A"}, "A"),
        ("rich", "textarea", None, adf("now"), "now"),
        ("number", "float", None, 12.0, 12),
        ("number", "float", None, 12.5, 12.5),
        ("money", "float", None, 12.5, EURO),
        ("date", "datepicker", None, "2026-12-01", "2026-12-01"),
        ("date", "datetime", None, "2026-12-01T10:30:00.000+0100", "2026-12-01T09:30:00.000Z"),
        ("flag", "multicheckboxes", ["Renewed"], [{"value": "Renewed"}], True),
        ("flag", "multicheckboxes", ["Renewed"], None, False),
        ("flag", "select", ["Ja", "Nein"], {"value": "Nein"}, False),
        ("choice", "select", ["Bronze", "Silver", "Gold 24x7"], {"id": "9", "value": "Silver"}, "silver"),
        ("choice", "radiobuttons", ["Bronze", "Silver", "Gold 24x7"], {"id": "9", "value": "Gold 24x7"}, "gold"),
        ("set", "multiselect", ["CN", "EU"], [{"value": "EU"}, {"value": "CN"}], ["CN", "EU"]),
        ("set", "multicheckboxes", ["CN", "EU"], [{"value": "EU"}], ["EU"]),
        ("set", "labels", None, ["eu", "cn"], ["cn", "eu"]),
        ("person", "userpicker", None, {"accountId": "17", "displayName": "Ann", "emailAddress": "ann@acme.example"},
         ANN),
    ],
)  # fmt: skip
def test_jira(name: str, kind: str, values: list[str] | None, shown: Any, value: Any) -> None:
    mapper = jira_epics(name, kind, values)

    def wrapped(one: Any) -> dict[str, Any]:
        return {"fields": {"customfield_1": one}}

    sent = back_and_forth(mapper, Kind.PROJECT, name, shown, value, wrapped)["customfield_1"]
    if name == "choice":
        assert sent == {"value": shown["value"]}
    again = {"accountId": "17", "displayName": "Ann", "emailAddress": ANN["email"]} if name == "person" else sent
    assert mapper.canon(Record(stream="x", id="1", payload=wrapped(again))).values[name] == value


def test_what_jira_cannot_take_is_a_loss_and_what_nobody_declared_is_not_read() -> None:
    mapper = jira_epics("choice", "select", ["Bronze", "Platinum"])
    sent = mapper.unmap(Kind.PROJECT, {"choice": "gold"}, {"fields": {"customfield_1": None}})
    assert (sent.values, [(each.why, each.value) for each in sent.losses]) == (
        {"customfield_1": {"value": "Gold 24x7"}}, [],
    )  # fmt: skip
    sent = mapper.unmap(Kind.PROJECT, {"choice": "silver"}, {"fields": {"customfield_1": None}})
    assert (sent.values, [(each.why, each.value) for each in sent.losses]) == ({}, [("no_such_value", "silver")])
    read = mapper.canon(Record(stream="x", id="1", payload={"fields": {"customfield_1": {"value": "Platinum"}}}))
    assert (read.values, [(each.why, each.value) for each in read.losses]) == ({}, [("unknown_value", "Platinum")])


@pytest.mark.parametrize(
    ("name", "kind", "words", "item", "value"),
    [
        ("text", "text", None, {"value": {"text": "C-17"}}, "C-17"),
        ("text", "list", {"o1": "A", "o2": "B"}, {"idValue": "o2"}, "B"),
        ("rich", "text", None, {"value": {"text": "**now**"}}, "**now**"),
        ("number", "number", None, {"value": {"number": "12"}}, 12),
        ("number", "number", None, {"value": {"number": "12.5"}}, 12.5),
        ("money", "number", None, {"value": {"number": "12.5"}}, EURO),
        ("date", "date", None, {"value": {"date": "2026-12-01T09:30:00.000Z"}}, "2026-12-01T09:30:00.000Z"),
        ("flag", "checkbox", None, {"value": {"checked": "true"}}, True),
        ("choice", "list", {"o1": "BRONZE", "o2": "silver", "o3": "Gold 24x7"}, {"idValue": "o1"}, "bronze"),
        ("choice", "list", {"o1": "BRONZE", "o2": "silver", "o3": "Gold 24x7"}, {"idValue": "o3"}, "gold"),
        ("choice", "text", None, {"value": {"text": "silver"}}, "silver"),
    ],
)
def test_trello(name: str, kind: str, words: dict[str, str] | None, item: Any, value: Any) -> None:
    mapper = trello_cards(name, kind, words)

    def wrapped(one: Any) -> dict[str, Any]:
        return {"idBoard": "b1", "customFieldItems": [{"idCustomField": "f1", "value": None, **one}]}

    sent = back_and_forth(mapper, Kind.TASK, name, item, value, wrapped)
    assert sent == {"customFieldItems": {"f1": item}}
    assert mapper.unmap(Kind.TASK, {name: None}, wrapped(item)).values == {"customFieldItems": {"f1": None}}


def test_a_class_that_no_board_has_an_option_for_is_known_before_it_is_written() -> None:
    mapper = trello_cards("choice", "list", {"o1": "Bronze", "o3": "Gold 24x7"})
    assert [each for each in LEVELS if _shows(mapper, each)] == ["bronze", "gold"]


def _shows(mapper: Mapper, value: str) -> bool:
    try:
        return bool(mapper.normalise(Kind.TASK, "choice", value) == value)
    except Unmappable:
        return False


@pytest.mark.parametrize(
    ("name", "value", "held"),
    [
        ("text", "C-17", "C-17"),
        ("number", 12.5, 12.5),
        ("money", EURO, EURO),
        ("date", "2026-12-01", "2026-12-01"),
        ("flag", False, False),
        ("choice", "silver", "silver"),
        ("choice", "gold", "Gold 24x7"),
        ("set", ["a", "b"], ["a", "b"]),
        ("person", ANN, ANN),
    ],
)
def test_memory(name: str, value: Any, held: Any) -> None:
    described = description("memory", "items", Field(name="title"), Field(name="ours"))
    mapper = memory.MAPPING.build(options("items", name, "ours"), described)["items"]
    assert back_and_forth(mapper, Kind.TASK, name, held, value, lambda one: {"ours": one}) == {"ours": held}


@pytest.mark.parametrize(
    ("plugin", "held"),
    [
        (zoho_crm.MAPPING, {"Deals": OWN_FORMS, "Tasks": OWN_FORMS, "Notes": set()}),
        (jira.MAPPING, {"epics": OWN_FORMS, "issues": OWN_FORMS, "versions": set(), "comments": set()}),
        (trello.MAPPING, {"cards": OWN_FORMS - {Form.SET, Form.PERSON}, "boards": set()}),
        (google_drive.MAPPING, {"project_folders": set(), "files": set()}),
        (memory.MAPPING, {"items": OWN_FORMS, "comments": set()}),
    ],
    ids=lambda each: each.system if isinstance(each, MappingPlugin) else "",
)
def test_a_system_says_which_forms_its_fields_can_hold(plugin: MappingPlugin, held: Mapping[str, set[Form]]) -> None:
    assert plugin.holds is not None
    assert {stream: OWN_FORMS & set(plugin.holds(stream)) for stream in held} == held


def test_a_table_has_no_row_for_a_field_that_the_model_lacks() -> None:
    rows = {Kind.TASK: [FieldMap("choice", "ours", *text())]}
    with pytest.raises(ValueError, match="task has no field choice"):
        StreamMapping(rows)
    assert StreamMapping(rows, model=MODEL).mode(Kind.TASK, "choice") == "both"


def test_a_transform_makes_a_class_of_the_field_or_nothing() -> None:
    mapper = zoho("choice", "picklist", ["Bronze", "Silver"])
    table = {"Deals": {"choice": Transform(read='value == "silver" ? "gold" : "platinum"')}}
    odd = transformed({"Deals": mapper}, table, MODEL)["Deals"]
    assert odd.canon(Record(stream="x", id="1", payload={"Ours": "Silver"})).values == {"choice": "gold"}
    lost = odd.canon(Record(stream="x", id="1", payload={"Ours": "Bronze"}))
    assert (lost.values, [each.why for each in lost.losses]) == ({}, ["transform_unfit"])


def test_words_say_a_class_in_any_case() -> None:
    assert [MODEL.class_of("choice", said) for said in (" Gold ", "GOLD", "gold!", None)] == [
        "gold",
        "gold",
        None,
        None,
    ]
    assert STANDARD.class_of("stage", "Won") == "won"
    assert Model({Kind.TASK: {"plan": OwnField(form=Form.CHOICE, classes=("none",))}}).class_of("plan", None) is None
