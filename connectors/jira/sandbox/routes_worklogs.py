"""Worklogs: the feeds of those that changed and of those that are gone, and reading by id."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import Any

from connectors.jira.sandbox.routes_issues import API
from connectors.jira.sandbox.routes_versions import VersionRoutes
from connectors.jira.sandbox.site import no
from connectors.jira.sandbox.world import Json, User, Worklog
from connectors.sandbox.core import route
from connectors.sandbox.exchange import Request, Response

PAGE = 1000
LEFT_OUT = 60_000
"""Milliseconds at the end that the feeds do not show yet."""


class WorklogRoutes(VersionRoutes, ABC):
    """What the service does with worklogs."""

    @route("GET", f"{API}/worklog/updated")
    def worklogs_updated(self, request: Request) -> Response:
        return self._changed(request, {id: log.updated for id, log in self.world.worklogs.items()}, "updated")

    @route("GET", f"{API}/worklog/deleted")
    def worklogs_deleted(self, request: Request) -> Response:
        return self._changed(request, self.world.worklogs_gone, "deleted")

    def _changed(self, request: Request, times: Mapping[int, int], what: str) -> Response:
        since = int(request.arg("since") or 0)
        until = self.ms() - LEFT_OUT
        rows = sorted((at, id) for id, at in times.items() if since < at <= until)
        page = rows[:PAGE]
        address = f"{self.world.site}{API}/worklog/{what}"
        shown: Json = {
            "values": [{"worklogId": id, "updatedTime": at, "properties": []} for at, id in page],
            "since": since,
            "until": page[-1][0] if page else since,
            "self": f"{address}?since={since}",
            "lastPage": len(rows) <= PAGE,
        }
        if len(rows) > PAGE:
            shown["nextPage"] = f"{address}?since={page[-1][0]}"
        return Response.json(shown)

    @route("POST", f"{API}/worklog/list")
    def worklogs_by_id(self, request: Request) -> Response:
        wanted = [int(id) for id in (request.json() or {}).get("ids") or ()]
        if not 0 < len(wanted) <= PAGE:
            raise no(400, "You can request from 1 to 1000 worklogs.")
        shown = [
            self.shapes.worklog(self.world.worklogs[id])
            for id in wanted
            if id in self.world.worklogs and self.world.worklogs[id].issue not in self.world.denied
        ]
        return Response.json(shown)

    def book(self, actor: User, values: Mapping[str, Any]) -> Worklog:
        """A person books time on an issue. No two changes share a time."""
        issue = self.seen(str(values["issueId"]))
        self.touch(issue)
        at = self._tick()
        seconds = int(values.get("timeSpentSeconds", 3600))
        made = Worklog(self.world.number(), issue.id, actor.id, seconds, at, at, at, actor.id, values.get("comment"))
        self.world.worklogs[made.id] = made
        self._log(actor, "create", "worklogs", str(made.id), {"timeSpentSeconds": (None, seconds)}, 0)
        return made

    def rebook(self, actor: User, log: Worklog, values: Mapping[str, Any]) -> None:
        old = log.seconds
        log.seconds = int(values.get("timeSpentSeconds", old))
        log.comment = values.get("comment", log.comment)
        log.updated, log.editor = self._tick(), actor.id
        self._log(actor, "update", "worklogs", str(log.id), {"timeSpentSeconds": (old, log.seconds)}, 0)

    def unbook(self, actor: User, log: Worklog) -> None:
        at = self._tick()
        del self.world.worklogs[log.id]
        self.world.worklogs_gone[log.id] = at
        self._log(actor, "delete", "worklogs", str(log.id), {}, 0)

    def worklog_of(self, id: str) -> Worklog:
        found = self.world.worklogs.get(int(id)) if id.isdecimal() else None
        if found is None:
            raise no(404, f"Cannot find worklog with id: '{id}'.")
        return found

    def _tick(self) -> int:
        taken = [log.updated for log in self.world.worklogs.values()] + list(self.world.worklogs_gone.values())
        return max([self.ms(), *(at + 1 for at in taken)])
