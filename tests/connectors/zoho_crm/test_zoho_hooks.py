"""Notifications: the recorded delivery, those of the stand-in, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from zoho_world import World, records

from connectors.hooks import Delivery, Hint, Hooked, HookRefused
from connectors.zoho_crm.hooks import channel_of, parse
from connectors.zoho_crm.settings import LONGEST_TOKEN, Settings

TOKEN = "under-the-doormat-0123456789"
SHARED = Path(os.environ.get("KEEPSTEP_SHARED", Path(__file__).parents[3].parent / "shared"))
RECORDED = SHARED / "recorded" / "zoho-crm" / "webhooks" / "notification-batch-deals.json"
STREAMS = ("Deals", "Tasks")


def notice(**changes: Any) -> bytes:
    body = {
        "module": "Deals",
        "ids": ["11", "12"],
        "operation": "update",
        "server_time": 1793581200123,
        "channel_id": channel_of(TOKEN),
        "token": TOKEN,
    }
    return json.dumps({name: value for name, value in (body | changes).items() if value is not ...}).encode()


def test_a_proven_delivery_hints_at_the_records_it_names(world: World):
    crm = world.connect(hook_token=TOKEN)
    assert isinstance(crm, Hooked)
    delivery = crm.parse_hook({}, notice())
    assert delivery.hints == [Hint("Deals", "11"), Hint("Deals", "12")]
    assert (delivery.feeds, delivery.at) == ([], "2026-11-02T01:00:00.123Z")
    assert delivery.key == crm.parse_hook({"X-Any": "thing"}, notice()).key
    assert delivery.key != crm.parse_hook({}, notice(ids=["11"])).key
    assert world.core.requests == []


@pytest.mark.parametrize(
    ("body", "token", "code"),
    [
        pytest.param(notice(), None, "unsigned", id="no token configured"),
        pytest.param(notice(token=...), TOKEN, "unsigned", id="no token sent"),
        pytest.param(notice(token=None), TOKEN, "unsigned", id="null token"),
        pytest.param(notice(token=TOKEN + "x"), TOKEN, "forged", id="another token"),
        pytest.param(notice(channel_id="100000000000001"), TOKEN, "forged", id="another channel"),
        pytest.param(notice(channel_id="é", token="é"), TOKEN, "forged", id="not ascii"),
        pytest.param(notice(channel_id=...), TOKEN, "malformed", id="no channel"),
        pytest.param(notice(ids="11"), TOKEN, "malformed", id="ids are no list"),
        pytest.param(notice(server_time=10**30), TOKEN, "malformed", id="a time beyond times"),
        pytest.param(b"[1]", TOKEN, "malformed", id="no object"),
        pytest.param(b"\xff\x00", TOKEN, "malformed", id="no text"),
        pytest.param(b"[" * 100_000, TOKEN, "malformed", id="deep"),
    ],
)
def test_what_is_not_proven_is_refused_and_shows_no_token(body, token, code):
    with pytest.raises(HookRefused) as raised:
        parse(body, token, STREAMS)
    assert raised.value.code == code
    assert TOKEN not in str(raised.value)


def test_a_channel_may_come_as_a_number_and_an_unknown_module_says_nothing():
    number = parse(notice(channel_id=int(channel_of(TOKEN)), ids=["1", "1"]), TOKEN, STREAMS)
    assert number.hints == [Hint("Deals", "1")]
    stranger = parse(notice(module="Vendors"), TOKEN, STREAMS)
    assert (stranger.hints, stranger.feeds) == ([], [])
    nameless = parse(notice(ids=[], server_time=...), TOKEN, STREAMS)
    assert (nameless.hints, nameless.feeds, nameless.at) == ([], ["Deals"], None)


def test_a_channel_belongs_to_its_token():
    assert channel_of(TOKEN) == channel_of(TOKEN) != channel_of(TOKEN + "x")
    assert channel_of(TOKEN).isdigit()
    assert len(channel_of(TOKEN)) == 15


@given(st.binary(max_size=200) | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps))
def test_no_body_does_more_than_be_refused(body):
    with pytest.raises(HookRefused):
        parse(body if isinstance(body, bytes) else body.encode(), TOKEN, STREAMS)


def test_the_recorded_delivery_is_read():
    if not RECORDED.exists():
        pytest.skip("KEEPSTEP_SHARED: no recordings here")
    body = json.loads(RECORDED.read_text())
    with pytest.raises(HookRefused, match="another token"):
        parse(RECORDED.read_bytes(), body["token"], STREAMS)  # of a channel that is not ours
    ours = json.dumps(body | {"channel_id": channel_of(TOKEN), "token": TOKEN}).encode()
    delivery = parse(ours, TOKEN, STREAMS)
    assert delivery.hints == [Hint("Deals", id) for id in body["ids"]]
    assert delivery.at == "2024-06-11T14:25:53.625Z"


def test_what_the_stand_in_sends_leads_to_the_changed_records(world: World):
    crm = world.connect(hook_url="https://hub.example/hooks/x", hook_token=TOKEN)
    crm.add("subscription:notifications", lambda: None)
    kept, gone = world.deal("Kept"), world.deal("Gone")
    world.core.delete("Bo Chen", "Deals", gone)
    notices = [json.dumps(body).encode() for body in world.core.notices(channel_of(TOKEN))]
    deliveries: list[Delivery] = [crm.parse_hook({}, body) for body in notices]
    assert len({delivery.key for delivery in deliveries}) == 3
    hinted = {hint for delivery in deliveries for hint in delivery.hints}
    assert hinted == {Hint("Deals", kept), Hint("Deals", gone)}
    seen = {record.id: record.deleted for record in crm.get("Deals", [hint.id for hint in hinted])}
    assert seen == {kept: False, gone: True}
    assert records(list(crm.pull("Deals")))


@pytest.mark.parametrize(
    "wrong",
    [
        {"hook_url": "https://hub.example/x"},
        {"hook_url": "http://hub.example/x", "hook_token": TOKEN},
        {"hook_token": "short"},
        {"hook_token": "x" * (LONGEST_TOKEN + 1)},
    ],
)
def test_an_address_without_proof_and_a_token_that_zoho_would_cut_are_mistakes(wrong):
    with pytest.raises(ValidationError):
        Settings(client_id="c", client_secret="s", **wrong)
