"""Imports go down only: who may know of whom."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("connectors", "mapping", "keepstep", "pipelines")
GROUND = {"connectors.base", "mapping.model"}
PEOPLE = {"cli", "web", "demo", "testing", "hub", "assembly", "syncs"}


def systems() -> set[str]:
    """The systems there are: the folders of ``connectors``, but for what all stand-ins share."""
    return {path.name for path in (ROOT / "connectors").iterdir() if path.is_dir() and path.name[0] not in "_."} - {
        "sandbox"
    }


def floor(module: str, known: set[str]) -> int:
    """How high a module stands."""
    parts = module.split(".")
    if module in GROUND or module in {"connectors", "mapping", "keepstep", "connectors.errors"}:
        return 0
    match parts[0]:
        case "connectors":
            return 2 if parts[1] in {*known, "memory"} else 1
        case "mapping":
            return 4 if parts[1] in {*known, "memory"} else 3
        case "keepstep":
            if parts[1] in PEOPLE:
                return 7
            return 6 if parts[1] == "engine" else 5
    return 8


def owner(module: str, known: set[str]) -> str | None:
    """The system whose connector a module belongs to."""
    parts = module.split(".")
    return parts[1] if parts[0] == "connectors" and len(parts) > 1 and parts[1] in {*known, "memory"} else None


def imports(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield node.lineno, whole if is_module(whole) else node.module


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def offences(module: str, source: str, known: set[str]) -> Iterator[str]:
    mine = floor(module, known)
    for line, other in imports(source):
        if other.split(".")[0] not in PACKAGES:
            continue
        if floor(other, known) > mine:
            yield f"{module}:{line}: {other} stands above it"
        theirs = owner(other, known)
        if theirs and owner(module, known) not in (None, theirs):
            yield f"{module}:{line}: one connector imports another, {theirs}"
        if module.split(".")[:2] == ["keepstep", "engine"] and (theirs or other.split(".")[-1] in known):
            yield f"{module}:{line}: the engine knows of {other}"


def test_imports_go_down_only() -> None:
    known = systems()
    assert known
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                found += offences(name_of(path), path.read_text(encoding="utf-8"), known)
    assert found == []


def test_no_connector_module_in_the_ground_imports_a_system() -> None:
    known = systems()
    for module in GROUND:
        source = ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
        ours = {other for _, other in imports(source) if other.split(".")[0] in PACKAGES}
        assert ours == set(), module
    assert known


def test_the_engine_never_names_a_system() -> None:
    known = systems()
    found = []
    for path in sorted((ROOT / "keepstep" / "engine").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in known:
                found.append(f"{path.name}:{node.lineno}: {node.value}")
    assert found == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("mapping.merge", "from keepstep.store import tables"),
        ("connectors.jira.client", "from connectors.trello import client"),
        ("connectors.http", "import connectors.jira.client"),
        ("connectors.jira.client", "from mapping.jira import MAPPING"),
        ("keepstep.store.store", "from keepstep.engine import round"),
        ("keepstep.engine.round", "from keepstep.cli import output"),
        ("keepstep.engine.round", "from connectors.jira import CONNECTOR"),
        ("keepstep.engine.round", "from mapping.trello import MAPPING"),
        ("keepstep.cli.check", "from pipelines import flows"),
    ],
)
def test_the_test_sees(module: str, line: str) -> None:
    assert list(offences(module, line, {"jira", "trello"}))


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("mapping.jira", "from connectors.base import Record"),
        ("keepstep.engine.round", "from mapping.merge import merge"),
        ("pipelines.flows", "from keepstep.engine.round import Engine"),
        ("connectors.jira.sandbox", "from connectors.sandbox.clock import VirtualClock"),
        ("connectors.jira.connector", "from connectors.jira.client import Client"),
    ],
)
def test_the_test_lets_pass(module: str, line: str) -> None:
    assert list(offences(module, line, {"jira", "trello"})) == []
