"""Names under which one configuration's deployments, runs and artifacts stand in Prefect, apart from any other's."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from keepstep.config import Config

FLOWS = ("keepstep-sync", "keepstep-prune")
FRESHNESS = "keepstep.freshness"
"""The event told after each round of a sync all of whose feeds could be read: how long its oldest change has waited."""


def slug(text: str) -> str:
    """Lower-case letters, digits and dashes; with a digest where that loses something, so that no two names meet."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return plain if plain == text else f"{plain}-{_digest(text)}".strip("-")


def tenant(config: Path) -> str:
    """Names the configuration file: its folder, and a digest of its whole path."""
    place = config.resolve()
    folder = re.sub(r"[^a-z0-9]+", "-", place.parent.name.lower()).strip("-")
    return f"{folder}-{_digest(str(place))}".strip("-")


def freshness_resource(own: str, sync: str) -> str:
    """What Prefect knows the freshness of a sync by; ``own``: the configuration's name."""
    return f"keepstep.{own}.sync.{slug(sync)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]


@dataclass(frozen=True, slots=True)
class Group:
    """Syncs that run together because they have the same interval."""

    every: timedelta
    syncs: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"every-{int(self.every.total_seconds())}s"


def groups(config: Config) -> list[Group]:
    """The configuration's syncs by interval, the shortest first."""
    by_interval: dict[timedelta, list[str]] = {}
    for name, sync in config.syncs.items():
        by_interval.setdefault(sync.every, []).append(name)
    return [Group(every, tuple(names)) for every, names in sorted(by_interval.items())]


def deployments(config: Config) -> Mapping[str, Group]:
    """Name of a deployment -> the group it runs."""
    return {f"{tenant(config.path)}-{group.name}": group for group in groups(config)}
