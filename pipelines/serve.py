"""``keepstep serve``: the flows on their schedules, with a Prefect server of our own where none is configured."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from sqlalchemy.engine import make_url

from keepstep.cli.output import on_terminal
from keepstep.cli.session import FAILED, WRONG, Session, Trouble
from keepstep.config import Config
from keepstep.hub import Hub
from keepstep.problems import Problem
from pipelines import hubs
from pipelines.health import HealthServer, Watch
from pipelines.names import groups
from pipelines.prefect_server import LocalServer, PrefectUnavailable
from pipelines.words import trouble

if TYPE_CHECKING:
    from pipelines.worker import Ended, Worker

PORT = 8765
GRACE = 10.0
LAST_ROUND = 30.0
"""Seconds that a round in progress gets when we are told to stop. It may be cut off anywhere without harm."""


@click.command(help="Run the syncs on their schedules, with Prefect, until stopped. /healthz tells how it goes.")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="Of /healthz; 0: any.")
@click.pass_context
def serve(ctx: click.Context, port: int) -> None:
    session: Session = ctx.obj
    config = session.config()
    if not config.syncs:
        raise Trouble(Problem("serve_no_syncs"), WRONG)
    build = partial(Hub, waiting=session.waiting)
    keeper = hubs.keep(hubs.Keeper(config.path, session.registry, session.runtime, session.redaction, build))
    serving = Serving(session, keeper)
    try:
        with stopping(serving.stop):
            serving.run(port)
    finally:
        hubs.forget(keeper)
        keeper.close()
    leave_within(GRACE, FAILED if serving.failed is not None else 0)
    if serving.failed is not None:
        raise Trouble(serving.failed, FAILED)


def leave_within(seconds: float, code: int) -> None:
    """End this process at the latest then: what Prefect has not been able to send must not keep it."""
    timer = threading.Timer(seconds, os._exit, (code,))
    timer.daemon = True
    timer.start()


@dataclass
class Serving:
    """One stay of ``serve``."""

    session: Session
    keeper: hubs.Keeper
    stop: threading.Event = field(default_factory=threading.Event)
    failed: Problem | None = None
    told: Callable[[Ended], None] = lambda ended: None
    """Told of each run besides."""
    server: LocalServer | None = None
    worker: Worker | None = None
    _deployed: Config | None = None
    _refused: str | None = None

    def say(self, code: str, /, **params: Any) -> None:
        self.session.output.warn(self.session.say(code, **params))

    def run(self, port: int) -> None:
        """Until ``stop`` is set, or nothing more can be done. Leaves no process behind."""
        with ExitStack() as stack:
            hub = self.keeper.refresh()
            if hub.store.copied is not None:
                self.say("store_copied", file=str(hub.store.copied))
            self.watch = Watch(self.keeper)
            try:
                health = HealthServer(self.watch.report, port)
            except OSError:
                raise Trouble(Problem("serve_port_taken", {"port": port}), WRONG) from None
            stack.callback(health.close)
            self.say("serve_health", url=health.url)
            try:
                self.server = self._prefect(stack, hub.config)
                if self.stop.is_set():
                    return
                worker = self.worker = self._worker(hub.config)
                stack.callback(self._flush)
            except PrefectUnavailable as error:
                command = f"keepstep --config {self.keeper.path} sync"
                self.failed = Problem("serve_prefect_failed", {"reason": str(error), "command": command})
                return
            thread = threading.Thread(
                target=worker.work,
                args=(self.stop, lambda: self._between(worker), self.session.say("late_run")),
                daemon=True,
                name="runs",
            )
            thread.start()
            self._wait(thread)

    def _prefect(self, stack: ExitStack, config: Config) -> LocalServer | None:
        """The server to use, its address and sign-in in the environment. None: the one configured."""
        remote = self.session.runtime.environ.get("PREFECT_API_URL")
        if remote:
            self.say("serve_prefect_remote", url=self.session.redaction.text(remote))
            return None
        self.say("serve_prefect_starting")
        server = LocalServer(state_folder(config), dict(self.session.runtime.environ))
        stack.callback(server.stop)
        server.start(self.stop.is_set)
        stack.enter_context(environment(server.settings()))
        self.session.redaction.add(server.sign_in().partition(":")[2])
        self.say("serve_prefect_local", url=server.url, file=str(server.sign_in_file))
        return server

    def _worker(self, config: Config) -> Worker:
        try:
            from pipelines.flows import strike
            from pipelines.worker import Unanswered, Worker
        except ImportError as error:
            raise PrefectUnavailable(str(error)) from error
        strike(self.session.redaction)
        worker = Worker(self._ended, self._answers)
        try:
            worker.deploy(config)
            self._deployed = config
            if self.server is not None:
                worker.clear_left(self.session.say("left_run"))
        except Unanswered as error:
            raise PrefectUnavailable(f"{type(error).__name__}: {str(error)[:300]}") from error
        for group in groups(config):
            self.say("serve_group", every=group.every, syncs=list(group.syncs))
        return worker

    def _flush(self) -> None:
        from pipelines.worker import flush

        if self.server is None or self.server.alive():
            flush()

    def _wait(self, thread: threading.Thread) -> None:
        late: set[str] = set()
        while not self.stop.wait(1.0):
            overdue = {group.name: group for group in self.watch.overdue()}
            for name in overdue.keys() - late:
                where = str(self.server.log) if self.server is not None else None
                self.say("serve_overdue", syncs=list(overdue[name].syncs), file=where)
            late = set(overdue)
            if self.server is not None and not self.server.alive():
                self.failed = Problem("serve_prefect_lost", {"file": str(self.server.log)})
                break
            if not thread.is_alive():
                self.failed = Problem("serve_worker_lost")
                break
        self.stop.set()
        self.say("serve_stopping")
        thread.join(LAST_ROUND)

    def _between(self, worker: Worker) -> None:
        """A changed configuration is taken up between two runs."""
        config, refused = self.keeper.refresh().config, self.keeper.refused
        if config is not self._deployed:
            worker.deploy(config)
            self._deployed = config
            self.say("serve_reloaded")
        if refused is not None and str(refused) != self._refused:
            self.say("serve_kept")
            self.session.output.warn(self.session.redaction.text(trouble(refused, self.session.language)))
        self._refused = str(refused) if refused is not None else None

    def _ended(self, ended: Ended) -> None:
        message = ended.state.message or ended.state.name or ""
        if ended.group is not None:
            syncs = list(ended.group.syncs)
            self.watch.note(ended.group, ended.state.is_completed(), ended.at, message)
            if ended.state.is_completed():
                self.say("serve_tick", syncs=syncs, text=message)
            else:
                self.say("serve_failed", syncs=syncs, reason=message)
        self.told(ended)

    def _answers(self, silent: str | None) -> None:
        self.watch.prefect = silent
        if silent is None:
            self.say("serve_prefect_back")
        else:
            self.say("serve_prefect_silent", reason=silent)


def state_folder(config: Config) -> Path:
    """Where Prefect's own files are: beside the store, or beside the configuration if the store is elsewhere."""
    url = make_url(config.store.get_secret_value())
    beside = Path(url.database) if url.drivername.startswith("sqlite") and url.database else config.path
    return beside.resolve().parent / ".keepstep" / "prefect"


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Within, the process's environment has these; Prefect reads its settings from there when it is imported."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def stopping(stop: threading.Event) -> Iterator[None]:
    """Within, SIGTERM and Ctrl-C set ``stop``; a second one ends the process as ever.

    So does SIGHUP where a terminal closes. Elsewhere somebody means by it that the configuration changed, which is seen
    without it; ended by it, the process would count for systemd as stopped on purpose, and stay down.
    """

    def handle(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    def unmoved(number: int, frame: object) -> None:
        """Not ``SIG_IGN``, which the processes started by this one would inherit."""

    handlers = {signal.SIGTERM: handle, signal.SIGINT: handle}
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        handlers[signal.SIGHUP] = handle if on_terminal(sys.stderr) else unmoved
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
