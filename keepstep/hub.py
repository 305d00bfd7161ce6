"""The application assembled: a configuration, its connections signed in, its store open, and the engine over them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from requests.adapters import BaseAdapter

from connectors.context import Waiting, untold
from connectors.errors import ConnectorError
from keepstep.assembly import Assembled, Assembler
from keepstep.config import Config, fingerprint, with_riding
from keepstep.engine import preparing, restored, template
from keepstep.engine.observe import Observed
from keepstep.engine.planning import Plan
from keepstep.engine.ports import Fence, NoFence, Ports
from keepstep.engine.round import Engine, Report
from keepstep.engine.world import Mode, Sync
from keepstep.registry import Registry
from keepstep.runtime import Runtime
from keepstep.store.findings import Finding
from keepstep.store.store import Store
from mapping.model import Kind

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
    _assembled: Assembled | None = None
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
            assembler = Assembler(self.config, self.registry, self.runtime, self.ports, self.transports, self.waiting)
            self._assembled = assembler.assemble()
            # Asked for several times a round, of a configuration that stays as it is.
            self._engine = Engine(self.ports, self._assembled.world, cache(partial(fingerprint, self.config)))
        return self._engine

    def reconnect(self) -> None:
        """Try again what was down; forget what connections said of themselves."""
        self._assembled = self._engine = None

    @property
    def down(self) -> Mapping[str, ConnectorError]:
        """Connections that could not be reached or signed in to, with the reason. Empty before any was tried."""
        return self._assembled.down if self._assembled is not None else {}

    @property
    def absent(self) -> Mapping[str, ConnectorError]:
        """Sides whose account has no such stream, with the reason. Empty before connections were built."""
        return self._assembled.absent if self._assembled is not None else {}

    @property
    def detached(self) -> frozenset[str]:
        """Connections that a person had left when they were built: they are read, and never written to."""
        return self._assembled.detached if self._assembled is not None else frozenset()

    @property
    def outdated(self) -> bool:
        """Whether a connection was left or taken up again since connections were built."""
        if self._assembled is None:
            return False
        with self.store.read() as tx:
            return preparing.detached(tx) != self._assembled.detached

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
        return self.engine.run(self.engine.world.syncs[name], mode, **options)

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
