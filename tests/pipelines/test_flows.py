"""The flows themselves, on a real Prefect server."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.memory_service import STREAM
from keepstep.store import tables as t
from keepstep.store.errors import StoreError
from pipelines import hubs, names
from tests.pipelines.conftest import Company

pytestmark = [pytest.mark.usefixtures("prefect"), pytest.mark.slow]


def artifacts(company: Company) -> list[Any]:
    from prefect.client.orchestration import get_client

    wanted = {"artifacts": {"key": {"like_": f"{names.tenant(company.path)}%"}}}
    with get_client(sync_client=True) as client:
        found = client.request("POST", "/artifacts/filter", json=wanted).json()
    return sorted(found, key=lambda each: (each["key"], each["created"]))


def test_a_run_says_in_words_what_it_did_and_a_quiet_one_leaves_no_artifact(
    company: Company, keeper: hubs.Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines import flows

    events: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr(flows, "emit_event", lambda event, resource, payload: events.append((event, payload)))
    shown: list[str] = []
    page = flows.reports.plan
    monkeypatch.setattr(flows.reports, "plan", lambda hub, name: shown.append(name) or page(hub, name))
    path, own = str(company.path), names.tenant(company.path)

    held = flows.sync(path, ["tasks"], return_state=True)
    assert held.is_completed()
    assert held.message == "1 record changed; waiting for approval: tasks; 1 new finding"
    assert [each["key"] for each in artifacts(company)] == [f"{own}-findings", f"{own}-plan-tasks"]
    assert "Plan the kickoff" in artifacts(company)[1]["data"]

    company.clock.advance(60)
    again = flows.sync(path, ["tasks"], return_state=True)
    assert again.message == "waiting for approval: tasks"
    assert len(artifacts(company)) == 2, "the plan is the one shown already"
    assert shown == ["tasks"], "and was not counted again to know that"

    company.approve(keeper.hub())
    company.clock.advance(60)
    assert "1 write carried out" in (flows.sync(path, return_state=True).message or "")
    assert company.titles("two") == ["Plan the kickoff"]
    company.clock.advance(60)
    flows.sync(path, return_state=True)
    before = len(artifacts(company))
    company.clock.advance(60)
    quiet = flows.sync(path, return_state=True)
    assert quiet.message == "nothing new"
    assert len(artifacts(company)) == before

    [one], [two] = (list(company.services[name].records(STREAM)) for name in ("one", "two"))
    company.services["one"].edit("Ada", STREAM, one, {"title": "Plan the kickoff well"})
    company.services["two"].edit("Bo", STREAM, two, {"title": "Plan the kick-off"})
    company.clock.advance(60)
    flows.sync(path, return_state=True)
    assert [event for event, _ in events].count("keepstep.conflict.opened") == 1
    assert ("keepstep.freshness", {"seconds": 0.0, "waiting": False}) in events
    assert "Plan the kick-off" in artifacts(company)[-2]["data"]


def test_a_sync_is_run_once_in_its_interval_by_whatever_schedules_name_it(
    company: Company, keeper: hubs.Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines import flows

    began = datetime(2026, 11, 2, 8, 1, tzinfo=UTC)

    def run(minute: int | None) -> str | None:
        wanted = began + timedelta(minutes=minute) if minute is not None else None
        monkeypatch.setattr(flows, "_scheduled", lambda: wanted)
        company.clock.advance(60)
        return flows.sync(str(company.path), return_state=True).name

    assert [run(minute) for minute in (0, 2, None, 4)] == ["Completed", "Busy", "Completed", "Completed"]


@pytest.mark.parametrize(
    ("auto", "count", "counts"),
    [
        pytest.param(True, 1, True, id="wanted by a schedule"),
        pytest.param(False, 1, False, id="asked for by a person"),
        pytest.param(True, 2, False, id="tried again by a person"),
    ],
)
def test_only_what_a_schedule_wanted_needs_a_turn(
    monkeypatch: pytest.MonkeyPatch, auto: bool, count: int, counts: bool
) -> None:
    from pipelines import flows

    at = datetime(2026, 11, 2, 8, 1, tzinfo=UTC)
    run = SimpleNamespace(auto_scheduled=auto, run_count=count, expected_start_time=at)
    monkeypatch.setattr(flows, "FlowRunContext", SimpleNamespace(get=lambda: SimpleNamespace(flow_run=run)))
    assert flows._scheduled() == (at if counts else None)
    monkeypatch.setattr(flows, "FlowRunContext", SimpleNamespace(get=lambda: None))
    assert flows._scheduled() is None


def test_parameters_are_names_and_tasks_are_few(company: Company, keeper: hubs.Keeper) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
    from prefect.client.schemas.sorting import TaskRunSort

    from pipelines import flows

    state = flows.sync(str(company.path), ["tasks"], return_state=True)
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(state.state_details.flow_run_id)
        assert run.parameters == {"config": str(company.path), "syncs": ["tasks"]}
        only = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
        wanted = ["follow-up", "judge", "observe one", "observe two", "run tasks"]
        for _ in range(100):  # Prefect records tasks a moment later
            found = sorted(
                each.name for each in client.read_task_runs(flow_run_filter=only, sort=TaskRunSort.NAME_ASC, limit=50)
            )
            if found == wanted:
                break
            time.sleep(0.2)
        assert found == wanted


def test_nothing_repeats_itself() -> None:
    from pipelines import flows

    tasks = (flows.observe, flows.run, flows.follow_up, flows.judge)
    assert [task.retries for task in tasks] == [0] * 4
    assert {type(task.cache_policy).__name__ for task in tasks} == {"_None"}
    assert (flows.sync.retries, flows.prune.retries) == (0, 0)


def test_a_run_that_cannot_work_says_why(company: Company, keeper: hubs.Keeper) -> None:
    from pipelines import flows

    unknown = flows.sync(str(company.path), ["task"], return_state=True)
    assert unknown.is_failed()
    assert unknown.message == "there is no sync `task` (did you mean `tasks`?); the file has: tasks"
    hubs.forget(keeper)
    company.write(more="surprise: 1\n")
    broken = hubs.keep(company.keeper())
    state = flows.sync(str(company.path), return_state=True)
    assert state.is_failed()
    assert "`surprise` is not known here" in (state.message or "")
    hubs.forget(broken)


def test_an_error_of_a_step_reaches_prefect_without_secrets(
    company: Company, keeper: hubs.Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines import flows, rounds

    def fail(*_: object) -> None:
        raise RuntimeError("refused a-very-secret-value")

    keeper.redaction.add("a-very-secret-value")
    monkeypatch.setattr(rounds, "look", fail)
    state = flows.sync(str(company.path), return_state=True)
    assert state.is_failed()
    assert state.message == "RuntimeError: refused ***"


def test_prefect_makes_the_runs_that_a_schedule_asks_for(company: Company, keeper: hubs.Keeper) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
    from prefect.client.schemas.sorting import FlowRunSort

    from pipelines.worker import Worker

    worker = Worker(lambda run: None)
    worker.deploy(keeper.hub().config, at_once=False)
    [id] = [each.id for each in worker.deployed.values() if each.group is not None]
    with get_client(sync_client=True) as client:
        # What the server's own scheduler does once a minute.
        client.request("POST", "/deployments/{id}/schedule", path_params={"id": id}, json={"min_runs": 3})
        ours = DeploymentFilter(id=DeploymentFilterId(any_=[id]))
        runs = client.read_flow_runs(deployment_filter=ours, sort=FlowRunSort.EXPECTED_START_TIME_ASC, limit=200)
    times = [run.expected_start_time for run in runs if run.auto_scheduled]
    assert len(times) >= 3
    assert {(later - at).total_seconds() for at, later in pairwise(times)} == {300}


def test_due_runs_are_run_once_and_old_ones_pruned(company: Company, keeper: hubs.Keeper) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, DeploymentFilterTags
    from prefect.client.schemas.sorting import DeploymentSort, FlowRunSort

    from pipelines import pruning
    from pipelines.worker import Ended, Worker

    own = names.tenant(company.path)
    ended: list[Ended] = []
    stop = threading.Event()

    def note(run: Ended) -> None:
        ended.append(run)
        stop.set()

    worker = Worker(note)
    worker.deploy(keeper.hub().config)
    [id] = [each.id for each in worker.deployed.values() if each.group is not None]
    tagged = DeploymentFilter(tags=DeploymentFilterTags(all_=[own]))
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment(id)
        assert deployment.schedules[0].schedule.interval == timedelta(minutes=5)
        assert deployment.global_concurrency_limit is not None
        assert deployment.global_concurrency_limit.limit == 1
        assert deployment.concurrency_options is not None
        assert deployment.concurrency_options.collision_strategy == "CANCEL_NEW"
        assert deployment.parameters == {"config": str(company.path), "syncs": ["tasks"]}
        later = client.create_flow_run_from_deployment(id)
        worker.work(stop, lambda: None, "covered by a later run")
        states = [client.read_flow_run(later.id).state]
        ours = DeploymentFilter(id=DeploymentFilterId(any_=[id]))
        runs = client.read_flow_runs(deployment_filter=ours, sort=FlowRunSort.EXPECTED_START_TIME_ASC, limit=200)
    assert len(ended) == 1
    assert ended[0].state.is_completed()
    assert ended[0].group is not None
    assert ended[0].group.syncs == ("tasks",)
    assert states[0] is not None
    assert states[0].is_completed()
    assert [run.state.message for run in runs if run.state and run.state.is_cancelled()] == ["covered by a later run"]

    company.write(every="1h")
    worker.deploy(keeper.refresh().config, at_once=False)
    with get_client(sync_client=True) as client:
        found = client.read_deployments(deployment_filter=tagged, limit=200, sort=DeploymentSort.NAME_ASC)
        assert sorted(each.name for each in found) == [f"{own}-every-3600s", f"{own}-prune"]

        [nightly] = [each for each in found if each.name == f"{own}-prune"]
        assert (nightly.schedules[0].schedule.cron, nightly.schedules[0].schedule.timezone) == ("20 3 * * *", "UTC")

    assert pruning.prune(own, datetime.now(UTC) - timedelta(days=1)) == 0
    assert pruning.prune(own, datetime.now(UTC) + timedelta(days=1)) >= 1


def test_runs_left_by_a_killed_worker_are_ended(company: Company, keeper: hubs.Keeper) -> None:
    from prefect.client.orchestration import get_client
    from prefect.states import Pending, Running
    from prefect.utilities.engine import propose_state_sync

    from pipelines.worker import Worker

    worker = Worker(lambda run: None)
    worker.deploy(keeper.hub().config, at_once=False)
    [id] = [each.id for each in worker.deployed.values() if each.group is not None]
    with get_client(sync_client=True) as client:
        left = client.create_flow_run_from_deployment(id)
        for state in (Pending(), Running()):
            assert propose_state_sync(client, state, flow_run_id=left.id).type == state.type
        second = client.create_flow_run_from_deployment(id)
        assert propose_state_sync(client, Pending(), flow_run_id=second.id).is_cancelled(), "one at a time"
        worker.clear_left("its worker is gone")
        run = client.read_flow_run(left.id)
        assert run.state is not None
        assert (run.state.is_crashed(), run.state.message) == (True, "its worker is gone")
        third = client.create_flow_run_from_deployment(id)
        assert propose_state_sync(client, Pending(), flow_run_id=third.id).is_pending(), "the place is free again"


def test_at_night_old_rows_leave_the_store_and_old_runs_leave_prefect(
    company: Company, keeper: hubs.Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines import flows

    hub = keeper.hub()
    hub.round()
    company.approve(hub)
    company.clock.advance(60)
    hub.round()
    with hub.store.read() as tx:
        intents = len(tx.all(sa.select(t.intent)))
    assert intents == 1
    assert (
        flows.prune(str(company.path), return_state=True).message
        == "0 old rows removed from the store; 0 old runs removed"
    )
    company.clock.advance(91 * 86_400)
    said = flows.prune(str(company.path), return_state=True).message
    assert said is not None
    assert said.startswith("1 old row removed from the store; ")
    with hub.store.read() as tx:
        assert tx.all(sa.select(t.intent)) == []

    def fail(*_: object) -> None:
        raise StoreError("store_full", url="x", detail="disk")

    monkeypatch.setattr(keeper.hub().store, "acquire", fail)
    assert flows.prune(str(company.path), return_state=True).is_failed()
