"""Three worker processes over one store and two stand-ins behind HTTP; one is killed in the middle of a round."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from keepstep.engine.observe import LEASE
from keepstep.store import tables as t
from keepstep.store.store import Store
from keepstep.testing.worlds import PAST_DOUBT
from tests.databases import Databases
from tests.processes.clock import SharedClock
from tests.processes.office import furnished

EVERY = 60.0


class Worker:
    """A process of its own, told what to do line by line."""

    def __init__(self, config: Path, clock: Path) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "tests.processes.worker", str(config), str(clock)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, words: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{words}\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the worker has ended"
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(self, words: str) -> dict[str, Any]:
        self.tell(words)
        return self.answer()

    def ended(self) -> int:
        return self._process.wait(60)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


class Office:
    """A CRM whose tasks are to be cards on a board, and three workers who see to it."""

    def __init__(self, stack: ExitStack, folder: Path, url: str) -> None:
        self.clock = SharedClock(folder / "clock")
        self.crm, self.board, path = furnished(stack, folder, url, self.clock)
        self.workers = [Worker(path, folder / "clock") for _ in range(3)]
        for worker in self.workers:
            stack.callback(worker.close)
        self.holders = [worker.answer()["holder"] for worker in self.workers]
        self.store = Store(url, self.clock).open()
        stack.callback(self.store.close)
        self.due = self.clock.now()

    def task(self, subject: str) -> None:
        self.crm.create("Bo", "Tasks", {"Subject": subject})

    def cards(self) -> list[str]:
        return sorted(card["name"] for card in self.board.records("cards").values())

    def tick(self, *workers: Worker, after: float = EVERY) -> list[dict[str, Any]]:
        """The next scheduled round, offered to these workers at the same moment."""
        self.clock.skip(after)
        self.due = max(self.due + timedelta(seconds=EVERY), self.clock.now())
        for worker in workers:
            worker.tell(f"tick {self.due.isoformat()}")
        return [worker.answer() for worker in workers]

    def lease(self) -> dict[str, Any]:
        with self.store.read() as tx:
            found = tx.one(sa.select(t.lease).where(t.lease.c.name == "sync:tasks"))
        assert found is not None
        return found

    def open_intents(self) -> list[dict[str, Any]]:
        with self.store.read() as tx:
            return tx.all(sa.select(t.intent).where(t.intent.c.closed_at.is_(None)))


@pytest.fixture
def office(databases: Databases, tmp_path: Path) -> Iterator[Office]:
    with ExitStack() as stack:
        yield Office(stack, tmp_path, databases.url())


def the_one(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer of the only worker whose turn it was."""
    (found,) = [answer for answer in answers if answer["ours"]]
    assert found["ours"] == ["tasks"]
    assert found["failed"] == []
    return found


@pytest.mark.slow
def test_each_round_is_run_once_and_a_dead_workers_round_is_taken_over_without_a_twin(office: Office) -> None:
    one, two, three = office.workers
    for number in range(3):
        office.task(f"Task {number}")
    assert "first_plan" in the_one(office.tick(one, two, three, after=150))["holds"]
    assert two.ask("approve tasks")["through"]
    assert the_one(office.tick(one, two, three))["written"] == 3
    assert office.cards() == ["Task 0", "Task 1", "Task 2"]
    for _ in range(2):
        assert the_one(office.tick(one, two, three))["written"] == 0

    office.task("Late")
    office.clock.skip(150)
    one.ask("die-at apply.answered")
    with pytest.raises(AssertionError, match="the worker has ended"):
        office.tick(one)
    assert one.ended() == -signal.SIGKILL
    assert office.cards() == ["Late", "Task 0", "Task 1", "Task 2"]  # and nobody knows yet
    assert len(office.open_intents()) == 1
    left = office.lease()
    assert left["holder"] == office.holders[0]

    # The turn is taken, and the next one finds the sync in the hands of the dead.
    for worker in (two, three):
        assert worker.ask(f"tick {office.due.isoformat()}") == {"ours": []}
    waiting = the_one(office.tick(two, three))
    assert (waiting["busy"], waiting["written"]) == (["tasks"], 0)

    taken = the_one(office.tick(two, three, after=LEASE + PAST_DOUBT))
    assert (taken["busy"], taken["recovered"]) == ([], 1)
    assert office.lease()["epoch"] > left["epoch"]
    assert office.open_intents() == []
    for _ in range(2):
        assert the_one(office.tick(two, three))["written"] == 0
    assert office.cards() == ["Late", "Task 0", "Task 1", "Task 2"]
    with office.store.read() as tx:
        assert tx.scalar(sa.select(sa.func.count()).select_from(t.link)) == 8
