"""Which systems there are: plugins found by entry points, imported only when one of them is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from keepstep.problems import Problem, nearest

if TYPE_CHECKING:
    from connectors.base import Connector, Description
    from connectors.context import ConnectorPlugin, Context
    from connectors.sandbox.core import SandboxPlugin
    from keepstep.config.model import Connection
    from mapping.fields import Mapper, MappingPlugin

CONNECTORS = "keepstep.connectors"
MAPPINGS = "keepstep.mappings"
SANDBOXES = "keepstep.sandboxes"

P = TypeVar("P")


class Entry(Protocol):
    """What the registry needs of an entry point."""

    @property
    def name(self) -> str: ...

    @property
    def value(self) -> str: ...

    def load(self) -> Any: ...


class PluginError(Exception):
    """A system that cannot be used; ``problem`` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code, dict(problem.params))
        self.problem = problem


class UnknownSystem(PluginError):
    """No plugin has that name."""


class BrokenPlugin(PluginError):
    """A plugin is installed, and cannot be loaded or is not what it should be."""


@dataclass(frozen=True, slots=True)
class System:
    """A system by name, and which parts of it are installed."""

    name: str
    mapping: bool
    sandbox: bool


@cache
def _entry_points() -> tuple[metadata.EntryPoints, ...]:
    """Connectors, mappings and stand-ins, listed once for all: that goes through every package that is installed."""
    found = metadata.entry_points()
    return tuple(found.select(group=group) for group in (CONNECTORS, MAPPINGS, SANDBOXES))


class Registry:
    """Plugins by system. Listing names imports nothing; a broken plugin harms only who asks for it."""

    def __init__(
        self,
        connectors: Iterable[Entry] = (),
        mappings: Iterable[Entry] = (),
        sandboxes: Iterable[Entry] = (),
    ) -> None:
        self._entries: dict[str, dict[str, list[Entry]]] = {}
        for group, entries in ((CONNECTORS, connectors), (MAPPINGS, mappings), (SANDBOXES, sandboxes)):
            table: dict[str, list[Entry]] = {}
            for entry in entries:
                table.setdefault(entry.name, []).append(entry)
            self._entries[group] = table
        self._loaded: dict[tuple[str, str], Any] = {}

    @classmethod
    def installed(cls) -> Registry:
        """All that was installed in this Python when its process first asked."""
        return cls(*_entry_points())

    def systems(self) -> list[System]:
        """What is registered, by name; nothing is imported."""
        return [
            System(name, name in self._entries[MAPPINGS], name in self._entries[SANDBOXES])
            for name in sorted(self._entries[CONNECTORS])
        ]

    def connector(self, system: str) -> ConnectorPlugin:
        """The connector plugin of that name. Raises ``UnknownSystem`` or ``BrokenPlugin``."""
        from connectors.context import ConnectorPlugin

        return self._load(CONNECTORS, system, ConnectorPlugin)

    def mapping(self, system: str) -> MappingPlugin:
        """The mapping plugin of that name. Raises ``UnknownSystem`` or ``BrokenPlugin``."""
        from mapping.fields import MappingPlugin

        return self._load(MAPPINGS, system, MappingPlugin)

    def sandbox(self, system: str) -> SandboxPlugin:
        """The stand-in of that name. Raises ``UnknownSystem`` or ``BrokenPlugin``."""
        from connectors.sandbox.core import SandboxPlugin

        return self._load(SANDBOXES, system, SandboxPlugin)

    def build(self, connection: Connection, context: Context) -> Connector:
        """A connector for a configured connection. Raises ``PluginError`` or what its factory raises."""
        return self.connector(connection.system).build(connection.settings, context)

    def mappers(self, connection: Connection, description: Description) -> Mapping[str, Mapper]:
        """The mappers of a connection, by stream. Raises ``PluginError``."""
        mappers = self.mapping(connection.system).build(connection.options, description)
        if not connection.options.transforms:
            return mappers
        from mapping.transforms import transformed

        return transformed(mappers, connection.options.transforms, connection.options.model)

    def broken(self) -> list[Problem]:
        """What is registered and cannot be used. Imports every plugin."""
        from connectors.context import ConnectorPlugin
        from connectors.sandbox.core import SandboxPlugin
        from mapping.fields import MappingPlugin

        kinds: dict[str, type[Any]] = {CONNECTORS: ConnectorPlugin, MAPPINGS: MappingPlugin, SANDBOXES: SandboxPlugin}
        problems = []
        for group, table in self._entries.items():
            for system in sorted(table):
                try:
                    self._load(group, system, kinds[group])
                except BrokenPlugin as error:
                    problems.append(error.problem)
        return problems

    def _load(self, group: str, system: str, kind: type[P]) -> P:
        if (group, system) not in self._loaded:
            self._loaded[group, system] = self._import(group, system, kind)
        plugin: P = self._loaded[group, system]
        return plugin

    def _import(self, group: str, system: str, kind: type[P]) -> P:
        table = self._entries[group]
        entries = table.get(system)
        if not entries:
            params = {"system": system, "nearest": nearest(system, table), "group": group, "known": sorted(table)}
            raise UnknownSystem(Problem("unknown_system", params))
        about = {"system": system, "group": group, "source": entries[0].value}
        if len({entry.value for entry in entries}) > 1:
            rivals = sorted({entry.value for entry in entries})
            raise BrokenPlugin(Problem("plugin_twice", about | {"sources": rivals}))
        try:
            plugin = entries[0].load()
        except Exception as error:  # a stranger's module may raise anything while it is imported
            reason = f"{type(error).__name__}: {error}"
            raise BrokenPlugin(Problem("plugin_broken", about | {"reason": reason})) from error
        if not isinstance(plugin, kind) or getattr(plugin, "system", None) != system:
            raise BrokenPlugin(Problem("plugin_wrong", about | {"expected": kind.__name__}))
        return plugin
