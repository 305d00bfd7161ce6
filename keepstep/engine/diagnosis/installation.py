"""What is wrong with this installation: its packages, its plugins, its store and the key to the store's secrets."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from importlib import metadata, util
from pathlib import Path

from connectors.base import utc
from connectors.examining import Symptom
from keepstep.config import Config
from keepstep.engine.expiry import AHEAD
from keepstep.registry import Registry
from keepstep.secrets import VARIABLE
from keepstep.store.peek import Peek

DISTRIBUTION = "keepstep"
NAMES = ("connectors", "mapping", "keepstep", "pipelines")
"""Import names that are ours."""


def packages() -> Mapping[str, Sequence[str]]:
    """Import name -> the installed distributions that claim it."""
    return metadata.packages_distributions()


def of_packages(owners: Mapping[str, Collection[str]]) -> Iterator[Symptom]:
    """Another distribution owns an import name of ours, or stands in front of it."""
    home = Path(__file__).resolve().parents[3]
    for name in NAMES:
        for rival in sorted({owner for owner in owners.get(name, ()) if owner.lower() != DISTRIBUTION}):
            yield Symptom(code="package_name_taken", severity="error", params={"name": name, "package": rival})
        found = util.find_spec(name)
        there = Path(found.origin).resolve().parents[1] if found is not None and found.origin else home
        if there != home:
            yield Symptom(code="package_elsewhere", severity="error", params={"name": name, "path": str(there)})


def of_plugins(registry: Registry) -> Iterator[Symptom]:
    """Plugins that cannot be loaded, and systems that several packages claim. What is used is checked before."""
    for problem in registry.broken():
        yield Symptom(code=problem.code, params=dict(problem.params))


def of_store(peek: Peek, config: Config, key: str | None) -> Iterator[Symptom]:
    """The store is older than this code, may not be written to, or holds sign-ins that nobody could open."""
    if peek.barred is not None:
        yield Symptom(code="store_barred", severity="error", params={"url": peek.url, "place": str(peek.barred)})
    if peek.older:
        yield Symptom(code="store_older", params={"url": peek.url, "revision": peek.revision})
    kept = sorted({name.partition(":")[0] for name in peek.sealed} & set(config.connections))
    if kept and not (key or "").strip():
        yield Symptom(code="sealed_without_key", severity="error", params={"name": VARIABLE, "connections": kept})


def of_sign_in(signed_in: Mapping[str, str | None] | None, now: datetime) -> Iterator[Symptom]:
    """A sign-in by hand that has ended, or will soon."""
    ends = signed_in.get("expires_at") if signed_in else None
    if ends is not None and ends <= utc(now + AHEAD):
        over = ends <= utc(now)
        yield Symptom(code="expires", severity="error" if over else "warning", params={"what": "sign-in", "at": ends})
