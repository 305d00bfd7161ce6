"""Links between issues: which types there are, and the links themselves, which both issues show."""

from __future__ import annotations

from abc import ABC

from connectors.jira.sandbox.routes_files import FileRoutes
from connectors.jira.sandbox.site import no
from connectors.jira.sandbox.world import Entry, Issue, IssueLink, Json, LinkType, User
from connectors.sandbox.core import route
from connectors.sandbox.exchange import Request, Response

API = "/rest/api/3"


class LinkRoutes(FileRoutes, ABC):
    """What the service does with links between issues."""

    @route("GET", f"{API}/issueLinkType")
    def link_types(self, request: Request) -> Response:
        return Response.json({"issueLinkTypes": [self.shapes.link_type(each) for each in self.world.link_types]})

    @route("DELETE", f"{API}/issueLink/{{own}}")
    def drop_issue_link(self, request: Request, own: str) -> Response:
        found = self.world.issue_links.get(int(own)) if own.isdecimal() else None
        if found is None:
            raise no(404, f"No issue link with id '{own}' exists.")
        for end in (found.source, found.target):
            self.writable(str(end))
        self.part(self._caller, found)
        return Response(204)

    def joined(self, issue: Issue, step: Json) -> tuple[LinkType, Issue, Issue]:
        """Type, source and target of one ``add`` in an edit of ``issue``. Raises ``Refusal``."""
        asked: Json = step.get("type") or {}
        kind = next(
            (each for each in self.world.link_types if asked.get("id") == each.id or asked.get("name") == each.name),
            None,
        )
        if kind is None:
            raise no(400, issuelinks="No issue link type with that name or id found.")
        ends = [name for name in ("inwardIssue", "outwardIssue") if step.get(name)]
        if len(ends) != 1:
            raise no(400, issuelinks="Exactly one of inwardIssue and outwardIssue must be given.")
        other = self.seen(str(step[ends[0]].get("id") or step[ends[0]].get("key")))
        return (kind, other, issue) if ends == ["inwardIssue"] else (kind, issue, other)

    def join(self, actor: User, kind: LinkType, source: Issue, target: Issue) -> int:
        """A link of that type between two issues; the one that is there already, if there is one."""
        for id, link in self.world.issue_links.items():
            if (link.kind, link.source, link.target) == (kind.id, source.id, target.id):
                return id
        id = self.world.number()
        self.world.issue_links[id] = IssueLink(id, kind.id, source.id, target.id)
        self._tell_both(actor, self.world.issue_links[id], there=True)
        return id

    def part(self, actor: User, link: IssueLink) -> None:
        del self.world.issue_links[link.id]
        self._tell_both(actor, link, there=False)

    def _tell_both(self, actor: User, link: IssueLink, *, there: bool) -> None:
        """Both issues change, and the changelog of each says it in a sentence, without a field's id."""
        kind = next(each for each in self.world.link_types if each.id == link.kind)
        ends = ((link.source, link.target, kind.outward), (link.target, link.source, kind.inward))
        for own, other, words in ends:
            issue, beside = self.world.issues.get(own), self.world.issues.get(other)
            if issue is None or beside is None:
                continue
            self.touch(issue)
            said = (beside.key, f"This issue {words} {beside.key}")
            before, after = ((None, None), said) if there else (said, (None, None))
            item: Json = {"field": "Link", "fieldtype": "jira", "from": before[0], "fromString": before[1]}
            item |= {"to": after[0], "toString": after[1]}
            issue.history.append(Entry(self.world.number(), actor.id, issue.view.updated, [item]))
            changes = {"issuelinks": (before[1], after[1])}
            self._log(actor, "update", self.stream_of(issue), str(issue.id), changes, 0)
