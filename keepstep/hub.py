"""The application assembled: a configuration, its connections signed in, its store open, and the engine over them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from requests.adapters import BaseAdapter

from connectors.base import Account, Context
from connectors.errors import ConnectorError
from keepstep.config import RIDING, Config, fingerprint, with_riding
from keepstep.config.schema import FieldRule
from keepstep.config.schema import Sync as ConfiguredSync
from keepstep.engine import carried, expiry, first_sync, template
from keepstep.engine.failures import failure_code
from keepstep.engine.observe import Observed
from keepstep.engine.ports import Fence, NoFence, Ports
from keepstep.engine.round import Engine, Plan, Report
from keepstep.engine.world import Connection, Mode, Side, Sync, World
from keepstep.registry import Registry
from keepstep.runtime import Runtime
from keepstep.secrets import VARIABLE, HeldTokens, SealedTokens
from keepstep.store import findings
from keepstep.store.findings import Finding
from keepstep.store.secrets import StoredSecrets
from keepstep.store.store import Store, Tx
from mapping.merge import Rule
from mapping.model import MODEL, Kind

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


@dataclass
class Hub:
    """Everything that runs. Built once per process and configuration; connections sign in when first needed."""

    config: Config
    registry: Registry
    runtime: Runtime
    transports: Mapping[str, BaseAdapter] = field(default_factory=dict)
    """Connection -> what stands in for the network, in tests and simulations."""
    fence: Fence = field(default_factory=NoFence)
    down: dict[str, ConnectorError] = field(default_factory=dict)
    """Connections that could not be reached or signed in to, with the reason."""
    accounts: dict[str, Account] = field(default_factory=dict)
    _engine: Engine | None = None

    def __post_init__(self) -> None:
        self.store = Store(self.config.store.get_secret_value(), self.runtime.clock).open()
        rng = random.Random(int(self.runtime.rng.random() * 2**53))  # noqa: S311
        self.ports = Ports(self.runtime.clock, rng, self.runtime.ids, self.store, self.runtime.ids(), self.fence)

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
            report.fresh = taken[report.sync].fresh + report.fresh
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
        """Judge the handoffs over the linked graph; returns findings that were not open before."""
        if not self.config.handoffs.use:
            return []
        from keepstep.engine import told

        return told.judge_handoffs(self.ports, self.engine.world, self.config)

    # -- building

    def _world(self) -> World:
        connections = {}
        for name in self.config.connections:
            try:
                connections[name] = self._connect(name)
            except ConnectorError as error:
                self.down[name] = error
        syncs: dict[str, Sync] = {}
        for name, configured in self.config.syncs.items():
            if all(side.connection in connections for side in configured.sides):
                syncs[name] = self._sync(name, configured, connections)
                syncs |= {each.name: each for each in self._riding(configured, syncs[name])}
        with self.store.write() as tx:
            self._tell_down(tx)
            expiry.tell(tx, self.ports, list(self.config.connections))
            carried.tell(tx, self.ports, syncs.values())
        return World(connections, syncs, self.config.people)

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
        return [carried.carrying(sync, what, RIDING[what], **rules[what]) for what in configured.riding]

    def _connect(self, name: str) -> Connection:
        configured = self.config.connections[name]
        key = self.runtime.environ.get(VARIABLE)
        context = Context(
            name=name,
            clock=self.runtime.clock,
            tokens=SealedTokens(StoredSecrets(self.store), name, key) if key else HeldTokens(),
            access=configured.access,
            transport=self.transports.get(name),
            jitter=self.runtime.rng.random,
        )
        connector = self.registry.build(configured, context)
        self.accounts[name] = connector.check()
        description = connector.describe()
        return Connection(
            name, connector, description, self.registry.mappers(configured, description), configured.access
        )

    def _tell_down(self, tx: Tx) -> None:
        if self.down:
            findings.report(tx, self._downs(), self.ports.now(), self.ports.new_id)
        up = [f"connection_down:{name}" for name in self.config.connections if name not in self.down]
        findings.close(tx, up, self.ports.now())

    def _downs(self) -> list[Finding]:
        return [
            Finding(
                key=f"connection_down:{name}",
                code=failure_code(error),
                severity="error",
                params={"connection": name, "reason": str(error)},
            )
            for name, error in self.down.items()
        ]

    def _sync(self, name: str, configured: ConfiguredSync, connections: Mapping[str, Connection]) -> Sync:
        sides = {str(side): Side(connections[side.connection], side.stream) for side in configured.sides}
        return Sync(
            name=name,
            kind=configured.entity,
            sides=sides,
            mode=configured.mode,
            create={str(side): dict(place) for side, place in configured.create.items()},
            computed=_computed(configured, sides),
            match=tuple(configured.match),
            rules={each: _rule(rule, configured, sides) for each, rule in configured.fields.items()},
            default=Rule(first=configured.first, owner=_owner_side(configured.owner, sides)),
            scope=_scope(configured.where, sides) if configured.where else None,
            eligible=first_sync.window(configured.entity, self.config.first_sync.won_days),
            deletes=configured.deletes,
            zone=ZoneInfo(self.config.timezone),
        )


def _owner_side(connection: str | None, sides: Mapping[str, Side]) -> str | None:
    return next((name for name in sides if name.partition(".")[0] == connection), None) if connection else None


def _rule(rule: FieldRule, configured: ConfiguredSync, sides: Mapping[str, Side]) -> Rule:
    owner = _owner_side(rule.owner or configured.owner, sides)
    return Rule(policy=rule.policy, owner=owner, first=configured.first)


def _computed(configured: ConfiguredSync, sides: Mapping[str, Side]) -> dict[Any, Callable[[Mapping[str, Any]], Any]]:
    """The places that are expressions (texts that begin with ``=``), as functions of the agreed values."""
    texts = {value for place in configured.create.values() for value in place.values() if isinstance(value, str)}
    empty = dict.fromkeys(MODEL[configured.entity])
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
