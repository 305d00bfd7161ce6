"""Prefect flows: when and how often. What happens in a run is the engine's, reached through ``pipelines.rounds``.

Parameters are names, never credentials: Prefect stores them. No task repeats itself: what may be repeated, and how,
is decided by the intents in the store.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.events import emit_event
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Completed, Failed

from connectors.log import Log
from keepstep.config import ConfigurationError
from keepstep.engine.observe import Observed
from keepstep.engine.round import Report
from keepstep.hub import Hub
from keepstep.problems import nearest
from keepstep.redaction import Redaction
from keepstep.store.errors import Fenced, StoreError
from keepstep.store.findings import Finding
from pipelines import alarms, hubs, pruning, reports, rounds
from pipelines.names import FRESHNESS, freshness_resource, slug, tenant
from pipelines.words import trouble

log = Log()
T = TypeVar("T")

EVENTS = {"conflict": "keepstep.conflict.opened", "handoff_breached": "keepstep.handoff.breached"}
"""Code of a finding -> the event that tells of it."""

_shown: dict[str, int] = {}
"""Key of an artifact -> hash of what it showed last, so far as this process knows."""


class StepFailed(Exception):
    """A step of a run ended with an error; the message holds no secret."""


@task(name="observe", task_run_name="observe {connection}", cache_policy=NO_CACHE, persist_result=False)
def observe(config: str, syncs: list[str] | None, connection: str) -> list[Observed]:
    """Read what changed in one connection's feeds."""
    return _step(config, lambda hub: rounds.look(hub, syncs, connection))


@task(name="run", task_run_name="run {sync}", cache_policy=NO_CACHE, persist_result=False)
def run(config: str, sync: str) -> Report:
    """Plan one sync and carry out what may be carried out."""
    return _step(config, lambda hub: hub.run(sync))


@task(name="follow-up", task_run_name="follow-up", cache_policy=NO_CACHE, persist_result=False)
def follow_up(config: str, syncs: list[str] | None) -> list[str]:
    """Ask for folders and tasks that follow from the whole."""
    return _step(config, lambda hub: rounds.follow_up(hub, syncs))


@task(name="judge", task_run_name="judge", cache_policy=NO_CACHE, persist_result=False)
def judge(config: str) -> list[Finding]:
    """Judge the handoffs."""
    return _step(config, lambda hub: hub.judge())


def _step(config: str, work: Callable[[Hub], T]) -> T:
    keeper = hubs.keeper(Path(config))
    hub = keeper.current
    if hub is None:
        raise StepFailed(f"no configuration in use for {config}")
    try:
        return work(hub)
    except Fenced:
        raise
    except Exception as error:  # the edge of the engine: whatever it was, Prefect must not store its text unstruck
        log.exception("step failed", config=config)
        raise StepFailed(keeper.redaction.text(f"{type(error).__name__}: {error}")) from None


@flow(name="keepstep-sync", persist_result=False)
def sync(config: str = "keepstep.yaml", syncs: list[str] | None = None) -> State[Any]:
    """One tick of the named syncs, or of all; the final state says in words what it brought."""
    keeper = hubs.keeper(Path(config))
    strike(keeper.redaction)
    with keeper.lock:
        try:
            hub = keeper.hub()
        except (ConfigurationError, StoreError) as error:
            return Failed(message=keeper.redaction.text(trouble(error, "en")))
        words = reports.Words.of(hub)
        for name in syncs or ():
            if name not in hub.config.syncs:
                known = sorted(hub.config.syncs)
                return Failed(message=words.say("no_such_sync", name=name, nearest=nearest(name, known), known=known))
        scheduled = _scheduled()
        if scheduled is not None:
            ours = rounds.due(hub, syncs, scheduled)
            if not ours:
                return Completed(message=words.say("tick_busy", syncs=list(syncs or hub.config.syncs)), name="Busy")
            syncs = ours
        try:
            done = _tick(hub, config, syncs)
            _step(config, lambda hub: _tell(hub, config, done))
        except Fenced:
            return Completed(message=words.say("tick_busy", syncs=list(syncs or hub.config.syncs)), name="Busy")
        except StepFailed as error:
            return Failed(message=str(error))
        message = keeper.redaction.text(rounds.summary(done, hub.config.language))
        if done.observed and all(each.failed for each in done.observed):
            return Failed(message=message)
        return Completed(message=message)


def _scheduled() -> datetime | None:
    """When a schedule wanted this run; None if a person, or another program, asked for it or for it again."""
    context = FlowRunContext.get()
    run = context.flow_run if context is not None else None
    if run is None or not run.auto_scheduled or run.run_count > 1:
        return None
    return run.expected_start_time


def _tick(hub: Hub, config: str, syncs: list[str] | None) -> rounds.Tick:
    begun = hub.ports.now()
    done = rounds.Tick()
    for connection in rounds.feed_groups(hub, syncs):
        done.observed += observe(config, syncs, connection)
    done.taken = _step(config, lambda hub: rounds.take_in(hub, syncs))
    done.reports += [run(config, report.sync) for report in done.taken]
    done.reports += [run(config, name) for name in follow_up(config, syncs)]
    done.handoffs = judge(config)
    return rounds.conclude(hub, syncs, done, begun)


def _tell(hub: Hub, config: str, done: rounds.Tick) -> None:
    """Artifacts where something changed, and events."""
    own = tenant(Path(config))
    held = {report.sync for report in done.reports if report.planned and not report.applied.progress}
    counted = {report.sync for report in done.reports if not report.rested}
    for name in sorted(held):
        key = f"{own}-plan-{slug(name)}"
        if name in counted or key not in _shown:
            _show(key, reports.plan(hub, name))
    if done.eventful:
        _show(f"{own}-findings", reports.findings(hub))
        _show(f"{own}-handoffs", reports.handoffs(hub))
    for finding in done.fresh:
        if finding.code in EVENTS:
            resource = {"prefect.resource.id": f"keepstep.{own}.{finding.key}", "keepstep.sync": finding.sync or ""}
            emit_event(EVENTS[finding.code], resource, payload={"entity": finding.entity, "key": finding.key})
    unread = {feed.partition("/")[0] for feed in done.failed}
    for name, age in done.stale.items():
        if unread.isdisjoint(side.connection for side in hub.config.syncs[name].sides):
            resource = {"prefect.resource.id": freshness_resource(own, name), "keepstep.sync": name}
            emit_event(FRESHNESS, resource, payload={"seconds": age or 0.0, "waiting": age is not None})


def _show(key: str, markdown: str | None) -> None:
    """A new version of the artifact, if it differs from the last one."""
    if markdown is None or _shown.get(key) == hash(markdown):
        return
    last = _last(key) if key not in _shown else None
    _shown[key] = hash(markdown)
    if last != markdown:
        create_markdown_artifact(markdown, key=key)


def _last(key: str) -> str | None:
    """What the artifact shows now; another process may have made it."""
    # Asked for by hand: ``Artifact.get`` of this release sends empty filters, which its server refuses.
    with get_client(sync_client=True) as client:
        try:
            answer = client.request("GET", "/artifacts/{key}/latest", path_params={"key": key})
        except PrefectHTTPStatusError as error:
            if error.response.status_code == 404:
                return None
            raise
    data = answer.json()["data"]
    return data if isinstance(data, str) else None


@flow(name="keepstep-prune", persist_result=False)
def prune(config: str = "keepstep.yaml", tag: str | None = None) -> State[Any]:
    """Remove what is older than ``retention`` says, first from the store, then from Prefect: runs with their artifacts,
    those with the tag that ``serve`` gives to this configuration's runs, or with the one named. And see that the
    dead-man switches are there."""
    keeper = hubs.keeper(Path(config))
    with keeper.lock:
        try:
            hub = keeper.hub()
        except (ConfigurationError, StoreError) as error:
            return Failed(message=keeper.redaction.text(trouble(error, "en")))
        alarms.declare(hub.config)
        try:
            swept = _step(config, lambda hub: hub.sweep())
        except (StepFailed, Fenced) as error:
            return Failed(message=str(error))
        count = pruning.prune(tag or tenant(Path(config)), hub.ports.clock.now() - hub.config.retention.prefect_runs)
        words = reports.Words.of(hub)
        said = [words.say("swept", count=swept.rows), words.say("pruned", count=count)]
        return Completed(message=words.say("word.semicolon").join(said))


def strike(redaction: Redaction) -> None:
    """No log that Prefect keeps or prints shows a secret."""
    for name in ("prefect", "prefect.flow_runs", "prefect.task_runs"):
        logger = logging.getLogger(name)
        logger.addFilter(redaction)
        for handler in logger.handlers:
            handler.addFilter(redaction)
