"""A whole company in one thread: the four stand-ins, the application over them, people, trouble and dying workers."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from typing import Any, Final, cast

import msgspec
import requests
import sqlalchemy as sa

from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.core import SandboxCore
from connectors.sandbox.exchange import Refusal
from connectors.sandbox.faults import Fault
from connectors.sandbox.hosting import SandboxTransport
from connectors.sandbox.truth import Entry
from connectors.trello.cards import label_word
from keepstep.config import loads
from keepstep.engine.ports import Ports
from keepstep.hub import Hub
from keepstep.registry import Registry
from keepstep.runtime import Runtime
from keepstep.store import tables as t
from keepstep.store.errors import Fenced
from keepstep.store.store import Store
from keepstep.testing.company_config import SYSTEMS, configuration
from keepstep.testing.company_operator import Operator
from keepstep.testing.company_people import NUMBERED, People
from keepstep.testing.company_steps import EDITED, CompanyHistory, Step
from keepstep.testing.company_words import NATIVE, plain
from keepstep.testing.simulator import PERSONS, CountingFence, Crash, StandingFence

_installed = cache(Registry.installed)

LISTS: Final = {"todo": "To Do", "doing": "Doing", "done": "Done"}


class _Company(Hub):
    """The application over a store that outlives its workers."""

    kept: Store

    def __post_init__(self) -> None:
        self.store = self.kept
        rng = random.Random(int(self.runtime.rng.random() * 2**53))
        self.ports = Ports(self.runtime.clock, rng, self.runtime.ids, self.store, self.runtime.ids(), self.fence)


class _Watched(SandboxTransport):
    """Tells the world of each request, so that people can act and workers can die around it."""

    def __init__(self, core: SandboxCore, around: Callable[[str, requests.PreparedRequest], None]) -> None:
        super().__init__(core)
        self._around = around

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        self._around("request.sending", request)
        answer = super().send(request, *args, **kwargs)
        self._around("request.answered", request)
        return answer


class Company:
    """One history, from a young company to quiescence. ``trace`` says what happened, line by line."""

    def __init__(self, history: CompanyHistory, store: Store | None = None) -> None:
        self.history = history
        self.clock = VirtualClock()
        self.store = store or Store("sqlite://", self.clock).open()
        self.store._clock = self.clock
        self.registry = _installed()
        self.log: list[tuple[str, Entry]] = []
        """Everything that happened in any system, in order: (connection, entry)."""
        self.cores: dict[str, Any] = {}
        for number, (name, system) in enumerate(SYSTEMS.items()):
            core = self.registry.sandbox(system).build(self.clock, history.seed * 10 + number)
            self.cores[name] = core
            self._listen(name, core)
            if name in history.lags:
                cast(Any, core).search_lag = history.lags[name]
        self.trace: list[str] = []
        self.boards: list[str] = []
        self.lists: dict[str, tuple[str, str]] = {}
        """List -> its board, and what it stands for."""
        self.labels: dict[tuple[str, str], str] = {}
        """Board and name -> label."""
        self._furnish()
        self.fence = StandingFence()
        self.people = People(self)
        self.operator = Operator(self)
        self.tied: dict[tuple[str, str], int] = {}
        """Side and record -> how much of the log there was before the step in which it was first tied to a thing."""
        self._told = 0
        self._workers = 0
        self._requests = 0
        self._writing = 0
        self._during: list[tuple[int, Step]] = []
        self._pouncing: Step | None = None
        self.configure(history.policy)

    def _listen(self, name: str, core: SandboxCore) -> None:
        add = core.truth.add

        def told(**what: Any) -> Entry:
            entry = add(**what)
            self.log.append((name, entry))
            return entry

        core.truth.add = told  # type: ignore[method-assign]

    def _furnish(self) -> None:
        self.cores["tracker"].add_project("BETA", "Beta")
        board = self.cores["board"]
        for name in ("Work", "Other"):
            id = board.create("Ada", "boards", {"name": name})
            self.boards.append(id)
            for status, called in LISTS.items():
                self.lists[board.create("Ada", "lists", {"idBoard": id, "name": called})] = (id, status)
            for colour in ("red", "blue"):
                label = {"idBoard": id, "name": colour, "color": colour}
                self.labels[id, colour] = board.create("Ada", "labels", label)

    # -- workers

    def configure(self, policy: str, where: bool = False) -> None:
        """A new process under a configuration in which that policy decides about dates and descriptions; ``where``:
        tasks that are done do not belong to the sync."""
        whole = configuration(self.history, self.registry, self.cores, self.list_of("todo"), policy, where)
        self.config = loads(msgspec.json.encode(whole).decode(), {}, self.registry, "company.yaml")
        self.restart()

    def restart(self) -> None:
        """The worker is another process from now on."""
        self.fence = StandingFence()
        self.hub = self.worker(self.fence)

    def worker(self, fence: CountingFence | None = None) -> Hub:
        """A process over the company's store."""
        self._workers += 1
        watched = CountingFence() if fence is None else fence

        def around(point: str, request: requests.PreparedRequest) -> None:
            self._around(point, request, watched)

        transports = {name: _Watched(core, around) for name, core in self.cores.items()}
        runtime = Runtime.of(self.clock, self.history.seed * 1000 + self._workers)
        made = type("Worker", (_Company,), {"kept": self.store})
        hub: Hub = made(self.config, self.registry, runtime, transports, watched)
        return hub

    def _around(self, point: str, request: requests.PreparedRequest, fence: CountingFence) -> None:
        if point == "request.sending":
            self._requests += 1
            while self._during and self._during[0][0] <= self._requests:
                step = self._during.pop(0)[1]
                self.person(step)
                self.say(f"meanwhile {step.action} {step.stream}")
        if self._pouncing is not None and request.method in ("POST", "PUT", "PATCH", "DELETE"):
            self._pounce(self._pouncing, point, request)
        fence.point(point)

    def _pounce(self, step: Step, point: str, request: requests.PreparedRequest) -> None:
        """People do something to the very record that a request is about."""
        text = f"{request.url} {request.body!r}"
        found = [(stream, id) for stream in EDITED for id in self.records(stream) if id in text]
        if not found:
            return
        self._writing += point == "request.sending"
        when = "request.sending" if step.value % 3 else "request.answered"
        if self._writing < step.amount or point != when:
            return
        self._pouncing = None
        stream, id = found[0]
        for each in step.during:
            self.person(msgspec.structs.replace(each, stream=stream), id)
            self.say(f"just then {each.action} {stream}")

    def round(self) -> int:
        """Observe and run all syncs once; the number of operations planned."""
        if self.hub.down or self.hub.outdated:
            self.hub.reconnect()
        reports = self.hub.round()
        return sum(report.planned for report in reports) + len(self.hub.down)

    def engine_syncs(self) -> list[str]:
        """The names of all syncs, with what rides with them."""
        riding = [f"tasks.{what}" for what in self.history.riding if "tasks" in self.config.syncs]
        return [*self.config.syncs, *riding]

    # -- running

    def run(self) -> None:
        """All steps, then calm: faults off, time past every window, rounds until nothing is left to do."""
        for number, step in enumerate(self.history.steps):
            self._step(step)
            self.say(f"{number} {step.action} {step.stream}")
        for core in self.cores.values():
            core.faults.clear()
        self.operator.take_up_all()
        for pause in (700.0, 8 * 3600.0):
            quiet = 0
            for _ in range(12):
                self.pass_time(pause if not quiet else 700.0)
                quiet = quiet + 1 if not self.round() and not self.open_intents() else 0
                self.operator.let_through()
                self.operator.take_up_all()
                if quiet == (1 if pause < 1000 else 2):
                    break
        self.say("calm")

    def pass_time(self, seconds: float) -> None:
        """Time goes by; a request that takes effect late does so in its time, not at the next request."""
        while seconds > 0:
            part = min(seconds, 10.0 if any(core.awaits_effects for core in self.cores.values()) else seconds)
            self.clock.advance(part)
            seconds -= part
            for core in self.cores.values():
                core.settle()

    def open_intents(self) -> int:
        with self.store.read() as tx:
            query = sa.select(sa.func.count()).select_from(t.intent).where(t.intent.c.closed_at.is_(None))
            return int(tx.scalar(query) or 0)

    def _step(self, step: Step) -> None:
        match step.action:
            case "round" | "crash" | "busy" | "pounce":
                self._work(step)
            case "twice":
                self.operator.work_twice(step, lambda: self._work(Step("round")))
            case "wait":
                self.pass_time(step.amount)
            case "let":
                self.operator.let_through()
            case "decide":
                self.operator.decide(step)
            case "undo":
                self._guarded(lambda: self.operator.undo(step))
            case "leave":
                self._guarded(lambda: self.operator.leave(step))
            case "reconfigure":
                self.operator.reconfigure(step)
            case "copy":
                self.operator.copies.take()
            case "put_back":
                self.operator.put_back()
            case "fault" | "storm":
                core = self.cores[step.stream.partition(".")[0]]
                storm = Fault("rate_limited", "", times=40, probability=0.7)
                some = Fault(step.kind, step.match, times=1 + step.value % 3, delay=step.amount)
                core.faults.switch_on(storm if step.action == "storm" else some)
            case "calm":
                for core in self.cores.values():
                    core.faults.clear()
            case _:
                self.person(step)

    def _work(self, step: Step) -> None:
        self.fence.left = int(step.amount) if step.action == "crash" else None
        if step.action == "busy":
            self._during = [(self._requests + int(step.amount) + n, each) for n, each in enumerate(step.during)]
        elif step.action == "pounce":
            self._pouncing, self._writing = step, 0
        self._guarded(self.round)
        self.fence.left = None
        self._during, self._pouncing = [], None

    def _guarded(self, work: Callable[[], object]) -> None:
        """Whatever is done, the worker may be killed in it, or find that another one took its place."""
        try:
            work()
        except Crash as crash:
            self.say(f"killed at {crash}")
            self.restart()
        except Fenced:
            self.say("fenced")

    def person(self, step: Step, id: str | None = None) -> None:
        """A person acts. What the service will not have them do is not done."""
        who = PERSONS[(step.item + step.value) % len(PERSONS)]
        try:
            self.people.act(who, step, id)
        except Refusal as refusal:
            self.say(f"{who} may not {step.action} {step.stream}: {refusal.response.status}")

    # -- what there is

    def records(self, stream: str) -> dict[str, dict[str, Any]]:
        """All live records of a side, as payloads."""
        connection, _, own = stream.partition(".")
        found: dict[str, dict[str, Any]] = self.cores[connection].records(own)
        return found

    def shown(self, stream: str, row: dict[str, Any], field: str) -> Any:
        """What a record shows of a field, in words that all systems share."""
        if stream.startswith("files."):
            return plain("name", row.get("name"))
        values = row["fields"] if stream.startswith("tracker.") else row
        return self.plain(stream, field, values.get(NATIVE[stream][field]))

    def plain(self, stream: str, field: str, value: Any) -> Any:
        """A value in the service's form in words that all systems share."""
        if stream == "board.cards" and field == "status":
            return self.lists[value][1] if value in self.lists else value
        if stream == "board.cards" and field == "labels":
            words = {id: label_word(raw) for id, raw in self.cores["board"].labels.items()}
            return sorted(words.get(id, id) for id in value or ())
        return plain(field, value)

    def list_of(self, status: str, board: str | None = None) -> str:
        """The list of a board (of the first one) that stands for a status."""
        wanted = (board or self.boards[0], status)
        return next(id for id, meant in self.lists.items() if meant == wanted)

    def comment_number(self, connection: str, row: dict[str, Any]) -> str | None:
        """Which comment it is, or of which one it is the copy."""
        text = row["data"]["text"] if connection == "board" else _words_of(row["body"])
        found = NUMBERED.search(text)
        return found.group(1) if found else None

    def say(self, what: str) -> None:
        with self.store.read() as tx:
            for row in tx.all(sa.select(t.link.c.side, t.link.c.record)):
                self.tied.setdefault((row["side"], row["record"]), self._told)
        self._told = len(self.log)
        seen = {name: len(core.truth.entries) for name, core in self.cores.items()}
        self.trace.append(f"{self.clock.monotonic():.0f} {what} {msgspec.json.encode(seen).decode()}")


def _words_of(document: Any) -> str:
    """The text of a comment's body, be it a tree or plain."""
    if not isinstance(document, dict):
        return str(document or "")
    return str(document.get("text") or "") + " ".join(_words_of(each) for each in document.get("content") or ())
