"""What hangs on an issue: comments, remote links, properties."""

from __future__ import annotations

from abc import ABC
from typing import Any

from connectors.jira.sandbox import values
from connectors.jira.sandbox.routes_bulk import BulkRoutes
from connectors.jira.sandbox.routes_issues import API
from connectors.jira.sandbox.site import no
from connectors.jira.sandbox.world import Comment, Entry, Issue, Json, User
from connectors.sandbox.core import route
from connectors.sandbox.exchange import Request, Response

LONGEST = 32_767


class AttachedRoutes(BulkRoutes, ABC):
    """What the service does with comments, links and properties."""

    # -- comments

    @route("GET", f"{API}/issue/{{id}}/comment")
    def comments_of(self, request: Request, id: str) -> Response:
        issue = self.seen(id)
        start, size = int(request.arg("startAt") or 0), min(int(request.arg("maxResults") or 100), 100)
        order = request.arg("orderBy") or "created"
        found = sorted(issue.comments.values(), key=lambda each: each.created, reverse=order.startswith("-"))
        shown = [self.shapes.comment(issue, each) for each in found[start : start + size]]
        return Response.json({"startAt": start, "maxResults": size, "total": len(found), "comments": shown})

    @route("POST", f"{API}/comment/list")
    def comments_by_id(self, request: Request) -> Response:
        wanted = {int(id) for id in (request.json() or {}).get("ids") or ()}
        if not 0 < len(wanted) <= 1000:
            raise no(400, "You can request from 1 to 1000 comments.")
        properties = "properties" in (request.arg("expand") or "")
        shown = [
            self.shapes.comment(issue, comment, properties)
            for issue in self.world.issues.values()
            if issue.id not in self.world.denied
            for comment in issue.comments.values()
            if comment.id in wanted
        ]
        size = len(shown)
        return Response.json({"startAt": 0, "maxResults": 1000, "total": size, "isLast": True, "values": shown})

    @route("POST", f"{API}/issue/{{id}}/comment")
    def add_comment(self, request: Request, id: str) -> Response:
        issue = self.writable(id)
        body: Json = request.json() or {}
        properties = {each["key"]: each["value"] for each in body.get("properties") or ()}
        text = self._text(body.get("body"))
        comment = self.comment(self._caller, issue, text, properties, body.get("visibility"))
        return Response.json(self.shapes.comment(issue, comment), 201)

    @route("GET", f"{API}/issue/{{id}}/comment/{{own}}")
    def comment_one(self, request: Request, id: str, own: str) -> Response:
        issue = self.seen(id)
        return Response.json(self.shapes.comment(issue, self._comment(issue, own)))

    @route("PUT", f"{API}/issue/{{id}}/comment/{{own}}")
    def edit_comment(self, request: Request, id: str, own: str) -> Response:
        issue = self.writable(id)
        comment = self._comment(issue, own)
        mail = self.mail(request)
        body: Json = request.json() or {}
        comment.visibility = body.get("visibility")
        self.recomment(self._caller, issue, comment, self._text(body.get("body")), mail=mail)
        return Response.json(self.shapes.comment(issue, comment))

    @route("DELETE", f"{API}/issue/{{id}}/comment/{{own}}")
    def drop_comment(self, request: Request, id: str, own: str) -> Response:
        issue = self.writable(id)
        self.uncomment(self._caller, issue, self._comment(issue, own))
        return Response(204)

    def _comment(self, issue: Issue, own: str) -> Comment:
        found = issue.comments.get(int(own)) if own.isdecimal() else None
        if found is None:
            raise no(404, f"Can not find a comment for the id: {own}.")
        return found

    def _text(self, body: Any) -> Any:
        if body is None:
            raise no(400, comment="Comment body can not be empty!")
        try:
            document = values.document(body)
        except values.Wrong as wrong:
            raise no(400, comment=str(wrong)) from wrong
        if len(values.wiki(document) or "") > LONGEST:
            raise no(400, comment="The entered text is too long. It exceeds the allowed limit of 32,767 characters.")
        return document

    def comment(
        self, actor: User, issue: Issue, body: Any, properties: Json | None = None, visibility: Json | None = None
    ) -> Comment:
        self.touch(issue)
        at = issue.view.updated
        made = Comment(self.world.number(), actor.id, body, at, at, actor.id, properties or {}, visibility)
        issue.comments[made.id] = made
        changes = {"body": (None, body)}
        self._log(actor, "create", "comments", f"{issue.id}-{made.id}", changes, self.audience(issue, actor))
        return made

    def recomment(self, actor: User, issue: Issue, comment: Comment, body: Any, *, mail: bool = True) -> None:
        if comment.body == body:
            return
        old = comment.body
        self.touch(issue)
        comment.body, comment.editor, comment.updated = body, actor.id, issue.view.updated
        notified = self.audience(issue, actor) if mail else 0
        self._log(actor, "update", "comments", f"{issue.id}-{comment.id}", {"body": (old, body)}, notified)

    def uncomment(self, actor: User, issue: Issue, comment: Comment) -> None:
        del issue.comments[comment.id]
        self.touch(issue)
        self._log(actor, "delete", "comments", f"{issue.id}-{comment.id}", {}, 0)

    # -- remote links

    @route("GET", f"{API}/issue/{{id}}/remotelink")
    def links_of(self, request: Request, id: str) -> Response:
        issue = self.seen(id)
        wanted = request.arg("globalId")
        shown = [self.shapes.link(issue, own, link) for own, link in issue.links.items()]
        if wanted is None:
            return Response.json(shown)
        found = next((link for link in shown if link.get("globalId") == wanted), None)
        if found is None:
            raise no(404, f"No remote issue link with global id {wanted} on this issue.")
        return Response.json(found)

    @route("POST", f"{API}/issue/{{id}}/remotelink")
    def put_link(self, request: Request, id: str) -> Response:
        issue = self.writable(id)
        link = self._link_body(request)
        known = next(
            (
                own
                for own, old in issue.links.items()
                if link.get("globalId") and old.get("globalId") == link["globalId"]
            ),
            None,
        )
        own = self.link(self._caller, issue, link, known)
        address = f"{self.world.site}{API}/issue/{issue.id}/remotelink/{own}"
        return Response.json({"id": own, "self": address}, 200 if known else 201)

    @route("GET", f"{API}/issue/{{id}}/remotelink/{{own}}")
    def link_one(self, request: Request, id: str, own: str) -> Response:
        issue = self.seen(id)
        number = self._link_id(issue, own)
        return Response.json(self.shapes.link(issue, number, issue.links[number]))

    @route("PUT", f"{API}/issue/{{id}}/remotelink/{{own}}")
    def edit_link(self, request: Request, id: str, own: str) -> Response:
        issue = self.writable(id)
        self.link(self._caller, issue, self._link_body(request), self._link_id(issue, own))
        return Response(204)

    @route("DELETE", f"{API}/issue/{{id}}/remotelink/{{own}}")
    def drop_link(self, request: Request, id: str, own: str) -> Response:
        issue = self.writable(id)
        self.unlink(self._caller, issue, self._link_id(issue, own))
        return Response(204)

    def _link_id(self, issue: Issue, own: str) -> int:
        if not own.isdecimal() or int(own) not in issue.links:
            raise no(404, f"No remote issue link with id {own} on this issue.")
        return int(own)

    def _link_body(self, request: Request) -> Json:
        body: Json = request.json() or {}
        target = body.get("object") or {}
        missing = {name: f"'{name}' is required." for name in ("title", "url") if not target.get(name)}
        if missing:
            raise no(400, **missing)
        shown: Json = {name: body[name] for name in ("globalId", "relationship") if body.get(name)}
        return {
            **shown,
            "application": body.get("application") or {},
            "object": {"icon": {}, "status": {"icon": {}}, **target},
        }

    def link(self, actor: User, issue: Issue, link: Json, known: int | None = None) -> int:
        """Make or replace a link; its number. What is the same stays as it is."""
        old = issue.links.get(known) if known is not None else None
        if known is not None and old == link:
            return known
        own = known if known is not None else self.world.number()
        issue.links[own] = link
        self.touch(issue)
        self._link_entry(actor, issue, own, old, link)
        changes = {name: ((old or {}).get(name), link.get(name)) for name in ("object", "relationship")}
        kind = "update" if old else "create"
        self._log(actor, kind, "remote_links", f"{issue.id}-{own}", changes, 0)
        return own

    def unlink(self, actor: User, issue: Issue, own: int) -> None:
        old = issue.links.pop(own)
        self.touch(issue)
        self._link_entry(actor, issue, own, old, None)
        self._log(actor, "delete", "remote_links", f"{issue.id}-{own}", {}, 0)

    def _link_entry(self, actor: User, issue: Issue, own: int, old: Json | None, new: Json | None) -> None:
        """The changelog tells of links in a sentence, and names no field id."""
        sides = [
            (str(own), f'This issue links to "{link["object"]["title"]} (Web Link)"') if link else (None, None)
            for link in (old, new)
        ]
        item: Json = {"field": "RemoteIssueLink", "fieldtype": "jira"}
        item |= {"from": sides[0][0], "fromString": sides[0][1], "to": sides[1][0], "toString": sides[1][1]}
        issue.history.append(Entry(self.world.number(), actor.id, issue.view.updated, [item]))

    # -- properties

    @route("GET", f"{API}/issue/{{id}}/properties/{{name}}")
    def property_of(self, request: Request, id: str, name: str) -> Response:
        issue = self.seen(id)
        if name not in issue.properties:
            raise no(404, f"The property with key {name} does not exist.")
        return Response.json({"key": name, "value": issue.properties[name]})

    @route("PUT", f"{API}/issue/{{id}}/properties/{{name}}")
    def put_property(self, request: Request, id: str, name: str) -> Response:
        issue = self.writable(id)
        new = name not in issue.properties
        issue.properties[name] = request.json()
        return Response.json({}, 201 if new else 200)

    @route("DELETE", f"{API}/issue/{{id}}/properties/{{name}}")
    def drop_property(self, request: Request, id: str, name: str) -> Response:
        if self.writable(id).properties.pop(name, None) is None:
            raise no(404, f"The property with key {name} does not exist.")
        return Response(204)

    @route("DELETE", f"{API}/comment/{{own}}/properties/{{name}}")
    def drop_comment_property(self, request: Request, own: str, name: str) -> Response:
        places = [
            (issue, issue.comments[int(own)])
            for issue in self.world.issues.values()
            if own.isdecimal() and int(own) in issue.comments
        ]
        if not places or places[0][1].properties.pop(name, None) is None:
            raise no(404, f"The property with key {name} does not exist.")
        self.writable(str(places[0][0].id))
        return Response(204)
