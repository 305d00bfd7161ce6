"""The application assembled: a configuration, its connections signed in, its store open, and the engine over them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
from requests.adapters import BaseAdapter

from connectors.base import Account
from connectors.context import Context, Waiting, untold
from connectors.errors import ConnectorError, Misconfigured
from keepstep.config import RIDING, Config, fingerprint, with_riding
from keepstep.config.schema import FieldRule
from keepstep.config.schema import Sync as ConfiguredSync
from keepstep.config.words import Budget
from keepstep.engine import (
    budget,
    carried,
    drift,
    expiry,
    first_sync,
    people,
    preparing,
    reconfigured,
    restored,
    template,
)
from keepstep.engine.failures import failure_code
from keepstep.engine.observe import Observed
from keepstep.engine.planning import Plan
from keepstep.engine.ports import Fence, NoFence, Ports
from keepstep.engine.round import Engine, Report
from keepstep.engine.world import Connection, Mode, Side, Sync, World
from keepstep.registry import Registry
from keepstep.runtime import Runtime
from keepstep.secrets import VARIABLE, HeldTokens, SealedAccess, SealedTokens
from keepstep.store import findings
from keepstep.store.findings import Finding
from keepstep.store.secrets import StoredAccess, StoredSecrets
from keepstep.store.store import Store, Tx
from mapping.agreement import Rule
from mapping.fields import Declared
from mapping.model import Kind, Model

if TYPE_CHECKING:
    from keepstep.engine.retention import Swept

ORDER = (
    Kind.CUSTOMER,
    Kind.CONTACT,
    Kind.PROJECT,
    Kind.MILESTONE,
    Kind.FOLDER,
    Kind.TASK,
    Kind.DOCUMENT,
    Kind.FEEDBACK,
    Kind.CHANGE_REQUEST,
    Kind.RISK,
    Kind.COMMUNICATION,
    Kind.COMMENT,
    Kind.ATTACHMENT,
)
"""Parents before what lies under them."""


ON_REQUEST = frozenset({"checklist"})
"""Fields that are kept in step only where a sync's ``with`` names them."""


@dataclass
class Hub:
    """Everything that runs. Built once per process and configuration; connections sign in when first needed."""

    config: Config
    registry: Registry
    runtime: Runtime
    transports: Mapping[str, BaseAdapter] = field(default_factory=dict)
    """Connection -> what stands in for the network, in tests and simulations."""
    fence: Fence = field(default_factory=NoFence)
    waiting: Waiting = field(default=untold)
    down: dict[str, ConnectorError] = field(default_factory=dict)
    """Connections that could not be reached or signed in to, with the reason."""
    absent: dict[str, ConnectorError] = field(default_factory=dict)
    """Sides whose account has no such stream: an edition without it, or a profile that does not see it."""
    accounts: dict[str, Account] = field(default_factory=dict)
    detached: frozenset[str] = frozenset()
    """Connections that were left when connections were last built: they are read, and never written to."""
    _engine: Engine | None = None

    def __post_init__(self) -> None:
        self.store = Store(self.config.store.get_secret_value(), self.runtime.clock).open()
        rng = random.Random(int(self.runtime.rng.random() * 2**53))  # noqa: S311
        self.ports = Ports(self.runtime.clock, rng, self.runtime.ids, self.store, self.runtime.ids(), self.fence)
        restored.recognise(self.ports)

    def close(self) -> None:
        self.store.close()

    @property
    def engine(self) -> Engine:
        """The engine over all connections that answer; the others are in ``down``, with a finding each."""
        if self._engine is None:
            self._engine = Engine(self.ports, self._world(), self._fingerprint)
        return self._engine

    def _fingerprint(self, sync: str) -> str:
        return fingerprint(self.config, sync)

    def reconnect(self) -> None:
        """Try again what was down; forget what connections said of themselves."""
        self._engine = None
        self.down.clear()
        self.absent.clear()

    @property
    def outdated(self) -> bool:
        """Whether a connection was left or taken up again since connections were built."""
        if self._engine is None:
            return False
        with self.store.read() as tx:
            return preparing.detached(tx) != self.detached

    def syncs(self, names: Iterable[str] | None = None) -> list[Sync]:
        """The syncs of those names (all) that can run, each with what rides with it, parents first.

        Raises KeyError for an unknown name.
        """
        wanted = with_riding(self.config.syncs, names)
        for name in wanted:
            self.config.sync(name)
        runnable = self.engine.world.syncs
        return sorted(
            (runnable[name] for name in wanted if name in runnable), key=lambda s: (ORDER.index(s.kind), s.name)
        )

    def observe(self, names: Iterable[str] | None = None) -> list[Observed]:
        """Look once at every feed of those syncs."""
        return self.engine.observe(self.syncs(names))

    def run(self, name: str, mode: Mode | None = None, **options: Any) -> Report:
        """One round of one sync, from what was observed. Raises KeyError for an unknown or unreachable one."""
        report = self.engine.run(self.engine.world.syncs[name], mode, **options)
        return report

    def plan(self, name: str) -> Plan:
        """What the sync would write. Writes to no system."""
        sync = self.engine.world.syncs[name]
        taken = self.engine.take_in(sync)
        plan = self.engine.plan(sync)
        plan.waiting, plan.busy = taken.matched.waiting, taken.busy
        return plan

    def round(self, names: Sequence[str] | None = None, mode: Mode | None = None) -> list[Report]:
        """Observe and run the syncs, parents first; then what follows from the whole: folders, tasks, handoffs."""
        observed = self.observe(names)
        # Everything is taken in before anything is written: a customer's folder follows from an open deal.
        taken = {sync.name: self.engine.take_in(sync) for sync in self.syncs(names)}
        reports = [self.run(sync.name, mode) for sync in self.syncs(names)]
        for report in reports:
            report.follows(taken[report.sync])
        if reports:
            reports[0].observed = observed
        made = self.follow_up()
        if made:
            again = [sync for sync in self.syncs(names) if sync.name in made]
            reports += [self.run(sync.name, mode) for sync in again]
        self.judge()
        return reports

    def follow_up(self) -> set[str]:
        """Entities that Keepstep itself wants: category folders, tasks from customer changes. The syncs concerned."""
        made = template.category_folders(
            self.ports,
            self.engine.world,
            self.config.documents.categories,
            self.config.language,
            self.config.first_sync.won_days,
        )
        if self.config.changes_to_tasks is None:
            return made
        from keepstep.engine import news  # what no configuration asks for is not imported: a cold start counts

        return made | news.tasks_from_changes(self.ports, self.engine.world, self.config)

    def judge(self) -> list[Finding]:
        """Judge where documents lie, and the handoffs over the linked graph; returns findings not open before."""
        fresh: list[Finding] = []
        if self.config.documents.categories:
            from keepstep.engine import documents  # what no configuration asks for is not imported

            fresh += documents.judge_documents(self.ports, self.engine.world, self.config.first_sync.won_days)
        if self.config.handoffs.use:
            from keepstep.engine import told

            fresh += told.judge_handoffs(self.ports, self.engine.world, self.config)
        return fresh

    def sweep(self) -> Swept:
        """Remove from the store what is older than the configuration's ``retention`` says. Asks no system."""
        from keepstep.engine import retention  # once a night

        kept = self.config.retention
        readers = {name: [str(side) for side in sync.sides] for name, sync in self.config.syncs.items()}
        told_of_changes = self.config.changes_to_tasks is not None
        return retention.sweep(self.ports, kept.before_images, kept.audit, readers, told_of_changes)

    # -- building

    def _world(self) -> World:
        connections = {}
        with self.store.read() as tx:
            self.detached = preparing.detached(tx)
        for name in self.config.connections:
            try:
                connections[name] = self._connect(name)
            except ConnectorError as error:
                self.down[name] = error
        for side in (side for sync in self.config.syncs.values() for side in sync.sides):
            if side.connection in connections and not connections[side.connection].has(side.stream):
                self.absent[str(side)] = Misconfigured(f"this account has no {side.stream}")
        syncs: dict[str, Sync] = {}
        waiting: set[str] = set()
        for name, configured in self.config.syncs.items():
            there = [
                side for side in configured.sides if side.connection in connections and str(side) not in self.absent
            ]
            if len(there) == len(configured.sides):
                syncs[name] = self._sync(name, configured, connections)
                syncs |= {each.name: each for each in self._riding(configured, syncs[name])}
            else:
                waiting |= _with_riding(configured, [Side(connections[each.connection], each.stream) for each in there])
        with self.store.write() as tx:
            self._tell_down(tx)
            people.sign_in(tx, {name: self.accounts[name].id for name in connections})
            self._tell_unmeasured(tx, connections)
            meters = {name: connection.meter for name, connection in connections.items()}
            budget.begin(tx, self.ports.clock.now(), meters)
            expiry.tell(tx, self.ports, list(self.config.connections))
            drift.compare(tx, self.ports, connections, self._streams(), self._mapped_under(), self.config.model)
            carried.tell(tx, self.ports, syncs.values())
            reconfigured.tell_left(
                tx, self.ports, {name: Kind(each.entity) for name, each in self.config.syncs.items()}
            )
        return World(connections, syncs, self.config.people, frozenset(waiting))

    def _streams(self) -> dict[str, set[str]]:
        """Connection -> its streams that syncs use."""
        used: dict[str, set[str]] = {}
        for sync in self.config.syncs.values():
            for side in sync.sides:
                used.setdefault(side.connection, set()).add(side.stream)
        return used

    def _mapped_under(self) -> dict[str, str]:
        """Connection -> what the configuration decides about its mapping."""
        return {name: repr(each.options) for name, each in self.config.connections.items()}

    def _riding(self, configured: ConfiguredSync, sync: Sync) -> list[Sync]:
        """What rides with a sync (``with``), each as a sync of its own."""
        language = self.config.language

        def heading(author: str | None, at: str) -> str:
            from keepstep.language import say  # needed where something is written: a cold start counts

            code = "comment_heading" if author else "comment_heading_nobody"
            return say(code, {"author": author, "at": at}, language)

        rules: dict[str, dict[str, Any]] = {
            "comments": {"older": configured.comments.older == "carry", "text": "body", "heading": heading},
            "attachments": {
                "older": configured.attachments.older == "carry",
                "largest": configured.attachments.largest,
            },
        }
        return [
            carried.carrying(sync, what, RIDING[what], **rules[what]) for what in configured.riding if what in RIDING
        ]

    def _connect(self, name: str) -> Connection:
        configured = self.config.connections[name]
        access = "read" if name in self.detached else configured.access
        key = self.runtime.environ.get(VARIABLE)
        context = Context(
            name=name,
            clock=self.runtime.clock,
            tokens=SealedTokens(StoredSecrets(self.store), name, key) if key else HeldTokens(),
            access=access,
            transport=self.transports.get(name),
            jitter=self.runtime.rng.random,
            share=(configured.budget and configured.budget.share) or 1.0,
            model=self.config.model,
            access_tokens=SealedAccess(StoredAccess(self.store), name),
            waiting=self.waiting,
        )
        connector = self.registry.build(configured, context)
        self.accounts[name] = connector.check()
        description = connector.describe()
        mappers = self.registry.mappers(configured, description)
        asked = configured.budget or Budget()
        ceiling = budget.ceiling(asked.share, asked.calls, description.quota)
        meter = budget.Meter(name, ceiling, lambda: connector.calls) if ceiling is not None else None
        return Connection(name, connector, description, mappers, access, connector.calls, meter)

    def _tell_unmeasured(self, tx: Tx, connections: Mapping[str, Connection]) -> None:
        """A part of nothing: the service states no allowance that requests could be counted against."""
        there = []
        for name, connection in connections.items():
            quota, asked = connection.description.quota, self.config.connections[name].budget
            counted = quota is not None and (quota.seconds >= budget.DAY or quota.unit == "requests")
            if asked is not None and asked.share is not None and not counted:
                finding = Finding(
                    key=f"budget_unmeasured:{name}", code="budget_unmeasured", params={"connection": name}
                )
                there.append(finding)
        findings.report(tx, there, self.ports.now(), self.ports.new_id)
        over = {f"budget_unmeasured:{name}" for name in connections} - {finding.key for finding in there}
        findings.close(tx, over, self.ports.now())

    def _tell_down(self, tx: Tx) -> None:
        trouble = {**self.down, **self.absent}
        if trouble:
            findings.report(tx, self._downs(trouble), self.ports.now(), self.ports.new_id)
        told = [*self.config.connections, *(str(side) for sync in self.config.syncs.values() for side in sync.sides)]
        findings.close(tx, [f"connection_down:{name}" for name in told if name not in trouble], self.ports.now())

    def _downs(self, trouble: Mapping[str, ConnectorError]) -> list[Finding]:
        return [
            Finding(
                key=f"connection_down:{name}",
                code=failure_code(error),
                severity="error",
                params={"connection": name, "reason": str(error)},
            )
            for name, error in trouble.items()
        ]

    def _sync(self, name: str, configured: ConfiguredSync, connections: Mapping[str, Connection]) -> Sync:
        sides = {
            str(side): Side(connections[side.connection], side.stream, _declared(configured, side.connection))
            for side in configured.sides
        }
        return Sync(
            name=name,
            kind=configured.entity,
            sides=sides,
            mode=configured.mode,
            create={str(side): dict(place) for side, place in configured.create.items()},
            computed=_computed(configured, sides, self.config.model),
            match=tuple(configured.match),
            rules={each: _rule(rule, configured, sides) for each, rule in configured.fields.items()},
            default=Rule(first=configured.first, owner=_owner_side(configured.owner, sides)),
            scope=_scope(configured.where, sides) if configured.where else None,
            eligible=first_sync.window(configured.entity, self.config.first_sync.won_days),
            deletes=configured.deletes,
            zone=ZoneInfo(self.config.timezone),
            largest=configured.largest if configured.content == "copy" else 0,
            left_out=frozenset(ON_REQUEST - set(configured.riding)),
            model=self.config.model,
        )


def _with_riding(configured: ConfiguredSync, sides: Iterable[Side]) -> set[str]:
    """The names of those sides of a sync, and of what rides with it there."""
    kinds = [RIDING[what] for what in configured.riding if what in RIDING]
    return {each.name for side in sides for each in (side, *(b for kind in kinds for b in carried.beneath(side, kind)))}


def _owner_side(connection: str | None, sides: Mapping[str, Side]) -> str | None:
    return next((name for name in sides if name.partition(".")[0] == connection), None) if connection else None


def _rule(rule: FieldRule, configured: ConfiguredSync, sides: Mapping[str, Side]) -> Rule:
    owner = _owner_side(rule.owner or configured.owner, sides)
    backward = rule.direction == "backward"
    return Rule(policy=rule.policy, owner=owner, first=configured.first, backward=backward)


def _declared(configured: ConfiguredSync, connection: str) -> dict[str, Declared]:
    """What the sync asks of its fields on the sides of that connection."""
    return {name: rule.sides[connection] for name, rule in configured.fields.items() if connection in rule.sides}


def _computed(
    configured: ConfiguredSync, sides: Mapping[str, Side], model: Model
) -> dict[Any, Callable[[Mapping[str, Any]], Any]]:
    """The places that are expressions (texts that begin with ``=``), as functions of the agreed values."""
    texts = {value for place in configured.create.values() for value in place.values() if isinstance(value, str)}
    empty = dict.fromkeys(model[configured.entity])
    names = {name.partition(".")[0] for name in sides}

    def function(text: str) -> Callable[[Mapping[str, Any]], Any]:
        import cel  # what no configuration asks for is not imported: a cold start counts

        program = cel.compile(text[1:])

        def compute(values: Mapping[str, Any]) -> Any:
            known = empty | dict(values)
            return program.execute(cel.Context(variables=dict.fromkeys(names, known) | known | {"entity": known}))

        return compute

    return {text: function(text) for text in texts if text.startswith("=")}


def _scope(text: str, sides: Mapping[str, Side]) -> Callable[[Mapping[str, Mapping[str, Any]]], bool]:
    """The ``where`` of a sync, over what each connection shows. What cannot be judged is in scope: parking it would
    hide a record because of a missing value."""
    import cel  # costs more to import than all the rest of a quiet round

    program = cel.compile(text)
    names = sorted({name.partition(".")[0] for name in sides})

    def holds(seen: Mapping[str, Mapping[str, Any]]) -> bool:
        values = {name: _with_classes(seen.get(name, {})) for name in names}
        merged = {key: value for name in names for key, value in values[name].items()}
        try:
            return bool(program.execute(cel.Context(variables={**merged, **values, "entity": merged})))
        except (KeyError, TypeError, ValueError, RuntimeError):
            return True

    return holds


def _with_classes(values: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(dict(values))
    return plain | {f"{name}_class": plain[name] for name in ("stage", "status", "priority") if name in plain}
