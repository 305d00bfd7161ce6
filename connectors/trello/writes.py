"""Writes: which requests a write of each stream takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from connectors.base import Gate, Outcome, Record, Write
from connectors.multipart import label
from connectors.trello import cards
from connectors.trello.attempt import Attempt, Refused
from connectors.trello.client import TrelloClient
from connectors.trello.content import NAME_LIMIT
from connectors.trello.models import Raw
from connectors.trello.records import MARKER_LINE, marked, record

WORDS: dict[str, tuple[str, ...]] = {
    "cards": cards.WORDS,
    "boards": ("name", "desc", "closed", "idOrganization"),
    "lists": ("name", "closed", "pos", "idBoard"),
    "labels": ("name", "color", "idBoard"),
    "checklists": ("name", "pos", "idCard", "checkItems"),
    "comments": ("text", "idCard"),
    "attachments": ("url", "name", "idCard"),
}
"""What ``Write.values`` may hold, by stream."""

NEEDED: dict[str, tuple[str, ...]] = {
    "cards": ("idList", "name"),
    "boards": ("name",),
    "lists": ("idBoard", "name"),
    "labels": ("idBoard",),
    "checklists": ("idCard", "name"),
    "comments": ("idCard", "text"),
    "attachments": ("idCard",),
}
"""What a create cannot do without."""

FIXED = {"labels": ("idBoard",), "checklists": ("idCard",), "comments": ("idCard",)}
"""What an update cannot change."""


class Writer:
    """Sends writes one after another. ``own_fields``: as ``Reader`` has it."""

    def __init__(self, client: TrelloClient, me: Callable[[], str], *, own_fields: bool = False) -> None:
        self._client = client
        self._me = me
        self._own_fields = own_fields

    def push(self, stream: str, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        for write in writes:

            def read(raw: Raw, write: Write = write) -> Record:
                return self._read(stream, write, raw)

            yield Attempt(self._client, write, gate).run(lambda attempt: self._do(stream, attempt), read)

    def _do(self, stream: str, attempt: Attempt) -> None:
        write = attempt.write
        self._look_over(stream, write)
        match write.kind:
            case "create":
                self._create(stream, attempt, dict(write.values))
            case "update":
                self._update(stream, attempt, dict(write.values))
            case "archive":
                attempt.send("PUT", f"/{stream}/{write.id}", {**write.values, "closed": True}, whole=True)
                if stream == "cards":
                    attempt.answer = None
            case "delete":
                attempt.send("DELETE", _place(stream, str(write.id)))

    @staticmethod
    def _look_over(stream: str, write: Write) -> None:
        if stream not in WORDS:
            raise Refused(f"{stream} cannot be written", "unsupported")
        unknown = sorted(set(write.values) - set(WORDS[stream]))
        if unknown:
            raise Refused(f"{stream} cannot be given {', '.join(unknown)}", "unknown_field", unknown[0])
        if write.content is not None and (stream, write.kind) != ("attachments", "create"):
            raise Refused(f"{stream} carry no files", "no_content")
        if write.kind == "create":
            for name in NEEDED[stream]:
                if not write.values.get(name):
                    raise Refused(f"a new record of {stream} needs {name}", "field_missing", name)
            if stream == "attachments" and bool(write.values.get("url")) == (write.content is not None):
                raise Refused("an attachment is either a link or a file", "field_missing", "url")
        elif not write.id:
            raise Refused(f"{write.kind} without an id", "id_missing")
        elif write.kind == "update" and stream == "attachments":
            raise Refused("attachments cannot be changed, only made and deleted", "unsupported")
        elif write.kind == "archive" and (stream not in ("cards", "lists", "boards") or set(write.values) - {"closed"}):
            raise Refused(f"{stream} cannot be archived so", "unsupported")
        elif write.kind == "delete" and stream in ("boards", "lists"):
            raise Refused(f"{stream} are archived, not deleted", "unsupported")
        elif write.kind == "update" and set(write.values) & set(FIXED.get(stream, ())):
            raise Refused(f"{stream} cannot be moved", "unsupported", FIXED[stream][0])

    def _create(self, stream: str, attempt: Attempt, values: dict[str, Any]) -> None:
        marker = attempt.write.marker
        match stream:
            case "cards":
                cards.create(attempt, values)
            case "checklists":
                cards.create_checklist(attempt, values)
            case "boards":
                if marker:
                    values["desc"] = marked(values.get("desc"), marker)
                closed = values.pop("closed", None)
                board = attempt.send("POST", "/boards/", {**values, "defaultLists": False}, whole=True)
                attempt.id = board["id"]
                if closed:
                    attempt.send("PUT", f"/boards/{board['id']}", {"closed": True}, whole=True)
            case "lists":
                closed = values.pop("closed", None)
                made = attempt.send("POST", "/lists", values, whole=True)
                attempt.id = made["id"]
                if closed:
                    attempt.send("PUT", f"/lists/{made['id']}", {"closed": True}, whole=True)
            case "labels":
                attempt.send("POST", "/labels", {"name": "", "color": None, **values}, whole=True)
            case "comments":
                path = f"/cards/{values['idCard']}/actions/comments"
                attempt.send("POST", path, {"text": values["text"]}, whole=True)
            case "attachments":
                card, content = values.pop("idCard"), attempt.write.content
                values["name"] = (values.get("name") or (label(content.name) if content else ""))[:NAME_LIMIT]
                if content is not None:
                    attempt.upload(card, {"name": values["name"]}, content)
                else:
                    attempt.send("POST", f"/cards/{card}/attachments", values, whole=True)

    def _update(self, stream: str, attempt: Attempt, values: dict[str, Any]) -> None:
        id = str(attempt.id)
        match stream:
            case "cards":
                cards.update(attempt, id, values)
                if self._own_fields:
                    attempt.answer = None  # no answer says which custom fields the board has
            case "checklists":
                cards.update_checklist(attempt, id, values)
            case "comments":
                attempt.send("PUT", f"/actions/{id}", values, whole=True)
            case "boards":
                if "desc" in values:
                    values["desc"] = self._with_marker(id, values["desc"])
                attempt.send("PUT", f"/boards/{id}", values, whole=True)
            case _:
                attempt.send("PUT", f"/{stream}/{id}", values, whole=True)

    def _with_marker(self, board: str, desc: Any) -> Any:
        """The new description, with the marker line that the board shows now if it has one."""
        now = self._client.get(f"/boards/{board}", {"fields": "desc"}).get("desc") or ""
        found = MARKER_LINE.search(now)
        if found is None:
            return desc if desc is not None else ""
        line = found[0].strip()
        return f"{desc}\n\n{line}" if desc else line

    def _read(self, stream: str, write: Write, raw: Raw) -> Record:
        if stream == "attachments":
            raw = {**raw, "idCard": write.values["idCard"]}
        one = record(stream, raw, self._me())
        if write.kind == "create" and write.marker and stream in ("cards", "boards"):
            # The answer to a create does not always list the link that was made with it.
            one = msgspec.structs.replace(one, marker=write.marker, ours=True)
        return one


def _place(stream: str, id: str) -> str:
    match stream:
        case "comments":
            return f"/actions/{id}"
        case "attachments":
            card, _, own = id.partition(":")
            return f"/cards/{card}/attachments/{own}"
        case _:
            return f"/{stream}/{id}"
