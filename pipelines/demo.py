"""``keepstep demo``: a company in four stand-ins behind HTTP, kept in step by the flows while a day is played.

With ``--once`` the same day runs in this process without Prefect, sockets or waiting.
"""

from __future__ import annotations

import queue
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from connectors.sandbox.clock import VirtualClock
from keepstep.cli.session import FAILED, Session, Trouble
from keepstep.config import Config
from keepstep.demo.day import ScriptedDay
from keepstep.demo.stage import Stage
from keepstep.engine.planning import Plan
from keepstep.engine.round import Report
from keepstep.engine.world import Mode
from keepstep.hub import Hub
from keepstep.language import say
from keepstep.registry import Registry
from keepstep.runtime import Ids, Runtime
from pipelines import hubs
from pipelines.serve import GRACE, Serving, leave_within, stopping

if TYPE_CHECKING:
    from pipelines.worker import Ended

RECORDS = 150
EVERY = "1m"
SIGNS = {"scene": "\n#", "finding": "  !", "trouble": "  ~", "settled": "  =", "write": "  >"}
"""What stands before a line, by what happened."""


@click.command(help="A company in stand-ins of all four systems, and a day that is kept in step. Needs no account.")
@click.option("--once", is_flag=True, help="Tell the day at once, without Prefect, and end.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same company.")
@click.option("--records", type=click.IntRange(1, 100_000), default=None, help="How large the company is.")
@click.option("--for", "seconds", type=click.FloatRange(min=0), default=None, help="End after so many seconds.")
@click.pass_context
def demo(ctx: click.Context, once: bool, seed: int, records: int | None, seconds: float | None) -> None:
    if once:
        from keepstep.cli.sandbox import demo as told

        ctx.invoke(told, once=True, seed=seed, records=records)
        return
    session: Session = ctx.obj
    with tempfile.TemporaryDirectory(prefix="keepstep-demo-") as folder:
        # On a terminal the flows go on until somebody stops them; elsewhere nobody would.
        Live(session, Path(folder), seed, records or RECORDS).run(seconds, sys.stdout.isatty())


class LiveClock(VirtualClock):
    """Time as it passes, and forward by what is skipped. Waiting is skipping."""

    def __init__(self) -> None:
        self._began = datetime.now(UTC)
        super().__init__(self._began)

    def now(self) -> datetime:
        return super().now() + self._real()

    def monotonic(self) -> float:
        return super().monotonic() + self._real().total_seconds()

    def _real(self) -> timedelta:
        return datetime.now(UTC) - self._began


class LiveDay(ScriptedDay):
    """The scripted day in the order in which somebody who has two minutes wants to see it."""

    SCENES = (
        "first_plan",
        "won",
        "conflict",
        "handoff",
        "card",
        "document",
        "note",
        "amount",
        "lost_answer",
        "decision",
    )


class Stopped(Exception):
    """The viewer has seen enough."""


class RunningHub(Hub):
    """A hub whose rounds are flow runs: whoever asks for one gets what the running flows do."""

    live: Live

    def round(self, names: Sequence[str] | None = None, mode: Mode | None = None) -> list[Report]:
        self.live.flow_run()
        return []

    def plan(self, name: str) -> Plan:
        with self.live.keeper.lock:
            return super().plan(name)


class Live:
    """One showing, with everything it needs in one folder that is gone afterwards."""

    def __init__(self, session: Session, folder: Path, seed: int, records: int) -> None:
        self.clock = LiveClock()
        self.language = session.language
        self.stage = Stage(self.clock, self.language, seed, records)
        self.path = folder / "keepstep.yaml"
        environ = {
            name: value
            for name, value in session.runtime.environ.items()
            if not name.startswith(("PREFECT_", "KEEPSTEP_"))
        }
        rng = session.runtime.rng
        runtime = Runtime(self.clock, rng, Ids(self.clock, rng), environ)
        options = {**session.options, "keepstep.config": str(self.path), "keepstep.lang": self.language}
        self.session = Session(session.registry, runtime, session.redaction, options)
        self.keeper = hubs.Keeper(self.path, session.registry, runtime, session.redaction, self._hub)
        self.serving = Serving(self.session, self.keeper, told=self._ended)
        self._ends: queue.Queue[Ended] = queue.Queue()
        self._failed: Exception | None = None

    def run(self, seconds: float | None, stay: bool) -> None:
        """Show the day, then go on until stopped; without ``stay``, or after ``seconds``, end by itself."""
        hubs.keep(self.keeper)
        timer = threading.Timer(seconds, self.serving.stop.set) if seconds is not None else None
        try:
            with self.stage.hosts() as urls, stopping(self.serving.stop):
                self._prepare(urls)
                if timer is not None:
                    timer.start()
                threading.Thread(target=self._play, args=(stay or timer is not None,), daemon=True, name="day").start()
                self.serving.run(0)
        finally:
            if timer is not None:
                timer.cancel()
            hubs.forget(self.keeper)
            self.keeper.close()
        leave_within(GRACE, 1 if self.serving.failed or self._failed else 0)
        if self.serving.failed is not None:
            raise Trouble(self.serving.failed, FAILED)
        if self._failed is not None:
            raise self._failed

    def flow_run(self) -> None:
        """Have all syncs run by the flows now, and wait for the end of it. Raises ``Stopped``."""
        from prefect.client.orchestration import get_client

        worker = self.serving.worker
        if worker is None:
            raise Stopped
        asked = datetime.now(UTC)
        with get_client(sync_client=True) as client:
            for each in worker.deployed.values():
                if each.group is not None:
                    client.create_flow_run_from_deployment(each.id)
        while not self.serving.stop.is_set():
            try:
                if self._ends.get(timeout=0.5).began >= asked:
                    return
            except queue.Empty:
                continue
        raise Stopped

    # -- inside

    def _prepare(self, urls: Mapping[str, str]) -> None:
        text = self.stage.configuration(urls, "write", f"sqlite:///{self.path.with_name('keepstep.db')}")
        self.path.write_text(
            text.replace("    mode: write\n", f"    mode: write\n    every: {EVERY}\n"), encoding="utf-8"
        )
        self.session.config()
        for name, url in urls.items():
            self._say("live_stand_in", connection=name, url=url)

    def _hub(self, config: Config, registry: Registry, runtime: Runtime) -> Hub:
        hub = RunningHub(config, registry, runtime, waiting=self.session.waiting)
        hub.live = self
        return hub

    def _ended(self, ended: Ended) -> None:
        if ended.group is not None:
            self._ends.put(ended)

    def _play(self, stay: bool) -> None:
        """The day, once the first run has ended; then the end of the showing, or on."""
        try:
            self._first_run()
            hub = self.keeper.current
            if hub is None:
                return
            day = LiveDay(self.stage, hub, self.clock)
            over = threading.Event()
            teller = threading.Thread(target=self._tell, args=(day, over), daemon=True, name="teller")
            teller.start()
            day.play()
            over.set()
            teller.join(10)
            self._say("live_over")
        except Stopped:
            return
        except Exception as error:  # shown by the main thread, which has everything to tidy up first
            self._failed = error
            stay = False
        if not stay:
            self.serving.stop.set()

    def _first_run(self) -> None:
        while not self.serving.stop.is_set():
            try:
                self._ends.get(timeout=0.5)
            except queue.Empty:
                continue
            server = self.serving.server
            if server is not None:
                # Not through the session, which strikes the password: it is the viewer's, and gone with the demo.
                text = say("live_prefect", {"url": server.url, "sign_in": server.sign_in()}, self.language)
                self.session.output.line(text)
            return
        raise Stopped

    def _tell(self, day: ScriptedDay, over: threading.Event) -> None:
        """Each event of the day as it comes."""
        zone, told = ZoneInfo(day.cast.zone), 0
        while True:
            last = over.wait(0.2)
            for event in day.tale.events[told:]:
                sign = SIGNS.get(event.what, "  *")
                self.session.output.line(f"{sign} {say(event.code, event.params, self.language, zone)}")
                told += 1
            if last:
                return

    def _say(self, code: str, /, **params: Any) -> None:
        self.session.output.line(self.session.say(code, **params))
