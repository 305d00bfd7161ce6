"""Fields of one's own in ``keepstep.yaml``: what they become, and each mistake with its place and cure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from keepstep.config import Config, ConfigurationError, Problem, fingerprint, loads, schema
from keepstep.language import LANGUAGES, say
from keepstep.registry import Registry
from mapping.model import STANDARD, Form, Kind, Model, OwnField

WHOLE = """\
version: 1
language: zh-CN
fields:
  project:
    contract_number: {form: text, label: {zh-CN: 合同编号}}
    service_level: {form: choice, values: [bronze, silver, gold], label: Service}
    hours_sold: number
  task: {hours_sold: number}
connections:
  crm:
    system: zoho_crm
    client_id: c
    client_secret: "${SECRET}"
    custom: {Deals: {contract_number: Contract_No, service_level: Service_Level}, Tasks: {hours_sold: Hours}}
    values: {service_level: {Gold 24x7: gold}}
  tracker:
    system: jira
    url: https://acme.atlassian.net
    email: bot@acme.example
    custom: {epics: {contract_number: customfield_10400}}
  files: {system: google_drive, root: r, client_id: c, client_secret: "${SECRET}"}
syncs:
  projects:
    entity: project
    sides: [crm.Deals, tracker.epics]
    where: 'crm.service_level == "gold" || entity.hours_sold > 3.0'
    match: [contract_number]
    create: {tracker.epics: {project: '=service_level'}}
    fields: {service_level: {policy: rank, direction: backward}, contract_number: {policy: owner, owner: crm}}
"""


def read(text: str) -> Config:
    return loads(text, {"SECRET": "s3cr3t"}, Registry.installed())


def mistakes(text: str) -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    return caught.value.problems


def test_what_is_declared_becomes_a_model_that_every_part_works_with() -> None:
    config = read(WHOLE)
    level = OwnField(
        form=Form.CHOICE, classes=("bronze", "silver", "gold"), label={"en": "Service", "zh-CN": "Service"}
    )
    assert dict(config.model.own[Kind.PROJECT]) == {
        "contract_number": OwnField(form=Form.TEXT, label={"zh-CN": "合同编号"}),
        "service_level": level,
        "hours_sold": OwnField(form=Form.NUMBER),
    }
    assert config.model[Kind.PROJECT]["service_level"] is Form.CHOICE
    assert config.model[Kind.PROJECT].items() > STANDARD[Kind.PROJECT].items()
    assert config.model[Kind.CONTACT] == STANDARD[Kind.CONTACT]
    assert config.model.classes["service_level"] == ("bronze", "silver", "gold")
    assert config.model.classes["stage"] == STANDARD.classes["stage"]
    assert all(each.options.model is config.model for each in config.connections.values())
    jsonschema.validate(YAML(typ="safe").load(WHOLE), schema())


def test_nothing_can_change_a_model() -> None:
    model = read(WHOLE).model
    for table in (model[Kind.PROJECT], model.own, model.own[Kind.PROJECT], model.classes):
        with pytest.raises(TypeError):
            table["x"] = 1  # type: ignore[index]
    assert model == read(WHOLE).model != STANDARD
    assert hash(model) == hash(read(WHOLE).model)


def test_people_read_what_they_call_a_field() -> None:
    called = read(WHOLE).model.called
    assert called("zh-CN") == {"contract_number": "合同编号", "service_level": "Service", "hours_sold": "hours sold"}
    assert called("en")["contract_number"] == "contract number"
    params = {"side": "crm.Deals", "field": "contract_number"}
    assert "合同编号" in say("unmapped_field", params, "zh-CN", called=called("zh-CN"))
    assert "contract number" in say("unmapped_field", params, "en", called=called("en"))


def put(old: str, new: str) -> str:
    assert old in WHOLE
    return WHOLE.replace(old, new)


def instead_of_hours(declared: str) -> str:
    """Another field of projects, and no expression that names the one that it replaces."""
    return put("    hours_sold: number\n  t", f"    {declared}\n  t").replace(" || entity.hours_sold > 3.0", "")


@pytest.mark.parametrize(
    ("text", "expected", "params"),
    [
        pytest.param(put(": number\n  task", ": nubmer\n  task"), ("bad_form", 7, 17), {"value": "nubmer"}, id="form"),
        pytest.param(put("  task: {h", "  taks: {h"), ("not_one_of", 8, 3), {"nearest": "task"}, id="kind"),
        pytest.param(put("form: text", "form: refs"), ("bad_form", 5, 29), {"value": "refs"}, id="a reference"),
        pytest.param(
            instead_of_hours("Hours: number"),
            ("bad_field_name", 7, 5),
            {"value": "Hours"},
            id="name",
        ),
        pytest.param(
            instead_of_hours("revenue: number"),
            ("field_is_standard", 7, 5),
            {"field": "revenue", "entity": "project"},
            id="standard",
        ),
        pytest.param(
            instead_of_hours("priority: text"),
            ("field_of_others", 7, 5),
            {"known": ["task", "risk"]},
            id="of others",
        ),
        pytest.param(instead_of_hours("crm: text"), ("field_name_taken", 7, 5), {}, id="a connection"),
        pytest.param(instead_of_hours("kind: text"), ("field_name_taken", 7, 5), {}, id="a word"),
        pytest.param(
            put("task: {hours_sold: number}", "task: {hours_sold: text}"),
            ("field_declared_apart", 8, 10),
            {"other": "project"},
            id="apart",
        ),
        pytest.param(
            instead_of_hours("extra: {form: set, values: [a]}"),
            ("classes_unused", 7, 24),
            {"form": "set"},
            id="unused",
        ),
        pytest.param(
            instead_of_hours("extra: choice"),
            ("classes_missing", 7, 12),
            {},
            id="no classes",
        ),
        pytest.param(
            put("silver, gold]", "silver, gold, Silver]"),
            ("class_twice", 6, 66),
            {"value": "Silver", "first": "silver"},
            id="twice",
        ),
        pytest.param(put("silver, gold]", "gold, ' ']"), ("class_blank", 6, 58), {}, id="blank"),
        pytest.param(
            put("24x7: gold", "24x7: golden"), ("not_one_of", 15, 41), {"nearest": "gold"}, id="no such class"
        ),
        pytest.param(
            put("Service_Level}", "Service_Level, contract_nr: X}"),
            ("unknown_field", 14, 82),
            {"nearest": "contract_number"},
            id="unknown",
        ),
        pytest.param(
            put("files: {", "files: {custom: {project_folders: {hours_sold: x}}, "),
            ("custom_nowhere", 21, 38),
            {"side": "files.project_folders"},
            id="no such fields there",
        ),
        pytest.param(
            put("files: {", "board: {system: trello, key: k, custom: {cards: {assignee: Who}}}\n  files: {"),
            ("custom_unfit", 21, 52),
            {"form": "person", "side": "board.cards"},
            id="unfit",
        ),
        pytest.param(
            put("custom: {epics: {", "custom: {epics: {customer: customfield_1, "),
            ("custom_unfit", 20, 22),
            {"form": "ref"},
            id="a reference in Jira",
        ),
        pytest.param(
            put("policy: rank, direction: backward", "policy: append"),
            ("policy_unfit", 29, 38),
            {"form": "choice"},
            id="policy",
        ),
        pytest.param(put("entity.hours_sold", "hours_sod"), ("unknown_variable", 26, 12), {}, id="expression"),
        pytest.param(
            put("entity.hours_sold", "entity.hours_sod"),
            ("unknown_field", 26, 51),
            {"nearest": "hours_sold"},
            id="member",
        ),
        pytest.param(
            put("    hours_sold: number\n  t", "    extra: text\n  t"),
            ("unknown_field", 26, 51),
            {"field": "hours_sold"},
            id="member of another kind",
        ),
    ],
)
def test_each_mistake_has_a_place_and_a_cure(text: str, expected: tuple[str, int, int], params: dict[str, Any]) -> None:
    (found,) = mistakes(text)
    assert (found.code, found.line, found.column) == expected
    assert dict(found.params) | params == dict(found.params)
    for language in LANGUAGES:
        assert say(found.code, found.params, language)


def test_what_is_declared_wrongly_is_told_once_and_the_rest_of_the_file_is_looked_at() -> None:
    text = put("contract_number: {form: text", "contract_number: {form: txt").replace("match: [", "match: [nam, ")
    assert [each.code for each in mistakes(text)] == ["bad_form", "unknown_field"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            WHOLE,
            [
                ("field_carried_by_one", 6, {"field": "service_level", "side": "crm.Deals"}),
                ("field_carried_nowhere", 7, {"field": "hours_sold", "entity": "project"}),
                ("field_carried_nowhere", 8, {"field": "hours_sold", "entity": "task"}),
            ],
        ),
        (
            put("customfield_10400}", "customfield_10400, service_level: customfield_2, hours_sold: customfield_3}")
            .replace("Service_Level}", "Service_Level, hours_sold: H}")
            .replace("  task: {hours_sold: number}\n", "\n"),
            [],
        ),
    ],
    ids=["half of it", "all"],
)
def test_a_field_that_goes_nowhere_is_noted(text: str, expected: list[Any]) -> None:
    notes = [each for each in read(text).notes if each.code.startswith("field_")]
    assert [(each.code, each.line, each.params) for each in notes] == expected
    assert all(say(each.code, each.params, language) for each in notes for language in LANGUAGES)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (lambda text: text.replace("label: Service", "label: Level"), True),
        (lambda text: text.replace("task: {hours_sold: number}", "customer: {hours_sold: number}"), True),
        (lambda text: text.replace("silver, gold", "gold, silver"), False),
        (lambda text: text.replace("hours_sold: number", "hours_sold: money"), False),
        (lambda text: text.replace("    hours_sold: number\n", "    hours_sold: number\n    renewed: flag\n"), False),
    ],
    ids=["a label", "another entity's", "the order of classes", "the form", "one more"],
)
def test_a_plan_stands_and_falls_with_what_is_declared(change: Callable[[str], str], same: bool) -> None:
    before, after = read(WHOLE), read(change(WHOLE))
    assert (fingerprint(before, "projects") == fingerprint(after, "projects")) is same


def test_no_own_field_no_difference() -> None:
    assert Model() == STANDARD == Model({Kind.TASK: {}})
    assert STANDARD.form("no_such_field") is None
