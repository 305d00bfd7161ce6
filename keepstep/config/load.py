"""From ``keepstep.yaml`` to a configuration that can be relied upon, or to the list of all its mistakes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, SecretStr, ValidationError

from connectors.context import ConnectorPlugin
from keepstep.config import checks, own_fields
from keepstep.config.environment import Filled
from keepstep.config.model import Config, Connection
from keepstep.config.schema import ConnectionKeys, File
from keepstep.config.shape import complaints, names
from keepstep.config.source import Source, parse, read
from keepstep.config.words import Side
from keepstep.problems import ConfigurationError, Loc, Problem
from keepstep.registry import PluginError, Registry
from mapping.fields import Options, Transform
from mapping.model import Form, Model

GROUPS = ("connections", "syncs", "fields")
"""Keys whose entries stand for themselves: a mistake in one leaves the others."""
INDISPENSABLE = frozenset({"system", "entity", "sides"})
"""Keys without which a connection or a sync cannot be looked at any further."""


def load(path: Path | str, environ: Mapping[str, str], registry: Registry) -> Config:
    """The configuration in that file. Raises ``ConfigurationError`` with every mistake that can be found at once."""
    return _Loading(read(Path(path)), environ, registry).config()


def loads(text: str | bytes, environ: Mapping[str, str], registry: Registry, path: str = "keepstep.yaml") -> Config:
    """As ``load``, from the text itself."""
    raw = text.encode() if isinstance(text, str) else text
    return _Loading(parse(raw, path), environ, registry).config()


class _Loading:
    def __init__(self, source: Source, environ: Mapping[str, str], registry: Registry) -> None:
        self.source = source
        self.registry = registry
        self.filled = Filled(source, environ)
        self.problems: list[Problem] = [*source.problems, *self.filled.problems]
        self.streams: dict[str, tuple[str, ...]] = {}
        self.notes: list[Problem] = []

    def config(self) -> Config:
        declared = self.filled.data.get("connections")
        file = self._file()
        if file is None:
            raise ConfigurationError(self._told(self.problems), self.source.path)
        names = frozenset(str(name) for name in declared) if isinstance(declared, dict) else frozenset()
        self.problems += own_fields.problems(file, self.source, names)
        model = own_fields.model_of(file)
        connections = {}
        for name, keys in file.connections.items():
            connection = self._connection(name, keys, file, model)
            if connection is not None:
                connections[name] = connection
        ground = checks.Ground(
            self.source,
            names,
            self.streams,
            frozenset(name for name, keys in file.connections.items() if keys.access == "read"),
            lambda side: self._checklist(side, file),
            frozenset(self.filled.places),
            model,
            self._declared(),
            lambda side: self._holds(side, file),
        )
        for name, keys in file.connections.items():
            self.problems += checks.of_connection(name, keys, ground)
        self.problems += checks.whole(file, ground)
        if self.problems:
            raise ConfigurationError(self._told(self.problems), self.source.path)
        return Config(
            path=Path(self.source.path),
            store=file.store,
            language=file.language,
            timezone=file.timezone,
            connections=connections,
            syncs=file.syncs,
            changes_to_tasks=file.changes_to_tasks,
            documents=file.documents,
            handoffs=file.handoffs,
            people=tuple(file.people),
            first_sync=file.first_sync,
            retention=file.retention,
            model=model,
            notes=tuple(self._told([*self.notes, *own_fields.notes(file, self.source), *checks.notes(file, ground)])),
        )

    def _told(self, problems: list[Problem]) -> list[Problem]:
        return [self.filled.told(problem) for problem in problems]

    def _file(self) -> File | None:
        """The file's shape. Parts with mistakes are left out, so that the rest can still be checked."""
        try:
            return File.model_validate(self.filled.data)
        except ValidationError as error:
            self.problems += complaints(self.source, self.filled, error, File)
            if not self.problems:
                raise
            left = _without(self.filled.data, [each["loc"] for each in error.errors(include_input=False)])
        try:
            return File.model_validate(left)
        except ValidationError:
            return None  # its mistakes are those already told

    def _connection(self, name: str, keys: ConnectionKeys, file: File, model: Model) -> Connection | None:
        loc: Loc = ("connections", name)
        try:
            plugin = self.registry.connector(keys.system)
        except PluginError as error:
            self.problems.append(self.source.problem(error.problem.code, (*loc, "system"), **error.problem.params))
            return None
        settings = self._settings(loc, plugin)
        if settings is None:
            self.streams[name] = () if plugin.named else plugin.streams
            return None
        self.streams[name] = plugin.streams + (plugin.named(settings) if plugin.named else ())
        options = Options(
            timezone=keys.timezone or file.timezone,
            currency=keys.currency,
            labels={kind.value: label for kind, label in keys.labels.items()},
            custom=keys.custom,
            values=keys.values,
            transforms={
                stream: {field: Transform(each.read, each.write) for field, each in table.items()}
                for stream, table in keys.transforms.items()
            },
            entities=_entities(name, file),
            model=model,
        )
        return Connection(name, keys.system, keys.access, options, settings, keys.budget)

    def _declared(self) -> dict[str, frozenset[str]]:
        """Kind as it is written -> the names of all fields of one's own that the file has for it."""
        kinds = self.filled.data.get("fields")
        tables = kinds.items() if isinstance(kinds, dict) else ()
        return {str(kind): frozenset(map(str, table)) for kind, table in tables if isinstance(table, dict)}

    def _holds(self, side: Side, file: File) -> Collection[Form] | None:
        keys = file.connections.get(side.connection)
        try:
            holds = self.registry.mapping(keys.system).holds if keys is not None else None
        except PluginError:
            return None  # that the system has no mapping is told where a sync wants one
        return holds(side.stream) if holds is not None else None

    def _checklist(self, side: Side, file: File) -> Literal["holds", "field", "none"]:
        keys = file.connections.get(side.connection)
        if keys is None or side.stream not in self.streams.get(side.connection, (side.stream,)):
            return "holds"  # that there is no such side is told elsewhere
        try:
            place = self.registry.mapping(keys.system).checklists.get(side.stream)
        except PluginError:
            return "none"
        if place == "custom":
            return "holds" if checks.CHECKLIST in keys.custom.get(side.stream, {}) else "field"
        return "holds" if place == "own" else "none"

    def _settings(self, loc: Loc, plugin: ConnectorPlugin) -> BaseModel | None:
        written = self.filled.data["connections"][loc[1]]
        own, theirs = names(ConnectionKeys), names(plugin.settings)
        given = {key: value for key, value in written.items() if key not in own or key in theirs}
        try:
            settings = plugin.settings.model_validate(given)
        except ValidationError as error:
            self.problems += complaints(
                self.source, self.filled, error, plugin.settings, loc, private=True, also_known=own
            )
            return None
        for name, field in type(settings).model_fields.items():
            at = (*loc, field.alias or name)
            secret = isinstance(getattr(settings, name), SecretStr)
            if secret and self.source.written(at) is not None and at not in self.filled.places:
                self.notes.append(self.source.problem("secret_in_file", at, key=str(at[-1]), name=str(loc[1])))
        return settings


def _entities(connection: str, file: File) -> dict[str, tuple[str, ...]]:
    """Stream of the connection -> what the syncs take its records for."""
    found: dict[str, tuple[str, ...]] = {}
    for sync in file.syncs.values():
        for side in sync.sides:
            known = found.get(side.stream, ())
            if side.connection == connection and sync.entity.value not in known:
                found[side.stream] = (*known, sync.entity.value)
    return found


def _without(data: dict[str, Any], places: list[Loc]) -> dict[str, Any]:
    """The data without the smallest parts that hold a mistake and can be spared."""
    left = {
        key: {name: dict(part) if isinstance(part, dict) else part for name, part in value.items()}
        if key in GROUPS and isinstance(value, dict)
        else value
        for key, value in data.items()
    }
    for top, *below in places:
        group = left.get(str(top))
        if top == "version":
            left["version"] = 1
        elif top not in GROUPS or not below or not isinstance(group, dict):
            left.pop(str(top), None)
        elif len(below) > 1 and below[1] not in INDISPENSABLE and isinstance(group.get(below[0]), dict):
            group[below[0]].pop(below[1], None)
        else:
            group.pop(below[0], None)
    return left
