"""Which modules a connection has as streams: what the edition has, the profile sees, and the configuration names."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from zoho_world import World, records

from connectors.base import Write
from connectors.errors import Misconfigured, ScopeMissing
from connectors.zoho_crm.models import FieldMeta
from connectors.zoho_crm.sandbox.modules import FieldDef
from keepstep.config import ConfigurationError, fingerprint, loads
from keepstep.registry import Registry
from mapping.fields import Options
from mapping.model import STANDARD, Kind
from mapping.zoho_crm import MAPPING

CONFIGURATION = """\
version: 1
connections:
  crm: {system: zoho_crm, client_id: c, client_secret: "${S}", modules: [Projects]}
  other: {system: zoho_crm, client_id: c, client_secret: "${S}"}
syncs:
  projects: {entity: project, sides: [crm.Projects, other.Deals]}
"""


def configured(text: str):
    return loads(text, {"S": "secret"}, Registry.installed())


def streams(world: World, **settings) -> list[str]:
    return [stream.name for stream in world.connect(**settings).describe().streams]


def test_an_edition_without_cases_has_no_such_stream_and_no_such_feed(world: World):
    world.core.editions_lack.add("Cases")
    description = world.crm.describe()
    assert [stream.name for stream in description.streams] == [
        "Accounts", "Contacts", "Deals", "Tasks", "Notes", "Calls", "Events", "users",
    ]  # fmt: skip
    assert "Cases" not in [feed.name for feed in description.feeds]
    assert [request.url for request in world.sent("GET", "/settings/fields") if "Cases" in (request.url or "")] == []


def test_what_the_profile_may_not_do_is_no_ability(world: World):
    world.core.refused_to_us = {"Deals": {"creatable", "deletable"}, "Events": {"viewable"}}
    description = world.crm.describe()
    abilities = description.stream("Deals").abilities
    assert (abilities.create, abilities.update, abilities.delete) == (False, True, False)
    assert "Events" not in [stream.name for stream in description.streams]


def test_modules_of_the_customers_own_are_named_before_they_are_streams(world: World):
    world.core.add_module("Projects", FieldDef("Client", "lookup", lookup="Accounts", custom=True))
    assert "Projects" not in streams(world)
    assert world.crm.describe().limits["further modules"] == "Leads, Projects"
    description = world.connect(modules=["Projects", "Leads"]).describe()
    assert {"Projects", "Leads"} <= {stream.name for stream in description.streams}
    assert "further modules" not in description.limits
    fields = {field.name: field for field in description.stream("Projects").fields}
    assert (fields["Client"].refers, fields["Client"].custom, fields["Name"].required) == ("Accounts", True, True)
    assert {field.name: field.refers for field in description.stream("Tasks").fields}["What_Id"] is None


@pytest.mark.parametrize(
    ("lookup", "refers"),
    [
        ({"module": {"api_name": "Accounts", "id": "1"}}, "Accounts"),
        ({"module": "Accounts"}, "Accounts"),
        ({"module": {"api_name": "$se_module"}}, None),
        ({"module": None}, None),
        ({}, None),
        (None, None),
    ],
)
def test_where_a_lookup_leads_is_read_in_either_form(lookup, refers):
    assert FieldMeta(api_name="Client", data_type="lookup", lookup=lookup).refers == refers
    assert FieldMeta(api_name="Client", data_type="text", lookup=lookup).refers is None


def test_a_module_that_the_account_does_not_see_is_a_mistake_that_names_those_it_sees(world: World):
    world.core.add_module("Projects")
    world.core.add_module("Secrets")
    world.core.refused_to_us = {"Secrets": {"viewable"}}
    for wrong in ("Project", "Secrets"):
        with pytest.raises(Misconfigured, match=f"no module {wrong}; further modules that it sees: Leads, Projects"):
            world.connect(modules=[wrong]).describe()


def test_a_token_that_may_not_read_metadata_says_so(world: World):
    world.core.scopes_missing.add("settings")
    with pytest.raises(ScopeMissing, match="settings/modules"):
        world.crm.describe()


@pytest.mark.parametrize("listed", [False, True])
def test_a_converted_lead_has_moved_on_and_is_not_gone(world: World, listed: bool):
    world.core.lists_converted_as_deleted = listed
    crm = world.connect(modules=["Leads"])
    id, gone = (world.core.create("Anna Berg", "Leads", {"Last_Name": name}) for name in ("Okoye", "Gone"))
    cursor = list(crm.pull("Leads"))[-1].cursor
    world.clock.advance(90)
    became = world.core.convert("Anna Berg", id)
    world.core.delete("Anna Berg", "Leads", gone)
    record, *more = records(list(crm.pull("Leads", cursor)))
    assert (record.id, record.deleted, record.payload["$converted"]) == (id, False, True)
    assert len([request for request in world.sent("GET", "/Leads") if "ids=" in (request.url or "")]) == 1
    assert {(each.id, each.deleted) for each in more} == {(gone, True)} | ({(id, False)} if listed else set())
    assert record.payload["$converted_detail"]["account"] == became["Accounts"]
    assert not next(iter(crm.get("Leads", [id]))).deleted
    assert [ids for ids in crm.ids("Leads") if ids] == [[id]]
    asked = [parse_qs(urlsplit(request.url or "").query) for request in world.sent("GET", "/Leads")]
    assert {tuple(query["converted"]) for query in asked} == {("both",)}
    assert not any("converted" in (request.url or "") for request in world.sent("GET", "/Deals"))


def test_what_was_written_to_the_customers_own_module_reads_back_the_same(world: World):
    world.core.add_module("Projects", FieldDef("Client", "lookup", lookup="Accounts", custom=True))
    account = world.core.create("Anna Berg", "Accounts", {"Account_Name": "Acme"})
    world.crm = world.connect(modules=["Projects"])
    options = Options(custom={"Projects": {"customer": "Client"}}, entities={"Projects": ("project",)})
    own = MAPPING.build(options, world.crm.describe())["Projects"]
    project = {"name": "Portal", "customer": {"stream": "Accounts", "id": account}, "labels": ["vip"]}
    write = Write(intent="1", kind="create", marker="k-1", values=own.unmap(Kind.PROJECT, project).values)
    (made,) = world.push("Projects", write)
    (record,) = world.crm.get("Projects", [made.id or ""])
    shown = own.canon(record)
    assert record.marker == "k-1"
    assert record.url is None
    assert {name: shown.values[name] for name in project} == project
    assert world.bodies("POST", "/Projects/upsert")[0]["duplicate_check_fields"] == ["Keepstep_Key"]


@pytest.mark.parametrize(
    ("result", "canonical", "value", "shown"),
    [
        ("currency", "revenue", 12.5, {"amount": "12.5", "currency": "CNY"}),
        ("double", "size", 3.0, 3),
        ("string", "url", "https://a.example", "https://a.example"),
        ("date", "due_date", "2026-12-01", "2026-12-01"),
        ("boolean", "archived", True, True),
    ],
)
def test_what_the_service_computes_is_read_and_never_written(world: World, result, canonical, value, shown):
    kind = next(kind for kind in Kind if canonical in STANDARD[kind])
    sum_up = FieldDef("Sum_Up", "formula", result=result, start=value, read_only=True, custom=True)
    world.core.add_module("Projects", sum_up)
    world.core.ledger.currency = "CNY"
    id = world.core.create("Anna Berg", "Projects", {"Name": "Portal"})
    crm = world.connect(modules=["Projects"])
    options = Options(custom={"Projects": {canonical: "Sum_Up"}}, entities={"Projects": (kind.value,)})
    own = MAPPING.build(options, crm.describe())["Projects"]
    (record,) = crm.get("Projects", [id])
    assert own.canon(record).values[canonical] == shown
    assert own.mode(kind, canonical) == "read"
    assert own.unmap(kind, {canonical: shown}, record.payload).values == {}


@pytest.mark.parametrize(
    ("data_type", "made", "kind"),
    [
        ("formula", {"return_type": "string", "expression": "x"}, "text"),
        ("formula", {"return_type": "number"}, "double"),
        ("formula", {"return_type": "currency"}, "currency"),
        ("formula", {"return_type": None}, "formula"),
        ("formula", None, "formula"),
        ("formula", "currency", "formula"),
        ("rollup_summary", {"return_type": "double"}, "double"),
        ("currency", {"return_type": "string"}, "currency"),
    ],
)
def test_a_formula_is_of_the_type_that_it_makes(data_type, made, kind):
    meta = FieldMeta(api_name="Margin", data_type=data_type, formula=made, rollup_summary=made)
    assert (meta.kind, meta.computed) == (kind, data_type != "currency")


def test_a_configuration_knows_the_modules_it_names():
    config = configured(CONFIGURATION)
    assert config.connections["crm"].options.entities == {"Projects": ("project",)}
    assert config.connections["other"].options.entities == {"Deals": ("project",)}
    with pytest.raises(ConfigurationError) as raised:
        configured(CONFIGURATION.replace("other.Deals", "other.Projects"))
    (problem,) = raised.value.problems
    assert (problem.code, problem.params["side"]) == ("unknown_stream", "other.Projects")


def test_wrong_settings_do_not_make_their_modules_unknown():
    with pytest.raises(ConfigurationError) as raised:
        configured(CONFIGURATION.replace("modules: [Projects]", "modules: [Projects], marker_field: '1 2'"))
    (problem,) = raised.value.problems
    assert problem.params["key"] == "marker_field"


def test_what_another_sync_takes_a_stream_for_changes_nothing_here():
    more = CONFIGURATION + "  tasks: {entity: task, sides: [crm.Tasks, other.Tasks]}\n"
    before, after = configured(CONFIGURATION), configured(more)
    assert fingerprint(before, "projects") == fingerprint(after, "projects")
    assert fingerprint(before) != fingerprint(after)
