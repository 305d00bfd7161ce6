"""How much more several workers of a Prefect pool get done: process workers, over PostgreSQL, on this one machine.

Each of several syncs has a deployment and a connection of its own. A turn is one run of each: the first turn pulls
every issue into an empty store, the turns after it find nothing changed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from benchmarks.environment import ENVIRON
from benchmarks.hubs import JIRA
from benchmarks.rows import Row
from benchmarks.stub import running
from keepstep.testing import postgres
from pipelines.prefect_server import LocalServer, PrefectUnavailable

WORKERS = (1, 2, 3)
POOL = "bench"
LOOK = 1
"""Seconds after which a worker asks for runs again; by itself Prefect takes ten, which would be all that is seen."""
PATIENCE = 600.0
OVER = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


def workers(folder: Path, issues: int, syncs: int) -> Iterator[Row]:
    what = f"{syncs} syncs by a pool"
    try:
        with ExitStack() as stack:
            server = stack.enter_context(postgres.running(os.environ, durable=True))
            base = stack.enter_context(running(issues))
            prefect = stack.enter_context(_prefect(folder, server.empty()))
            first: dict[int, float] = {}
            quiet: dict[int, float] = {}
            for count in WORKERS:
                store = server.empty()
                home = folder / f"home{count}"
                home.mkdir()
                (home / "keepstep.yaml").write_text(json.dumps(_said(base, store, syncs)))
                with prefect.pool(home, count, syncs):
                    first[count], quiet[count] = prefect.turn(), min(prefect.turn(), prefect.turn())
                server.drop(store)
    except (postgres.NoServer, PrefectUnavailable) as error:
        yield Row(what, f"skipped: {error}", "")
        return
    for turn, took in ((f"first pull of {issues} issues each", first), ("nothing changed", quiet)):
        for count in WORKERS:
            beside = f"{took[1]:.1f} s with one"
            yield Row(f"{what}, {turn}, {count} workers", f"{took[count]:.1f} s", beside, took[count] / took[1])


def _said(base: str, store: str, syncs: int) -> dict[str, Any]:
    names = [f"tracker{number}" for number in range(syncs)]
    return {
        "version": 1,
        "store": store,
        "connections": {name: {**JIRA, "base_url": base} for name in names},
        "syncs": {name: {"entity": "task", "mode": "observe", "sides": [f"{name}.issues"]} for name in names},
    }


class _Prefect:
    """A server of our own, and one pool at a time."""

    def __init__(self, server: LocalServer, environ: Mapping[str, str]) -> None:
        self._environ = {**environ, **server.settings(), **ENVIRON, "PREFECT_WORKER_QUERY_SECONDS": str(LOOK)}
        self._url = f"{server.url}/api"
        self._session = requests.Session()
        user, _, password = server.sign_in().partition(":")
        self._session.auth = (user, password)
        # What the server answers while its database is busy.
        patient = Retry(10, status_forcelist=[503], allowed_methods=None, backoff_factor=0.2)
        self._session.mount("http://", HTTPAdapter(max_retries=patient))
        self._deployed: list[str] = []

    def api(self, verb: str, path: str, body: Any = None) -> Any:
        answer = self._session.request(verb, f"{self._url}{path}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    @contextmanager
    def pool(self, home: Path, count: int, syncs: int) -> Iterator[None]:
        """A deployment for each sync, and so many workers that wait for its runs."""
        name = f"{POOL}{count}"
        self.api("POST", "/work_pools/", {"name": name, "type": "process"})
        flow = self.api("POST", "/flows/", {"name": "keepstep-sync"})
        self._deployed = [
            self.api(
                "POST",
                "/deployments/",
                {
                    "name": f"{name}-{number}",
                    "flow_id": flow["id"],
                    "entrypoint": "pipelines.flows.sync",
                    "work_pool_name": name,
                    "parameters": {"config": str(home / "keepstep.yaml"), "syncs": [f"tracker{number}"]},
                    "pull_steps": [{"prefect.deployments.steps.set_working_directory": {"directory": str(home)}}],
                },
            )["id"]
            for number in range(syncs)
        ]
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", name, "--limit", "1", "--name"]
        there = []
        try:
            for number in range(count):
                with (home / f"worker{number}.log").open("wb") as out:
                    there.append(
                        subprocess.Popen(  # noqa: S603
                            [*command, f"{name}-{number}"], env=self._environ, cwd=home, stdout=out, stderr=out
                        )
                    )
            self._until(
                lambda: len(self.api("POST", f"/work_pools/{name}/workers/filter", {})) == count, "no worker came"
            )
            yield
        finally:
            for process in there:
                process.terminate()
            for process in there:
                process.wait(60)

    def turn(self) -> float:
        """One run of each deployment, all due at once: seconds until the last is over."""
        began = time.monotonic()
        due = {"state": {"type": "SCHEDULED"}}
        runs = [self.api("POST", f"/deployments/{id}/create_flow_run", due)["id"] for id in self._deployed]
        asked = {"flow_runs": {"id": {"any_": runs}}}
        ended: list[dict[str, Any]] = []

        def over() -> bool:
            ended[:] = self.api("POST", "/flow_runs/filter", asked)
            return all(each["state_type"] in OVER for each in ended)

        self._until(over, "runs did not end")
        wrong = [each["state"]["message"] for each in ended if each["state_type"] != "COMPLETED"]
        assert not wrong, wrong
        return time.monotonic() - began

    def _until(self, there: Any, trouble: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not there():
            assert time.monotonic() < deadline, trouble
            time.sleep(0.2)


@contextmanager
def _prefect(folder: Path, database: str) -> Iterator[_Prefect]:
    """``database``: the server's own. In a file, as it is by itself, one writer would wait for another for up to a
    minute, and with two workers that would be all that is seen."""
    home = folder / "prefect"
    home.mkdir()
    url = sa.make_url(database).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)
    # Settings of the server that ``LocalServer`` does not know come from the home's own profile.
    profile = f'active = "bench"\n[profiles.bench]\nPREFECT_SERVER_DATABASE_CONNECTION_URL = {json.dumps(url)}\n'
    (home / "profiles.toml").write_text(profile)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    root = str(Path(__file__).parents[1])
    environ["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [environ.get("PYTHONPATH")])])
    server = LocalServer(home, environ)
    server.start()
    try:
        yield _Prefect(server, environ)
    finally:
        server.stop()
