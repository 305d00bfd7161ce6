"""``keepstep check``."""

from __future__ import annotations

from typing import Any

import click

from connectors.errors import ConnectorError
from connectors.examining import Symptom
from keepstep.cli.session import FAILED, WRONG, Session, as_data, placed
from keepstep.config import Connection
from keepstep.engine.diagnosis.fit import of_side
from keepstep.engine.diagnosis.look import Looked, failed
from keepstep.problems import Problem
from keepstep.registry import UnknownSystem
from keepstep.store.databases import database


@click.command(help="Find every mistake in the configuration, then sign in everywhere. Writes nothing anywhere.")
@click.option("--online/--offline", default=True, help="Whether to sign in to each connection.")
@click.pass_context
def check(ctx: click.Context, online: bool) -> None:
    session: Session = ctx.obj
    config, output = session.config(), session.output
    database(config.store.get_secret_value()).engine.dispose()  # nothing is connected: is it an address at all?
    output.line(session.say("configuration_good", file=str(config.path)))
    for note in config.notes:
        output.line(session.say("note", text=placed(session, note, str(config.path))))
    accounts: dict[str, Any] = {}
    broken: list[Problem] = []
    described: dict[str, Looked] = {}
    for connection in config.connections.values() if online else ():
        with output.progress(connection.name):
            looked = _look(session, connection)
        broken += [_problem(symptom) for symptom in looked.symptoms]
        if looked.account is None or looked.description is None:
            continue
        described[connection.name], account = looked, looked.account
        accounts[connection.name] = {"account": account.name, "site": account.site, "id": account.id}
        said = session.say("connection_good", connection=connection.name, site=account.site, account=account.name)
        output.line(said)
    unfit = [
        symptom
        for sync in config.syncs.values()
        for side in sync.sides
        if side.connection in described
        for symptom in of_side(sync, side, described[side.connection])
    ]
    mistakes = [_problem(symptom) for symptom in unfit if symptom.severity == "error"]
    remarks = [_problem(symptom) for symptom in unfit if symptom.severity != "error"]
    for problem in remarks:
        output.line(session.say("note", text=session.words(problem)))
    for problem in [*broken, *mistakes]:
        if not output.as_json:
            output.warn(session.words(problem))
    if output.as_json:
        output.document(
            {
                "file": str(config.path),
                "connections": accounts,
                "problems": [as_data(session, problem) for problem in [*broken, *mistakes]],
                "notes": [as_data(session, problem) for problem in [*config.notes, *remarks]],
            }
        )
    if mistakes:
        ctx.exit(WRONG)
    if broken:
        ctx.exit(FAILED)


def _problem(symptom: Symptom) -> Problem:
    return Problem(symptom.code, dict(symptom.params))


def _look(session: Session, connection: Connection) -> Looked:
    looked = Looked(connection)
    try:
        connector = session.connector(connection, "read")
        looked.account, looked.description = connector.check(), connector.describe()
        looked.mappers = session.registry.mappers(connection, looked.description)
    except UnknownSystem:
        pass  # it has no mapping: told where a sync wants one of its streams
    except ConnectorError as error:
        looked.add(failed(connection.name, error))
    return looked
