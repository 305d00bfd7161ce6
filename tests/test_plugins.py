"""Registered = documented = tested: entry points, folders, READMEs and contract tests name the same connectors."""

from __future__ import annotations

import importlib.util
import sys
from importlib import metadata
from pathlib import Path

import pytest

from connectors.base import Description
from connectors.context import ConnectorPlugin, Context
from connectors.sandbox.clock import VirtualClock
from keepstep.registry import CONNECTORS, MAPPINGS, SANDBOXES, Registry
from keepstep.testing.contract import ConnectorContract
from keepstep.testing.contract.world import MemoryTokens, World

ROOT = Path(__file__).parents[1]
SYSTEMS = sorted(path.parent.name for path in (ROOT / "connectors").glob("*/client.py"))
NOT_ALONE = {("trello", "boards"): "each board is a feed of its own, made with a connector that lists it"}
"""Streams that are written and have no contract test of their own, and why."""
NAMED = {("zoho_crm", "Leads"), ("zoho_crm", "Projects")}
"""Streams that a connection has only where its settings name them; they are tested all the same."""


def registered(group: str) -> set[str]:
    return {entry.name for entry in metadata.entry_points(group=group) if entry.dist and entry.dist.name == "keepstep"}


def plugin(system: str) -> ConnectorPlugin:
    return Registry.installed().connector(system)


def description(system: str) -> Description:
    if system == "memory":
        context = Context("memory", VirtualClock(), MemoryTokens())
        return plugin(system).build(plugin(system).settings(), context).describe()
    return World.served(plugin(system), Registry.installed().sandbox(system), VirtualClock()).description


def contracts(folder: Path) -> list[type[ConnectorContract]]:
    """The contract tests that pytest would run in a folder."""
    found = []
    for path in sorted(folder.glob("test_*.py")):
        if "keepstep.testing.contract import" not in path.read_text():
            continue
        name = f"contract_tests_{folder.name}_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        found += [
            member
            for member in vars(module).values()
            if isinstance(member, type) and issubclass(member, ConnectorContract) and member.__name__.startswith("Test")
        ]
    return found


def test_there_are_systems_at_all():
    assert len(SYSTEMS) >= 4


def test_every_folder_is_registered_and_every_entry_has_a_folder():
    assert registered(CONNECTORS) == {*SYSTEMS, "memory"}
    assert registered(MAPPINGS) == {*SYSTEMS, "memory"}
    assert registered(SANDBOXES) == set(SYSTEMS)


def test_every_entry_can_be_loaded():
    assert Registry.installed().broken() == []


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_connector_is_documented(system: str):
    readme = (ROOT / "connectors" / system / "README.md").read_text()
    for part in ("## Credentials", "## Limits", "## Oddities", "## Quality"):
        assert part in readme
    for stream in plugin(system).streams:
        assert f"`{stream}`" in readme or f"| {stream} |" in readme or f"{stream}, " in readme, stream
    for setting in plugin(system).settings.model_fields:
        assert setting in readme, setting


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_written_stream_has_a_contract_test(system: str):
    tested = {contract.stream for contract in contracts(ROOT / "tests" / "connectors" / system)}
    streams = description(system).streams
    written = {stream.name for stream in streams if stream.abilities.create}
    excused = {stream for name, stream in NOT_ALONE if name == system}
    named = {stream for name, stream in NAMED if name == system}
    assert written <= tested | excused <= {stream.name for stream in streams} | named
    assert not tested & excused


@pytest.mark.parametrize("system", [*SYSTEMS, "memory"])
def test_the_streams_known_without_signing_in_are_those_described(system: str):
    assert set(plugin(system).streams) == {stream.name for stream in description(system).streams}
    assert plugin(system).system == description(system).system == system
