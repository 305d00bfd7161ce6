"""A whole company in one thread: the four stand-ins, the application over them, people, trouble and dying workers."""

from __future__ import annotations

import random
from collections.abc import Callable
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
from keepstep.engine import decisions, guard
from keepstep.engine.ports import Ports
from keepstep.hub import Hub
from keepstep.registry import Registry
from keepstep.runtime import Runtime
from keepstep.store import tables as t
from keepstep.store.errors import Fenced
from keepstep.store.store import Store
from keepstep.testing.company_config import SYSTEMS, configuration
from keepstep.testing.company_steps import DAYS, EDITED, FIELDS, LABELS, NAMES, STATUSES, TEXTS, CompanyHistory, Step
from keepstep.testing.company_words import JIRA_STATUS, NATIVE, number_of, plain, title_of
from keepstep.testing.simulator import PERSONS, CountingFence, Crash

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

    def __init__(self, core: SandboxCore, around: Callable[[str], None]) -> None:
        super().__init__(core)
        self._around = around

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        self._around("request.sending")
        answer = super().send(request, *args, **kwargs)
        self._around("request.answered")
        return answer


class Company:
    """One history, from a young company to quiescence. ``trace`` says what happened, line by line."""

    def __init__(self, history: CompanyHistory, store: Store | None = None) -> None:
        self.history = history
        self.clock = VirtualClock()
        self.store = store or Store("sqlite://", self.clock).open()
        self.store._clock = self.clock
        self.registry = Registry.installed()
        self.log: list[tuple[str, Entry]] = []
        """Everything that happened in any system, in order: (connection, entry)."""
        self.cores: dict[str, Any] = {}
        for number, (name, system) in enumerate(SYSTEMS.items()):
            core = self.registry.sandbox(system).build(self.clock, history.seed * 10 + number)
            self.cores[name] = core
            self._listen(name, core)
            if name in history.lags:
                cast(Any, core).search_lag = history.lags[name]
        self._furnish()
        text = msgspec.json.encode(configuration(history, self.registry, self.cores, self.board)).decode()
        self.config = loads(text, {}, self.registry, "company.yaml")
        self.trace: list[str] = []
        self.fence = CountingFence()
        self._numbers: dict[str, int] = {}
        self._workers = 0
        self._requests = 0
        self._during: list[tuple[int, Step]] = []
        self.hub = self._worker()

    def _listen(self, name: str, core: SandboxCore) -> None:
        add = core.truth.add

        def told(**what: Any) -> Entry:
            entry = add(**what)
            self.log.append((name, entry))
            return entry

        core.truth.add = told  # type: ignore[method-assign]

    def _furnish(self) -> None:
        board = self.cores["board"]
        self.board = board.create("Ada", "boards", {"name": "Work"})
        self.lists = {
            each: board.create("Ada", "lists", {"idBoard": self.board, "name": name}) for each, name in LISTS.items()
        }
        self.labels = {}
        for name in ("red", "blue"):
            self.labels[name] = board.create("Ada", "labels", {"idBoard": self.board, "name": name, "color": name})

    # -- workers

    def _worker(self) -> Hub:
        self._workers += 1
        self.fence = CountingFence()
        transports = {name: _Watched(core, self._around) for name, core in self.cores.items()}
        runtime = Runtime.of(self.clock, self.history.seed * 1000 + self._workers)
        made = type("Worker", (_Company,), {"kept": self.store})
        hub: Hub = made(self.config, self.registry, runtime, transports, self.fence)
        return hub

    def _around(self, point: str) -> None:
        if point == "request.sending":
            self._requests += 1
            while self._during and self._during[0][0] <= self._requests:
                step = self._during.pop(0)[1]
                self.person(step)
                self._say(f"meanwhile {step.action} {step.stream}")
        self.fence.point(point)

    def round(self) -> int:
        """Observe and run all syncs once; the number of operations planned."""
        if self.hub.down:
            self.hub.reconnect()
        reports = self.hub.round()
        return sum(report.planned for report in reports) + len(self.hub.down)

    def let_through(self) -> None:
        with self.store.write() as tx:
            for sync in self.config.syncs:
                guard.let_through(tx, self.hub.ports, sync, "Judge")

    # -- running

    def run(self) -> None:
        """All steps, then calm: faults off, time past every window, rounds until nothing is left to do."""
        for number, step in enumerate(self.history.steps):
            self._step(step)
            self._say(f"{number} {step.action} {step.stream}")
        for core in self.cores.values():
            core.faults.clear()
        for pause in (700.0, 8 * 3600.0):
            quiet = 0
            for _ in range(12):
                self._pass(pause if not quiet else 700.0)
                quiet = quiet + 1 if not self.round() and not self.open_intents() else 0
                self.let_through()
                if quiet == (1 if pause < 1000 else 2):
                    break
        self._say("calm")

    def _pass(self, seconds: float) -> None:
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
            case "round" | "crash" | "busy":
                self._work(step)
            case "wait":
                self._pass(step.amount)
            case "let":
                self.let_through()
            case "decide":
                self._decide(step)
            case "fault":
                core = self.cores[step.stream.partition(".")[0]]
                core.faults.switch_on(Fault(step.kind, step.match, times=1 + step.value % 3, delay=step.amount))
            case "calm":
                for core in self.cores.values():
                    core.faults.clear()
            case _:
                self.person(step)

    def _work(self, step: Step) -> None:
        self.fence.left = int(step.amount) if step.action == "crash" else None
        if step.action == "busy":
            self._during = [(self._requests + int(step.amount) + n, each) for n, each in enumerate(step.during)]
        try:
            self.round()
        except Crash as crash:
            self._say(f"killed at {crash}")
            self.hub = self._worker()
        except Fenced:
            self._say("fenced")
        self.fence.left = None
        self._during = []

    def _decide(self, step: Step) -> None:
        with self.store.read() as tx:
            rows = tx.all(sa.select(t.conflict).order_by(t.conflict.c.entity, t.conflict.c.field))
            if not rows:
                return
            row = rows[step.item % len(rows)]
            sync = str(tx.scalar(sa.select(t.entity.c.sync).where(t.entity.c.id == row["entity"])))
        candidates = sorted(row["state"]["candidates"])
        chosen = candidates[step.value % len(candidates)]
        decisions.resolve(self.hub.ports, sync, row["entity"], row["field"], chosen, row["state"]["rev"], "Judge")

    # -- people

    def person(self, step: Step) -> None:
        """A person acts. What the service will not have them do is not done."""
        who = PERSONS[(step.item + step.value) % len(PERSONS)]
        try:
            self._act(who, step)
        except Refusal as refusal:
            self._say(f"{who} may not {step.action} {step.stream}: {refusal.response.status}")

    def _act(self, who: str, step: Step) -> None:
        name = NAMES[step.value % len(NAMES)]
        match step.action:
            case "customer":
                self.cores["crm"].create(who, "Accounts", {"Account_Name": self._named("c", name)})
            case "deal":
                self._deal(who, self._named("d", name), step)
            case "task":
                stream = step.stream if step.stream in ("tracker.issues", "board.cards") else "tracker.issues"
                self._task(who, stream, self._named("t", name))
            case "counterpart":
                self._counterpart(who, step)
            case "note":
                self._note(who, step)
            case "file":
                self._file(who, name, step)
            case "edit" | "set_back" | "echo_edit":
                self._edit(who, step)
            case "delete" | "restore" | "archive":
                self._remove(who, step)

    def _named(self, kind: str, name: str) -> str:
        self._numbers[kind] = self._numbers.get(kind, 0) + 1
        return f"{name} #{kind}{self._numbers[kind]}"

    def _deal(self, who: str, name: str, step: Step) -> None:
        accounts = sorted(self.records("crm.Accounts"))
        values = {"Deal_Name": name, "Stage": "Closed Won" if step.amount else "Qualification"}
        values["Closing_Date"] = DAYS[step.value % 3] or ""
        if accounts:
            values["Account_Name"] = {"id": accounts[step.item % len(accounts)]}  # type: ignore[assignment]
        self.cores["crm"].create(who, "Deals", values)

    def _task(self, who: str, stream: str, name: str) -> None:
        if stream == "board.cards":
            self.cores["board"].create(who, "cards", {"idList": self.lists["todo"], "name": name})
        else:
            self.cores["tracker"].create(who, "issues", {"summary": name})

    def _counterpart(self, who: str, step: Step) -> None:
        """A person makes by hand what the hub may be about to make."""
        here, there = {
            "crm.Deals": ("crm.Deals", "tracker.epics"),
            "tracker.epics": ("crm.Deals", "tracker.epics"),
            "tracker.issues": ("board.cards", "tracker.issues"),
        }.get(step.stream, ("tracker.issues", "board.cards"))
        taken = {number_of(self.shown(there, row, title_of(there))) for row in self.records(there).values()}
        names = [self.shown(here, row, title_of(here)) for _, row in sorted(self.records(here).items())]
        free = [name for name in names if number_of(name) not in taken and number_of(name)]
        if not free:
            return
        name = free[step.item % len(free)]
        if there == "tracker.epics":
            self.cores["tracker"].create(who, "epics", {"summary": name, "duedate": DAYS[step.value % 4]})
        else:
            self._task(who, there, name)

    def _note(self, who: str, step: Step) -> None:
        deals = sorted(self.records("crm.Deals"))
        if deals:
            parent = {"module": {"api_name": "Deals"}, "id": deals[step.item % len(deals)]}
            title = f"[feedback] {self._named('n', NAMES[step.value % len(NAMES)])}"
            self.cores["crm"].create(who, "Notes", {"Note_Title": title, "Note_Content": "slow", "Parent_Id": parent})

    def _file(self, who: str, name: str, step: Step) -> None:
        places = sorted(self.records("files.category_folders")) or sorted(self.records("files.project_folders"))
        if places:
            parents = [places[step.item % len(places)]]
            self.cores["files"].create(
                who, "files", {"name": f"{name}.pdf", "mimeType": "application/pdf", "parents": parents}
            )

    def _edit(self, who: str, step: Step) -> None:
        stream = step.stream if step.stream in EDITED else "crm.Deals"
        rows = self.records(stream)
        if not rows:
            return
        id = sorted(rows)[step.item % len(rows)]
        field = FIELDS[stream][step.field % len(FIELDS[stream])]
        native = NATIVE[stream][field]
        connection, _, own = stream.partition(".")
        if step.action == "edit":
            self.cores[connection].edit(who, own, id, self._values(stream, rows[id], field, step.value))
        elif step.action == "set_back":
            mine = [entry for name, entry in self.log if name == connection and entry.id == id]
            before = [e.changes[native][0] for e in mine if e.kind == "update" and native in e.changes]
            if before:
                self.cores[connection].edit(who, own, id, {native: before[-1]})
        else:
            shown = [self.shown(each, row, field) for each in EDITED if each != stream and field in FIELDS[each]
                     for row in self.records(each).values()]  # fmt: skip
            values: tuple[Any, ...] = {"due_date": DAYS, "status": STATUSES}.get(field, ())
            if shown and shown[step.value % len(shown)] in values:
                value = values.index(shown[step.value % len(shown)])
                self.cores[connection].edit(who, own, id, self._values(stream, rows[id], field, value))

    def _values(self, stream: str, row: dict[str, Any], field: str, index: int) -> dict[str, Any]:
        """A new value of a field in the service's own words."""
        native = NATIVE[stream][field]
        if field in ("name", "title"):
            number = number_of(self.shown(stream, row, field))
            return {native: f"{NAMES[index % len(NAMES)]} #{number}" if number else NAMES[index % len(NAMES)]}
        if field == "description":
            return {native: TEXTS[index % len(TEXTS)]}
        if field == "status":
            chosen = STATUSES[index % 3]
            if stream == "board.cards":
                return {native: self.lists[chosen]}
            return {native: {"statusCategory": {"key": JIRA_STATUS[chosen]}}}
        if field == "labels":
            names = LABELS[index % len(LABELS)]
            return {native: [self.labels[name] for name in names] if stream == "board.cards" else list(names)}
        day = DAYS[index % (3 if stream == "crm.Deals" else 4)]
        if stream == "board.cards" and day is not None:
            return {native: f"{day}T{index % 20:02d}:00:00.000Z"}
        return {native: day}

    def _remove(self, who: str, step: Step) -> None:
        stream = step.stream
        connection, _, own = stream.partition(".")
        core = self.cores[connection]
        if step.action == "restore":
            dead = [e.id for name, e in self.log if name == connection and e.stream == own and e.id not in
                    self.records(stream) and e.kind in ("create", "delete", "update")]  # fmt: skip
            dead = sorted(set(dead))
            if dead and connection in ("crm", "files"):
                core.restore(who, own, dead[step.item % len(dead)])
            return
        rows = sorted(self.records(stream))
        if not rows:
            return
        id = rows[step.item % len(rows)]
        if step.action == "delete":
            core.delete(who, own, id)
        elif stream == "board.cards":
            core.edit(who, own, id, {"closed": step.value % 3 > 0})

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
            return next((name for name, id in self.lists.items() if id == value), value)
        if stream == "board.cards" and field == "labels":
            words = {id: label_word(raw) for id, raw in self.cores["board"].labels.items()}
            return sorted(words.get(id, id) for id in value or ())
        return plain(field, value)

    def _say(self, what: str) -> None:
        seen = {name: len(core.truth.entries) for name, core in self.cores.items()}
        self.trace.append(f"{self.clock.monotonic():.0f} {what} {msgspec.json.encode(seen).decode()}")
