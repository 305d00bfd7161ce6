"""What third parties may import is enough to build what we built, and is really there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from keepstep import plugin

ROOT = Path(__file__).parents[1]
SYSTEMS = ("jira", "trello", "zoho_crm", "google_drive")


def borrowed() -> Iterator[tuple[str, str]]:
    """What our four systems import from the floors that all systems share: module, name."""
    folders = [ROOT / package / system for package in ("connectors", "mapping") for system in SYSTEMS]
    files = [path for folder in folders if folder.is_dir() for path in folder.rglob("*.py")]
    files += [path for system in SYSTEMS if (path := ROOT / "mapping" / f"{system}.py").exists()]
    for path in files:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            parts = (node.module or "").split(".") if isinstance(node, ast.ImportFrom) else [""]
            if (
                isinstance(node, ast.ImportFrom)
                and parts[0] in ("connectors", "mapping")
                and not set(SYSTEMS) & set(parts)
            ):
                yield from ((".".join(parts), alias.name) for alias in node.names)


def test_every_name_is_there() -> None:
    assert len(plugin.__all__) == len(set(plugin.__all__))
    assert all(hasattr(plugin, name) for name in plugin.__all__)


def test_what_our_own_systems_borrow_is_offered_to_all() -> None:
    assert sorted({each for each in borrowed() if each[1] not in plugin.__all__}) == []
