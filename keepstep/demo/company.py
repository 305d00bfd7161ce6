"""A consultancy's year in four systems: named people act in the order in which it happened."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from connectors.google_drive.sandbox.core import GoogleDriveSandbox
from connectors.jira.sandbox import JiraSandbox
from connectors.sandbox.core import SandboxCore
from connectors.trello.sandbox import TrelloSandbox
from connectors.zoho_crm.sandbox import ZohoSandbox
from connectors.zoho_crm.sandbox.modules import FieldDef
from keepstep.demo import writing
from keepstep.demo.cast import Board, Cast, Customer, Project, Task
from keepstep.demo.clock import CatchingUp

DAY = 86_400.0
YEAR = 365 * DAY
STAGES = {"lead": "Qualification", "offer": "Negotiation/Review", "won": "Closed Won", "lost": "Closed Lost"}
JIRA_STATUS = {"doing": "indeterminate", "done": "done"}
CONTRACT = "customfield_10400"
CUSTOM: Mapping[str, dict[str, Any]] = {
    "crm": {"custom": {"Deals": {"contract_number": "Contract_No"}}},
    "tracker": {"custom": {"epics": {"contract_number": CONTRACT}}},
}
"""Connection -> where it keeps the company's own fields."""
STREAMS = {
    "crm": ("Accounts", "Contacts", "Deals", "Notes"),
    "tracker": ("epics", "issues", "comments", "remote_links"),
    "board": ("boards", "lists", "cards", "comments"),
    "files": ("client_folders", "project_folders", "category_folders", "folders", "files", "comments"),
}
"""Connection -> the streams whose records are counted."""


@dataclass
class Company:
    """The four systems and what in them is known by a name of ours."""

    cast: Cast
    clock: CatchingUp
    crm: ZohoSandbox
    tracker: JiraSandbox
    board: TrelloSandbox
    files: GoogleDriveSandbox
    seed: int = 1
    ids: dict[str, str] = field(default_factory=dict)
    """``deal:routes``, ``epic:routes``, ``folder:hanse``, ``list:board:1`` ... -> the record's id."""
    _past: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    @property
    def cores(self) -> dict[str, SandboxCore]:
        return {"crm": self.crm, "tracker": self.tracker, "board": self.board, "files": self.files}

    def live(self, records: int | None = None) -> None:
        """Let the year happen. With ``records``, so much more of it that about so many records are there at the end."""
        if self.cast.language == "zh-CN":
            self.crm.localise("zh")
            self.tracker.localise("zh")
        self._contracts()
        self._staff()
        for customer in self.cast.customers:
            self._customer(customer)
        for project in self.cast.projects:
            self._project(project)
        self._board("board", self.cast.board, 150)
        self._board("second", self.cast.second_board, 100)
        for name in self.cast.internal:
            self._at(250, partial(self._epic_of, name))
        self._at(3, lambda: self.tracker.delete(self.cast.staff.lead, "users", self.ids["jira:gone"]))
        if records is not None:
            self._more(records)
        for ago, _, happen in sorted(self._past, key=lambda each: (-each[0], each[1])):
            self.clock.until(ago)
            happen()
        self.clock.arrive()

    def size(self) -> dict[str, int]:
        """Connection -> how many records its streams hold."""
        return {
            name: sum(len(self.cores[name].records(stream)) for stream in streams) for name, streams in STREAMS.items()
        }

    def day(self, days: int) -> str:
        """The day that many days from now, where the company is."""
        return (self._here(self.clock.now()) + timedelta(days=days)).date().isoformat()

    def _here(self, moment: datetime) -> datetime:
        return moment.astimezone(ZoneInfo(self.cast.zone))

    def _at(self, days_ago: float, happen: Callable[[], None]) -> None:
        """Remember what happened that many days ago, some time in working hours."""
        ago = max(3600.0, days_ago * DAY - self.rng.uniform(0, 8 * 3600))
        self._past.append((ago, len(self._past), happen))

    # -- people

    def _staff(self) -> None:
        staff = self.cast.staff
        for role in ("sales", "lead", "developer", "designer", "gone"):
            name = str(getattr(staff, role))
            self.ids[f"zoho:{role}"] = self.crm.hire(name)
            self.ids[f"jira:{role}"] = self.tracker.create(name, "users", {"displayName": name})
            self.ids[f"trello:{role}"] = self.board.create(name, "members", {"fullName": name})
        # Two people with one name: only their accounts tell them apart.
        self.ids["jira:namesake"] = self.tracker.create(staff.lead, "users", {"displayName": staff.developer})

    # -- the CRM and its customers

    def _customer(self, customer: Customer) -> None:
        self._at(360, lambda: self._account(customer))

    def _account(self, customer: Customer) -> None:
        sales = self.cast.staff.sales
        account = self.crm.create(
            sales,
            "Accounts",
            {
                "Account_Name": customer.name,
                "Industry": customer.industry,
                "Website": customer.website,
                "Description": customer.note,
            },
        )
        self.ids[f"account:{customer.key}"] = account
        for contact in customer.contacts:
            values = {
                "First_Name": contact.first,
                "Last_Name": contact.last,
                "Title": contact.title,
                "Email": contact.email,
                "Phone": contact.phone,
                "Account_Name": {"id": account},
            }
            self.crm.create(sales, "Contacts", values)
        if customer.folder is not None:
            name = customer.folder or customer.name
            self.ids[f"folder:{customer.key}"] = self.files.create(sales, "client_folders", {"name": name})

    def _project(self, project: Project) -> None:
        self._at(project.begun, lambda: self._deal(project))
        if project.stage in ("won", "lost"):
            ago = max(1, project.begun - 15)
            self._at(ago, lambda: self._decided(project))
        after = max(0.5, project.begun - 17)
        if project.epic is not None:
            self._at(after, lambda: self._epic(project))
            for number, task in enumerate(project.tasks):
                self._at(max(0.3, after - 1 - number), partial(self._issue, project, task))
        if project.folder:
            self._at(max(0.4, after - 2), lambda: self._folders(project))

    def _deal(self, project: Project) -> None:
        stage = "offer" if project.stage in ("won", "lost") else project.stage
        values = {
            "Deal_Name": project.name,
            "Account_Name": {"id": self.ids[f"account:{project.customer}"]},
            "Stage": self._stage(stage),
            "Closing_Date": self._on(project.closes),
            "Amount": project.amount,
            "Description": project.text or None,
            "Tag": [{"name": name} for name in project.tags],
        }
        self.ids[f"deal:{project.key}"] = self.crm.create(self.cast.staff.sales, "Deals", values)

    def _contracts(self) -> None:
        """Both systems have a field of the company's own for a contract's number; the team hardly ever fills theirs."""
        called = "合同编号" if self.cast.language == "zh-CN" else "Contract number"
        self.crm.ledger.modules["Deals"]["Contract_No"] = FieldDef("Contract_No", "text", called, custom=True)
        self.tracker.add_field(CONTRACT, called, "text")

    def _decided(self, project: Project) -> None:
        change = {"Stage": self._stage(project.stage)}
        if project.stage == "won":
            change["Contract_No"] = f"C-{1000 + project.begun}"
        self.crm.edit(self.cast.staff.sales, "Deals", self.ids[f"deal:{project.key}"], change)

    def _stage(self, name: str) -> str:
        """A stage by its class, in the organisation's own word."""
        stored = STAGES[name]
        picks = self.crm.ledger.modules["Deals"]["Stage"].picks
        return next(pick.shown for pick in picks if pick.stored == stored)

    def won(self) -> str:
        """What the CRM calls a won deal."""
        return self._stage("won")

    def _on(self, days: int) -> str:
        """A day counted from the end of the year that is lived through here."""
        return (self._here(self._today) + timedelta(days=days)).date().isoformat()

    @property
    def _today(self) -> datetime:
        return self.clock.present()

    # -- the tracker

    def _epic_of(self, name: str) -> None:
        self.tracker.create(self.cast.staff.lead, "epics", {"summary": name})

    def _epic(self, project: Project) -> None:
        staff = self.cast.staff
        values: dict[str, Any] = {
            "summary": project.epic or project.name,
            "duedate": self._on(project.closes if project.due is None else project.due),
            "labels": [name.replace(" ", "-") for name in project.tags],
        }
        if project.text:
            values["description"] = project.text
        if project.led:
            values["assignee"] = {"accountId": self.ids["jira:lead"]}
        self.ids[f"epic:{project.key}"] = self.tracker.create(staff.lead, "epics", values)

    def _issue(self, project: Project, task: Task) -> None:
        staff = self.cast.staff
        epic = self.ids[f"epic:{project.key}"]
        worker = self.rng.choice(("jira:developer", "jira:designer", "jira:gone", "jira:namesake"))
        values: dict[str, Any] = {
            "summary": task.title,
            "parent": {"id": epic},
            "assignee": {"accountId": self.ids[worker]},
            "description": self._written(task),
            "duedate": self._on(project.closes - 10) if task.status != "done" else None,
        }
        if task.status in JIRA_STATUS:
            values["status"] = {"statusCategory": {"key": JIRA_STATUS[task.status]}}
        issue = self.tracker.create(staff.lead, "issues", values)
        self.ids[f"issue:{task.title}"] = issue
        for title in task.subtasks:
            self.tracker.create(staff.designer, "issues", {"summary": title, "parent": {"id": issue}})
        for text in task.comments:
            self.tracker.create(staff.developer, "comments", {"issue": {"id": issue}, "body": text})

    def _written(self, task: Task) -> Any:
        """What an issue says; on one that is internal, somebody is asked to look at it."""
        if not task.text:
            return None
        asked = None if task.card else (self.ids["jira:lead"], self.cast.staff.lead)
        return writing.document(task.text, asked)

    # -- the documents

    def _folders(self, project: Project) -> None:
        lead = self.cast.staff.lead
        parent = self.ids.get(f"folder:{project.customer}")
        top = self.files.create(lead, "project_folders", {"name": project.name, "parents": [parent]})
        self.ids[f"project:{project.key}"] = top
        for number, category in enumerate(dict.fromkeys(category for category, _ in project.documents)):
            name = self.cast.categories[category]
            # People number their folders, some of them.
            written = f"{number + 1:02d} {name}" if number == 1 else name
            place = self.files.create(lead, "category_folders", {"name": written, "parents": [top]})
            self.ids[f"{category}:{project.key}"] = place
        for category, name in project.documents:
            values = {"name": name, "parents": [self.ids[f"{category}:{project.key}"]], "mimeType": writing.GOOGLE_DOC}
            self.files.create(self.cast.staff.designer, "files", values)

    # -- the boards

    def _board(self, key: str, board: Board, ago: float) -> None:
        self._at(ago, lambda: self._furnish(key, board))
        for name, status in board.cards:
            self._at(ago / 2, partial(self._loose, key, name, status))
        project = next(each for each in self.cast.projects if each.key == board.project)
        for task in project.tasks:
            if task.card:
                self._at(ago / 3, partial(self._card_of, key, board, task))
        self._at(20, lambda: self._tidy(key))

    def _furnish(self, key: str, board: Board) -> None:
        lead = self.cast.staff.lead
        id = self.board.create(lead, "boards", {"name": board.name})
        self.ids[key] = id
        for number, name in enumerate((*board.lists, board.archived)):
            self.ids[f"{key}:{number}"] = self.board.create(lead, "lists", {"name": name, "idBoard": id})
        for name, colour in board.labels:
            self.board.create(lead, "labels", {"name": name, "color": colour, "idBoard": id})

    def _card(self, key: str, name: str, status: str, **more: Any) -> str:
        place = self.ids[f"{key}:{('todo', 'doing', 'done').index(status)}"]
        values = {"name": name, "idList": place, **more}
        return self.board.create(self.cast.staff.designer, "cards", values)

    def _loose(self, key: str, name: str, status: str) -> None:
        self._card(key, name, status)

    def _card_of(self, key: str, board: Board, task: Task) -> None:
        text = task.text if task.on_card is None else task.on_card
        more: dict[str, Any] = {"desc": text} if text else {}
        if task.status == "doing":
            more["checklists"] = {
                "add": [{"name": text, "state": "complete" if done else "incomplete"} for text, done in board.checklist]
            }
            more["labels"] = [board.labels[0][0]]
        card = self._card(key, task.title, task.status, **more)
        self.ids[f"card:{task.title}"] = card
        if task.status == "doing":
            for text in board.comments:
                self.board.create(self.cast.staff.developer, "comments", {"idCard": card, "text": text})

    def _tidy(self, key: str) -> None:
        """Somebody archives a list and leaves an open card on it."""
        place = self.ids[f"{key}:3"]
        values = {"name": f"{self.cast.bulk[0]}?", "idList": place}
        self.board.create(self.cast.staff.gone, "cards", values)
        self.board.edit(self.cast.staff.lead, "lists", place, {"closed": True})

    # -- much more of it

    def _more(self, records: int) -> None:
        """Customers with a contact, deals won long ago, their epics, issues and files, until the number is reached."""
        present = 100  # what the company's own story comes to
        number = 0
        while present < records:
            self._at(self.rng.uniform(120, 350), partial(self._bulk, number))
            present += BULK
            number += 1

    def _bulk(self, number: int) -> None:
        words, staff = self.cast.bulk, self.cast.staff
        name = f"{words[number % len(words)]} {words[number // len(words) % len(words)]} {number}"
        account = self.crm.create(staff.sales, "Accounts", {"Account_Name": name})
        self.crm.create(staff.sales, "Contacts", {"Last_Name": words[number % 7], "Account_Name": {"id": account}})
        values = {"Deal_Name": f"{name} I", "Account_Name": {"id": account}, "Amount": float(number % 90 * 1000)}
        closed: Mapping[str, Any] = {"Stage": self._stage("won"), "Closing_Date": self._on(-120 - number % 200)}
        self.crm.create(staff.sales, "Deals", {**values, **closed})
        due = closed["Closing_Date"]
        epic = self.tracker.create(staff.lead, "epics", {"summary": f"{name} I", "duedate": due})
        done = {"statusCategory": {"key": "done"}}
        for task in range(8):
            title = f"{name}: {words[task]}"
            self.tracker.create(staff.developer, "issues", {"summary": title, "parent": {"id": epic}, "status": done})
        folder = self.files.create(staff.lead, "client_folders", {"name": name})
        top = self.files.create(staff.lead, "project_folders", {"name": f"{name} I", "parents": [folder]})
        place = self.files.create(
            staff.lead, "category_folders", {"name": self.cast.categories["plan"], "parents": [top]}
        )
        for document in range(5):
            self.files.create(staff.designer, "files", {"name": f"{words[document]}.txt", "parents": [place]})


BULK = 20
"""Records that one more customer brings."""
