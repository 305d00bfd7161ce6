"""What stands in the way of what an entity owes, as findings: each is over once it is not met any more."""

from __future__ import annotations

from typing import Any

from keepstep.engine.state import EntityState
from keepstep.engine.world import Sync
from keepstep.store.findings import Finding

PREFIX = "entity:"
"""Of the keys of all such findings: what is open under it and not met again is resolved."""


def trouble(state: EntityState, sync: Sync, key: str, code: str, **params: Any) -> Finding:
    """The finding that tells of it. ``key`` says which trouble it is."""
    about = {"entity": state.id, "kind": sync.kind.value, "title": state.title}
    return Finding(key=f"{PREFIX}{key}", code=code, sync=sync.name, entity=state.id, params={**about, **params})
