"""``prefect.yaml`` as its first lines say: a server, a pool, our deployments in it, a worker, and a run by it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
import requests

from keepstep.config import load
from keepstep.registry import Registry
from pipelines.names import freshness_resource, tenant
from pipelines.prefect_server import LocalServer, PrefectUnavailable
from tests.processes.clock import SharedClock
from tests.processes.office import furnished

ROOT = Path(__file__).parents[2]
PATIENCE = 240.0
"""Seconds; a start of Python with Prefect takes some, more on a busy machine."""

FASTAPI = tuple(int(part) for part in version("fastapi").split(".")[:2])

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        FASTAPI >= (0, 151),
        reason="needs fastapi<0.151: later ones refuse the empty limits that Prefect's own `deploy` sends",
    ),
]


class Pool:
    """A Prefect server of our own, and Prefect's command line beside it."""

    def __init__(self, server: LocalServer, environ: Mapping[str, str]) -> None:
        self.environ = {**environ, **server.settings(), "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false"}
        self._url = server.url
        self._sign_in = server.sign_in()

    def run(self, *command: str) -> str:
        done = subprocess.run(  # noqa: S603
            [sys.executable, *command], env=self.environ, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    def prefect(self, *words: str) -> str:
        return self.run("-m", "prefect", "--no-prompt", *words)

    def worker(self, log: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "keepstep", "--name", "one"]
        with log.open("wb") as out:
            return subprocess.Popen(  # noqa: S603
                command, env=self.environ, cwd=ROOT, stdout=out, stderr=out, start_new_session=True
            )

    def api(self, verb: str, path: str, **body: Any) -> Any:
        answer = requests.request(
            verb,
            f"{self._url}/api{path}",
            json=body or None,
            auth=tuple(self._sign_in.split(":", 1)),  # type: ignore[arg-type]
            timeout=30,
        )
        answer.raise_for_status()
        return answer.json()

    @contextmanager
    def used_here(self) -> Iterator[None]:
        """Prefect in this very process talks to the server."""
        from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

        with temporary_settings({PREFECT_API_URL: f"{self._url}/api", PREFECT_API_AUTH_STRING: self._sign_in}):
            yield


def wait_for(what: Callable[[], Any], trouble: Callable[[], str]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < deadline, trouble()
        time.sleep(1.0)
    return found


@pytest.fixture
def pool(tmp_path: Path, prefect: Path) -> Iterator[Pool]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [environ.get("PYTHONPATH")])])
    environ["KEEPSTEP_HOME"] = str(tmp_path)
    server = LocalServer(tmp_path / "prefect", environ)
    server.home.mkdir()
    copy(prefect, server.home)
    try:
        server.start()
    except PrefectUnavailable as error:
        pytest.skip(f"needs a Prefect server, which does not start here: {error}")
    yield Pool(server, environ)
    server.stop()


def test_a_run_of_our_deployment_is_finished_by_a_worker_of_the_pool(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines import alarms

    log = tmp_path / "worker.log"
    with ExitStack() as stack:
        crm, board, path = furnished(
            stack, tmp_path, f"sqlite:///{tmp_path}/keepstep.db", SharedClock(tmp_path / "clock")
        )
        crm.create("Bo", "Tasks", {"Subject": "Draft the plan"})
        pool.prefect("work-pool", "create", "keepstep", "--type", "process")
        pool.prefect("deploy", "--all")
        deployed = pool.api("GET", "/deployments/name/keepstep-sync/keepstep-sync")
        assert (deployed["work_pool_name"], deployed["entrypoint"]) == ("keepstep", "pipelines.flows.sync")
        worker = pool.worker(log)
        stack.callback(worker.wait, 60)
        stack.callback(worker.terminate)
        made = pool.api("POST", f"/deployments/{deployed['id']}/create_flow_run", state={"type": "SCHEDULED"})

        def ended() -> Any:
            run = pool.api("GET", f"/flow_runs/{made['id']}")
            return run if run["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") else None

        run = wait_for(ended, lambda: log.read_text(errors="replace")[-3000:])
        assert run["state_type"] == "COMPLETED", run["state"]["message"]
        assert "changed" in run["state"]["message"]
        assert "secret" not in str(run["parameters"])
        assert board.records("cards") == {}  # the first plan waits for a person

        # The run told how fresh the sync is, and then nobody does: Prefect's own automation notices.
        resource = freshness_resource(tenant(path), "tasks")
        told = {"event": {"name": ["keepstep.freshness"]}, "resource": {"id": [resource]}}
        wait_for(lambda: pool.api("POST", "/events/filter", filter=told)["events"], lambda: "no freshness was told")
        monkeypatch.setattr(alarms, "silence", lambda every: timedelta(seconds=10))
        with pool.used_here():
            alarms.declare(load(path, {}, Registry.installed()))
        fired = {"event": {"name": ["prefect.automation.triggered"]}}
        wait_for(lambda: pool.api("POST", "/events/filter", filter=fired)["events"], lambda: "no alarm fired")
