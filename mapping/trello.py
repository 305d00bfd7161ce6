"""Trello's boards, cards, comments and links, and the canonical model.

A card is a task, or what one of its labels says it is (``Options.labels``: kind -> label name). Its list gives the
status through the classes that the connection's description proposes and ``Options.values["status"]`` (by list id or
list name) overrides. People are member ids; labels go by name, because each board has label ids of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.base import Description, Field, Record, utc
from mapping.fields import (
    FieldMap,
    Mapper,
    MappingPlugin,
    Options,
    Pair,
    StreamMapping,
    Unmappable,
    clean,
    moment,
    text,
)
from mapping.model import STATUS, Kind, Loss, Unmapped

DEFAULT_LABELS = {"feedback": "feedback"}
MARKED = (Kind.FEEDBACK, Kind.CHANGE_REQUEST, Kind.RISK, Kind.MILESTONE)
"""Kinds that a label makes of a card, the first match in this order."""

LIMIT = 16384
STEP = 16384

Section = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Places:
    """The lists of all boards with their classes, and the labels of each board."""

    classes: Mapping[str, str]
    board: Mapping[str, str]
    by_board: Mapping[str, list[str]] = field(default_factory=dict)
    labels: Mapping[str, set[str]] = field(default_factory=dict)
    """board -> the names of its labels."""

    @classmethod
    def of(cls, description: Description, options: Options) -> Places:
        entries = [one for one in _fields(description, "lists") if not one.writable]
        labels: dict[str, set[str]] = {}
        for one in _fields(description, "labels"):
            if not one.writable:
                labels.setdefault(one.kind, set()).add(one.label)
        chosen = options.values.get("status", {})
        classes: dict[str, str] = {}
        board: dict[str, str] = {}
        by_board: dict[str, list[str]] = {}
        for one in entries:
            board[one.name] = one.kind
            by_board.setdefault(one.kind, []).append(one.name)
            known = chosen.get(one.name) or chosen.get(one.label) or (one.classes or {}).get(one.name)
            if known in STATUS:
                classes[one.name] = known
        return cls(classes, board, by_board, labels)

    def choose(self, status: str, board: str | None, present: str | None) -> str | None:
        """The list for a status: the present one if it has that class, else the first of the board. Without a board,
        only if all lists of that class lie on one."""
        if present is not None and self.classes.get(present) == status:
            return present
        rows = [id for id in self.classes if self.classes[id] == status and board in (None, self.board.get(id))]
        if board is None and len({self.board.get(id) for id in rows}) > 1:
            return None
        return rows[0] if rows else None

    def knows_label(self, name: str, board: str | None) -> bool:
        if board is not None:
            return name in self.labels.get(board, set())
        return any(name in names for names in self.labels.values())


class CardMapping(StreamMapping):
    """The table, and what one field cannot decide alone: list and board go together, labels belong to a board."""

    def __init__(self, places: Places, options: Options, names: Mapping[str, str]) -> None:
        labels = {**DEFAULT_LABELS, **options.labels}
        self._marks = {kind: labels[kind.value] for kind in MARKED if kind.value in labels}
        self._places = places
        common = [
            FieldMap("title", "name", *_title()),
            FieldMap("description", "desc", *_markdown()),
            FieldMap("status", "idList", self._read_status, self._write_status, shown=self._shown_status),
            FieldMap("project", "idBoard", *_ref("boards")),
        ]
        dates = [
            FieldMap("start_date", "start", *_date("start", options.zone)),
            FieldMap("due_date", "due", *_date("due", options.zone)),
            FieldMap("actual_end", "dateCompleted", lambda value, _: moment(value), mode="read"),
        ]
        person = FieldMap("assignee", "idMembers", *_assignee(names), shown=_shown_person)
        born = FieldMap("created", "id", _born, mode="read")
        super().__init__(
            {
                Kind.TASK: [
                    *common,
                    *dates,
                    person,
                    FieldMap("labels", "labels", _read_labels, _write_labels, shown=self._shown_labels),
                    FieldMap("checklist", "checklists", _read_items, write_items, shown=lambda value: value or None),
                    FieldMap("archived", "closed", *_flag()),
                ],
                Kind.FEEDBACK: [*common, born],
                Kind.CHANGE_REQUEST: [*common, born],
                Kind.RISK: [*common, person],
                Kind.MILESTONE: [*common, *dates, person],
            },
            kind_of=self._kind,
        )

    def _kind(self, record: Record) -> Kind:
        words = {label_word(label).strip().casefold() for label in _objects(record.payload.get("labels"))}
        return next((kind for kind, name in self._marks.items() if name.strip().casefold() in words), Kind.TASK)

    def unmap(self, kind: Kind, values: Mapping[str, Any], base: Section | None = None) -> Unmapped:
        section = base or {}
        rest = {name: value for name, value in values.items() if name not in ("status", "labels")}
        result = super().unmap(kind, rest, base)
        board = result.values.get("idBoard") or section.get("idBoard")
        if "labels" in values and self.mode(kind, "labels") == "both":
            self._put_labels(values["labels"] or [], board, section, base is None, result)
        if base is None and kind in self._marks:
            result.values["labels"] = {"add": [self._marks[kind]], "remove": []}
        if values.get("status") is not None:
            self._put_status(values["status"], board, section, result)
        elif "status" in values and base is not None:
            result.losses.append(Loss("status", "cannot_be_empty"))
        elif base is None and board is not None and board in self._places.by_board:
            result.values["idList"] = self._places.choose("todo", board, None) or self._places.by_board[board][0]
        return result

    def _put_labels(self, wanted: list[str], board: str | None, section: Section, new: bool, result: Unmapped) -> None:
        change = _write_labels(wanted, section)
        known = [name for name in change["add"] if self._places.knows_label(name, board)]
        result.losses += [Loss("labels", "no_such_label", name) for name in change["add"] if name not in known]
        if known or change["remove"] or not new:
            result.values["labels"] = {"add": known, "remove": change["remove"]}

    def _put_status(self, status: str, board: str | None, section: Section, result: Unmapped) -> None:
        present = section.get("idList") if board == section.get("idBoard") else None
        chosen = self._places.choose(status, board, present)
        if chosen is not None:
            result.values["idList"] = chosen
        elif status == "done":
            result.values["dueComplete"] = True
        else:
            result.losses.append(Loss("status", "no_such_list", status))
        if status != "done" and section.get("dueComplete") and present not in self._places.classes:
            result.values["dueComplete"] = False

    def _read_status(self, value: Any, section: Section) -> Any:
        if value in self._places.classes:
            return self._places.classes[value]
        if section.get("dueComplete"):
            return "done"
        raise Unmappable("unknown_list", value)

    def _write_status(self, value: Any, section: Section) -> Any:
        chosen = self._places.choose(value, section.get("idBoard"), section.get("idList"))
        if chosen is None:
            raise Unmappable("no_such_list", value)
        return chosen

    def _shown_status(self, value: Any) -> Any:
        if value != "done" and value not in self._places.classes.values():
            raise Unmappable("no_such_list", value)
        return value

    def _shown_labels(self, value: Any) -> Any:
        return [name for name in value or () if self._places.knows_label(name, None)]


def build(options: Options, description: Description) -> Mapping[str, Mapper]:
    """Mappers of one connection, by stream."""
    names = {one.name: one.label for one in _fields(description, "members") if one.label}
    return {
        "boards": StreamMapping(
            {
                Kind.PROJECT: [
                    FieldMap("name", "name", *_title()),
                    FieldMap("description", "desc", *_markdown()),
                    FieldMap("archived", "closed", *_flag()),
                ]
            }
        ),
        "cards": CardMapping(Places.of(description, options), options, names),
        "comments": StreamMapping(
            {
                Kind.COMMENT: [
                    FieldMap("parent", "idCard", *_ref("cards")),
                    FieldMap("author", "idMemberCreator", _author, mode="read"),
                    FieldMap("created", "date", lambda value, _: moment(value), mode="read"),
                    FieldMap("body", "text", *_markdown()),
                ]
            }
        ),
        "attachments": StreamMapping(
            {
                Kind.DOCUMENT: [
                    FieldMap("title", "name", *text()),
                    FieldMap("url", "url", *text()),
                    FieldMap("mime_type", "mimeType", lambda value, _: clean(value), mode="read"),
                ]
            }
        ),
    }


MAPPING = MappingPlugin(system="trello", build=build)


def _fields(description: Description, stream: str) -> Sequence[Field]:
    return next((one.fields for one in description.streams if one.name == stream), [])


def label_word(label: Section) -> str:
    """How a label is called: its name, or its colour where it has none."""
    return str(label.get("name") or label.get("color") or label.get("id"))


def _objects(value: Any) -> list[Section]:
    return [each for each in value or () if isinstance(each, Mapping)]


# -- pairs


def _title() -> Pair:
    read, write = text(LIMIT)

    def filled(value: Any, section: Section) -> Any:
        if value is None:
            raise Unmappable("cannot_be_empty")
        return write(value, section)

    return read, filled


def _markdown() -> Pair:
    read, write = text(LIMIT)
    return read, lambda value, section: write(value, section) or ""


def _flag() -> Pair:
    return lambda value, _: bool(value), lambda value, _: bool(value)


def _ref(stream: str) -> Pair:
    def read(value: Any, _: Section) -> Any:
        return {"stream": stream, "id": value} if value else None

    def write(value: Any, _: Section) -> Any:
        if value is None:
            raise Unmappable("cannot_be_empty")
        return value["id"]

    return read, write


def _date(name: str, zone: ZoneInfo) -> Pair:
    """An instant. A day keeps the clock time that the card shows, else it is five in the afternoon there."""

    def write(value: Any, section: Section) -> Any:
        if value is None or len(value) > 10:
            return value
        day = date.fromisoformat(value)
        shown = moment(section.get(name))
        clock = datetime.fromisoformat(shown).astimezone(zone) if shown else datetime(2000, 1, 1, 17, tzinfo=zone)
        return utc(clock.replace(year=day.year, month=day.month, day=day.day))

    return lambda value, _: moment(value), write


def _born(value: Any, _: Section) -> Any:
    """An id begins with the second of its creation."""
    if not isinstance(value, str) or len(value) != 24:
        raise Unmappable("no_date_in_id", value)
    return utc(datetime.fromtimestamp(int(value[:8], 16), UTC))


def _author(value: Any, section: Section) -> Any:
    if not value:
        return None
    who = section.get("memberCreator")
    name = who.get("fullName") if isinstance(who, Mapping) else None
    return {"account": value, "name": name, "email": None}


def _assignee(names: Mapping[str, str]) -> Pair:
    """The first member. Whoever else is on the card stays there, whatever is written."""

    def read(value: Any, _: Section) -> Any:
        return {"account": value[0], "name": names.get(value[0]), "email": None} if value else None

    def write(value: Any, section: Section) -> Any:
        present = list(section.get("idMembers") or ())
        if value is None:
            return {"add": [], "remove": present[:1]}
        account = value["account"]
        if not section:
            return [account]
        return {"add": [account], "remove": [each for each in present[:1] if each != account], "first": account}

    return read, write


def _shown_person(value: Any) -> Any:
    return value


# -- labels and checklists


def _read_labels(value: Any, _: Section) -> Any:
    return sorted({label_word(each) for each in _objects(value)})


def _write_labels(value: Any, section: Section) -> Any:
    present = _read_labels(section.get("labels"), section)
    wanted = list(value or ())
    return {
        "add": [name for name in wanted if name not in present],
        "remove": [name for name in present if name not in wanted],
    }


def _rows(checklists: Any) -> list[Section]:
    """The items of all checklists, in the order in which a card shows them."""
    lists = sorted(_objects(checklists), key=lambda one: one.get("pos") or 0)
    return [
        item for one in lists for item in sorted(_objects(one.get("checkItems")), key=lambda each: each.get("pos") or 0)
    ]


def _read_items(value: Any, _: Section) -> Any:
    items = [
        {"id": item["id"], "text": clean(item.get("name")) or "", "done": item.get("state") == "complete"}
        for item in _rows(value)
    ]
    return items or None


def write_items(value: Any, section: Section) -> Any:
    """What to add, set and remove so that the card shows these items in this order.

    An item is known by its id, or, where it came from elsewhere, by its text. New ones join the first checklist.
    """
    present = {item["id"]: item for item in _rows(section.get("checklists"))}
    wanted = list(value or ())
    left = dict(present)
    paired: list[tuple[Section, Section | None]] = []
    known = {each.get("id") for each in wanted}
    for each in wanted:
        twin = left.pop(each.get("id"), None)
        if twin is None:
            same = (id for id, item in left.items() if id not in known and clean(item.get("name")) == each["text"])
            twin = left.pop(next(same, ""), None)
        paired.append((each, twin))
    kept = [twin["id"] for _, twin in paired if twin is not None]
    told = [twin is None for _, twin in paired]
    moved = kept != [id for id in present if id in set(kept)] or told != sorted(told)
    add: list[dict[str, Any]] = []
    change: list[dict[str, Any]] = []
    for index, (each, twin) in enumerate(paired):
        row = {"name": each["text"], "state": "complete" if each.get("done") else "incomplete"}
        place = {"pos": (index + 1) * STEP} if moved else {}
        if twin is None:
            add.append({**row, **place})
            continue
        shown = {"name": clean(twin.get("name")) or "", "state": twin.get("state") or "incomplete"}
        changes = {name: row[name] for name in row if row[name] != shown[name]} | place
        if changes:
            change.append({"id": twin["id"], **changes})
    return {"add": add, "set": change, "remove": list(left)}
