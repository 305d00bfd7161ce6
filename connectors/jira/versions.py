"""Versions of projects: dated goals. Jira tells neither author nor time of a change, so all are read every time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import msgspec

from connectors.base import Abilities, Field, Gate, Outcome, Page, Record, Unreadable, Write
from connectors.errors import ConnectorError, CursorLost, Forbidden, GateClosed, Malformed, NotFound, RecordRefused
from connectors.jira.client import Client
from connectors.jira.models import Json
from connectors.jira.outcomes import failed
from connectors.rows import NoRecord, each_row, id_of, identified, made_of

LINE = "keepstep:"
"""Begins the last line of a description that holds our marker: a version has no other place for one."""

WRITABLE = ("name", "description", "startDate", "releaseDate", "released", "archived")

ABILITIES = Abilities(
    create=True, update=True, delete=True, archive=True, returns_record=True, marker="in_create", settle=25.0
)

FIELDS = [
    Field(name="name", label="Name", required=True),
    Field(name="description", label="Description"),
    Field(name="startDate", label="Start date", kind="date"),
    Field(name="releaseDate", label="Release date", kind="date"),
    Field(name="released", label="Released", kind="boolean"),
    Field(name="archived", label="Archived", kind="boolean"),
    Field(name="projectId", label="Project", kind="project", writable=False),
    Field(name="overdue", label="Overdue", kind="boolean", writable=False),
]


class Versions:
    """Reading and writing the versions of one connection's projects."""

    def __init__(self, client: Client, site: str, projects: Sequence[str]) -> None:
        self._client = client
        self._site = site
        self._projects = list(projects)

    # -- reading

    def pull(self, cursor: str | None) -> Iterator[Page]:
        """All versions of the projects whose list is not the one seen last: one request a project, and one for the
        list of projects. The cursor holds a digest of each list."""
        seen = _digests(cursor)
        for project, rows in self._lists():
            digest = hashlib.sha256(msgspec.json.encode(rows, order="sorted")).hexdigest()[:16]
            if seen.get(str(project["id"])) == digest:
                continue
            seen[str(project["id"])] = digest
            aside: list[Unreadable] = []
            records = list(each_row("versions", rows, partial(self.record, project=project), aside))
            yield Page(records=records, cursor=_cursor(seen), unreadable=aside)
        yield Page(records=[], cursor=_cursor(seen), last=True, complete=cursor is None)

    def ids(self) -> Iterator[list[str]]:
        for _, rows in self._lists():
            yield [str(row["id"]) for row in identified("versions", rows, [])]

    def get(self, ids: Sequence[str]) -> Iterator[Record]:
        """One request each: Jira reads versions by id only one at a time."""
        for id in ids:
            try:
                if not id.isdecimal():
                    raise NotFound(f"no id of a version: {id}", status=404)
                yield made_of(self.record, self._client.version(id))
            except NotFound:
                yield Record(stream="versions", id=id, deleted=True)
            except (Forbidden, NoRecord):
                yield Record(stream="versions", id=id, forbidden=True)

    def find(self, marker: str) -> Iterator[Record]:
        for project, rows in self._lists():
            found = each_row("versions", rows, partial(self.record, project=project), [])
            yield from (record for record in found if record.marker == marker)

    def _lists(self) -> Iterator[tuple[Json, list[Any]]]:
        for project in self._client.projects(self._projects):
            try:
                yield project, [row for rows in self._client.versions(str(project["id"])) for row in rows]
            except NotFound:
                continue  # the project went away between the two requests

    def record(self, version: Json, project: Json | None = None) -> Record:
        """A version; the line with our marker is not part of its description."""
        id = id_of(version)
        payload = {name: part for name, part in version.items() if name not in ("self", "expand", "operations")}
        text, marker = parted(payload.get("description"))
        if marker is not None:
            payload["description"] = text
        place = str(version["projectId"]) if version.get("projectId") is not None else None
        key = (project or {}).get("key") or place
        return Record(
            stream="versions",
            id=id,
            payload=payload,
            marker=marker,
            ours=marker is not None,
            scope=place,
            url=f"{self._site}/projects/{key}/versions/{id}" if key else None,
        )

    # -- writing

    def push(self, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        """One outcome per write, in order, one writing request each."""
        for write in writes:
            try:
                yield self._one(write, gate)
            except (ConnectorError, GateClosed) as error:
                yield failed(write, error)

    def _one(self, write: Write, gate: Gate) -> Outcome:
        body = {name: value for name, value in write.values.items() if name in WRITABLE}
        if write.kind == "create":
            body = {name: value for name, value in body.items() if value is not None}
            body["projectId"] = self._project(write.values.get("project") or write.values.get("projectId"))
            if write.marker:
                body["description"] = joined(body.get("description"), write.marker)
            return self._done(write, self._client.create_version(body, gate))
        id = write.id or ""
        if not id.isdecimal():
            raise NotFound(f"no id of a version: {id}", status=404)
        if write.kind == "delete":
            self._client.delete_version(id, gate)
            return Outcome(intent=write.intent, status="done", id=id)
        if write.kind == "archive":
            body = {"archived": True}
        if "description" in body:
            marker = parted(self._client.version(id).get("description"))[1]
            body["description"] = joined(body["description"], marker) if marker else body["description"] or ""
        for name in ("startDate", "releaseDate"):
            if name in body and body[name] is None:
                # The vendor's contract has no value that clears a date, and none is documented.
                raise RecordRefused(f"Jira offers no way to clear {name}", code="never_empty", field=name)
        return self._done(write, self._client.edit_version(id, body, gate))

    def unmark(self, id: str, gate: Gate) -> None:
        """Take our line out of a description. Raises ``ConnectorError``."""
        text, marker = parted(self._client.version(id).get("description"))
        if marker is not None:
            self._client.edit_version(id, {"description": text or ""}, gate)

    def _done(self, write: Write, version: Json) -> Outcome:
        try:
            record = made_of(self.record, version)
        except NoRecord as trouble:
            reason = f"the answer names no version: {trouble}"
            return Outcome(intent=write.intent, status="unknown", id=write.id, reason=reason)
        return Outcome(intent=write.intent, status="done", id=record.id, record=record)

    def _project(self, given: Any) -> int:
        """Id of the project meant, by id or key; of the one configured where nobody says."""
        if isinstance(given, dict):
            given = given.get("id") or given.get("key")
        if given is None and len(self._projects) == 1:
            given = self._projects[0]
        if given is None:
            raise RecordRefused("a new version needs a project", code="no_project", field="project")
        if str(given).isdecimal():
            return int(given)
        found = self._client.projects([str(given)])
        if not found:
            raise RecordRefused(f"there is no project {given}", code="no_project", field="project")
        if not str(found[0].get("id")).isdecimal():
            raise Malformed("GET /rest/api/3/project/search: a project without a number")
        return int(found[0]["id"])


def _digests(cursor: str | None) -> dict[str, str]:
    if cursor is None:
        return {}
    try:
        return msgspec.json.decode(cursor, type=dict[str, str])
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise CursorLost(f"not a cursor of the versions: {error}") from error


def _cursor(seen: dict[str, str]) -> str:
    return msgspec.json.encode(seen, order="sorted").decode()


def parted(description: Any) -> tuple[str | None, str | None]:
    """A description without our line, and the marker in it."""
    if not isinstance(description, str):
        return None, None
    rest, _, last = description.rpartition("\n")
    if not last.startswith(LINE):
        return description, None
    return rest.rstrip("\n") or None, last[len(LINE) :].strip()


def joined(description: Any, marker: str) -> str:
    """A description with our line at its end."""
    return f"{description}\n\n{LINE}{marker}" if description else LINE + marker
