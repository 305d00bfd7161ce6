"""Deliveries: what proves them, what they hint at, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import Misconfigured
from connectors.hooks import Delivery, Hint, Hooked, HookRefused

from .conftest import World

SECRET, URL = "s3cret-of-the-power-up", "https://keepstep.example/hooks/board?x=ü"
SET = {"hook_secret": SECRET, "hook_url": URL}


def signed(body: bytes, secret: str = SECRET, url: str = URL) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body + url.encode(), hashlib.sha1).digest()).decode()


def action(type: str, **data: Any) -> bytes:
    told = {"id": "a" * 24, "type": type, "date": "2026-11-02T01:00:00.000Z", "idMemberCreator": "m", "data": data}
    return json.dumps({"model": {"id": "b"}, "action": told}, ensure_ascii=False).encode()


def parsed(world: World, body: bytes, header: str = "X-Trello-Webhook") -> Delivery:
    connector = world.connector(**SET)
    assert isinstance(connector, Hooked)
    return connector.parse_hook({"Content-Type": "application/json", header: signed(body)}, body)


def test_the_signature_is_the_one_the_vendor_describes(world: World) -> None:
    # HMAC-SHA1 of `{"a":1}https://x.example/` under `secret`, computed with OpenSSL.
    body = b'{"a":1}'
    assert signed(body, "secret", "https://x.example/") == "UpbUMZQo9+C7JVj45v0+NWz7Bo8="


@pytest.mark.parametrize(
    ("type", "data", "hints", "feeds"),
    [
        ("updateCard", {"card": {"id": "c"}}, [("cards", "c")], []),
        ("deleteCard", {"card": {"id": "c"}}, [("cards", "c")], []),
        ("updateCustomFieldItem", {"card": {"id": "c"}}, [("cards", "c")], []),
        ("commentCard", {"card": {"id": "c"}}, [("cards", "c"), ("comments", "a" * 24)], []),
        ("updateComment", {"card": {"id": "c"}, "action": {"id": "k"}}, [("cards", "c"), ("comments", "k")], []),
        ("updateCheckItemStateOnCard", {"card": {"id": "c"}, "checklist": {"id": "l"}},
         [("checklists", "l"), ("cards", "c")], []),
        ("deleteAttachmentFromCard", {"card": {"id": "c"}, "attachment": {"id": "t"}},
         [("cards", "c"), ("attachments", "c:t")], []),
        ("updateList", {"list": {"id": "l"}}, [("lists", "l")], []),
        ("moveListToBoard", {"list": {"id": "l"}, "board": {"id": "b"}}, [("lists", "l")], ["board:b"]),
        ("updateBoard", {"board": {"id": "b"}}, [("boards", "b")], []),
        ("deleteCustomField", {"board": {"id": "b"}}, [("boards", "b")], ["board:b"]),
        ("disablePlugin", {"board": {"id": "b"}, "plugin": {"id": "p"}}, [("boards", "b")], ["board:b"]),
        ("enablePlugin", {"board": {"id": "b"}, "plugin": {"id": "p"}}, [("boards", "b")], []),
        ("someNewThing", {"card": {"id": "c"}}, [("cards", "c")], []),
    ],
)  # fmt: skip
def test_what_happened_is_a_hint(
    world: World, type: str, data: dict[str, Any], hints: list[tuple[str, str]], feeds: list[str]
) -> None:
    delivery = parsed(world, action(type, **data), "x-TRELLO-webhook")
    assert delivery == Delivery(key="a" * 24, hints=[Hint(*each) for each in hints], feeds=feeds)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "unsigned"),
        ({"X-Trello-Webhook": ""}, "unsigned"),
        ({"X-Trello-Webhook": "长城"}, "forged"),
        ({"X-Trello-Webhook": signed(action("updateCard"), "another secret")}, "forged"),
        ({"X-Trello-Webhook": signed(action("updateCard"), url=URL + "/")}, "forged"),
        ({"X-Trello-Webhook": signed(action("updateCard") + b" ")}, "forged"),
    ],
)
def test_what_is_not_proven_is_refused_and_says_no_secret(world: World, headers: dict[str, str], code: str) -> None:
    with pytest.raises(HookRefused) as refused:
        world.connector(**SET).parse_hook(headers, action("updateCard"))
    assert refused.value.code == code
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"action": {"id": 1}, "model": {}}', b'{"model": {}}', b"[" * 100000]
)
def test_what_is_signed_and_still_no_delivery_is_malformed(world: World, body: bytes) -> None:
    with pytest.raises(HookRefused) as refused:
        parsed(world, body)
    assert refused.value.code == "malformed"


def test_without_a_secret_nothing_is_believed(world: World) -> None:
    for some in ({}, {"hook_secret": SECRET}, {"hook_url": URL}):
        with pytest.raises(Misconfigured):
            world.connector(**some).parse_hook({"X-Trello-Webhook": signed(b"{}")}, b"{}")
    assert world.sandbox.requests == []


def test_recorded_deliveries_hint_at_what_they_are_about(world: World, shared: Path) -> None:
    files = sorted((shared / "recorded" / "trello" / "webhooks").glob("**/*.json"))
    assert len(files) == 19
    for file in files:
        body = file.read_bytes()
        delivery = parsed(world, body)
        told = json.loads(body)["action"]
        assert delivery.key == told["id"]
        about = (
            ("lists", told["data"]["list"]["id"])
            if "card" not in told["data"]
            else ("cards", told["data"]["card"]["id"])
        )
        assert Hint(*about) in delivery.hints, file.name
    assert world.sandbox.requests == []


def test_the_stand_ins_deliveries_are_proven_and_lead_to_what_changed(world: World) -> None:
    card = world.make("cards", idList=world.todo, name="n")
    comment = world.make("comments", idCard=card, text="c")
    world.sandbox.edit("王芳", "cards", card, {"idList": world.done, "checklists": {"add": [{"name": "i"}]}})
    connector = world.connector(**SET)
    told = [connector.parse_hook(*each) for each in world.sandbox.deliveries(world.board, SECRET, URL)]
    assert len({each.key for each in told}) == len(told) > 5
    hints = {hint for each in told for hint in each.hints}
    (checklist,) = world.sandbox.records("checklists")
    assert {Hint("cards", card), Hint("comments", comment), Hint("checklists", checklist)} <= hints
    assert {Hint("lists", each) for each in (world.todo, world.doing, world.done)} <= hints
    for headers, body in world.sandbox.deliveries(world.board, "another", URL):
        with pytest.raises(HookRefused):
            connector.parse_hook(headers, body)
