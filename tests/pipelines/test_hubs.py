"""The hub between runs: kept, renewed, or held on to."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from connectors.context import Wait
from connectors.errors import AuthFailed
from keepstep.cli import main
from keepstep.cli.session import Session
from keepstep.config import ConfigurationError
from keepstep.engine import preparing
from keepstep.hub import Hub
from pipelines import hubs, serve
from tests.pipelines.conftest import Company


def test_an_unchanged_file_keeps_its_hub_and_signs_in_once(company: Company, keeper: hubs.Keeper) -> None:
    first = keeper.hub()
    assert first.engine is keeper.hub().engine
    assert keeper.hub() is first
    assert company.signed_in == 2


def test_a_changed_file_is_taken_up(company: Company, keeper: hubs.Keeper) -> None:
    first = keeper.hub()
    company.write(every="1h")
    second = keeper.hub()
    assert second is not first
    assert second.config.syncs["tasks"].every.total_seconds() == 3600


def test_a_file_with_mistakes_leaves_the_former_one_in_use(company: Company, keeper: hubs.Keeper) -> None:
    first = keeper.hub()
    company.write(more="surprise: 1\n")
    assert keeper.hub() is first
    assert isinstance(keeper.refused, ConfigurationError)
    assert keeper.refused.problems[0].code == "unknown_key"
    company.write()
    assert keeper.hub() is first
    assert keeper.refused is None


def test_a_file_that_is_gone_leaves_the_former_one_in_use(company: Company, keeper: hubs.Keeper) -> None:
    first = keeper.hub()
    company.path.unlink()
    assert keeper.hub() is first
    assert isinstance(keeper.refused, ConfigurationError)
    assert keeper.refused.problems[0].code == "file_missing"


def test_a_store_that_cannot_be_opened_leaves_the_former_one_in_use(company: Company, keeper: hubs.Keeper) -> None:
    first = keeper.hub()
    company.path.write_text(company.path.read_text().replace("/keepstep.db", "/no/such/folder/keepstep.db"))
    assert keeper.hub() is first
    assert keeper.refused is not None


def test_without_a_valid_file_there_is_no_hub(company: Company) -> None:
    company.write(more="surprise: 1\n")
    with pytest.raises(ConfigurationError):
        company.keeper().hub()


def test_what_was_down_is_tried_again(company: Company, keeper: hubs.Keeper) -> None:
    company.refused.add("two")
    hub = keeper.hub()
    assert hub.syncs() == []
    assert isinstance(hub.down["two"], AuthFailed)
    company.refused.clear()
    assert [sync.name for sync in keeper.hub().syncs()] == ["tasks"]


def test_connections_are_asked_again_for_their_fields_after_an_hour(company: Company, keeper: hubs.Keeper) -> None:
    assert keeper.hub().engine
    company.clock.advance(hubs.DESCRIBED_FOR + 1)
    assert keeper.hub().engine
    assert company.signed_in == 4


def test_flows_find_the_keeper_by_its_file(company: Company, keeper: hubs.Keeper) -> None:
    assert hubs.keeper(company.path) is keeper
    hubs.forget(keeper)
    assert hubs.keeper(company.path) is not keeper
    hubs.forget(hubs.keeper(company.path))


def test_a_connection_that_was_left_meanwhile_is_read_only_from_the_next_tick_on(
    company: Company, keeper: hubs.Keeper
) -> None:
    hub = keeper.hub()
    (name, *_) = hub.config.connections
    assert hub.engine.world.connections[name].access == "write"
    preparing.detach(hub.ports, name, ["tasks"], "Ann")
    assert keeper.hub().engine.world.connections[name].access == "read"
    preparing.attach(hub.ports, name, ["tasks"], "Ann")
    assert keeper.hub().engine.world.connections[name].access == "write"


def test_a_round_that_began_before_a_connection_was_left_writes_nothing(company: Company, keeper: hubs.Keeper) -> None:
    hub = keeper.hub()
    hub.round()
    company.approve(hub)
    preparing.detach(hub.ports, "two", ["tasks"], "Ann")
    report = hub.run("tasks", "write")
    assert report.busy
    assert company.titles("two") == []
    preparing.attach(hub.ports, "two", ["tasks"], "Ann")
    keeper.hub().round()
    assert company.titles("two") == []
    company.approve(hub)
    keeper.hub().round()
    assert company.titles("two") == ["Plan the kickoff"]


WAIT = Wait("one", "asked", datetime(2026, 11, 2, 9, 30, tzinfo=UTC))


def test_a_worker_writes_into_its_log_how_long_a_connection_waits(company: Company) -> None:
    keeper = company.keeper(partial(Hub, waiting=hubs.logged))
    assert keeper.hub().engine.world.connections
    with capture_logs() as logs, company.contexts["one"].waiting(WAIT):
        pass
    keeper.close()
    said = {"event": "connection waits", "log_level": "warning"}
    assert logs == [said | {"connection": "one", "limit": "asked", "until": "2026-11-02T09:30:00.000Z"}]


def test_serve_says_how_long_a_connection_waits(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    def stay(self: Any, port: int) -> None:
        assert self.keeper.hub().engine.world.connections
        with company.contexts["one"].waiting(WAIT):
            pass

    monkeypatch.setattr(serve.Serving, "run", stay)
    monkeypatch.setattr(serve, "leave_within", lambda seconds, code: None)
    session = Session(company.registry(), company.runtime())
    result = CliRunner().invoke(main, ["serve", "--config", str(company.path)], obj=session)
    assert (result.exit_code, result.output) == (
        0,
        "one waits until Nov 2, 2026, 9:30:00 AM: its service asked for a pause\n",
    )
