"""A first ``keepstep.yaml`` that explains itself: connections, and the syncs that their systems suggest."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from connectors.context import Context
from connectors.errors import AuthFailed, ConnectorError
from keepstep.cli.session import FAILED, WRONG, Session, Trouble, failure
from keepstep.config import Config, Connection
from keepstep.config.load import loads
from keepstep.problems import Problem
from keepstep.registry import Registry
from keepstep.secrets import HeldTokens
from mapping.fields import Mapper
from mapping.model import TITLE, Kind

SUGGESTED = {Kind.CUSTOMER: "customers", Kind.PROJECT: "projects", Kind.MILESTONE: "milestones", Kind.TASK: "tasks"}
"""Kinds that are kept in step from the start, where two systems hold them; and the names of their syncs."""

SignIn = Callable[[Connection], Mapping[str, str]]
"""Lets the person sign in to a connection; what that gained by name, or nothing."""


@dataclass
class Drawn:
    """What was answered, and what follows from it."""

    language: str
    timezone: str
    connections: dict[str, dict[str, Any]] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    """Of one's own, as the file declares them that the connections come from."""
    syncs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def secrets(self, registry: Registry) -> list[tuple[str, str]]:
        """Connections and keys whose values are secrets that were given as such."""
        found = []
        for name, keys in self.connections.items():
            for each, about in registry.connector(keys["system"]).settings.model_fields.items():
                key = about.alias or each
                hidden = about.annotation is SecretStr or SecretStr in getattr(about.annotation, "__args__", ())
                if hidden and isinstance(keys.get(key), str) and "${" not in keys[key]:
                    found.append((name, key))
        return found


def variable(connection: str, key: str) -> str:
    """The environment variable that holds a connection's secret."""
    return re.sub(r"\W", "_", f"{connection}_{key}").upper()


def compose(
    session: Session, drawn: Drawn, environ: Mapping[str, str], sign_in: SignIn, *, secrets_in_file: bool
) -> tuple[str, Config]:
    """The file's text, and the configuration that it is. Raises ``ConfigurationError`` if the answers make none."""
    hidden = set() if secrets_in_file else set(drawn.secrets(session.registry))
    config = loads(_text(session, drawn, hidden), environ, session.registry, str(session.path))
    session.redaction.add(*config.secrets())
    drawn.syncs = suggested(session, config, sign_in)
    text = _text(session, drawn, hidden)
    return text, loads(text, environ, session.registry, str(session.path))


def suggested(session: Session, config: Config, sign_in: SignIn) -> dict[str, dict[str, Any]]:
    """Syncs over the streams that hold the same kind of thing in two systems or more, as the systems describe them."""
    sides: dict[Kind, list[str]] = {}
    for name, connection in config.connections.items():
        try:
            mappers = _looked(session, connection, sign_in)
        except ConnectorError as error:
            session.output.warn(session.words(failure(name, error)))
            continue
        for kind in SUGGESTED:
            stream = _stream(mappers, kind)
            if stream is not None:
                sides.setdefault(kind, []).append(f"{name}.{stream}")
    return {
        SUGGESTED[kind]: {"entity": kind.value, "sides": names, "match": [TITLE[kind]]}
        for kind, names in sides.items()
        if len(names) > 1
    }


def _looked(session: Session, connection: Connection, sign_in: SignIn) -> Mapping[str, Mapper]:
    """What a connection holds. One that lacks what it signs in with may gain it first."""
    tokens = HeldTokens()
    context = Context(
        name=connection.name,
        clock=session.runtime.clock,
        tokens=tokens,
        access="read",
        model=connection.options.model,
        transport=session.transports.get(connection.name),
        jitter=session.runtime.rng.random,
        waiting=session.waiting,
    )
    connector = session.registry.build(connection, context)
    try:
        with session.output.progress(connection.name):
            connector.check()
    except AuthFailed:
        gained = sign_in(connection)
        if not gained:
            raise
        for name, secret in gained.items():
            tokens.save(name, secret)
        connector = session.registry.build(connection, context)
    with session.output.progress(connection.name):
        return session.registry.mappers(connection, connector.describe())


def _stream(mappers: Mapping[str, Mapper], kind: Kind) -> str | None:
    return next((stream for stream, mapper in mappers.items() if kind in mapper.kinds), None)


def _text(session: Session, drawn: Drawn, hidden: set[tuple[str, str]]) -> str:
    say = session.say
    lines = [f"# {say('file_about')}", "version: 1", "store: sqlite:///keepstep.db"]
    lines += [f"language: {drawn.language}", f"timezone: {drawn.timezone}"]
    if drawn.fields:
        lines += ["", f"# {say('file_fields')}", "fields:"]
        lines += [f"  {kind}: {json.dumps(table, ensure_ascii=False)}" for kind, table in drawn.fields.items()]
    lines += ["", f"# {say('file_connections')}", "connections:"]
    for name, keys in drawn.connections.items():
        lines.append(f"  {name}:")
        for key, value in keys.items():
            written = f"${{{variable(name, key)}}}" if (name, key) in hidden else value
            lines.append(f"    {key}: {_scalar(written, plain=(name, key) not in hidden and (key != 'system'))}")
    if drawn.syncs:
        lines += ["", *(f"# {say(code)}" for code in ("file_syncs", "file_modes", "file_create")), "syncs:"]
    for name, sync in drawn.syncs.items():
        lines += [f"  {name}:", f"    entity: {sync['entity']}", "    mode: observe"]
        lines.append(f"    sides: [{', '.join(sync['sides'])}]")
        lines.append(f"    match: [{', '.join(sync['match'])}]")
    return "\n".join(lines) + "\n"


def _scalar(value: Any, *, plain: bool) -> str:
    """A value as YAML takes it. What was typed is meant as it stands, so a dollar before a brace is doubled."""
    if isinstance(value, str) and plain and not re.fullmatch(r"\$\{[A-Za-z_]\w*\}", value):
        value = value.replace("${", "$${")
    return json.dumps(value, ensure_ascii=False)


def save(path: Path, text: str) -> None:
    """Write a new file that only its owner may read. Raises ``Trouble``; never overwrites."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Trouble(Problem("already_there", {"file": str(path)}), WRONG) from None
    except OSError as error:
        raise Trouble(Problem("unwritable", {"file": str(path), "reason": error.strerror}), FAILED) from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
