"""A plan as a file: what it says, and what it was made for. It is carried out as written, or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from keepstep.cli.session import FAILED, WRONG, Trouble
from keepstep.config import fingerprint, parent_of
from keepstep.engine.operations import Operation
from keepstep.hub import Hub
from keepstep.problems import Problem
from keepstep.store import tables as t
from keepstep.store.store import Store

IDENTITY = "store:identity"
LARGEST = 64 * 1024 * 1024


class PlanFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    keepstep_plan: Literal[1]
    store: str
    created_at: str
    fingerprints: dict[str, str]
    """Sync -> the fingerprint of the configuration that it was planned under."""
    operations: dict[str, list[Operation]]


def identity(store: Store, new_id: str) -> str:
    """The store's own name, given once: a plan made on another store is not carried out on this one."""
    with store.write() as tx:
        known = tx.scalar(t.setting.select().with_only_columns(t.setting.c.value).where(t.setting.c.name == IDENTITY))
        if known is None:
            tx.insert(t.setting, [{"name": IDENTITY, "value": new_id}])
            return new_id
        return str(known)


def written(hub: Hub, plans: Mapping[str, Sequence[Operation]]) -> PlanFile:
    """The plans of several syncs as a file."""
    return PlanFile(
        keepstep_plan=1,
        store=identity(hub.store, hub.runtime.ids()),
        created_at=hub.ports.now(),
        fingerprints={name: fingerprint(hub.config, name) for name in plans},
        operations={name: list(operations) for name, operations in plans.items()},
    )


def save(path: Path, plan: PlanFile) -> None:
    """Write the file whole or not at all; only its owner may read it. Raises ``Trouble``."""
    part = path.with_name(f"{path.name}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(plan)))
        part.replace(path)
    except OSError as error:
        raise Trouble(Problem("plan_unwritable", {"file": str(path), "reason": error.strerror}), FAILED) from error


def read(path: Path) -> PlanFile:
    """The plan in that file. Raises ``Trouble`` if it is none."""
    try:
        if path.stat().st_size > LARGEST:
            raise Trouble(Problem("plan_unreadable", {"file": str(path), "reason": "size"}), WRONG)
        return msgspec.json.decode(path.read_bytes(), type=PlanFile)
    except OSError as error:
        raise Trouble(Problem("plan_unreadable", {"file": str(path), "reason": error.strerror}), WRONG) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Trouble(Problem("plan_unreadable", {"file": str(path), "reason": str(error)}), WRONG) from error


def admit(hub: Hub, plan: PlanFile, path: Path) -> None:
    """Raise ``Trouble`` unless the plan was made on this store and under this configuration."""
    if identity(hub.store, hub.runtime.ids()) != plan.store:
        raise Trouble(Problem("plan_other_store", {"file": str(path)}), WRONG)
    for name, planned_under in plan.fingerprints.items():
        if parent_of(name) not in hub.config.syncs or fingerprint(hub.config, name) != planned_under:
            raise Trouble(Problem("plan_other_configuration", {"file": str(path), "sync": name}), WRONG)
    strange = sorted(set(plan.operations) - set(plan.fingerprints))
    if strange:
        raise Trouble(Problem("plan_other_configuration", {"file": str(path), "sync": strange[0]}), WRONG)
