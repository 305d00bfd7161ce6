"""The scripted day: people act in four systems, and Keepstep does what it does."""

from __future__ import annotations

import sqlalchemy as sa

from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.faults import Fault
from keepstep.demo import writing
from keepstep.demo.events import Tale
from keepstep.demo.stage import Stage
from keepstep.demo.watch import Watch
from keepstep.engine import guard
from keepstep.engine.decisions import resolve
from keepstep.hub import Hub
from keepstep.store import tables as t

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
PATIENCE = 8
"""Rounds after which a scene must have come to rest."""
ISSUES = "POST /rest/api/3/issue$|POST /rest/api/3/issue/bulk$"


class Restless(Exception):
    """A scene did not come to rest: what was written led to more and more writes."""


class ScriptedDay:
    """One day over a stage. ``play`` leads through all scenes; each is a method of its own."""

    SCENES = (
        "first_plan",
        "won",
        "conflict",
        "card",
        "document",
        "note",
        "amount",
        "lost_answer",
        "decision",
        "handoff",
    )

    def __init__(self, stage: Stage, hub: Hub, clock: VirtualClock) -> None:
        self.stage = stage
        self.hub = hub
        self.clock = clock
        self.tale = Tale(clock)
        self.watch = Watch(hub, self.tale)
        self.company = stage.company
        self.cast = stage.company.cast
        self.staff = stage.company.cast.staff

    def play(self) -> Tale:
        for name in self.SCENES:
            self.tale.begin(name)
            getattr(self, f"scene_{name}")()
        return self.tale

    # -- the scenes

    def scene_first_plan(self) -> None:
        """Nothing is written before somebody has seen the plan."""
        self._come_to_rest()

    def scene_won(self) -> None:
        """An offer is won, and the same customer orders more by telephone: folders and an epic appear for it."""
        crm, sales = self.company.crm, self.staff.sales
        crm.edit(sales, "Deals", self.company.ids["deal:shop"], {"Stage": self.company.won()})
        self._did("won", sales, title=self._project("shop"))
        values = {
            "Deal_Name": self.cast.day.order,
            "Account_Name": {"id": self.company.ids["account:optik"]},
            "Stage": self.company.won(),
            "Closing_Date": self.company.day(30),
            "Amount": 6000.0,
        }
        self.company.ids["deal:order"] = crm.create(sales, "Deals", values)
        self._did("ordered", sales, title=self.cast.day.order)
        self._come_to_rest()

    def scene_conflict(self) -> None:
        """Two people move one date within the same minutes."""
        ids = self.company.ids
        promised, planned = self.company.day(60), self.company.day(52)
        self.company.crm.edit(self.staff.sales, "Deals", ids["deal:routes"], {"Closing_Date": promised})
        self._did("moved_closing", self.staff.sales, title=self._project("routes"), day=promised)
        self.clock.advance(MINUTE)
        self.company.tracker.edit(self.staff.lead, "epics", ids["epic:routes"], {"duedate": planned})
        self._did("moved_due", self.staff.lead, title=self._project("routes"), day=planned)
        self._come_to_rest()

    def scene_card(self) -> None:
        """A card is dragged to done; the issue follows along its workflow."""
        card = self._doing()
        id, done = self.company.ids[f"card:{card}"], self.company.ids["board:2"]
        self.company.board.edit(self.staff.designer, "cards", id, {"idList": done})
        self._did("dragged", self.staff.designer, title=card, list=self.cast.board.lists[2])
        self._come_to_rest()

    def scene_document(self) -> None:
        """A document in a category folder is linked at the project's epic; one in the wrong folder is told."""
        place = self.company.ids["plan:erp"]
        values = {"name": self.cast.day.document, "parents": [place], "mimeType": writing.GOOGLE_DOC}
        self.company.files.create(self.staff.designer, "files", values)
        self._did("filed", self.staff.designer, title=self.cast.day.document, place=self.cast.categories["plan"])
        self.company.files.create(self.staff.designer, "files", {**values, "name": self.cast.day.stray})
        self._did("filed", self.staff.designer, title=self.cast.day.stray, place=self.cast.categories["plan"])
        self._come_to_rest()

    def scene_note(self) -> None:
        """What a customer says, noted in the CRM, reaches the team as an issue."""
        day = self.cast.day
        values = {
            "Note_Title": f"[feedback] {day.note_title}",
            "Note_Content": day.note_text,
            "Parent_Id": {"module": {"api_name": "Deals"}, "id": self.company.ids["deal:erp"]},
        }
        self.company.crm.create(self.staff.sales, "Notes", values)
        self._did("noted", self.staff.sales, title=day.note_title, client=day.client)
        self._come_to_rest()

    def scene_amount(self) -> None:
        """A watched field changes in the CRM: the project's manager gets a task."""
        project = next(each for each in self.cast.projects if each.key == "portal")
        amount = (project.amount or 0.0) * 1.2
        self.company.crm.edit(self.staff.sales, "Deals", self.company.ids["deal:portal"], {"Amount": amount})
        self._did("raised", self.staff.sales, title=project.name)
        self._come_to_rest()

    def scene_lost_answer(self) -> None:
        """A new card becomes an issue, and the answer to that create is lost on the way."""
        name, place = self.cast.day.loose_card, self.company.ids["board:0"]
        self.company.board.create(self.staff.developer, "cards", {"name": name, "idList": place})
        self._did("carded", self.staff.developer, title=name)
        self.company.tracker.faults.switch_on(Fault("lost_after", match=ISSUES, times=1))
        self.tale.add("trouble", "demo_line_cut", side="tracker.issues")
        self._come_to_rest()
        made = self.issues_called(name)
        self.tale.add("note", "demo_counted", title=name, side="tracker.issues", count=len(made))

    def scene_decision(self) -> None:
        """A person decides the conflict of the morning."""
        self.clock.advance(HOUR)
        entity = self.entity("crm.Deals", self.company.ids["deal:routes"])
        with self.hub.store.read() as tx:
            row = tx.one(sa.select(t.conflict).where(t.conflict.c.entity == entity, t.conflict.c.field == "due_date"))
        if row is None:
            raise LookupError("the conflict about the date is not open")
        resolve(self.hub.ports, "projects", entity, "due_date", "crm.Deals", row["state"]["rev"], self.staff.lead)
        self.tale.add("decision", "demo_decided", who=self.staff.lead, title=self._project("routes"), side="crm.Deals")
        self._come_to_rest()

    def scene_handoff(self) -> None:
        """Days go by, and nobody has led or started the project that was won."""
        self.clock.advance(3 * DAY)
        self._come_to_rest()

    # -- the ways of the day

    def entity(self, side: str, record: str) -> str:
        """The entity that a record is a view of. Raises LookupError if it has none."""
        with self.hub.store.read() as tx:
            found = tx.scalar(sa.select(t.link.c.entity).where(t.link.c.side == side, t.link.c.record == record))
        if found is None:
            raise LookupError(f"{side} {record} is not linked")
        return str(found)

    def issues_called(self, title: str) -> list[str]:
        """The issues of that name that are in the tracker."""
        rows = self.company.tracker.records("issues").items()
        return [id for id, row in rows if row["fields"]["summary"] == title]

    def _did(self, code: str, who: str, **params: str) -> None:
        self.tale.add("person", f"demo_did_{code}", who=who, **params)

    def _project(self, key: str) -> str:
        return next(each.name for each in self.cast.projects if each.key == key)

    def _doing(self) -> str:
        tasks = (task for project in self.cast.projects for task in project.tasks)
        return next(task.title for task in tasks if task.card and task.status == "doing")

    def _come_to_rest(self) -> None:
        """Rounds, a few minutes apart, until no plan is held and no write is on its way. Held ones are let through."""
        for _ in range(PATIENCE):
            self.clock.advance(3 * MINUTE)
            self.hub.round()
            self.watch.look()
            if not self._ask() and not self._open():
                return
        raise Restless(self.tale.scene)

    def _open(self) -> bool:
        """Whether some write is still on its way."""
        with self.hub.store.read() as tx:
            query = sa.select(sa.func.count()).select_from(t.intent).where(t.intent.c.closed_at.is_(None))
            return bool(tx.scalar(query))

    def _ask(self) -> int:
        """Show every plan that is held to the project lead, who lets it through. Returns how many there were."""
        with self.hub.store.read() as tx:
            rows = tx.all(sa.select(t.hold).where(t.hold.c.state == "open").order_by(t.hold.c.sync, t.hold.c.reason))
        for row in rows:
            plan = self.hub.plan(row["sync"])
            counts = {kind: sum(each.kind == kind for each in plan.operations) for kind in ("create", "update")}
            self.tale.add("plan", "demo_plan_held", sync=row["sync"], reason=guard.reason_of(row["reason"]), **counts)
            with self.hub.store.write() as tx:
                guard.let_through(tx, self.hub.ports, row["sync"], self.staff.lead)
            self.tale.add("decision", "demo_let_through", who=self.staff.lead, sync=row["sync"])
        return len(rows)
