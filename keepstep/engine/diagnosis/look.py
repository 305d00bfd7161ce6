"""One look at a connection: sign in, ask what there is, and let it look itself over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.base import Account, Clock, Connector, Description, Stream
from connectors.errors import AuthFailed, ConnectorError, Misconfigured, ScopeMissing
from connectors.examining import Examines, Symptom
from keepstep.config import Connection
from keepstep.engine.failures import failure_code
from keepstep.secrets import SecretError
from mapping.fields import Mapper

SKEW = 30.0
"""Seconds between two clocks from which deadlines and tokens go wrong."""

EXPLAINED: dict[type[ConnectorError], frozenset[str]] = {
    Misconfigured: frozenset({"not_cloud", "place_missing"}),
    ScopeMissing: frozenset({"scope_missing"}),
    AuthFailed: frozenset({"expires"}),
}
"""An error while signing in -> symptoms that say the same, with a better cure."""

SEVERITIES = ("error", "warning", "info")
"""The gravest first."""


@dataclass
class Looked:
    """What one look at a connection showed."""

    connection: Connection
    account: Account | None = None
    description: Description | None = None
    mappers: Mapping[str, Mapper] = field(default_factory=dict)
    symptoms: list[Symptom] = field(default_factory=list)
    examined: bool = False
    """It looked itself over: what it does not tell of its own fields and values is no trouble."""
    connector: Connector | None = None
    """To ask it more; None where it could not be built."""

    @property
    def streams(self) -> list[Stream]:
        """What the service has for this account; nothing, where it could not be asked."""
        return self.description.streams if self.description is not None else []

    @property
    def identity(self) -> tuple[str, str, str] | None:
        """Which account of which site it is, where it could sign in."""
        return (self.connection.system, self.account.site, self.account.id) if self.account is not None else None

    def add(self, symptom: Symptom) -> None:
        """Keep a symptom, unless the same was told already."""
        if not any(_same(symptom, each) for each in self.symptoms):
            self.symptoms.append(symptom)

    def sorted(self) -> list[Symptom]:
        """Errors first, otherwise in the order in which they were found."""
        return sorted(self.symptoms, key=lambda each: SEVERITIES.index(each.severity))


def look(
    connection: Connection,
    build: Callable[[], Connector],
    mappers: Callable[[Description], Mapping[str, Mapper]],
    clock: Clock,
) -> Looked:
    """Look once. Trouble of any kind becomes a symptom; only reads; raises nothing of the connection's own."""
    looked = Looked(connection)
    failures: list[ConnectorError] = []
    try:
        connector = looked.connector = build()
        _sign_in(looked, connector, clock, failures)
        _examine(looked, connector, failures)
        if looked.account is not None:
            _describe(looked, connector, mappers, failures)
    except SecretError as error:
        looked.add(Symptom(code=error.problem.code, severity="error", params=dict(error.problem.params)))
    except ConnectorError as error:  # from building it
        failures.append(error)
    told = {symptom.code for symptom in looked.symptoms if symptom.severity == "error"}
    for failure in failures:
        if not told & next((codes for kind, codes in EXPLAINED.items() if isinstance(failure, kind)), frozenset()):
            looked.add(failed(connection.name, failure))
    return looked


def failed(connection: str, error: ConnectorError) -> Symptom:
    """Trouble with a connection as a whole."""
    params = {"connection": connection, "reason": str(error)}
    return Symptom(code=failure_code(error), severity="error", params=params)


def _sign_in(looked: Looked, connector: Connector, clock: Clock, failures: list[ConnectorError]) -> None:
    before = clock.now()
    try:
        looked.account = connector.check()
    except ConnectorError as error:
        failures.append(error)
        return
    if looked.account.server_time is None:
        return
    theirs = datetime.fromisoformat(looked.account.server_time)
    # It was taken at some moment between asking and being answered: only what lies outside is a difference.
    ahead, behind = (theirs - clock.now()).total_seconds(), (theirs - before).total_seconds()
    seconds = ahead if ahead > 0 else min(behind, 0.0)
    if abs(seconds) > SKEW:
        looked.add(Symptom(code="clock_skew", params={"seconds": round(seconds)}))


def _examine(looked: Looked, connector: Connector, failures: list[ConnectorError]) -> None:
    if not isinstance(connector, Examines):
        return
    try:
        symptoms = connector.examine()
    except ConnectorError as error:
        if not failures:
            looked.add(Symptom(code="not_examined", params={"reason": str(error)}))
        return
    looked.examined = True
    for symptom in symptoms:
        looked.add(symptom)


def _describe(
    looked: Looked,
    connector: Connector,
    mappers: Callable[[Description], Mapping[str, Mapper]],
    failures: list[ConnectorError],
) -> None:
    try:
        looked.description = connector.describe()
        looked.mappers = mappers(looked.description)
    except ConnectorError as error:
        failures.append(error)


ABOUT: Mapping[str, tuple[str, ...]] = {
    "clock_skew": (),
    "expires": (),
    "field_missing": ("stream", "field"),
    "field_retyped": ("stream", "field"),
    "value_unmapped": ("stream", "field", "value"),
}
"""Symptoms that a connector and the hub may both find, and the parameters that say what they are about."""


def _same(one: Symptom, other: Symptom) -> bool:
    def about(symptom: Symptom) -> Mapping[str, Any]:
        names = ABOUT.get(symptom.code)
        return symptom.params if names is None else {name: symptom.params.get(name) for name in names}

    return one.code == other.code and about(one) == about(other)
