"""Versions of projects, and their components."""

from __future__ import annotations

from abc import ABC
from datetime import date
from typing import Any

from connectors.jira.sandbox.routes_attached import AttachedRoutes
from connectors.jira.sandbox.routes_issues import API
from connectors.jira.sandbox.site import no
from connectors.jira.sandbox.world import Component, Json, User, Version
from connectors.sandbox.core import route
from connectors.sandbox.exchange import Request, Response

DATES = {"startDate": "start_date", "releaseDate": "release_date"}
PLAIN = {"name": "name", "description": "description", "released": "released", "archived": "archived"} | DATES


class VersionRoutes(AttachedRoutes, ABC):
    """What the service does with versions. Only an account that administers the project writes them."""

    @route("GET", f"{API}/project/{{key}}/version")
    def versions_of(self, request: Request, key: str) -> Response:
        project = self.world.project(key)
        if project is None:
            raise no(404, f"No project could be found with key '{key}'.")
        found = [self.shapes.version(each) for each in self.world.versions.values() if each.project == project.id]
        start, size = int(request.arg("startAt") or 0), min(int(request.arg("maxResults") or 50), 50)
        shown: Json = {"maxResults": size, "startAt": start, "total": len(found)}
        shown |= {"isLast": start + size >= len(found), "values": found[start : start + size]}
        return Response.json(shown)

    @route("GET", f"{API}/version/{{id}}")
    def version_one(self, request: Request, id: str) -> Response:
        return Response.json(self.shapes.version(self._version(id)))

    @route("POST", f"{API}/version")
    def add_version(self, request: Request) -> Response:
        self._may()
        return Response.json(self.shapes.version(self.version(self._caller, request.json() or {})), 201)

    @route("PUT", f"{API}/version/{{id}}")
    def edit_version(self, request: Request, id: str) -> Response:
        self._may()
        version = self._version(id)
        self.reversion(self._caller, version, request.json() or {})
        return Response.json(self.shapes.version(version))

    @route("DELETE", f"{API}/version/{{id}}")
    def drop_version(self, request: Request, id: str) -> Response:
        self._may()
        self.unversion(self._caller, self._version(id))
        return Response(204)

    def _may(self) -> None:
        if "ADMINISTER_PROJECTS" in self.lacks and self.ours:
            raise no(403, "You do not have permission to modify versions in this project.")

    def _version(self, id: str) -> Version:
        if id not in self.world.versions:
            raise no(404, f"Could not find version for id '{id}'")
        return self.world.versions[id]

    def version(self, actor: User, body: Json) -> Version:
        """A new version. Raises ``Refusal``."""
        project = self.world.project(str(body.get("projectId") or body.get("project") or ""))
        if project is None:
            raise no(404, projectId="You must specify a valid project id.")
        values = self._checked(body, project.id, None)
        made = Version(str(self.world.number()), project.id, **{"name": "", **values})
        if not made.name:
            raise no(400, name="You must specify a valid version name")
        self.world.versions[made.id] = made
        self._log(actor, "create", "versions", made.id, {name: (None, body[name]) for name in PLAIN if name in body}, 0)
        return made

    def reversion(self, actor: User, version: Version, body: Json) -> None:
        """Set what the body names. Raises ``Refusal``."""
        before = self.shapes.version(version)
        for name, value in self._checked(body, version.project, version).items():
            setattr(version, name, value)
        after = self.shapes.version(version)
        changes = {name: (before.get(name), after.get(name)) for name in PLAIN if before.get(name) != after.get(name)}
        if changes:
            self._log(actor, "update", "versions", version.id, changes, 0)

    def unversion(self, actor: User, version: Version) -> None:
        """A version is gone, and fields that name it lose the name."""
        kinds = {id: kind.kind for id, kind in self.world.fields.items() if kind.kind in ("version", "versions")}
        self._unnamed(actor, version.id, "fixVersions", "versions")
        for issue in self.world.issues.values():
            for id, kind in kinds.items():
                raw = issue.view.raw[id]
                if kind == "version" and raw == version.id:
                    self.change(actor, issue, {id: None})
                elif kind == "versions" and version.id in (raw or ()):
                    self.change(actor, issue, {id: [each for each in raw if each != version.id] or None})
        del self.world.versions[version.id]
        self._log(actor, "delete", "versions", version.id, {}, 0)

    def component(self, actor: User, body: Json) -> Component:
        """A new component. Raises ``Refusal``."""
        project = self.world.project(str(body.get("projectId") or body.get("project") or ""))
        if project is None:
            raise no(404, project="You must specify a valid project key.")
        made = Component(str(self.world.number()), project.id, "", str(body.get("description") or ""))
        made.name = self._component_name(made, body.get("name"))
        self.world.components[made.id] = made
        self._log(actor, "create", "components", made.id, {"name": (None, made.name)}, 0)
        return made

    def rename_component(self, actor: User, component: Component, name: Any) -> None:
        """Call it otherwise: no issue changes, and its id stays. Raises ``Refusal``."""
        before, component.name = component.name, self._component_name(component, name)
        self._log(actor, "update", "components", component.id, {"name": (before, component.name)}, 0)

    def drop_component(self, actor: User, component: Component) -> None:
        """A component is gone, and issues that name it lose the name."""
        self._unnamed(actor, component.id, "components")
        del self.world.components[component.id]
        self._log(actor, "delete", "components", component.id, {}, 0)

    def _component_name(self, component: Component, name: Any) -> str:
        mine = [each for each in self.world.components.values() if each.project == component.project]
        if not str(name or "").strip():
            raise no(400, name="The component name specified is invalid - cannot be an empty string.")
        if name in {each.name for each in mine if each is not component}:
            raise no(400, name=f"A component with the name {name} already exists in this project.")
        return str(name)

    def _unnamed(self, actor: User, id: str, *names: str) -> None:
        """Take a component or a version off all issues."""
        for issue in self.world.issues.values():
            raw = issue.view.raw
            new = {name: [each for each in raw[name] if each != id] for name in names if id in raw[name]}
            self.change(actor, issue, new)

    def _checked(self, body: Json, project: str, known: Version | None) -> dict[str, Any]:
        values: dict[str, Any] = {own: body[name] for name, own in PLAIN.items() if name in body}
        taken = {each.name for each in self.world.versions.values() if each.project == project and each is not known}
        if "name" in values and values["name"] in taken:
            raise no(400, name="A version with this name already exists in this project.")
        if len(str(values.get("name") or "")) > 255:
            raise no(400, name="The version name cannot exceed 255 characters.")
        for name, own in DATES.items():
            if own in values:
                values[own] = self._day(name, values[own])
        starts, ends = (values.get(own, getattr(known, own, None)) for own in ("start_date", "release_date"))
        if starts and ends and starts > ends:
            raise no(400, startDate="The start date must be before the release date.")
        return values

    def _day(self, name: str, value: Any) -> str | None:
        if not value:
            return None
        try:
            return date.fromisoformat(str(value)).isoformat()
        except ValueError as error:
            raise no(400, **{name: "Please enter the date in the following format: yyyy-MM-dd"}) from error
