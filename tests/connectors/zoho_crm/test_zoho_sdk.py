"""The vendor's own SDK does ordinary work against the stand-in, and must find every answer as its service gives it.

Besides what it reads, each answer's keys, codes and messages are looked up in the vocabulary that the SDK comes with.
What it could do beyond this (attachments, COQL) is nothing that a connection asks the service for.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from zoho_world import World

from connectors.sandbox.hosting import SandboxTransport
from connectors.zoho_crm.sandbox import HUB
from connectors.zoho_crm.sandbox.core import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN

pytest.importorskip("zohocrmsdk")

API = "zohocrmsdk.src.com.zoho.crm.api"
RECORD = f"{API}.record.Record"
BEYOND_ITS_WORDS = {"GET /crm/v8/users users[].territories"}
"""What recorded answers of the live service have, and the SDK passes over."""


def part(name: str) -> Any:
    return pytest.importorskip(f"{API}.{name}" if name else API)


def given(kind: Any, **values: Any) -> Any:
    """Query values or headers, by the SDK's names."""
    made = part("").HeaderMap() if kind.__name__.endswith("Header") else part("").ParameterMap()
    for name, value in values.items():
        made.add(getattr(kind, name), value)
    return made


def plain(value: Any) -> Any:
    """What the SDK made of an answer, without its classes."""
    if isinstance(value, part("util").Choice):
        return plain(value.get_value())
    if isinstance(value, part("record").Record):
        return plain(value.get_key_values())
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if type(value).__module__.startswith("zohocrmsdk"):
        told = {name.split("__")[-1]: plain(each) for name, each in vars(value).items()}
        return {name: each for name, each in told.items() if each is not None and name != "key_modified"}
    return value


class Vendor:
    """The SDK as it talks to one stand-in."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, str, Any]] = []
        self.words: dict[str, Any] = {}

    def sign_in(self, place: Path, secret: str = CLIENT_SECRET) -> None:
        place.mkdir(exist_ok=True)
        authenticator = pytest.importorskip("zohocrmsdk.src.com.zoho.api.authenticator")
        store = pytest.importorskip("zohocrmsdk.src.com.zoho.api.authenticator.store.file_store")
        initializer = part("initializer").Initializer
        initializer.initialize(
            environment=part("dc").USDataCenter.PRODUCTION(),
            token=authenticator.OAuthToken(client_id=CLIENT_ID, client_secret=secret, refresh_token=REFRESH_TOKEN),
            store=store.FileStore(str(place / "tokens")),
            sdk_config=part("sdk_config").SDKConfig(auto_refresh_fields=False),
            resource_path=str(place),
        )
        self.words = initializer.json_details

    def strangers(self) -> set[str]:
        """What stood in an answer that the SDK has no word for."""
        return {
            f"{line} {path}" for line, structure, body in self.answers for path in self._strange(structure, body, "")
        }

    def _strange(self, structure: str, body: dict[str, Any], at: str) -> list[str]:
        words = self.words[structure]
        if words.get("interface"):
            return min((self._strange(one, body, at) for one in words["classes"]), key=_misfit)
        known = {word["name"]: word for word in words.values() if isinstance(word, dict) and "name" in word}
        # A record's own fields are what the organisation made them: read from its metadata, not from the vocabulary.
        return [
            path
            for name, value in body.items()
            if name in known or structure != RECORD
            for path in self._within(known.get(name), value, f"{at}.{name}".lstrip("."))
        ]

    def _within(self, word: dict[str, Any] | None, value: Any, at: str) -> list[str]:
        if word is None:
            return [at]
        if isinstance(value, list):
            return [path for each in value for path in self._within(word, each, f"{at}[]")]
        if isinstance(value, dict) and word.get("structure_name") in self.words:
            return self._strange(word["structure_name"], value, at)
        if isinstance(value, dict) and "keys" in word:
            keys = {each["name"]: each for each in word["keys"]}
            return [path for name, each in value.items() for path in self._within(keys.get(name), each, f"{at}.{name}")]
        if value is not None and "values" in word and value not in word["values"]:
            return [f"{at}={value!r}"]
        return []


def _misfit(strange: list[str]) -> tuple[int, int]:
    """How badly an answer fits one of the structures that it may have: by keys on top, then by all."""
    return sum("." not in each and "=" not in each for each in strange), len(strange)


@pytest.fixture
def vendor(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    # The SDK opens a session for each request, and takes no transport.
    monkeypatch.setattr(requests.sessions, "HTTPAdapter", lambda: SandboxTransport(world.core))
    made, converter = Vendor(), part("util.json_converter").JSONConverter
    read = converter.get_wrapped_response

    def heard(self: Any, response: requests.Response, pack: str) -> Any:
        module, _, name = pack.rpartition(".")
        structure = f"{module}.{''.join(word.capitalize() for word in name.split('_'))}"
        line = f"{response.request.method} {response.request.path_url.split('?')[0]}"
        made.answers.append((line, structure, response.json()))
        return read(self, response, pack)

    monkeypatch.setattr(converter, "get_wrapped_response", heard)
    made.sign_in(tmp_path)
    yield made
    assert made.answers
    assert made.strangers() <= BEYOND_ITS_WORDS


@pytest.fixture
def deals(vendor: Vendor) -> Any:
    return part("record").RecordOperations("Deals")


def body(*rows: dict[str, Any], checks: list[str] | None = None) -> Any:
    wrapper, records = part("record").BodyWrapper(), []
    for row in rows:
        record = part("record").Record()
        for name, value in row.items():
            record.add_key_value(name, part("util").Choice(value) if name == "Stage" else value)
        records.append(record)
    wrapper.set_data(records)
    wrapper.set_trigger([])
    if checks is not None:
        wrapper.set_duplicate_check_fields(checks)
    return wrapper


def made(deals: Any, **values: Any) -> int:
    answer = deals.create_records(body({"Deal_Name": "Portal", "Stage": "Qualification", **values}))
    assert answer.get_status_code() == 201
    return int(plain(answer.get_object())["data"][0]["details"]["id"])


def test_it_signs_in_and_sees_the_organisation(world: World, vendor: Vendor, tmp_path: Path):
    modules = part("modules").ModulesOperations().get_modules(part("").ParameterMap(), part("").HeaderMap())
    assert [one["api_name"] for one in plain(modules.get_object())["modules"]] == list(world.core.ledger.modules)
    world.core.hire("李强")
    users = part("users").UsersOperations().get_users(part("").ParameterMap(), part("").HeaderMap())
    assert {one["full_name"] for one in plain(users.get_object())["users"]} == {HUB, "李强"}
    (organization,) = plain(part("org").OrgOperations().get_organization().get_object())["org"]
    assert (organization["company_name"], organization["time_zone"]) == ("Example GmbH", "Europe/Berlin")
    assert organization["license_details"]["users_license_purchased"] == 10
    with pytest.raises(part("exception").SDKException, match="invalid_client_secret"):
        vendor.sign_in(tmp_path / "another", secret="wrong")


def test_fields_are_described_made_and_deleted(vendor: Vendor):
    fields = part("fields")
    operations = fields.FieldsOperations()

    def described() -> dict[str, Any]:
        answer = operations.get_fields(given(fields.GetFieldsParam, module="Deals"))
        return {one["api_name"]: one for one in plain(answer.get_object())["fields"]}

    stage = described()["Stage"]
    assert (stage["data_type"], stage["json_type"]) == ("picklist", "string")
    won = next(one for one in stage["pick_list_values"] if one["actual_value"] == "Closed Won")
    assert (won["forecast_type"], won["probability"], won["forecast_category"]["name"]) == ("Closed Won", 100, "Closed")
    wanted = fields.Fields()
    wanted.set_field_label("Handed over")
    wanted.set_data_type("date")
    wrapper = fields.BodyWrapper()
    wrapper.set_fields([wanted])
    answer = operations.create_field(wrapper, given(fields.CreateFieldParam, module="Deals"))
    (row,) = plain(answer.get_object())["fields"]
    assert (answer.get_status_code(), row["status"]) == (201, "success")
    assert described()["Handed_over"]["custom_field"] is True
    gone = operations.delete_field(row["details"]["id"], given(fields.DeleteFieldParam, module="Deals"))
    assert plain(gone.get_object())["fields"][0]["status"] == "success"
    assert "Handed_over" not in described()
    layouts = part("layouts")
    shown = layouts.LayoutsOperations().get_layouts(given(layouts.GetLayoutsParam, module="Deals"))
    (section,) = plain(shown.get_object())["layouts"][0]["sections"]
    assert next(one for one in section["fields"] if one["api_name"] == "Deal_Name")["required"] is True


def test_a_record_lives_its_life(world: World, deals: Any):
    two = body(
        {"Deal_Name": "官网改版", "Stage": "Qualification", "Closing_Date": date(2026, 12, 1), "Amount": 12.5},
        {"Deal_Name": "x" * 121, "Stage": "Qualification"},
    )
    answer = deals.create_records(two)
    good, bad = plain(answer.get_object())["data"]
    assert (answer.get_status_code(), good["status"], bad["code"]) == (207, "success", "INVALID_DATA")
    assert bad["details"] == {"api_name": "Deal_Name", "maximum_length": "120", "json_path": "$.data[1].Deal_Name"}
    id = int(good["details"]["id"])
    (seen,) = plain(deals.get_record(id).get_object())["data"]
    assert (seen["Deal_Name"], seen["Closing_Date"], seen["Amount"]) == ("官网改版", date(2026, 12, 1), 12.5)
    assert (seen["Stage"], seen["Owner"]["name"], seen["Account_Name"]) == ("Qualification", HUB, None)
    world.clock.advance(5)
    plain(deals.update_record(id, body({"Deal_Name": "官网"})).get_object())
    (seen,) = plain(deals.get_record(id).get_object())["data"]
    assert seen["Deal_Name"] == "官网"
    assert (seen["Modified_Time"] - seen["Created_Time"]).total_seconds() == 5
    assert deals.delete_record(id).get_status_code() == 200
    assert deals.get_record(id).get_status_code() == 204
    (again,) = plain(deals.delete_record(id).get_object())["data"]
    assert (again["code"], again["details"]["id"]) == ("INVALID_DATA", id)
    records = part("record")
    (tombstone,) = plain(deals.get_deleted_records(given(records.GetDeletedRecordsParam, type="all")).get_object())[
        "data"
    ]
    assert (tombstone["id"], tombstone["display_name"], tombstone["deleted_by"]["name"]) == (id, "官网", HUB)
    later = given(records.GetDeletedRecordsHeader, if_modified_since=datetime(2030, 1, 1, tzinfo=UTC))
    assert deals.get_deleted_records(given(records.GetDeletedRecordsParam, type="all"), later).get_status_code() == 304
    binned = part("recycle_bin").RecycleBinOperations().get_recyclebin_records(part("").ParameterMap())
    assert [one["module"]["api_name"] for one in plain(binned.get_object())["recycle_bin"]] == ["Deals"]


def test_an_upsert_makes_changes_and_refuses_row_by_row(deals: Any):
    row = {"Deal_Name": "Portal", "Stage": "Qualification", "Keepstep_Key": "k-1"}
    answer = deals.upsert_records(body(row, {**row, "Keepstep_Key": "k-2", "Deal_Name": ""}, checks=["Keepstep_Key"]))
    made, refused = plain(answer.get_object())["data"]
    assert (answer.get_status_code(), made["action"], made.get("duplicate_field")) == (207, "insert", None)
    assert (refused["code"], refused["details"]["json_path"]) == ("MANDATORY_NOT_FOUND", "$.data[1].Deal_Name")
    answer = deals.upsert_records(body({**row, "Deal_Name": "Portal 2"}, checks=["Keepstep_Key"]))
    (changed,) = plain(answer.get_object())["data"]
    assert (answer.get_status_code(), changed["action"], changed["duplicate_field"]) == (200, "update", "Keepstep_Key")
    assert changed["details"]["id"] == made["details"]["id"]
    search = given(part("record").SearchRecordsParam, criteria="(Keepstep_Key:equals:k-1)")
    (found,) = plain(deals.search_records(search).get_object())["data"]
    assert (found["id"], found["Deal_Name"]) == (int(made["details"]["id"]), "Portal 2")
    nothing = given(part("record").SearchRecordsParam, criteria="(Keepstep_Key:equals:k-2)")
    assert deals.search_records(nothing).get_status_code() == 204


def test_lists_come_in_pages_and_tell_what_changed_since(world: World, deals: Any):
    records = part("record")
    ids = [made(deals, Deal_Name=f"Deal {number}") for number in range(5)]
    seen, token = [], None
    while True:
        asked = given(records.GetRecordsParam, fields="Deal_Name,Modified_Time", per_page=2, sort_order="asc")
        if token is not None:
            asked.add(records.GetRecordsParam.page_token, token)
        page = plain(deals.get_records(asked).get_object())
        seen += [row["id"] for row in page["data"]]
        token = page["info"].get("next_page_token")
        assert page["info"]["more_records"] is (token is not None)
        if token is None:
            break
    assert seen == ids
    world.clock.advance(60)
    since = given(records.GetRecordsHeader, if_modified_since=world.clock.now())
    asked = given(records.GetRecordsParam, fields="Deal_Name")
    assert deals.get_records(asked, since).get_status_code() == 304
    world.clock.advance(60)
    deals.update_record(ids[3], body({"Deal_Name": "New"}))
    assert [row["Deal_Name"] for row in plain(deals.get_records(asked, since).get_object())["data"]] == ["New"]
    refused = deals.get_records(part("").ParameterMap())
    assert (refused.get_status_code(), plain(refused.get_object())["code"]) == (400, "REQUIRED_PARAM_MISSING")
    assert deals.delete_records(given(records.DeleteRecordsParam, ids=",".join(map(str, ids)))).get_status_code() == 200
    assert deals.get_records(asked).get_status_code() == 204


def test_notes_hang_on_a_record(deals: Any):
    notes, id = part("notes"), made(deals)

    def written(title: str, text: str, parent: Any = None) -> Any:
        note, wrapper = notes.Note(), notes.BodyWrapper()
        note.set_note_title(title)
        note.set_note_content(text)
        if parent is not None:
            note.set_parent_id(parent)
        wrapper.set_data([note])
        return wrapper

    module, parent = part("modules").MinifiedModule(), notes.ParentId()
    module.set_api_name("Deals")
    parent.set_module(module)
    parent.set_id(id)
    operations = notes.NotesOperations()
    (row,) = plain(operations.create_notes(written("会议", "第一行\n第二行", parent)).get_object())["data"]
    note = int(row["details"]["id"])
    operations.update_note(note, written("会议", "第二版"))
    asked = given(notes.GetNotesParam, fields="Note_Title,Note_Content,Parent_Id")
    (seen,) = plain(operations.get_notes(asked).get_object())["data"]
    assert (seen["note_title"], seen["note_content"]) == ("会议", "第二版")
    assert (seen["parent_id"]["id"], seen["parent_id"]["module"]["api_name"]) == (id, "Deals")
    assert operations.delete_note(note).get_status_code() == 200
    assert operations.get_notes(asked).get_status_code() == 204


def test_tags_and_what_the_timeline_tells(world: World, deals: Any):
    tags, id = part("tags"), made(deals)
    tag = tags.Tag()
    tag.set_name("重点")
    deals.update_record(id, body({"Tag": [tag]}))
    (seen,) = plain(tags.TagsOperations().get_tags(given(tags.GetTagsParam, module="Deals")).get_object())["tags"]
    (record,) = plain(deals.get_record(id).get_object())["data"]
    assert (seen["name"], [one["name"] for one in record["Tag"]]) == ("重点", ["重点"])
    world.core.edit("Anna Berg", "Deals", str(id), {"Amount": 900})
    timelines, inner = part("timelines"), part("util").Choice("field_history.data_type")
    asked = given(timelines.GetTimelinesParam, include_inner_details=inner)
    entries = plain(timelines.TimelinesOperations().get_timelines("Deals", str(id), asked).get_object())
    last, *_, first = entries["timeline"]
    assert (last["action"], last["done_by"]["name"], first["action"]) == ("updated", "Anna Berg", "added")
    change = next(one for one in last["field_history"] if one["api_name"] == "Amount")
    assert change["value"] == {"new": "900"}


def test_notifications_are_asked_for_renewed_and_ended(world: World, vendor: Vendor):
    notifications = part("notifications")
    channel, wrapper = notifications.Notification(), notifications.BodyWrapper()
    channel.set_channel_id("1000000068001")
    channel.set_notify_url("https://hub.example/hooks/crm")
    channel.set_events(["Deals.create", "Deals.edit", "Contacts.all"])
    channel.set_token("under-the-doormat")
    channel.set_channel_expiry(datetime(2026, 11, 3, tzinfo=UTC))
    wrapper.set_watch([channel])
    operations = notifications.NotificationsOperations()
    answer = operations.enable_notifications(wrapper)
    (row,) = plain(answer.get_object())["watch"]
    assert (answer.get_status_code(), row["status"]) == (201, "success")
    assert [one["resource_name"] for one in row["details"]["events"]] == ["Deals", "Contacts"]
    asked = given(notifications.GetNotificationsParam, channel_id=1000000068001)
    rows = plain(operations.get_notifications(asked).get_object())["watch"]
    assert [(one["resource_name"], one["events"]) for one in rows] == [
        ("Deals", ["Deals.create", "Deals.edit"]),
        ("Contacts", ["Contacts.all"]),
    ]
    assert {one["channel_expiry"] for one in rows} == {datetime(2026, 11, 3, tzinfo=UTC)}
    assert operations.update_notifications(wrapper).get_status_code() == 200
    ended = given(notifications.DeleteNotificationParam, channel_ids="1000000068001")
    rows = plain(operations.delete_notification(ended).get_object())["watch"]
    assert [one["status"] for one in rows] == ["success", "success"]
    (again,) = plain(operations.delete_notification(ended).get_object())["watch"]
    assert again["code"] == "NOT_SUBSCRIBED"
    assert operations.get_notifications(asked).get_status_code() == 204
    assert world.core.channels == {}
