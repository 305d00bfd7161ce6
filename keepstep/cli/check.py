"""``keepstep check``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from connectors.base import Account, Description
from connectors.errors import ConnectorError
from keepstep.cli.session import FAILED, WRONG, Session, as_data, failure, placed
from keepstep.config import Config, Connection
from keepstep.problems import Problem, nearest
from keepstep.registry import UnknownSystem
from mapping.fields import Mapper


@click.command(help="Find every mistake in the configuration, then sign in everywhere. Writes nothing anywhere.")
@click.option("--online/--offline", default=True, help="Whether to sign in to each connection.")
@click.pass_context
def check(ctx: click.Context, online: bool) -> None:
    session: Session = ctx.obj
    config, output = session.config(), session.output
    output.line(session.say("configuration_good", file=str(config.path)))
    for note in config.notes:
        output.line(session.say("note", text=placed(session, note, str(config.path))))
    accounts: dict[str, Any] = {}
    failed: list[Problem] = []
    descriptions: dict[str, Description] = {}
    for connection in config.connections.values() if online else ():
        with output.progress(connection.name):
            account, description, problem = _look(session, connection)
        if problem is not None or account is None or description is None:
            failed += [problem] if problem else []
            continue
        descriptions[connection.name] = description
        accounts[connection.name] = {"account": account.name, "site": account.site, "id": account.id}
        said = session.say("connection_good", connection=connection.name, site=account.site, account=account.name)
        output.line(said)
    unfit = list(fit(session, config, descriptions))
    mistakes = [problem for problem in unfit if problem.code != "unmapped_field"]
    remarks = [problem for problem in unfit if problem.code == "unmapped_field"]
    for problem in remarks:
        output.line(session.say("note", text=session.words(problem)))
    for problem in [*failed, *mistakes]:
        if not output.as_json:
            output.warn(session.words(problem))
    if output.as_json:
        output.document(
            {
                "file": str(config.path),
                "connections": accounts,
                "problems": [as_data(session, problem) for problem in [*failed, *mistakes]],
                "notes": [as_data(session, problem) for problem in [*config.notes, *remarks]],
            }
        )
    if mistakes:
        ctx.exit(WRONG)
    if failed:
        ctx.exit(FAILED)


def _look(session: Session, connection: Connection) -> tuple[Account | None, Description | None, Problem | None]:
    try:
        connector = session.connector(connection, "read")
        return connector.check(), connector.describe(), None
    except ConnectorError as error:
        return None, None, failure(connection.name, error)


def fit(session: Session, config: Config, descriptions: Mapping[str, Description]) -> Iterator[Problem]:
    """Whether the sides fit what their services really have and what their mappings can carry."""
    mappers: dict[str, Mapping[str, Mapper]] = {}
    for name, description in descriptions.items():
        try:
            mappers[name] = session.registry.mappers(config.connections[name], description)
        except UnknownSystem:
            mappers[name] = {}
        except ConnectorError as error:
            yield failure(name, error)
    for sync in config.syncs.values():
        for side in sync.sides:
            if side.connection not in mappers:
                continue
            streams = [stream.name for stream in descriptions[side.connection].streams]
            if side.stream not in streams:
                near = nearest(side.stream, streams)
                yield Problem("unknown_stream", {"side": str(side), "nearest": near, "known": streams})
                continue
            mapper = mappers[side.connection].get(side.stream)
            if mapper is None:
                known = sorted(mappers[side.connection])
                yield Problem("unmapped_stream", {"side": str(side), "known": known})
            elif sync.entity not in mapper.kinds:
                kinds = [kind.value for kind in mapper.kinds]
                yield Problem("unmapped_kind", {"side": str(side), "entity": sync.entity.value, "known": kinds})
            else:
                for field in sorted({*sync.fields, *sync.match}):
                    if mapper.mode(sync.entity, field) == "absent":
                        yield Problem("unmapped_field", {"side": str(side), "field": field})
