"""Hypothesis tries the same examples in every run; `HYPOTHESIS_PROFILE=search` looks for new ones.

Tests that use ``databases`` run on SQLite and on PostgreSQL: on the server that ``KEEPSTEP_TEST_POSTGRES`` names, else
on a private one of the programs installed here; without either, the latter are skipped. ``-m "not postgres"`` and
``-m postgres`` choose.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path

import pytest
import sqlalchemy as sa
import structlog
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling, Scheduling
from xdist.workermanage import WorkerController

from connectors.sandbox.clock import VirtualClock
from keepstep.config import source
from keepstep.store import databases as reached
from keepstep.testing import postgres
from tests import databases as places

settings.register_profile(
    "same", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", max_examples=5000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

# Whoever starts in the background of a shell ignores Ctrl-C, and so would every process started from here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

TOGETHER = ("tests/pipelines/", "tests/demo/")
"""Folders whose tests share what is costly: a Prefect server, the days of the demo."""


class Sharing(LoadScopeScheduling):
    """Gives tests out one by one, but all of a folder of ``TOGETHER`` to one worker, one after the other.
    pytest-xdist's own groups go by a name that pytest no longer lets it change."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid)

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        """Forgets what is done: xdist goes through all that it gave to a worker whenever a test ends."""
        super().mark_test_complete(node, item_index, duration)
        given = self.assigned_work[node]
        scope = self._split_scope(self.registered_collections[node][item_index])
        if all(given[scope].values()):
            del given[scope]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    return Sharing(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What collecting makes stays to the end: it is not gone through for garbage, neither meanwhile nor later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def once(request: pytest.FixtureRequest) -> Iterator[None]:
    """Done once for all tests, instead of in each of them: SQLAlchemy compiles the statements for stores in SQLite, and
    the text of a configuration is taken apart. And not at all: no store waits for the disk, as no test can lose its
    power supply, and a line about each request is written with ``-v`` alone."""
    made, first = reached.Sqlite.__init__, sa.create_engine("sqlite://", query_cache_size=5000)
    first.connect().close()

    def shared(self: reached.Sqlite, address: sa.URL, memory: bool) -> None:
        made(self, address, memory)
        self.engine.dialect, self.engine._compiled_cache = first.dialect, first._compiled_cache

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reached.Sqlite, "__init__", shared)
        patch.setattr(reached, "DURABLE", "OFF")
        patch.setattr(source, "_compose", lru_cache(100)(source._compose))
        if request.config.option.verbose < 0:  # as pyproject.toml has it
            patch.setattr("connectors.log._level", logging.INFO)
        yield


@pytest.fixture
def every_line(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever is logged is written, whatever another test has configured."""
    before = structlog.get_config()
    structlog.reset_defaults()
    monkeypatch.setattr("connectors.log._level", logging.NOTSET)
    monkeypatch.setattr("connectors.log._prepare", None)
    yield
    structlog.configure(**before)


POSTGRES = pytest.param("postgresql", marks=pytest.mark.postgres)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A PostgreSQL server for the whole session."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(postgres.running(os.environ))
        except postgres.NoServer as error:
            pytest.skip(str(error))
        yield server


@pytest.fixture(scope="session")
def postgres_stock(postgres_server: postgres.Server) -> Iterator[places.Stock]:
    stock = places.Stock(postgres_server, VirtualClock())
    yield stock
    stock.drop()


@pytest.fixture
def on_postgres(postgres_stock: places.Stock) -> Iterator[places.OnPostgres]:
    """For tests of PostgreSQL alone, which bear the mark ``postgres``."""
    made = places.OnPostgres(postgres_stock)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", POSTGRES])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> places.Databases:
    """Where the test keeps its stores: it runs on each kind of database."""
    if request.param == "sqlite":
        return places.OnSqlite(tmp_path)
    found: places.OnPostgres = request.getfixturevalue("on_postgres")
    return found


@pytest.fixture
def benches(databases: places.Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each ``Bench`` of the test that names no store keeps it there."""
    monkeypatch.setattr("keepstep.testing.worlds.Bench.fresh", staticmethod(databases.fresh))
