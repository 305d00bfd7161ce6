"""``keepstep doctor``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import click
import msgspec

from connectors.base import Connector, Description
from connectors.context import Context
from connectors.examining import Symptom
from keepstep.cli.session import FAILED, NEEDS_A_PERSON, LaterTokens, Session
from keepstep.config import Connection
from keepstep.engine.diagnosis import fit, installation, together
from keepstep.engine.diagnosis.look import SEVERITIES, Looked, look
from keepstep.language import codes
from keepstep.registry import UnknownSystem
from keepstep.secrets import SealedAccess, SealedTokens
from keepstep.store.errors import StoreError
from keepstep.store.peek import Peek, peek
from keepstep.store.secrets import access_name, access_of
from mapping.fields import Mapper

OPTIONAL = ("where", "place", "needed_for", "kinds", "most", "label")
"""Parameters of symptoms that not every connector can tell."""


@click.command(
    help="Look everything over before the first write: rights, fields, values, clocks, neighbours, this installation. "
    "Reads only, and writes nothing anywhere."
)
@click.argument("connection", nargs=-1)
@click.pass_context
def doctor(ctx: click.Context, connection: tuple[str, ...]) -> None:
    session: Session = ctx.obj
    config, output = session.config(), session.output
    chosen = [session.connection(name) for name in dict.fromkeys(connection)] or list(config.connections.values())
    here, store = _installation(session)
    looked: dict[str, Looked] = {}
    for each in chosen:
        with output.progress(each.name):
            looked[each.name] = _look(session, each, store)
    fit.of_connections(config.syncs, looked)
    together.of_connections(config.syncs, looked)
    together.calm(together.streams_used(config), looked)
    found = [symptom for each in looked.values() for symptom in each.sorted()] + here
    counts: Counter[str] = Counter(symptom.severity for symptom in found)
    if output.as_json:
        output.document(
            {
                "connections": [_as_data(session, each) for each in looked.values()],
                "installation": [_symptom(session, symptom) for symptom in here],
                "counts": {severity: counts[severity] for severity in SEVERITIES},
            }
        )
    else:
        _show(session, list(looked.values()), here, counts)
    if counts["error"]:
        ctx.exit(FAILED)
    if counts["warning"]:
        ctx.exit(NEEDS_A_PERSON)


def _installation(session: Session) -> tuple[list[Symptom], Peek | None]:
    """What is wrong around the connections, errors first; and the store, if it could be looked at."""
    found = [*installation.of_packages(installation.packages()), *installation.of_plugins(session.registry)]
    store = None
    try:
        store = peek(session.config().store.get_secret_value())
        found += installation.of_store(store, session.config(), session.key)
    except StoreError as error:
        found.append(Symptom(code=error.code, severity="error", params=error.params))
    return sorted(found, key=lambda each: SEVERITIES.index(each.severity)), store


class PeekedTokens(LaterTokens):
    """Tokens of a store that is not opened, which would bring it up to date. One that a service renews is kept all
    the same: the former one may be void."""

    def __init__(self, session: Session, connection: str, sealed: Mapping[str, bytes]) -> None:
        super().__init__(session, connection)
        self._rows = PeekedRows(sealed)

    def stored(self, name: str) -> str | None:
        return SealedTokens(self._rows, self._connection, self._session.key).load(name)


class PeekedRows:
    """Sealed tokens as they were seen."""

    def __init__(self, sealed: Mapping[str, bytes]) -> None:
        self._sealed = sealed

    def load(self, connection: str, name: str) -> bytes | None:
        return self._sealed.get(f"{connection}:{name}")

    def save(self, connection: str, name: str, sealed: bytes) -> None:
        raise NotImplementedError("a look at a store keeps nothing")


class PeekedAccess:
    """Access tokens as they were seen. A look at a store keeps nothing."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings

    def load(self, connection: str) -> str | None:
        return access_of(self._settings.get(access_name(connection)))

    def save(self, connection: str, sealed: str) -> None:
        """The next look signs in anew."""


def _look(session: Session, connection: Connection, store: Peek | None) -> Looked:
    # As the connection will be used: what a writer lacks is no trouble of a reader. Looking sends no write.
    context: Context = session.context(connection, "write")
    context = replace(
        context,
        tokens=PeekedTokens(session, connection.name, store.sealed if store else {}),
        access_tokens=SealedAccess(PeekedAccess(store.settings if store else {}), connection.name),
    )

    def build() -> Connector:
        return session.registry.build(connection, context)

    def mappers(description: Description) -> Mapping[str, Mapper]:
        try:
            return session.registry.mappers(connection, description)
        except UnknownSystem:
            return {}  # it has no mapping: told where a sync wants one of its streams

    looked = look(connection, build, mappers, session.runtime.clock)
    signed_in = store.settings.get(f"signed_in:{connection.name}") if store else None
    for symptom in installation.of_sign_in(signed_in, session.runtime.clock.now()):
        looked.add(symptom)
    return looked


# -- in words


def words(session: Session, connection: str | None, symptom: Symptom) -> str:
    """A symptom and its cure as a sentence."""
    params = dict.fromkeys(OPTIONAL) | {"connection": connection} | dict(symptom.params)
    params["label"] = params["label"] or params.get("field")
    for code in (f"symptom.{symptom.code}", symptom.code):
        if code in codes():
            try:
                return session.say(code, **params)
            except (KeyError, TypeError, ValueError):
                break  # told by a connector of another version, with other parameters
    return session.say("finding_unsaid", code=symptom.code, params=dict(symptom.params))


def _symptom(session: Session, symptom: Symptom, connection: str | None = None) -> dict[str, Any]:
    return {
        "code": symptom.code,
        "severity": symptom.severity,
        "message": words(session, connection, symptom),
        "params": session.redaction.value(dict(symptom.params)),
    }


def _as_data(session: Session, looked: Looked) -> dict[str, Any]:
    account, name = looked.account, looked.connection.name
    about = {"account": account.name, "id": account.id, "site": account.site} if account is not None else None
    return {
        "connection": name,
        "system": looked.connection.system,
        "account": about,
        "symptoms": [_symptom(session, symptom, name) for symptom in looked.sorted()],
    }


def _show(session: Session, looked: Sequence[Looked], here: Sequence[Symptom], counts: Mapping[str, int]) -> None:
    output = session.output
    for each in looked:
        name, account = each.connection.name, each.account
        if account is not None:
            output.line(session.say("connection_good", connection=name, site=account.site, account=account.name))
        else:
            output.line(session.say("doctor_not_signed_in", connection=name))
        _lines(session, name, each.sorted())
    if here:
        output.line(session.say("doctor_installation"))
        _lines(session, None, here)
    if not counts["error"] and not counts["warning"]:
        output.line(session.say("doctor_healthy"))
    if sum(counts.values()):
        said = {severity: counts[severity] for severity in SEVERITIES}
        output.line(session.say("doctor_counts", **said))


def joined(session: Session, symptoms: Sequence[Symptom], name: str) -> list[Symptom]:
    """What is said of several streams or places alike, said once."""
    groups: dict[Any, list[Symptom]] = {}
    for symptom in symptoms:
        rest = sorted((key, str(value)) for key, value in symptom.params.items() if key != name)
        key = (symptom.code, symptom.severity, tuple(rest)) if name in symptom.params else id(symptom)
        groups.setdefault(key, []).append(symptom)
    return [
        msgspec.structs.replace(
            group[0], params={**group[0].params, name: session.listed(str(each.params[name]) for each in group)}
        )
        if len(group) > 1
        else group[0]
        for group in groups.values()
    ]


def _lines(session: Session, connection: str | None, symptoms: Sequence[Symptom]) -> None:
    for symptom in joined(session, joined(session, symptoms, "stream"), "place"):
        text = words(session, connection, symptom)
        session.output.line(f"  {session.say(f'severity.{symptom.severity}')}  {text}")
