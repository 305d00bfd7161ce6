"""How a customer's changes read in a task: title and Markdown description, in the reader's language.

Words come from a callable ``say(code, params)``. Besides ``CODES`` it is asked for ``field.<kind>.<field>`` (a field's
name) and ``class.<field>.<class>`` (a canonical class such as ``class.stage.won``), both without parameters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from keepstep.engine.handoffs.graph import Entity, Graph
from mapping.model import STANDARD, Form, Model

Say = Callable[[str, Mapping[str, Any]], str]

CODES: Final[dict[str, tuple[str, ...]]] = {
    "change_task.title": ("subject", "fields"),
    "change_task.intro": ("subject", "side"),
    "change_task.projects": ("projects",),
    "change_task.line": ("field", "old", "new", "who", "at"),
    "change_task.line_no_author": ("field", "old", "new", "at"),
    "change_task.more": ("at",),
    "value.empty": (),
    "value.yes": (),
    "value.no": (),
    "value.items": ("count", "done"),
    "word.comma": (),
}
"""What ``say`` must know, with the parameters each is given. All parameters are ready Markdown."""

LONGEST_TITLE: Final = 250
LONGEST_VALUE: Final = 300


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One edit of one field of a watched record."""

    id: str
    """The same for the same edit, however often it is delivered."""
    entity: str
    side: str
    """``connection.stream`` on which it was made."""
    field: str
    """The canonical field, or the system's where there is no canonical one."""
    system_field: str | None = None
    label: str | None = None
    """The field's name on the side, for fields that are not canonical."""
    old: Any
    new: Any
    at: str
    who: str | None = None
    """The author's name, where the system tells."""
    by_person: bool
    ours: bool = False
    """Our own write coming back."""
    first: bool = False
    """Seen in the first pull: not an edit, only news to us."""
    editable: bool = True
    """People can set this field; False for computed and system fields."""

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.at).astimezone(UTC)


def collapsed(edits: Iterable[Edit]) -> list[Edit]:
    """One edit per field of a side: from the first old value to the last new one, with the last author and time."""
    rows: dict[tuple[str, str], Edit] = {}
    for edit in edits:
        before = rows.get((edit.side, edit.field))
        rows[edit.side, edit.field] = edit if before is None else msgspec.structs.replace(edit, old=before.old)
    return list(rows.values())


class Text:
    """Writes for one subject, in one language."""

    def __init__(self, subject: Entity, graph: Graph, say: Say, zone: ZoneInfo, model: Model = STANDARD) -> None:
        self._model = model
        self._subject = subject
        self._graph = graph
        self._say = say
        self._comma = say("word.comma", {})
        self._zone = zone

    def title(self, edits: Sequence[Edit]) -> str:
        """One line of at most 250 characters, plain text."""
        fields = list(dict.fromkeys(self._field(edit) for edit in edits))
        text = self._say("change_task.title", {"subject": self._subject.title, "fields": self._comma.join(fields)})
        return shortened(text, LONGEST_TITLE)

    def description(self, bursts: Sequence[Sequence[Edit]], projects: Sequence[Entity]) -> str:
        """All that has changed, burst by burst, with a link to the record."""
        side = bursts[0][0].side
        parts = [self._say("change_task.intro", {"subject": self._link(side), "side": escaped(side)})]
        if projects:
            names = self._comma.join(escaped(project.title) for project in projects)
            parts.append(self._say("change_task.projects", {"projects": names}))
        parts.append(self._lines(bursts[0]))
        parts += [self.more(burst) for burst in bursts[1:]]
        return "\n\n".join(parts)

    def more(self, burst: Sequence[Edit]) -> str:
        """A later burst, as it is appended."""
        heading = self._say("change_task.more", {"at": self._time(burst[0].moment)})
        return f"{heading}\n\n{self._lines(burst)}"

    def _lines(self, burst: Sequence[Edit]) -> str:
        return "\n".join(f"- {self._line(edit)}" for edit in collapsed(burst))

    def _line(self, edit: Edit) -> str:
        params = {
            "field": escaped(self._field(edit)),
            "old": self._value(edit.field, edit.old),
            "new": self._value(edit.field, edit.new),
            "at": self._time(edit.moment),
        }
        if edit.who:
            return self._say("change_task.line", params | {"who": escaped(edit.who)})
        return self._say("change_task.line_no_author", params)

    def _link(self, side: str) -> str:
        here = next((link.url for link in self._subject.links if link.side == side and link.url), self._subject.url)
        name = escaped(self._subject.title)
        # Angle brackets keep spaces and parentheses; an address that could close them is not made a link.
        return f"[{name}](<{here}>)" if here and not re.search(r"[<>\s]", here) else name

    def _field(self, edit: Edit) -> str:
        kind = self._subject.kind
        if edit.field in self._model[kind]:
            return self._say(f"field.{kind.value}.{edit.field}", {})
        return edit.label or edit.system_field or edit.field

    def _time(self, moment: datetime) -> str:
        return moment.astimezone(self._zone).strftime("%Y-%m-%d %H:%M")

    def _value(self, field: str, value: Any) -> str:
        if value is None or value == "" or value == []:
            return self._say("value.empty", {})
        form = self._model[self._subject.kind].get(field)
        match form, value:
            case _, bool():
                return self._say("value.yes" if value else "value.no", {})
            case Form.CHOICE, str() if field in STANDARD.classes:
                return self._say(f"class.{field}.{value}", {})
            case Form.DATE, str() if "T" in value:
                return self._time(datetime.fromisoformat(value))
            case Form.MONEY, {"amount": amount, "currency": currency}:
                return escaped(f"{amount} {currency}")
            case Form.PERSON, str():
                return escaped(self._graph.person(value))
            case Form.PERSON, {"account": account}:
                return escaped(str(value.get("name") or value.get("email") or account))
            case Form.REF, str():
                target = self._graph.get(value)
                return escaped(target.title if target else value)
            case Form.REFS, list():
                targets = [(self._graph.get(each), each) for each in value]
                return escaped(self._comma.join(target.title if target else each for target, each in targets))
            case Form.LIST, list():
                done = sum(bool(item.get("done")) for item in value if isinstance(item, Mapping))
                return self._say("value.items", {"count": len(value), "done": done})
            case _, list() if all(isinstance(item, str) for item in value):
                return escaped(self._comma.join(value))
            case _, str():
                return escaped(shortened(value, LONGEST_VALUE))
        return escaped(shortened(json.dumps(value, ensure_ascii=False, sort_keys=True), LONGEST_VALUE))


def shortened(text: str, longest: int) -> str:
    """One line, at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def escaped(text: str) -> str:
    """Text on one line that Markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]<>|~#&!])", r"\\\1", " ".join(text.split()))
