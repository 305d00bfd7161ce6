"""Plugins: found by name, imported late, broken ones named."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.context import Context
from connectors.sandbox.clock import VirtualClock
from keepstep.config import loads
from keepstep.registry import BrokenPlugin, Registry, UnknownSystem
from keepstep.secrets import HeldTokens
from tests.keepstep.plugins import BOARD, BOARD_MAPPING, DESCRIPTION, Board, Entry, refuse_to_load, registry


def explode() -> Any:
    raise AssertionError("nobody asked for this plugin")


def test_listing_names_imports_nothing() -> None:
    listed = Registry([Entry("b", "b:C", explode), Entry("a", "a:C", explode)], [Entry("a", "a:M", explode)]).systems()
    assert [(each.name, each.mapping, each.sandbox) for each in listed] == [("a", True, False), ("b", False, False)]


def test_a_plugin_is_loaded_once() -> None:
    loads_of: list[str] = []

    def load() -> Any:
        loads_of.append("board")
        return BOARD

    one = Registry([Entry("board", "x:C", load)])
    assert one.connector("board") is one.connector("board") is BOARD
    assert loads_of == ["board"]


def test_an_unknown_system_names_the_nearest() -> None:
    with pytest.raises(UnknownSystem) as caught:
        registry().connector("bord")
    assert caught.value.problem.params["nearest"] == "board"
    with pytest.raises(UnknownSystem):
        registry().sandbox("board")


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        pytest.param([Entry("x", "x:C", lambda: BOARD)], "plugin_wrong", id="another name"),
        pytest.param([Entry("x", "x:C", lambda: object())], "plugin_wrong", id="another kind"),
        pytest.param([Entry("x", "x:C", refuse_to_load)], "plugin_broken", id="raises"),
        pytest.param([Entry("x", "x:C", explode), Entry("x", "y:C", explode)], "plugin_twice", id="offered twice"),
    ],
)
def test_a_broken_plugin_is_told_and_harms_no_other(entries: list[Entry], code: str) -> None:
    both = Registry([*entries, Entry("board", "b:C", lambda: BOARD)])
    with pytest.raises(BrokenPlugin) as caught:
        both.connector("x")
    assert caught.value.problem.code == code
    assert [problem.code for problem in both.broken()] == [code]
    assert both.connector("board") is BOARD


def test_a_connector_and_its_mappers_are_built_from_a_connection() -> None:
    text = "version: 1\nconnections: {b: {system: board, url: 'https://b', token: '${T}'}}\n"
    connection = loads(text, {"T": "tok"}, registry()).connections["b"]
    context = Context(name="b", clock=VirtualClock(), tokens=HeldTokens(), access="read")
    connector = registry().build(connection, context)
    assert isinstance(connector, Board)
    assert connector.context is context
    assert connector.settings is connection.settings
    assert registry().mapping("board") is BOARD_MAPPING
    assert set(registry().mappers(connection, DESCRIPTION)) == {"cards"}


def test_the_installed_systems_are_those_of_the_project() -> None:
    assert {each.name for each in Registry.installed().systems()} >= {"jira", "trello", "zoho_crm", "google_drive"}
