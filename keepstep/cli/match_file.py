"""Proposals as a spreadsheet: written with what people need to decide, read back with what they decided."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from keepstep.cli.session import WRONG, Session, Trouble
from keepstep.engine.match.decide import Decision
from keepstep.engine.match.linking import OPEN
from keepstep.problems import Problem
from keepstep.store import tables as t
from keepstep.store.store import Tx

COLUMNS = (
    "decision", "what", "id", "sync", "evidence", "score", "title", "records", "other_title", "other_records",
    "field", "values", "then",
)  # fmt: skip
NEEDED = ("decision", "id")

WORDS = {
    "accept": True, "yes": True, "y": True, "same": True, "接受": True, "是": True, "相同": True,
    "reject": False, "no": False, "n": False, "different": False, "拒绝": False, "否": False, "不同": False,
}  # fmt: skip
"""What may stand under ``decision``, beside the id of another record; an empty cell leaves the question open."""

DANGEROUS = re.compile(r"'*[=+\-@\t\r]")
MADE_HARMLESS = re.compile(r"'+[=+\-@\t\r]")
MOST_BYTES = 64 * 1024 * 1024


def harmless(cell: str) -> str:
    """The cell in a form that no spreadsheet takes for a formula; ``as_written`` gives it back exactly."""
    return f"'{cell}" if DANGEROUS.match(cell) else cell


def as_written(cell: str) -> str:
    return cell[1:] if MADE_HARMLESS.match(cell) else cell


def save(session: Session, path: Path, syncs: Iterable[Mapping[str, Any]]) -> int:
    """Write the open proposals and the values that differ. Returns how many rows. Raises ``Trouble``."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\r\n")
    table.writeheader()
    count = 0
    for row in _rows(session, syncs):
        table.writerow({name: harmless(str(value)) for name, value in row.items()})
        count += 1
    try:
        path.write_text(text.getvalue(), encoding="utf-8-sig", newline="")
    except OSError as error:
        raise Trouble(Problem("plan_unwritable", {"file": str(path), "reason": error.strerror}), WRONG) from error
    return count


def _rows(session: Session, syncs: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for sync in syncs:
        for each in sync["proposals"]:
            yield {
                "what": "proposal",
                "id": each["id"],
                "sync": sync["name"],
                "evidence": each["evidence"],
                "score": "" if each["score"] is None else each["score"],
                "title": each["title"],
                "records": "; ".join(each["records"]),
                "other_title": each["other_title"],
                "other_records": "; ".join(each["other_records"]),
            }
        for each in sync["differences"]:
            yield {
                "what": "difference",
                "sync": sync["name"],
                "title": each["title"],
                "field": each["field"],
                "values": _values(session, each["values"]),
                "then": session.say(f"first.{each['first']}", side=each["holds"]),
            }


def _values(session: Session, values: Mapping[str, Any]) -> str:
    return "; ".join(session.say("match_value", side=side, value=value) for side, value in values.items())


def read(tx: Tx, path: Path, names: Iterable[str]) -> tuple[list[Decision], dict[str, int], list[Problem]]:
    """The decisions in a file, the line of each proposal, and every mistake. Raises ``Trouble`` for no such file."""
    decisions: list[Decision] = []
    lines: dict[str, int] = {}
    problems: list[Problem] = []
    query = sa.select(t.proposal.c.id, t.proposal.c.sync).where(t.proposal.c.sync.in_(list(names)))
    known = {row["id"]: row["sync"] for row in tx.all(query.where(OPEN))}
    for line, row in _lines(path):
        word, id = row["decision"].strip(), row["id"].strip()
        if not word:
            continue
        if id not in known:
            problems.append(Problem("proposal_over", {"id": id}, line))
        elif id in lines:
            problems.append(Problem("decision_twice", {"id": id, "line": lines[id]}, line))
        else:
            lines[id] = line
            accept = WORDS.get(word.casefold())
            if accept is not None:
                decisions.append(Decision(id, accept))
                continue
            places = _places(tx, known[id], word)
            if len(places) == 1:
                decisions.append(Decision(id, False, places[0]))
            else:
                problems.append(Problem("decision_unknown", {"word": word, "found": len(places)}, line))
    return decisions, lines, problems


def _places(tx: Tx, sync: str, word: str) -> list[tuple[str, str]]:
    """The linked records that a word names: ``side:id``, or the id alone where only one side has it."""
    side, _, id = word.partition(":")
    of_sync = (
        sa.select(t.link.c.side, t.link.c.record)
        .join(t.entity, t.entity.c.id == t.link.c.entity)
        .where(t.entity.c.sync == sync)
    )
    named = tx.all(of_sync.where(t.link.c.side == side, t.link.c.record == id)) if id else []
    rows = named or tx.all(of_sync.where(t.link.c.record == word))
    return [(row["side"], row["record"]) for row in rows]


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows below the heading, each with the line it begins on; commas or semicolons, as spreadsheets save them."""
    try:
        data = path.read_bytes()
        if len(data) > MOST_BYTES:
            raise _unreadable(path, f"> {MOST_BYTES // 1024 // 1024} MiB")
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise _unreadable(path, error.strerror or type(error).__name__) from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, "UTF-8?") from error
    heading = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in heading else ",", strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        missing = [name for name in NEEDED if name not in names]
        if missing:
            raise Trouble(Problem("match_file_columns", {"file": str(path), "missing": missing}), WRONG)
        begins = reader.line_num + 1
        for cells in reader:
            row = dict.fromkeys(NEEDED, "") | {name: as_written(cell) for name, cell in zip(names, cells, strict=False)}
            yield begins, row
            begins = reader.line_num + 1
    except csv.Error as error:
        raise _unreadable(path, str(error)) from error


def _unreadable(path: Path, reason: str) -> Trouble:
    return Trouble(Problem("match_file_unreadable", {"file": str(path), "reason": reason}), WRONG)
