"""Signing in, and what the service tells of itself."""

from __future__ import annotations

import traceback
from urllib.parse import quote

import msgspec
import pytest

from connectors.base import Description
from connectors.errors import AuthFailed
from keepstep.testing.contract.ground import Ground
from keepstep.testing.contract.world import World


class SigningContract(Ground):
    def test_check_signs_in_and_says_who_and_where(self, world: World) -> None:
        account = world.connector.check()
        assert account.id
        assert account.site
        assert world.connector.check().site == world.connect("read").check().site == account.site

    def test_every_request_is_counted(self, world: World) -> None:
        id = self.person_creates(world)
        sent, counted = len(world.core.requests), world.connector.calls
        self.one(world, id)
        self.pages(world)
        assert len(world.core.requests) > sent
        assert world.connector.calls - counted == len(world.core.requests) - sent

    def test_wrong_credentials_are_refused_without_a_secret_in_the_message(self, world: World) -> None:
        if world.stranger is None:
            pytest.skip(f"{world.description.system} knows no credentials")
        with pytest.raises(AuthFailed) as raised:
            world.stranger().check()
        told = "".join(traceback.format_exception(raised.value)) + repr(vars(raised.value))
        for secret in world.secrets:
            assert secret not in told
            assert quote(secret, safe="") not in told

    def test_wrong_credentials_never_read_as_an_empty_account(self, world: World) -> None:
        if world.stranger is None:
            pytest.skip(f"{world.description.system} knows no credentials")
        self.person_creates(world)
        with pytest.raises(AuthFailed):
            list(world.stranger().pull(self.feed(world).name))

    def test_the_description_is_stable_and_survives_json(self, world: World) -> None:
        first = world.connector.describe()
        text = msgspec.json.encode(first)
        assert msgspec.json.decode(text, type=Description) == first
        assert msgspec.json.encode(world.connector.describe()) == text
        assert msgspec.json.encode(world.connect("write").describe()) == text

    def test_names_are_unique_and_every_feed_names_streams_that_exist(self, world: World) -> None:
        description = world.connector.describe()
        streams = [stream.name for stream in description.streams]
        feeds = [feed.name for feed in description.feeds]
        assert self.stream in streams
        assert len(set(streams)) == len(streams)
        assert len(set(feeds)) == len(feeds)
        for feed in description.feeds:
            assert feed.streams
            assert set(feed.streams) <= set(streams)
            assert feed.cost >= 1
        for stream in description.streams:
            assert stream.parent is None or stream.parent in streams
            fields = [field.name for field in stream.fields]
            assert len(set(fields)) == len(fields)
            can = stream.abilities
            assert can.batch >= 1
            assert {*can.after_create, *can.stepwise, *can.together} <= set(fields)
            assert all(most >= 1 for most in can.together.values())

    def test_what_is_written_is_described(self, world: World) -> None:
        fields = {field.name: field for field in world.description.stream(self.stream).fields}
        if not self.abilities(world).update:
            pytest.skip(f"{self.stream} does not declare update")
        for name in self.edit:
            assert name in fields
            assert fields[name].writable
