"""What people do in the company's four systems. What a service will not have them do is not done."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from keepstep.testing.company_steps import DAYS, EDITED, FIELDS, LABELS, NAMES, STATUSES, TEXTS, Step
from keepstep.testing.company_words import JIRA_STATUS, NATIVE, number_of, title_of

if TYPE_CHECKING:
    from keepstep.testing.company_world import Company

WRITTEN: Final = {
    "tracker.issues": ("tracker", "comments", "attachments"),
    "board.cards": ("board", "comments", "attachments"),
}


class People:
    """Named persons who act on the records of a company."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._cores = company.cores
        self._numbers: dict[str, int] = {}

    def act(self, who: str, step: Step, id: str | None = None) -> None:
        """One person does one thing; ``id``: to that very record of the step's stream. Raises ``Refusal``."""
        name = NAMES[step.value % len(NAMES)]
        match step.action:
            case "customer":
                self._cores["crm"].create(who, "Accounts", {"Account_Name": self._named("c", name)})
            case "deal":
                self._deal(who, self._named("d", name), step)
            case "task":
                stream = step.stream if step.stream in WRITTEN else "tracker.issues"
                self._task(who, stream, self._named("t", name))
            case "counterpart":
                self._counterpart(who, step)
            case "note":
                self._note(who, step)
            case "file":
                self._file(who, name, step)
            case "edit" | "set_back" | "echo_edit":
                self._edit(who, step, id)
            case "delete" | "restore" | "archive":
                self._remove(who, step, id)
            case "move":
                self._move(who, step)
            case "merge":
                self._merge(who, step)
            case "comment" | "attach":
                self._put(who, step)
            case "recomment":
                self._recomment(who, step)

    def _named(self, kind: str, name: str) -> str:
        self._numbers[kind] = self._numbers.get(kind, 0) + 1
        return f"{name} #{kind}{self._numbers[kind]}"

    # -- making

    def _deal(self, who: str, name: str, step: Step) -> None:
        accounts = sorted(self._company.records("crm.Accounts"))
        values: dict[str, Any] = {"Deal_Name": name, "Stage": "Closed Won" if step.amount else "Qualification"}
        values["Closing_Date"] = DAYS[step.value % 3] or ""
        if accounts:
            values["Account_Name"] = {"id": accounts[step.item % len(accounts)]}
        self._cores["crm"].create(who, "Deals", values)

    def _task(self, who: str, stream: str, name: str) -> None:
        if stream == "board.cards":
            self._cores["board"].create(who, "cards", {"idList": self._company.list_of("todo"), "name": name})
        else:
            self._cores["tracker"].create(who, "issues", {"summary": name})

    def _counterpart(self, who: str, step: Step) -> None:
        """A person makes by hand what the hub may be about to make."""
        here, there = {
            "crm.Deals": ("crm.Deals", "tracker.epics"),
            "tracker.epics": ("crm.Deals", "tracker.epics"),
            "tracker.issues": ("board.cards", "tracker.issues"),
        }.get(step.stream, ("tracker.issues", "board.cards"))
        company = self._company
        taken = {number_of(company.shown(there, row, title_of(there))) for row in company.records(there).values()}
        names = [company.shown(here, row, title_of(here)) for _, row in sorted(company.records(here).items())]
        free = [name for name in names if number_of(name) not in taken and number_of(name)]
        if not free:
            return
        name = free[step.item % len(free)]
        if there == "tracker.epics":
            self._cores["tracker"].create(who, "epics", {"summary": name, "duedate": DAYS[step.value % 4]})
        else:
            self._task(who, there, name)

    def _note(self, who: str, step: Step) -> None:
        deals = sorted(self._company.records("crm.Deals"))
        if deals:
            parent = {"module": {"api_name": "Deals"}, "id": deals[step.item % len(deals)]}
            title = f"[feedback] {self._named('n', NAMES[step.value % len(NAMES)])}"
            note = {"Note_Title": title, "Note_Content": "slow", "Parent_Id": parent}
            self._cores["crm"].create(who, "Notes", note)

    def _file(self, who: str, name: str, step: Step) -> None:
        records = self._company.records
        places = sorted(records("files.category_folders")) or sorted(records("files.project_folders"))
        if places:
            parents = [places[step.item % len(places)]]
            file = {"name": f"{name}.pdf", "mimeType": "application/pdf", "parents": parents}
            self._cores["files"].create(who, "files", file)

    # -- talking

    def _put(self, who: str, step: Step) -> None:
        """Say something about a task, or put a file on it."""
        stream = step.stream if step.stream in WRITTEN else "tracker.issues"
        rows = sorted(self._company.records(stream))
        if not rows:
            return
        id, core = rows[step.item % len(rows)], self._cores[stream.partition(".")[0]]
        if step.action == "comment":
            text = self._named("m", TEXTS[1 + step.value % 2])
            said: dict[str, Any] = {"issue": {"id": id}, "body": text}
            if stream == "board.cards":
                said = {"idCard": id, "text": text}
            core.create(who, "comments", said)
            return
        name, body = self._named("a", "plan"), f"file {step.value % 3}".encode()
        put: dict[str, Any] = {"issue": {"id": id}, "filename": name, "bytes": body, "mimeType": "text/plain"}
        if stream == "board.cards":
            put = {"idCard": id, "file": body, "fileName": name, "mimeType": "text/plain"}
        core.create(who, "attachments", put)

    def _recomment(self, who: str, step: Step) -> None:
        """The author of a comment edits it, or takes it back."""
        stream = step.stream if step.stream in WRITTEN else "tracker.issues"
        connection = stream.partition(".")[0]
        mine = [e for name, e in self._company.log if name == connection and e.stream == "comments" and not e.ours]
        there = self._company.records(f"{connection}.comments")
        made = sorted({e.id for e in mine if e.kind == "create" and e.id in there})
        if not made:
            return
        id = made[step.item % len(made)]
        if step.value % 4 == 0:
            self._cores[connection].delete(who, "comments", id)
            return
        number = self._company.comment_number(connection, there[id])
        text = f"{TEXTS[1 + step.value % 2]} again #{number}"
        self._cores[connection].edit(who, "comments", id, {"text" if connection == "board" else "body": text})

    # -- editing

    def _edit(self, who: str, step: Step, id: str | None) -> None:
        stream = step.stream if step.stream in EDITED else "crm.Deals"
        rows = self._company.records(stream)
        if not rows or (id is not None and id not in rows):
            return
        id = id or sorted(rows)[step.item % len(rows)]
        field = FIELDS[stream][step.field % len(FIELDS[stream])]
        native = NATIVE[stream][field]
        connection, _, own = stream.partition(".")
        if step.action == "edit":
            self._cores[connection].edit(who, own, id, self._values(stream, rows[id], field, step.value))
        elif step.action == "set_back":
            mine = [entry for name, entry in self._company.log if name == connection and entry.id == id]
            before = [e.changes[native][0] for e in mine if e.kind == "update" and native in e.changes]
            if before:
                self._cores[connection].edit(who, own, id, {native: before[-1]})
        else:
            company = self._company
            shown = [company.shown(each, row, field) for each in EDITED if each != stream and field in FIELDS[each]
                     for row in company.records(each).values()]  # fmt: skip
            values: tuple[Any, ...] = {"due_date": DAYS, "status": STATUSES}.get(field, ())
            if shown and shown[step.value % len(shown)] in values:
                value = values.index(shown[step.value % len(shown)])
                self._cores[connection].edit(who, own, id, self._values(stream, rows[id], field, value))

    def _values(self, stream: str, row: dict[str, Any], field: str, index: int) -> dict[str, Any]:
        """A new value of a field in the service's own words."""
        native = NATIVE[stream][field]
        if field in ("name", "title"):
            number = number_of(self._company.shown(stream, row, field))
            return {native: f"{NAMES[index % len(NAMES)]} #{number}" if number else NAMES[index % len(NAMES)]}
        if field == "description":
            return {native: TEXTS[index % len(TEXTS)]}
        if field == "status":
            chosen = STATUSES[index % 3]
            if stream == "board.cards":
                return {native: self._company.list_of(chosen, row["idBoard"])}
            return {native: {"statusCategory": {"key": JIRA_STATUS[chosen]}}}
        if field == "labels":
            names = LABELS[index % len(LABELS)]
            if stream == "board.cards":
                return {native: [self._company.labels[row["idBoard"], name] for name in names]}
            return {native: list(names)}
        day = DAYS[index % (3 if stream == "crm.Deals" else 4)]
        if stream == "board.cards" and day is not None:
            return {native: f"{day}T{index % 20:02d}:00:00.000Z"}
        return {native: day}

    # -- taking away, and elsewhere

    def _remove(self, who: str, step: Step, id: str | None) -> None:
        stream = step.stream
        connection, _, own = stream.partition(".")
        core = self._cores[connection]
        if step.action == "restore":
            dead = [e.id for name, e in self._company.log if name == connection and e.stream == own and e.id not in
                    self._company.records(stream) and e.kind in ("create", "delete", "update")]  # fmt: skip
            dead = sorted(set(dead))
            if dead and connection in ("crm", "files"):
                core.restore(who, own, dead[step.item % len(dead)])
            return
        rows = sorted(self._company.records(stream))
        if not rows or (id is not None and id not in rows):
            return
        id = id or rows[step.item % len(rows)]
        if step.action == "delete":
            core.delete(who, own, id)
        elif stream == "board.cards":
            core.edit(who, own, id, {"closed": step.value % 3 > 0})

    def _move(self, who: str, step: Step) -> None:
        """Put a record into another project, board or folder, and back again."""
        company = self._company
        stream = step.stream if step.value % 3 else "files.project_folders"
        rows = company.records(stream)
        if not rows:
            return
        id = sorted(rows)[step.item % len(rows)]
        if stream in ("tracker.issues", "tracker.epics"):
            here = rows[id]["fields"]["project"]["key"]
            self._cores["tracker"].move(who, id, "BETA" if here == "ACME" else "ACME")
        elif stream == "board.cards":
            board = next(each for each in company.boards if each != rows[id]["idBoard"])
            status = company.shown(stream, rows[id], "status")
            target = {"idBoard": board, "idList": company.list_of(status, board)}
            self._cores["board"].edit(who, "cards", id, target)
        elif stream == "files.project_folders":
            places = [
                each for each in sorted(company.records("files.client_folders")) if each not in rows[id]["parents"]
            ]
            if places:
                self._cores["files"].edit(who, "project_folders", id, {"parents": [places[step.value % len(places)]]})

    def _merge(self, who: str, step: Step) -> None:
        """Two customers turn out to be one: the deals of the one go to the other, and it goes."""
        accounts = sorted(self._company.records("crm.Accounts"))
        if len(accounts) < 2:
            return
        kept = accounts[step.item % len(accounts)]
        merged = accounts[(step.item + 1) % len(accounts)]
        for id, deal in sorted(self._company.records("crm.Deals").items()):
            if (deal.get("Account_Name") or {}).get("id") == merged:
                self._cores["crm"].edit(who, "Deals", id, {"Account_Name": {"id": kept}})
        self._cores["crm"].delete(who, "Accounts", merged)


NUMBERED = re.compile(r"#([ma]\d+)")
"""A comment's number, and a file's: by it copies are counted."""
