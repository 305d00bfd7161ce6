"""A configuration that has been checked: what the rest of the application works with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, SecretStr

from keepstep.config.schema import (
    ChangesToTasks,
    Documents,
    FirstSync,
    Handoffs,
    Language,
    Retention,
    Sync,
)
from keepstep.config.words import Budget
from keepstep.problems import Problem
from mapping.fields import Options
from mapping.model import STANDARD, Kind, Model

RIDING = {"comments": Kind.COMMENT, "attachments": Kind.ATTACHMENT}
"""What can ride with a sync as a sync of its own -> the kind of thing that it is."""


@dataclass(frozen=True, slots=True)
class Connection:
    """One configured account: its system, what it may do, its mapping's options and its system's own settings."""

    name: str
    system: str
    access: Literal["read", "write"]
    options: Options
    settings: BaseModel
    budget: Budget | None = None
    """How much it may send. None: what is usual for its service."""


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration without mistakes."""

    path: Path
    store: SecretStr
    language: Language
    timezone: str
    connections: Mapping[str, Connection]
    syncs: Mapping[str, Sync]
    changes_to_tasks: ChangesToTasks | None
    documents: Documents
    handoffs: Handoffs
    people: tuple[Mapping[str, str], ...]
    first_sync: FirstSync
    retention: Retention
    model: Model = STANDARD
    """The canonical fields: the standard ones and the configuration's own."""
    notes: tuple[Problem, ...] = ()
    """What is allowed and worth knowing: a side never created into, a secret written in the file."""

    def sync(self, name: str) -> Sync:
        """The sync of that name, or the one that it rides with. Raises KeyError if there is none."""
        return self.syncs[parent_of(name)]

    def secrets(self) -> list[str]:
        """Every value that no log may show."""
        found = [text for connection in self.connections.values() for text in hidden(connection.settings)]
        store = self.store.get_secret_value()
        _, at, _ = store.rpartition("@")
        passwords = [store.partition("://")[2].rpartition("@")[0].partition(":")[2]] if at else []
        passwords += [value for name, value in parse_qsl(urlsplit(store).query) if "password" in name]
        return [*found, *{spelt for each in passwords if each for spelt in (each, unquote(each))}]


def parent_of(name: str) -> str:
    """The configured sync that a sync rides with (``tasks`` of ``tasks.comments``), or is."""
    return name.partition(".")[0]


def with_riding(syncs: Mapping[str, Sync], names: Iterable[str] | None = None) -> list[str]:
    """The names of those syncs (all), each followed by those of what rides with it."""
    found: dict[str, None] = {}
    for name in syncs if names is None else names:
        found[name] = None
        riding = syncs[name].riding if name in syncs else ()
        found |= dict.fromkeys(f"{name}.{each}" for each in riding if each in RIDING)
    return list(found)


def hidden(value: Any) -> Iterator[str]:
    """The secrets inside settings, however deep."""
    if isinstance(value, SecretStr):
        if value.get_secret_value():
            yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from hidden(getattr(value, name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from hidden(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from hidden(item)


def fingerprint(config: Config, sync: str | None = None) -> str:
    """A hash of what decides about data: what is read, matched, carried and placed, by whose rules, and where to.

    Secrets, addresses of servers, schedule, mode, language and retention do not count: changing them changes no plan.
    With ``sync``, of that sync and its connections alone; what rides with a sync has the same as that. Raises KeyError
    if there is no such sync.
    """
    syncs = config.syncs if sync is None else {parent_of(sync): config.sync(sync)}
    used = {side.connection for each in syncs.values() for side in each.sides}
    facts = {
        "syncs": {name: each.model_dump(mode="json", exclude={"mode", "every"}) for name, each in syncs.items()},
        "connections": {name: _facts(config.connections[name]) for name in used},
        "fields": {kind.value: _own(config.model, kind) for kind in {each.entity for each in syncs.values()}},
        "won_days": config.first_sync.won_days,
        "people": [dict(person) for person in config.people],
    }
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _own(model: Model, kind: Kind) -> dict[str, Any]:
    """What is declared of the fields of one's own, but for what people call them."""
    return {name: [each.form.value, each.classes] for name, each in model.own.get(kind, {}).items()}


DECIDING = tuple(each.name for each in fields(Options) if each.name not in ("entities", "model"))
"""Options of a mapping that decide about every sync of its connection."""


def _facts(connection: Connection) -> dict[str, Any]:
    return {
        "system": connection.system,
        # What a connection that may not be written to was owed was crossed off: once it may be, all is compared again.
        "access": connection.access,
        # What its streams are taken for stands in each sync, as do its own fields; another sync's are not its affair.
        "options": {name: _open(getattr(connection.options, name)) for name in DECIDING},
        "settings": _open(connection.settings),
    }


def _open(value: Any) -> Any:
    """Settings without secrets and server addresses, as plain data."""
    if isinstance(value, BaseModel):
        names = (name for name in type(value).model_fields if name != "base_url")
        return {name: _open(getattr(value, name)) for name in names}
    if isinstance(value, SecretStr):
        return None
    if isinstance(value, Mapping):
        return {str(key): _open(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(str(item) for item in value)
    if isinstance(value, list | tuple):
        return [_open(item) for item in value]
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
