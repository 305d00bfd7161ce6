"""The lock files: what ``pip install --require-hashes`` takes, from whatever index there is."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ["requirements.lock", "requirements-dev.lock"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pinned(name: str) -> dict[str, str]:
    lines = re.finditer(r"(?m)^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", (ROOT / name).read_text())
    return {canonicalize_name(found[1]): found[2] for found in lines}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_index_and_no_place(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"://|^\s*-[a-z]|^\s*--(?!hash=sha256:[0-9a-f]{64}\b)|file:|/work|/home", text, re.MULTILINE)
    blocks = re.split(r"(?m)^(?=[A-Za-z0-9])", text)[1:]
    assert blocks
    assert all("==" in block and "--hash=sha256:" in block for block in blocks)


def test_each_requirement_is_locked_within_its_range() -> None:
    base, dev = (pinned(name) for name in LOCKS)
    extras = [each for group in PROJECT["optional-dependencies"].values() for each in group]
    for lock, wanted in ((base, PROJECT["dependencies"]), (dev, [*PROJECT["dependencies"], *extras])):
        for text in wanted:
            requirement = Requirement(text)
            if canonicalize_name(requirement.name) != "keepstep":
                assert lock[canonicalize_name(requirement.name)] in requirement.specifier, text


def test_developers_have_the_versions_that_users_have() -> None:
    base, dev = (pinned(name) for name in LOCKS)
    assert base.items() <= dev.items()


def test_what_is_needed_with_an_extra_is_locked_with_it() -> None:
    """Without it ``pip`` looks for the newest release that has the extra, and refuses it for want of a hash."""
    locked: dict[str, set[str]] = {}
    for found in re.finditer(r"(?m)^([A-Za-z0-9._-]+)\[([^\]]*)\]==", (ROOT / LOCKS[1]).read_text()):
        locked[canonicalize_name(found[1])] = {extra.strip() for extra in found[2].split(",")}
    needed = {
        (canonicalize_name(requirement.name), extra)
        for name in pinned(LOCKS[1])
        for requirement in requirements_of(name)
        for extra in requirement.extras
    }
    assert ("sqlalchemy", "asyncio") in needed
    assert {(name, extra) for name, extra in needed if extra not in locked.get(name, set())} == set()


def requirements_of(name: str) -> list[Requirement]:
    """What an installed package needs here; nothing of one that is for other platforms."""
    try:
        wanted = [Requirement(text) for text in metadata.requires(name) or ()]
    except metadata.PackageNotFoundError:
        return []
    return [each for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})]
