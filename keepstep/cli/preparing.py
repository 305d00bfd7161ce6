"""What ``setup`` and ``detach`` share: whose system it is, who decides, and how additions are shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal

import msgspec

from connectors.errors import ConnectorError
from connectors.preparing import Addition, Prepares
from keepstep.cli.session import FAILED, WRONG, Session, Trouble, talking_to
from keepstep.config import Connection, with_riding
from keepstep.engine.ports import Ports
from keepstep.engine.preparing import Busy
from keepstep.language import codes
from keepstep.problems import Problem
from keepstep.store.store import Store


@dataclass
class Part:
    """One thing that is added to a system or taken away from it, and what became of it."""

    id: str
    result: Literal["done", "failed", "by_hand"]
    reason: str = ""


def chosen(session: Session, name: str | None) -> list[Connection]:
    """That connection, or all. Raises ``Trouble``."""
    return [session.connection(name)] if name else list(session.config().connections.values())


def syncs_of(session: Session, connection: str) -> list[str]:
    """The syncs in which a connection takes part, and what rides with them."""
    syncs = session.config().syncs
    taking = [name for name, sync in syncs.items() if any(side.connection == connection for side in sync.sides)]
    return with_riding(syncs, taking)


def additions(session: Session, connection: Connection) -> list[Addition]:
    """What would be added to a system, as it is there now; nothing, where the connector adds nothing."""
    with talking_to(connection.name), session.output.progress(connection.name):
        connector = session.connector(connection, "read")
        return connector.additions() if isinstance(connector, Prepares) else []


def writing(session: Session, connection: Connection) -> Prepares | None:
    """The connector, allowed to write. Raises ``Trouble`` if the configuration forbids that."""
    if connection.access == "read":
        raise Trouble(Problem("prepare_read_only", {"connection": connection.name}), WRONG)
    with talking_to(connection.name):
        connector = session.connector(connection, "write")
        return connector if isinstance(connector, Prepares) else None


def ports(session: Session, store: Store) -> Ports:
    """The engine's ports over an open store, for one command."""
    import random

    rng = random.Random(int(session.runtime.rng.random() * 2**53))  # noqa: S311
    return Ports(session.runtime.clock, rng, session.runtime.ids, store, session.runtime.ids())


@contextmanager
def not_busy(connection: str) -> Iterator[None]:
    """Within, another worker that is in the way ends the command with exit code 1."""
    try:
        yield
    except Busy as error:
        raise Trouble(Problem("prepare_busy", {"connection": connection, "lease": str(error)}), FAILED) from None


def as_data(addition: Addition) -> dict[str, Any]:
    """An addition for ``--json``."""
    plain: dict[str, Any] = msgspec.to_builtins(addition)
    return plain


def results(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """What became of them, for ``--json``."""
    return [asdict(part) for part in parts]


def table(session: Session, title: str, found: Sequence[Addition]) -> None:
    """Additions as a table: what, where, what for, what it takes, and whether it is there."""
    columns = [session.say(f"column_{name}") for name in ("addition", "stream", "purpose", "grant", "state")]
    rows = []
    for each in found:
        state = "there" if each.present else "by_hand" if each.manual else "to_add"
        purpose = f"purpose.{each.purpose}"
        words = [
            session.say(purpose) if purpose in codes() else each.purpose,
            each.grant,
            session.say(f"addition.{state}"),
        ]
        rows.append([f"{each.kind} {each.name}", where(session, each), *words])
    session.output.table(columns, rows, title)
    for each in found:
        if each.manual and not each.present and each.steps:
            session.output.line("  " + session.say("addition_steps", name=called(session, each), steps=each.steps))


def where(session: Session, addition: Addition) -> str:
    """The stream that an addition belongs to, and the place in it."""
    if not addition.place:
        return addition.stream
    return session.say("addition_place", stream=addition.stream, place=addition.place)


def called(session: Session, addition: Addition) -> str:
    """An addition in a sentence: where it is one of several, with its place."""
    name = f"{addition.kind} {addition.name}"
    return session.say("addition_of", name=name, place=addition.place) if addition.place else name


def reason(error: ConnectorError | Exception) -> str:
    """What a service said, for the person."""
    return str(error) or type(error).__name__
