"""First linking at scale, and changes afterwards: requests for each record, by system and direction; and matching."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks import children
from benchmarks.crowd import STATUSES, Crowd, Spent
from benchmarks.rows import Row, took

READS = 0.15
"""Requests for each changed record with which it is read before the write, read back, and its history is read."""

FIRST = 0.12
"""Requests for each record that is created elsewhere, all in all: 1/50 to create, 1/100 for each of three looks at most
before its status is set and read back, and the rest to move it."""

MATCHING = 60.0
MEMORY = 300.0


def linking(folder: Path, deals: int, changed: int) -> Iterator[Row]:
    yield from _first(folder, deals, changed)
    yield from _folders(folder, changed)
    yield from _cards(folder, changed)


def _first(folder: Path, deals: int, changed: int) -> Iterator[Row]:
    """Deals become epics; then some change here, some there."""
    crowd = Crowd(folder / "linking.db", "projects")
    crm, tracker = crowd.cores["crm"], crowd.cores["tracker"]
    stages = list(STATUSES)
    made = [
        crm.create(
            "Anna",
            "Deals",
            {
                "Deal_Name": f"Project {number}",
                "Stage": "Qualification",
                "Closing_Date": "2026-12-31",
                "Delivery": stages[number % len(stages)],
            },
        )
        for number in range(deals)
    ]
    crowd.look()
    seen = crowd.spent()
    what = f"first linking, {deals} deals"
    yield _reads(f"{what}: looking for the first time, Zoho", seen["crm"], deals, 0.02)
    crowd.hub.run("projects")  # held: a first plan is for a person
    crowd.let_through()
    crowd.spent()
    spent = took(lambda: _until_settled(crowd, "projects"))
    epics = tracker.records("epics")
    assert len(epics) == deals
    assert {epic["fields"]["status"]["name"] for epic in epics.values()} == {"To Do", "In Progress", "Done"}
    told = crowd.spent()
    yield Row(f"{what} to new epics, with the stand-ins", str(spent), "")
    yield _all(f"{what}: to Jira, creates and statuses", told["tracker"], deals, FIRST)
    yield _all(f"{what}: back to Zoho", told["crm"], deals, 0.01)

    crowd.look()
    crowd.hub.run("projects")
    crowd.spent()
    for deal in made[:changed]:
        crm.edit("Anna", "Deals", deal, {"Deal_Name": f"Renamed {deal}", "Closing_Date": "2027-01-31"})
    yield from _carried(crowd, "projects", f"{changed} deals changed, name and date", "tracker", changed, READS)
    for deal in made[:changed]:
        crm.edit("Anna", "Deals", deal, {"Delivery": stages[2]})
    yield from _carried(crowd, "projects", f"{changed} deals changed, status alone", "tracker", changed, READS, 0.1)
    for epic in sorted(epics)[:changed]:
        tracker.edit("Bert", "epics", epic, {"summary": f"Better {epic}", "duedate": "2027-02-28"})
    yield from _carried(crowd, "projects", f"{changed} epics changed, name and date", "crm", changed, READS)
    crowd.hub.close()


def _folders(folder: Path, changed: int) -> Iterator[Row]:
    """Customers who come after the beginning, and their folders."""
    crowd = Crowd(folder / "folders.db", "customers")
    crm, files = crowd.cores["crm"], crowd.cores["files"]
    crowd.look()
    crowd.hub.run("customers")
    accounts = [crm.create("Anna", "Accounts", {"Account_Name": f"Customer {number}"}) for number in range(changed)]
    crowd.look()
    crowd.hub.run("customers")
    crowd.let_through()
    crowd.spent()
    _until_settled(crowd, "customers")
    assert len(files.records("client_folders")) == changed
    yield _all(f"{changed} new customers: to Drive, folders", crowd.spent()["files"], changed, None)
    crowd.look()
    crowd.hub.run("customers")
    crowd.spent()
    for account in accounts:
        crm.edit("Anna", "Accounts", account, {"Account_Name": f"Renamed {account}"})
    crowd.look()
    crowd.hub.run("customers")
    spent = crowd.spent()["files"]
    yield _writes(f"{changed} customers renamed: to Drive, where a name is given once", spent, changed, None)
    crowd.hub.close()


def _cards(folder: Path, changed: int) -> Iterator[Row]:
    """Issues and cards that were there before, told apart by their titles."""
    crowd = Crowd(folder / "cards.db", "tasks")
    tracker, board = crowd.cores["tracker"], crowd.cores["board"]
    place = board.create("Ada", "boards", {"name": "Work"})
    board.join(board.us, place)
    list_ = board.create("Ada", "lists", {"name": "To Do", "idBoard": place})
    issues = [tracker.create("Bert", "issues", {"summary": f"Task {number}"}) for number in range(changed)]
    for number in range(changed):
        board.create("Ada", "cards", {"name": f"Task {number}", "idList": list_})
    for _ in range(2):
        crowd.look()
        crowd.hub.run("tasks")
        crowd.let_through()
        crowd.hub.run("tasks")
    crowd.spent()
    for issue in issues:
        tracker.edit("Bert", "issues", issue, {"summary": f"Other {issue}"})
    yield from _carried(crowd, "tasks", f"{changed} issues changed", "board", changed, None)
    for card in sorted(board.records("cards")):
        board.edit("Ada", "cards", card, {"name": f"Better {card}"})
    yield from _carried(crowd, "tasks", f"{changed} cards changed", "tracker", changed, READS)
    crowd.hub.close()


def matching(folder: Path, records: int) -> Iterator[Row]:
    """As many deals as epics, known by their names: what there is was taken in before, in another process."""
    path = folder / "matching.db"
    crowd = Crowd(path, "projects")
    for number in range(records):
        values = {"Deal_Name": f"Project {number}", "Stage": "Qualification", "Closing_Date": "2026-12-31"}
        crowd.cores["crm"].create("Anna", "Deals", values)
        crowd.cores["tracker"].create("Bert", "epics", {"summary": f"Project {number}"})
    crowd.look()
    crowd.hub.close()
    told = children.run("matching", "", path)
    assert told["linked"] == records
    what = f"match, {records} records a side"
    seconds, peak = told["milliseconds"] / 1000, told["kib"] / 1024
    yield Row(what, f"{seconds:.1f} s", f"{MATCHING:.0f} s", seconds / MATCHING, 1.0)
    yield Row(f"{what}: peak memory", f"{peak:.0f} MiB", f"{MEMORY:.0f} MiB", peak / MEMORY, 1.0)


def _until_settled(crowd: Crowd, sync: str) -> None:
    """Rounds without a look between them, until nothing is owed any more."""
    for _ in range(20):
        crowd.hub.run(sync)
        if crowd.settled(sync):
            return
        crowd.let_through()
    raise AssertionError(f"{sync} does not come to an end")


def _carried(
    crowd: Crowd, sync: str, what: str, to: str, records: int, reads: float | None, writes: float = 1.0
) -> Iterator[Row]:
    """People's edits taken in and carried over: first the looking, of all systems, then what the written one took."""
    crowd.look()
    looked = crowd.spent()
    seconds = took(partial(_edits, crowd, sync))
    spent = crowd.spent()[to]
    asked = sum(each.asked for each in looked.values())
    yield Row(f"{what}: looking, requests a record", f"{asked / records:.3f}", "")
    yield _reads(f"{what}: read before, after and history", spent, records, reads)
    yield _writes(f"{what}: written", spent, records, writes)
    yield Row(f"{what}: carried over, with the stand-ins", str(seconds), "")
    crowd.look()  # what was just written comes back, and is no news
    crowd.hub.run(sync)
    assert crowd.settled(sync)
    crowd.spent()


def _edits(crowd: Crowd, sync: str) -> None:
    crowd.hub.run(sync)  # held where so many change the same at once
    crowd.let_through()
    _until_settled(crowd, sync)


def _row(what: str, requests: int, records: int, limit: float | None) -> Row:
    rate = requests / records
    if limit is None:
        return Row(f"{what}, requests a record", f"{rate:.3f}", "")
    return Row(f"{what}, requests a record", f"{rate:.3f}", f"{limit:.2f}", rate / limit, 1.0)


def _all(what: str, spent: Spent, records: int, limit: float | None) -> Row:
    return _row(what, spent.asked + spent.wrote, records, limit)


def _reads(what: str, spent: Spent, records: int, limit: float | None) -> Row:
    return _row(what, spent.asked, records, limit)


def _writes(what: str, spent: Spent, records: int, limit: float | None) -> Row:
    return _row(what, spent.wrote, records, limit)
