"""The world assembled from a configuration: its connections signed in, and the syncs whose sides all answer.

Trouble of one connection is told as a finding, and takes only the syncs that need it out of the world.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from requests.adapters import BaseAdapter

from connectors.base import Account, Description
from connectors.context import Context, Waiting
from connectors.errors import ConnectorError, Misconfigured
from keepstep import syncs
from keepstep.config import Config
from keepstep.config import Connection as ConfiguredConnection
from keepstep.config.words import Budget
from keepstep.engine import budget, carried, drift, expiry, failures, people, preparing, reconfigured
from keepstep.engine.ports import Ports
from keepstep.engine.world import Connection, Side, Sync, World
from keepstep.registry import Registry
from keepstep.runtime import Runtime
from keepstep.secrets import VARIABLE, HeldTokens, SealedAccess, SealedTokens
from keepstep.store.secrets import StoredAccess, StoredSecrets
from mapping.fields import Mapper
from mapping.model import Kind


@dataclass(frozen=True, slots=True)
class Assembled:
    """The world, and what of its configuration is not in it."""

    world: World
    down: Mapping[str, ConnectorError]
    """Connections that could not be reached or signed in to, with the reason."""
    absent: Mapping[str, ConnectorError]
    """Sides whose account has no such stream: an edition without it, or a profile that does not see it."""
    detached: frozenset[str]
    """Connections that a person had left: they are read, and never written to."""


@dataclass(frozen=True, slots=True)
class Assembler:
    """What makes a world of a configuration."""

    config: Config
    registry: Registry
    runtime: Runtime
    ports: Ports
    transports: Mapping[str, BaseAdapter]
    """Connection -> what stands in for the network."""
    waiting: Waiting

    def assemble(self) -> Assembled:
        """Sign in to every connection, ask what there is, and tell of what is not as the configuration has it.

        Safe to repeat, which costs the requests of signing in once more. Raises ``PluginError`` for a system that
        cannot be used at all, ``StoreError`` for the store.
        """
        with self.ports.store.read() as tx:
            detached = preparing.detached(tx)
        connections: dict[str, Connection] = {}
        accounts: dict[str, Account] = {}
        down: dict[str, ConnectorError] = {}
        for name in self.config.connections:
            try:
                connections[name], accounts[name] = self._connect(name, name in detached)
            except ConnectorError as error:
                down[name] = error
        absent: dict[str, ConnectorError] = {
            str(side): Misconfigured(f"this account has no {side.stream}")
            for configured in self.config.syncs.values()
            for side in configured.sides
            if side.connection in connections and not connections[side.connection].has(side.stream)
        }
        world = self._world(connections, absent)
        self._tell(world, accounts, down | absent)
        return Assembled(world, down, absent, detached)

    def _connect(self, name: str, detached: bool) -> tuple[Connection, Account]:
        """Sign in to one, and the account that this is. Raises ``ConnectorError``."""
        configured = self.config.connections[name]
        access = "read" if detached else configured.access
        asked = configured.budget or Budget()
        key = self.runtime.environ.get(VARIABLE)
        context = Context(
            name=name,
            clock=self.runtime.clock,
            tokens=SealedTokens(StoredSecrets(self.ports.store), name, key) if key else HeldTokens(),
            access=access,
            transport=self.transports.get(name),
            jitter=self.runtime.rng.random,
            share=asked.share or 1.0,
            model=self.config.model,
            access_tokens=SealedAccess(StoredAccess(self.ports.store), name),
            waiting=self.waiting,
        )
        connector = self.registry.build(configured, context)
        account = connector.check()
        description = connector.describe()
        mappers = self._mappers(configured, description)
        ceiling = budget.ceiling(asked.share, asked.calls, description.quota)
        meter = budget.Meter(name, ceiling, lambda: connector.units) if ceiling is not None else None
        return Connection(name, connector, description, mappers, access, connector.calls, meter), account

    def _mappers(self, configured: ConfiguredConnection, description: Description) -> Mapping[str, Mapper]:
        """Fields of the company's own whose type was changed over there to one that cannot hold them are left out: they
        are told of, and the others flow. Raises ``Misconfigured`` where a type never could."""
        try:
            return self.registry.mappers(configured, description)
        except Misconfigured:
            options = configured.options
            with self.ports.store.read() as tx:
                changed = drift.retyped(tx, configured.name, repr(options), description)
            custom = {
                stream: {name: system for name, system in places.items() if system not in changed.get(stream, ())}
                for stream, places in options.custom.items()
            }
            if custom == options.custom:
                raise
            return self.registry.mappers(replace(configured, options=replace(options, custom=custom)), description)

    def _world(self, connections: Mapping[str, Connection], absent: Collection[str]) -> World:
        runnable: dict[str, Sync] = {}
        waiting: set[str] = set()
        for name, configured in self.config.syncs.items():
            there = [side for side in configured.sides if side.connection in connections and str(side) not in absent]
            if len(there) == len(configured.sides):
                sync = runnable[name] = syncs.compiled(name, self.config, connections)
                runnable |= {each.name: each for each in syncs.riding(sync, self.config)}
            else:
                sides = [Side(connections[side.connection], side.stream) for side in there]
                waiting |= syncs.side_names(configured, sides)
        return World(connections, runnable, self.config.people, frozenset(waiting))

    def _tell(self, world: World, accounts: Mapping[str, Account], trouble: Mapping[str, ConnectorError]) -> None:
        """Findings of what only shows when connections are built; what was told of it before and is over ends."""
        config, ports, connections = self.config, self.ports, world.connections
        used: dict[str, set[str]] = {}
        for side in (side for sync in config.syncs.values() for side in sync.sides):
            used.setdefault(side.connection, set()).add(side.stream)
        quotas = {name: each.description.quota for name, each in connections.items()}
        shares = {name: (each.budget or Budget()).share for name, each in config.connections.items()}
        options = {name: repr(each.options) for name, each in config.connections.items()}
        kinds = {name: Kind(each.entity) for name, each in config.syncs.items()}
        with ports.store.write() as tx:
            failures.tell_down(tx, ports, trouble)
            people.sign_in(tx, {name: accounts[name].id for name in connections})
            budget.tell_unmeasured(tx, ports, quotas, shares)
            budget.begin(tx, ports.clock.now(), {name: each.meter for name, each in connections.items()})
            expiry.tell(tx, ports, list(config.connections))
            drift.compare(tx, ports, connections, used, options, config.model)
            carried.tell(tx, ports, world.syncs.values())
            reconfigured.tell_left(tx, ports, kinds)
