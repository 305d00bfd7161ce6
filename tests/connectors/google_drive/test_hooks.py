"""Channels of notifications: opened, renewed and stopped; which deliveries are believed, and what they hint at."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.context import Context
from connectors.errors import Misconfigured
from connectors.google_drive import CONNECTOR
from connectors.google_drive.connector import GoogleDrive
from connectors.google_drive.hooks import channel_token
from connectors.google_drive.sandbox import SANDBOX
from connectors.google_drive.sandbox.core import GoogleDriveSandbox
from connectors.hooks import Hooked, HookRefused
from connectors.preparing import Prepares
from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.hosting import SandboxTransport

from .conftest import BASE
from .test_login import Kept

SECRET = "a secret of ours"
URL = "https://hub.example/hooks/files"
DAY = 86_400.0


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def hooked(core: GoogleDriveSandbox, kept: Kept) -> GoogleDrive:
    return connect(core, kept, hook_secret=SECRET, hook_url=URL)


def connect(core: GoogleDriveSandbox, kept: Kept, **more: Any) -> GoogleDrive:
    made = CONNECTOR.settings(**SANDBOX.settings(core, BASE), **more)
    clock: Any = core.clock
    built: Any = CONNECTOR.build(made, Context("files", clock, kept, transport=SandboxTransport(core)))
    return built


def opened(hooked: GoogleDrive, core: GoogleDriveSandbox) -> str:
    hooked.add("channel:changes", lambda: None)
    return list(core.channels)[-1]


def test_a_channel_is_opened_once_and_named_among_the_additions(
    hooked: GoogleDrive, core: GoogleDriveSandbox, kept: Kept
) -> None:
    assert isinstance(hooked, Prepares)
    assert isinstance(hooked, Hooked)
    [before] = [each for each in hooked.additions() if each.purpose == "subscription"]
    assert (before.id, before.name, before.present) == ("channel:changes", URL, False)
    asked: list[int] = []
    hooked.add("channel:changes", lambda: asked.append(1))
    hooked.add("channel:changes", lambda: asked.append(1))
    assert len(asked) == 1
    [(id, channel)] = core.channels.items()
    assert (channel.told["address"], channel.told["type"]) == (URL, "web_hook")
    assert SECRET not in str(channel.told)
    assert channel.told["expiration"] == str(int((core.clock.now().timestamp() + 7 * DAY) * 1000))
    assert [each.present for each in hooked.additions() if each.purpose == "subscription"] == [True]
    assert json.loads(kept["channel"])["id"] == id
    assert "token" not in kept["channel"]


def test_a_channel_is_replaced_before_it_ends_and_the_old_one_stopped(
    hooked: GoogleDrive, core: GoogleDriveSandbox, clock: VirtualClock
) -> None:
    first = opened(hooked, core)
    clock.advance(6 * DAY + 1)
    assert not next(each for each in hooked.additions() if each.purpose == "subscription").present
    second = opened(hooked, core)
    assert second != first
    assert list(core.channels) == [second]
    clock.advance(8 * DAY)
    core.channels.clear()  # what has ended is not stopped
    opened(hooked, core)
    assert core.requests.count("POST /drive/v3/channels/stop") == 1


def test_taking_it_away_stops_it(hooked: GoogleDrive, core: GoogleDriveSandbox) -> None:
    opened(hooked, core)
    hooked.remove("channel:changes", lambda: None)
    assert core.channels == {}
    hooked.remove("channel:changes", lambda: None)
    assert core.requests.count("POST /drive/v3/channels/stop") == 1
    opened(hooked, core)
    core.channels.clear()
    hooked.remove("channel:changes", lambda: None)  # somebody else was quicker
    assert not next(each for each in hooked.additions() if each.purpose == "subscription").present


def test_without_address_and_secret_there_is_no_channel(core: GoogleDriveSandbox, kept: Kept) -> None:
    plain = connect(core, kept)
    assert {each.purpose for each in plain.additions()} == {"marker"}
    with pytest.raises(ValueError, match="hook_secret"):
        plain.add("channel:changes", lambda: None)
    with pytest.raises(ValueError, match="no addition"):
        plain.add("nonsense", lambda: None)
    with pytest.raises(ValidationError, match="hook_url"):
        connect(core, kept, hook_secret=SECRET, hook_url="http://hub.example/")


@pytest.mark.parametrize("status", [400, 401])
def test_an_address_that_google_will_not_call_is_named(
    hooked: GoogleDrive, core: GoogleDriveSandbox, status: int
) -> None:
    from connectors.google_drive.sandbox import refusals

    def refuse(request: Any) -> Any:
        raise refusals.refusal(status, "push.webhookUrlUnauthorized", "Unauthorized WebHook callback channel")

    core._watch = refuse  # type: ignore[method-assign]
    with pytest.raises(Misconfigured, match="hook_url"):
        hooked.add("channel:changes", lambda: None)


def test_a_delivery_names_the_feeds_that_read_the_log(hooked: GoogleDrive, core: GoogleDriveSandbox) -> None:
    channel = opened(hooked, core)
    hello = hooked.parse_hook(core.delivery(channel, "sync"), b"")
    assert (hello.key, hello.feeds, hello.hints) == (f"{channel}:1", [], [])
    change = hooked.parse_hook({name.upper(): value for name, value in core.delivery(channel).items()}, b"ignored")
    feeds = {feed.name for feed in hooked.describe().feeds}
    assert change.key == f"{channel}:2"
    assert "files" in change.feeds
    assert set(change.feeds) <= feeds
    # A fresh process believes it just so: nothing was stored for that.
    assert connect(core, Kept(), hook_secret=SECRET).parse_hook(core.delivery(channel), b"").key == f"{channel}:3"


def test_what_is_not_proven_is_refused(hooked: GoogleDrive, core: GoogleDriveSandbox, clock: VirtualClock) -> None:
    channel = opened(hooked, core)
    good = core.delivery(channel)
    other = f"keepstep-changes-{2 * 10**12}-ab"
    for altered, code in (
        ({"X-Goog-Channel-Token": ""}, "unsigned"),
        ({"X-Goog-Channel-ID": ""}, "unsigned"),
        ({"X-Goog-Channel-Token": "0" * 64}, "forged"),
        ({"X-Goog-Channel-Token": "é"}, "forged"),
        ({"X-Goog-Channel-ID": other}, "forged"),  # the token of one channel opens no other
        ({"X-Goog-Channel-ID": channel.replace("changes-1", "changes-2")}, "forged"),  # nor does it last longer
        ({"X-Goog-Message-Number": "x"}, "malformed"),
        ({"X-Goog-Resource-State": ""}, "malformed"),
        ({"X-Goog-Channel-ID": "mine", "X-Goog-Channel-Token": channel_token(SECRET, "mine")}, "malformed"),
    ):
        with pytest.raises(HookRefused) as refused:
            hooked.parse_hook(good | altered, b"")
        assert refused.value.code == code, altered
        assert SECRET not in str(refused.value)
    with pytest.raises(HookRefused) as refused:
        connect(core, Kept(), hook_secret="another").parse_hook(good, b"")
    assert refused.value.code == "forged"
    with pytest.raises(HookRefused) as refused:
        connect(core, Kept()).parse_hook(good, b"")
    assert refused.value.code == "unsigned"
    clock.advance(7 * DAY)
    with pytest.raises(HookRefused) as refused:
        hooked.parse_hook(good, b"")
    assert refused.value.code == "stale"
    assert core.requests.count("POST /token") == 1, "no delivery sends a request"
