"""Runs what is due, in this process: connections stay signed in, and a run starts within seconds of its time.

Prefect's own runner starts a new Python for each run, which would sign in anew each time and takes seconds of processor
time; the schedule, the concurrency limit and the states are Prefect's all the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    DeploymentFilterTags,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy, FlowRun, State, StateType
from prefect.client.schemas.sorting import DeploymentSort, FlowRunSort
from prefect.events.worker import EventsWorker
from prefect.exceptions import Abort, ObjectNotFound, PrefectHTTPStatusError
from prefect.flow_engine import run_flow
from prefect.logging.handlers import APILogWorker
from prefect.schedules import Cron, Interval, Schedule
from prefect.states import Cancelled, Crashed, Pending
from prefect.types.entrypoint import EntrypointType
from prefect.utilities.engine import propose_state_sync

from connectors.log import Log
from keepstep.config import Config
from pipelines import alarms, flows, names

log = Log()

POLL = 1.0
SILENCE = 5.0
ONE_AT_A_TIME = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
NIGHTLY = "20 3 * * *"
"""When old data is removed, in the configuration's zone."""
Unanswered = (httpx.HTTPError, PrefectHTTPStatusError)


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment of ours and what it runs."""

    id: UUID
    flow: Flow[..., Any]
    group: names.Group | None
    """None: it runs no sync."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that this worker has brought to its end."""

    group: names.Group | None
    state: State[Any]
    began: datetime
    at: datetime


@dataclass
class Worker:
    """Deploys a configuration's groups and runs them when they are due, one run at a time."""

    ended: Callable[[Ended], None]
    """Told of each run."""
    answers: Callable[[str | None], None] = lambda trouble: None
    """Told when Prefect stops answering (why), and when it answers again (None)."""
    deployed: dict[UUID, Deployed] = field(default_factory=dict)
    _silent: bool = False

    def deploy(self, config: Config, at_once: bool = True) -> None:
        """Bring Prefect's deployments and alarms in line with this configuration; with ``at_once``, run each soon."""
        own = names.tenant(config.path)
        path = str(config.path.resolve())
        found: dict[UUID, Deployed] = {}
        for name, group in names.deployments(config).items():
            parameters = {"config": path, "syncs": list(group.syncs)}
            id = _apply(flows.sync, name, Interval(group.every), parameters, own)
            found[id] = Deployed(id, flows.sync, group)
        nightly = Cron(NIGHTLY, timezone=config.timezone)
        pruning = _apply(flows.prune, f"{own}-prune", nightly, {"config": path}, own)
        found[pruning] = Deployed(pruning, flows.prune, None)
        with get_client(sync_client=True) as client:
            tagged = DeploymentFilter(tags=DeploymentFilterTags(all_=[own]))
            for deployment in client.read_deployments(
                deployment_filter=tagged, limit=200, sort=DeploymentSort.NAME_ASC
            ):
                if deployment.id not in found:
                    client.delete_deployment(deployment.id)
            for each in found.values():
                if at_once and each.group is not None:
                    client.create_flow_run_from_deployment(each.id)
        alarms.declare(config)
        self.deployed = found

    def clear_left(self, message: str) -> None:
        """End the runs that a worker of an earlier process has left; only where no other worker can be at them."""
        with get_client(sync_client=True) as client:
            states = FlowRunFilterState(
                type=FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING, StateType.CANCELLING])
            )
            for run in client.read_flow_runs(
                deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=list(self.deployed))),
                flow_run_filter=FlowRunFilter(state=states),
                sort=FlowRunSort.EXPECTED_START_TIME_ASC,
                limit=200,
            ):
                client.set_flow_run_state(run.id, Crashed(message=message), force=True)

    def work(self, stop: threading.Event, between: Callable[[], None], late: str) -> None:
        """Until ``stop``: run what is due, calling ``between`` before each look. ``late``: said of runs passed over."""
        while not stop.is_set():
            try:
                between()
                with get_client(sync_client=True) as client:
                    due = self._due(client, late)
                if self._silent:
                    self._silent = False
                    self.answers(None)
                for run, each in due:
                    if stop.is_set():
                        return
                    self._run(run, each)
            except Unanswered as error:
                if not self._silent:
                    self._silent = True
                    self.answers(f"{type(error).__name__}: {error}")
                stop.wait(SILENCE)
            stop.wait(POLL)

    def _due(self, client: SyncPrefectClient, late: str) -> list[tuple[FlowRun, Deployed]]:
        """The newest run of each deployment that is due. Those before it have nothing left to do."""
        if not self.deployed:
            return []
        now = datetime.now(UTC)
        runs = client.get_scheduled_flow_runs_for_deployments(list(self.deployed), scheduled_before=now)
        newest: dict[UUID, UUID] = {}
        for run in sorted(runs, key=lambda run: run.expected_start_time or now):
            if run.deployment_id is None:
                continue
            before = newest.get(run.deployment_id)
            if before is not None:
                client.set_flow_run_state(before, Cancelled(message=late))
            newest[run.deployment_id] = run.id
        due = []
        for deployment, id in newest.items():
            try:
                due.append((client.read_flow_run(id), self.deployed[deployment]))
            except ObjectNotFound:
                log.info("run is gone", run=str(id))
        return due

    def _run(self, run: FlowRun, each: Deployed) -> None:
        with get_client(sync_client=True) as client:
            try:
                state = propose_state_sync(client, Pending(), flow_run_id=run.id)
            except Abort as abort:
                log.info("run not started", run=str(run.id), reason=str(abort))
                return
            if not state.is_pending():
                return  # another worker has this deployment; Prefect has cancelled this run
            run = client.read_flow_run(run.id)
        began = datetime.now(UTC)
        try:
            ended: Any = run_flow(each.flow, flow_run=run, return_type="state")
        except Abort as abort:
            log.info("run aborted", run=str(run.id), reason=str(abort))
            return
        self.ended(Ended(each.group, ended, began, datetime.now(UTC)))


def flush(seconds: float = 10.0) -> None:
    """Let what Prefect still has to send leave while there is a server to take it; else it would try for long."""
    for service in (EventsWorker, APILogWorker):
        service.drain_all(timeout=seconds)


def _apply(flow: Flow[..., Any], name: str, schedule: Schedule, parameters: Mapping[str, Any], tag: str) -> UUID:
    deployment: Any = flow.to_deployment(
        name=name,
        schedule=schedule,
        parameters=dict(parameters),
        tags=["keepstep", tag],
        concurrency_limit=ONE_AT_A_TIME,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    id: UUID = deployment.apply()
    return id
