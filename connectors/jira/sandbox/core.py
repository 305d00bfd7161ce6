"""The stand-in as a whole: the routes, and the control verbs by which people act and tests look."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from connectors.jira.sandbox import values as kept
from connectors.jira.sandbox.routes_site import SiteRoutes
from connectors.jira.sandbox.site import HUB_EMAIL, HUB_REFRESH, HUB_TOKEN, no
from connectors.jira.sandbox.world import FieldKind, Issue, Json, Project, User, Way
from connectors.sandbox.exchange import Refusal

__all__ = ["HUB_EMAIL", "HUB_REFRESH", "HUB_TOKEN", "JiraSandbox"]


class JiraSandbox(SiteRoutes):
    """One Jira Cloud site. People are named by display name and appear when they are first named."""

    # -- furnishing

    def localise(self, language: str) -> None:
        """Rename types, statuses and priorities (``en`` or ``zh``)."""
        self.world.localise(language)

    def add_project(self, key: str, name: str, kind: str = "software") -> Project:
        return self.world.add_project(key, name, kind)

    def add_field(
        self,
        id: str,
        name: str,
        kind: str,
        options: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
        *,
        required: bool = False,
    ) -> None:
        """A custom field on every screen; ``options`` of a cascading list are first choice -> second choices."""
        chosen = [self._option(value) for value in options or ()]
        if isinstance(options, Mapping):
            for option in chosen:
                option["children"] = [self._option(value) for value in options[option["value"]]]
        self.world.fields[id] = FieldKind(id, name, kind, chosen, required)
        for issue in self.world.issues.values():
            issue.view.raw.setdefault(id, None)
            for _, view in issue.indexed:
                view.raw.setdefault(id, None)

    def _option(self, value: str) -> Json:
        number = str(self.world.number())
        return {"self": f"{self.world.site}/rest/api/3/customFieldOption/{number}", "value": value, "id": number}

    def require_on_transition(self, status: str, field: str) -> None:
        """Let every transition into a status (by name) ask for a field."""
        for way in self.world.ways:
            if self.world.statuses[way.end].name == status:
                way.requires.append(field)

    def deny(self, id: str) -> None:
        """Hide an issue from the hub's account: asked for by id it answers 403."""
        self.world.denied.add(int(id))

    # -- people act

    def create(self, person: str, stream: str, values: Mapping[str, Any]) -> str:
        with self._as(person) as actor:
            if stream == "users":
                return self.add_user(str(values["displayName"]), values.get("emailAddress")).id
            if stream == "worklogs":
                return str(self.book(actor, values).id)
            if stream == "versions":
                place = {"projectId": next(iter(self.world.projects))}
                return self.version(actor, {**place, **values}).id
            if stream == "components":
                return self.component(actor, {"projectId": next(iter(self.world.projects)), **values}).id
            if stream in ("comments", "remote_links", "attachments"):
                issue = self.seen(str(values["issue"]["id"]))
                if stream == "attachments":
                    return f"{issue.id}-{self.attach(actor, issue, values).id}"
                if stream == "comments":
                    body, whom = self._document(values["body"]), values.get("visibility")
                    return f"{issue.id}-{self.comment(actor, issue, body, values.get('properties'), whom).id}"
                link = {"application": {}, "object": {"icon": {}, "status": {"icon": {}}, **values["object"]}}
                return f"{issue.id}-{self.link(actor, issue, link | self._of_link(values))}"
            fields = self._fields(values)
            target = fields.pop("status", None)
            fields.setdefault("project", {"id": next(iter(self.world.projects))})
            fields.setdefault("issuetype", {"id": self._type_for(stream, fields.get("parent"))})
            made = self.add_issue(actor, self.prepare(fields))
            if target:
                self._travel(actor, made, target)
            return str(made.id)

    def edit(self, person: str, stream: str, id: str, values: Mapping[str, Any]) -> None:
        with self._as(person) as actor:
            if stream == "users":
                user = self.world.users[id]
                user.name = str(values.get("displayName", user.name))
                return
            if stream == "worklogs":
                self.rebook(actor, self.worklog_of(id), values)
                return
            if stream == "versions":
                self.reversion(actor, self._version(id), self._beside_marker(id, values))
                return
            if stream == "components":
                self.rename_component(actor, self.world.components[id], values["name"])
                return
            if stream in ("comments", "remote_links"):
                issue, own = self._attached(id)
                if stream == "comments":
                    self.recomment(actor, issue, self._comment(issue, str(own)), self._document(values["body"]))
                    return
                old = issue.links[self._link_id(issue, str(own))]
                target = {**old["object"], **values.get("object", {})}
                self.link(actor, issue, {**old, **self._of_link(values), "object": target}, own)
                return
            issue = self.seen(id)
            fields = self._fields(values)
            target = fields.pop("status", None)
            if "labels" in fields:
                # People do not see the hub's marker as theirs to remove; they edit the labels beside it.
                if isinstance(fields["labels"], dict):
                    there = [each for each in issue.view.raw["labels"] if each not in fields["labels"]["remove"]]
                    fields["labels"] = [*there, *fields["labels"]["add"]]
                marks = [label for label in issue.view.raw["labels"] if label.startswith("keepstep-")]
                fields["labels"] = [*(fields["labels"] or ()), *(m for m in marks if m not in (fields["labels"] or ()))]
            if fields:
                self.rewrite(issue, fields, mail=True)
            if target:
                self._travel(actor, issue, target)

    def move(self, person: str, id: str, project: str) -> str:
        """Move an issue and its subtasks to another project (by key); its new key. The old key still leads to it."""
        with self._as(person) as actor:
            target = self.world.project(project)
            if target is None:
                raise no(404, f"No project could be found with key '{project}'.")
            issue = self.seen(id)
            for child in (issue, *self.shapes.children(issue)):
                self.rekey(actor, child, target)
            return issue.key

    def convert(self, person: str, id: str, stream: str) -> None:
        """A person makes an epic of an issue, or an issue of an epic. Only the site's pages can: no request does."""
        with self._as(person) as actor:
            self.change(actor, self.seen(id), {"issuetype": self._type_for(stream, None)})

    def link_issues(self, person: str, source: str, target: str, kind: str = "Blocks") -> str:
        """A person links two issues (by id): the first *blocks* the second. The link's id, by which ``delete`` of
        ``issue_links`` takes it away."""
        with self._as(person) as actor:
            named = next(each for each in self.world.link_types if each.name == kind)
            return str(self.join(actor, named, self.seen(source), self.seen(target)))

    def delete(self, person: str, stream: str, id: str) -> None:
        with self._as(person) as actor:
            if stream == "comments":
                issue, own = self._attached(id)
                self.uncomment(actor, issue, self._comment(issue, str(own)))
            elif stream == "issue_links":
                self.part(actor, self.world.issue_links[int(id)])
            elif stream == "attachments":
                self.detach(actor, *self.attachment_of(id.partition("-")[2]))
            elif stream == "remote_links":
                issue, own = self._attached(id)
                self.unlink(actor, issue, self._link_id(issue, str(own)))
            elif stream == "worklogs":
                self.unbook(actor, self.worklog_of(id))
            elif stream == "versions":
                self.unversion(actor, self._version(id))
            elif stream == "components":
                self.drop_component(actor, self.world.components[id])
            elif stream == "users":
                self.world.users[id].active = False
            else:
                self.remove_issue(actor, self.seen(id))

    def restore(self, person: str, stream: str, id: str) -> None:
        raise no(404, "Jira has no trash: what is deleted is gone.")

    # -- tests look

    def records(self, stream: str) -> dict[str, dict[str, Any]]:
        with self._lock:
            if stream == "users":
                return {id: self.shapes.user(id) or {} for id in self.world.users}
            if stream == "worklogs":
                return {str(id): self.shapes.worklog(log) for id, log in self.world.worklogs.items()}
            if stream == "versions":
                return {id: self.shapes.version(each) for id, each in self.world.versions.items()}
            if stream == "components":
                return {id: self.shapes.component(each) for id, each in self.world.components.items()}
            found: dict[str, dict[str, Any]] = {}
            for issue in self.world.issues.values():
                place = {"issue": {"id": str(issue.id), "stream": self.stream_of(issue)}}
                if stream == "comments":
                    for id, comment in issue.comments.items():
                        found[f"{issue.id}-{id}"] = {**self.shapes.comment(issue, comment, True), **place}
                elif stream == "attachments":
                    for id, each in issue.attachments.items():
                        found[f"{issue.id}-{id}"] = {**self.shapes.attachment(each), **place}
                elif stream == "remote_links":
                    for id, link in issue.links.items():
                        found[f"{issue.id}-{id}"] = {**self.shapes.link(issue, id, link), **place}
                elif self.stream_of(issue) == stream:
                    found[str(issue.id)] = self.shapes.issue(issue, issue.view, ["*all"])
            return found

    # -- how

    def _beside_marker(self, id: str, values: Mapping[str, Any]) -> Json:
        """People edit a version's description above the hub's line, which stays."""
        edited = dict(values)
        last = self._version(id).description.rpartition("\n")[2]
        if "description" in edited and last.startswith("keepstep:"):
            edited["description"] = f"{edited['description'] or ''}\n\n{last}".lstrip("\n")
        return edited

    @contextmanager
    def _as(self, person: str) -> Iterator[User]:
        with self._lock:
            self.settle()
            before, self._caller = self._caller, self.person(person)
            try:
                yield self._caller
            finally:
                self._caller = before

    def _fields(self, values: Mapping[str, Any]) -> Json:
        """Values with people by display name turned into accounts, and plain text into documents."""
        fields = dict(values)
        for name in fields:
            value = fields[name]
            if name in ("assignee", "reporter") and isinstance(value, str):
                fields[name] = {"accountId": self.person(value).id}
            elif name in ("assignee", "reporter") and isinstance(value, dict) and "accountId" not in value:
                fields[name] = {"accountId": self.person(str(value["displayName"])).id}
            elif name in ("description", "environment"):
                fields[name] = self._document(value)
        return fields

    @staticmethod
    def _document(text: Any) -> Any:
        if not isinstance(text, str):
            return kept.document(text)
        paragraphs = [
            {"type": "paragraph", "content": [{"type": "text", "text": part}]} for part in text.split("\n\n") if part
        ]
        return {"type": "doc", "version": 1, "content": paragraphs}

    @staticmethod
    def _of_link(values: Mapping[str, Any]) -> Json:
        return {name: values[name] for name in ("globalId", "relationship", "application") if values.get(name)}

    def _type_for(self, stream: str, parent: Any) -> str:
        if stream == "epics":
            return self.world.type_at(1).id
        above = self.world.issue(str(parent.get("id") or parent.get("key"))) if parent else None
        below_issue = above is not None and self.world.types[above.view.raw["issuetype"]].level == 0
        return self.world.type_at(-1 if below_issue else 0).id

    def _attached(self, id: str) -> tuple[Issue, int]:
        issue, _, own = id.partition("-")
        return self.seen(issue), int(own)

    def _travel(self, actor: User, issue: Issue, target: Mapping[str, Any]) -> None:
        """Along the workflow, as a person clicks: one change per transition, screens filled in."""
        for way in self._route(issue.view.raw["status"], target):
            filled = {name: next(iter(self.world.resolutions)) for name in way.requires if name == "resolution"}
            self.change(actor, issue, {**filled, "status": way.end})

    def _route(self, start: str, target: Mapping[str, Any]) -> list[Way]:
        """The shortest legal way. Raises ``Refusal`` where there is none."""
        paths: deque[tuple[str, list[Way]]] = deque([(start, [])])
        reached = {start}
        while paths:
            at, path = paths.popleft()
            if self._meant(at, target):
                return path
            for way in self.world.ways:
                if way.start == at and way.end not in reached:
                    reached.add(way.end)
                    paths.append((way.end, [*path, way]))
        raise Refusal(400, {"errorMessages": [f"No way to status {dict(target)}"], "errors": {}})

    def _meant(self, status: str, target: Mapping[str, Any]) -> bool:
        known = self.world.statuses[status]
        if target.get("id") is not None:
            return status == str(target["id"])
        if target.get("name"):
            return bool(known.name == target["name"])
        return bool(known.category == (target.get("statusCategory") or {}).get("key"))
