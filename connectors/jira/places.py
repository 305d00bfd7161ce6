"""Where creates go: the project and the issue type, filled in where a write leaves them open."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.errors import NotFound, RecordRefused
from connectors.examining import Symptom
from connectors.jira.client import Client
from connectors.jira.models import Json
from connectors.jira.records import STREAM_OF_LEVEL, level


class Places:
    """Issue types by project, asked once. Thread-safe."""

    def __init__(self, client: Client, projects: Sequence[str]) -> None:
        self._client = client
        self._projects = list(projects)
        self._types: dict[str, list[Json]] = {}
        self._lock = threading.Lock()

    def of_create(self, stream: str, fields: Mapping[str, Any]) -> Json:
        """``project`` and ``issuetype`` for a create. Raises ``RecordRefused`` where nobody said the project.

        A project may be given by key, a type by name, as a configuration does.
        """
        project = self._project(fields.get("project"))
        kind = fields.get("issuetype")
        if kind is None:
            return {"project": project, "issuetype": {"id": self._type(stream, project, fields.get("parent"))}}
        return {"project": project, "issuetype": {"name": kind} if isinstance(kind, str) else kind}

    def missing(self, stream: str, fields: Mapping[str, Any]) -> Iterator[Symptom]:
        """What of a place for new issues is not there. One request for each project that was not asked about yet."""
        try:
            project = self._project(fields.get("project"))
            place = str(project.get("key") or project.get("id"))
            names = {str(kind.get("name")) for kind in self.types(place)}
        except NotFound:
            yield Symptom(code="place_missing", severity="error", params={"place": f"project {place}"})
            return
        except RecordRefused:
            yield Symptom(code="place_unsaid", severity="error", params={"what": "project"})
            return
        kind = fields.get("issuetype")
        if isinstance(kind, str) and kind not in names:
            yield Symptom(code="place_missing", severity="error", params={"place": f"issue type {kind} in {place}"})
        elif kind is None:
            try:
                self._type(stream, project, None)
            except RecordRefused as error:
                yield Symptom(
                    code="place_missing", severity="error", params={"place": f"issue type in {place}: {error}"}
                )

    def types(self, project: str) -> list[Json]:
        """Issue types that may be created in the project, in its order."""
        with self._lock:
            known = self._types.get(project)
        if known is None:
            known = self._client.create_types(project)
            with self._lock:
                self._types[project] = known
        return known

    def _project(self, given: Any) -> Json:
        if isinstance(given, str):
            return {"key": given}
        if isinstance(given, dict):
            return given
        if len(self._projects) == 1:
            return {"key": self._projects[0]}
        raise RecordRefused("a new issue needs a project", code="no_project", field="project")

    def _type(self, stream: str, project: Json, parent: Any) -> str:
        wanted = {"epics": 1}.get(stream, 0)
        if wanted == 0 and isinstance(parent, dict) and self._parent_level(parent) == 0:
            wanted = -1
        place = str(project.get("key") or project.get("id"))
        for kind in self.types(place):
            if level({"fields": {"issuetype": kind}}) == wanted:
                return str(kind["id"])
        raise RecordRefused(
            f"project {place} has no issue type of hierarchy level {wanted} for {STREAM_OF_LEVEL[wanted]}",
            code="no_issue_type",
            field="issuetype",
        )

    def _parent_level(self, parent: Json) -> int:
        return level(self._client.issue(str(parent.get("id") or parent.get("key")), ["issuetype"]))
