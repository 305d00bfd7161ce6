"""Files on issues: uploaded in a form, listed with their issue, their bytes at an address of their own."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import Any

from connectors.jira.sandbox.routes_issues import API
from connectors.jira.sandbox.routes_worklogs import WorklogRoutes
from connectors.jira.sandbox.site import no
from connectors.jira.sandbox.world import Attachment, Entry, Issue, User
from connectors.sandbox.core import route
from connectors.sandbox.exchange import Request, Response


class FileRoutes(WorklogRoutes, ABC):
    """What the service does with attachments."""

    upload_limit = 10_485_760
    """Bytes of one file."""

    @route("GET", f"{API}/attachment/meta")
    def attachment_settings(self, request: Request) -> Response:
        return Response.json({"enabled": True, "uploadLimit": self.upload_limit})

    @route("POST", f"{API}/issue/{{id}}/attachments")
    def add_attachments(self, request: Request, id: str) -> Response:
        if request.headers.get("x-atlassian-token") != "no-check":
            raise no(403, "XSRF check failed")
        issue = self.writable(id)
        part = request.form().get("file")
        if part is None or part.filename is None:
            raise no(400, "No file was sent.")
        if len(part.body) > self.upload_limit:
            raise no(413, "The file exceeds the maximum attachment size.")
        made = self.attach(self._caller, issue, {"filename": part.filename, "mimeType": part.kind, "bytes": part.body})
        return Response.json([self.shapes.attachment(made)])

    @route("GET", f"{API}/attachment/content/{{id}}")
    def attachment_content(self, request: Request, id: str) -> Response:
        _, made = self.attachment_of(id)
        if request.arg("redirect") != "false":
            return Response(303, headers={"Location": f"https://api.media.atlassian.com/file/{made.id}/binary"})
        return Response(200, made.body, {"Content-Type": made.kind, "Content-Length": str(len(made.body))})

    @route("DELETE", f"{API}/attachment/{{id}}")
    def drop_attachment(self, request: Request, id: str) -> Response:
        issue, made = self.attachment_of(id)
        self.detach(self._caller, self.writable(str(issue.id)), made)
        return Response(204)

    def attachment_of(self, id: str) -> tuple[Issue, Attachment]:
        for issue in self.world.issues.values():
            if id.isdecimal() and int(id) in issue.attachments and issue.id not in self.world.denied:
                return issue, issue.attachments[int(id)]
        raise no(404, f"The attachment with id '{id}' does not exist")

    def attach(self, actor: User, issue: Issue, values: Mapping[str, Any]) -> Attachment:
        self.touch(issue)
        body = values.get("bytes") or b""
        body = body.encode() if isinstance(body, str) else body
        kind = str(values.get("mimeType") or "application/octet-stream")
        made = Attachment(self.world.number(), str(values["filename"]), kind, body, actor.id, issue.view.updated)
        issue.attachments[made.id] = made
        self._tell(actor, issue, None, made)
        changes = {"filename": (None, made.name)}
        self._log(actor, "create", "attachments", f"{issue.id}-{made.id}", changes, self.audience(issue, actor))
        return made

    def detach(self, actor: User, issue: Issue, made: Attachment) -> None:
        del issue.attachments[made.id]
        self.touch(issue)
        self._tell(actor, issue, made, None)
        self._log(actor, "delete", "attachments", f"{issue.id}-{made.id}", {}, 0)

    def _tell(self, actor: User, issue: Issue, old: Attachment | None, new: Attachment | None) -> None:
        """The issue's changelog names the file."""
        item = {
            "field": "Attachment",
            "fieldtype": "jira",
            "fieldId": "attachment",
            "from": str(old.id) if old else None,
            "fromString": old.name if old else None,
            "to": str(new.id) if new else None,
            "toString": new.name if new else None,
        }
        issue.history.append(Entry(self.world.number(), actor.id, issue.view.updated, [item]))
