"""The site itself: who am I, what may I, which projects, types, fields, statuses and people there are."""

from __future__ import annotations

import base64
import hashlib
from abc import ABC
from urllib.parse import parse_qs, urlsplit

from connectors.jira.sandbox.fields import SYSTEM_FIELDS
from connectors.jira.sandbox.routes_issues import API
from connectors.jira.sandbox.routes_links import LinkRoutes
from connectors.jira.sandbox.site import no
from connectors.jira.sandbox.values import SCREEN
from connectors.jira.sandbox.world import IssueType, Json, Project
from connectors.sandbox.core import route
from connectors.sandbox.exchange import Refusal, Request, Response


class SiteRoutes(LinkRoutes, ABC):
    """Metadata, people and signing in."""

    @route("POST", "/oauth/token")
    def token(self, request: Request) -> Response:
        """Refresh tokens change at every use, and a used one is refused."""
        if "json" in request.headers.get("content-type", ""):
            sent: Json = request.json() or {}
        else:
            sent = {name: found[0] for name, found in parse_qs(request.body.decode()).items()}
        if sent.get("grant_type") == "authorization_code":
            self._redeem(sent)
        elif sent.get("refresh_token") != self._refresh:
            raise Refusal(403, {"error": "invalid_grant", "error_description": "Unknown or invalid refresh token."})
        self._refresh = f"refresh-{self.rng.getrandbits(64):016x}"
        access = f"access-{self.rng.getrandbits(64):016x}"
        self._tokens.add(f"Bearer {access}")
        return Response.json(
            {
                "access_token": access,
                "refresh_token": self._refresh,
                "expires_in": 3600,
                "token_type": "Bearer",
                "scope": "read:jira-work write:jira-work read:jira-user offline_access",
            }
        )

    def consent(self, address: str) -> dict[str, str]:
        """A person agrees on the sign-in page at ``address``: the query with which the browser is sent back."""
        asked = {name: found[0] for name, found in parse_qs(urlsplit(address).query).items()}
        code = f"code-{self.rng.getrandbits(64):016x}"
        self._codes[code] = (asked["redirect_uri"], asked["code_challenge"])
        return {"code": code, "state": asked["state"]}

    def _redeem(self, sent: Json) -> None:
        redirect, challenge = self._codes.pop(str(sent.get("code")), ("", ""))
        digest = hashlib.sha256(str(sent.get("code_verifier")).encode()).digest()
        shown = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if not redirect or sent.get("redirect_uri") != redirect or shown != challenge:
            raise Refusal(403, {"error": "invalid_grant", "error_description": "Invalid authorization code"})

    @route("GET", "/oauth/token/accessible-resources")
    def resources(self, request: Request) -> Response:
        site = {"id": self.cloud_id, "url": self.world.site, "name": "acme", "scopes": ["read:jira-work"]}
        return Response.json([site])

    @route("GET", f"{API}/myself")
    def myself(self, request: Request) -> Response:
        shown = self.shapes.user(self._caller.id) or {}
        more = {"locale": "en_US", "groups": {"size": 1, "items": []}, "applicationRoles": {"size": 1, "items": []}}
        return Response.json({**shown, **more, "expand": "groups,applicationRoles"})

    @route("GET", f"{API}/serverInfo")
    def server(self, request: Request) -> Response:
        return Response.json(
            {
                "baseUrl": self.world.site,
                "version": "1001.0.0-SNAPSHOT",
                "versionNumbers": [1001, 0, 0],
                "deploymentType": self.deployment,
                "buildNumber": 100275,
                "buildDate": self.shapes.time(1_777_000_000_000),
                "serverTime": self.shapes.time(self.ms()),
                "scmInfo": "0",
                "serverTitle": "Jira",
                "defaultLocale": {"locale": "en_US"},
            }
        )

    @route("GET", f"{API}/mypermissions")
    def permissions(self, request: Request) -> Response:
        asked = request.arg("permissions")
        if not asked:
            raise no(400, "The 'permissions' query parameter is required.")
        return Response.json(
            {
                "permissions": {
                    name: {
                        "id": str(number),
                        "key": name,
                        "name": name.replace("_", " ").capitalize(),
                        "type": "PROJECT",
                        "description": "",
                        "havePermission": name not in self.lacks,
                    }
                    for number, name in enumerate(asked.split(","), 10)
                }
            }
        )

    # -- projects and types

    def _paged(self, request: Request, key: str, rows: list[Json], largest: int) -> Response:
        start, size = int(request.arg("startAt") or 0), min(int(request.arg("maxResults") or 50), largest)
        page = rows[start : start + size]
        shown: Json = {"maxResults": size, "startAt": start, "total": len(rows), key: page}
        if key == "values":
            shown["isLast"] = start + size >= len(rows)
        return Response.json(shown)

    def _project(self, key_or_id: str) -> Project:
        found = self.world.project(key_or_id)
        if found is None:
            raise no(404, f"No project could be found with key '{key_or_id}'.")
        return found

    def _kind(self, id: str) -> IssueType:
        if id not in self.world.types:
            raise no(400, issueType=f"Issue type with id '{id}' does not exist.")
        return self.world.types[id]

    @route("GET", f"{API}/project/search")
    def projects(self, request: Request) -> Response:
        keys = [key for part in request.args("keys") for key in part.split(",")]
        found = [each for each in self.world.projects.values() if not keys or each.key in keys]
        more = {"style": "next-gen", "isPrivate": False, "properties": {}, "expand": "description,lead,issueTypes"}
        return self._paged(request, "values", [{**self.shapes.project(each), **more} for each in found], 50)

    @route("GET", f"{API}/project/{{key}}/statuses")
    def project_statuses(self, request: Request, key: str) -> Response:
        self._project(key)
        statuses = [self.shapes.status(status) for status in self.world.statuses.values()]
        return Response.json(
            [
                {
                    "self": f"{self.world.site}{API}/issuetype/{kind.id}",
                    "id": kind.id,
                    "name": kind.name,
                    "subtask": kind.level == -1,
                    "statuses": statuses,
                }
                for kind in self.world.types.values()
            ]
        )

    @route("GET", f"{API}/issue/createmeta/{{key}}/issuetypes")
    def create_types(self, request: Request, key: str) -> Response:
        self._project(key)
        return self._paged(request, "issueTypes", [self.shapes.issue_type(k) for k in self.world.types.values()], 200)

    @route("GET", f"{API}/issue/createmeta/{{key}}/issuetypes/{{kind}}")
    def create_fields(self, request: Request, key: str, kind: str) -> Response:
        project = self._project(key).id
        subtask = self._kind(kind).level == -1
        needed = {"summary", "project", "issuetype", "reporter"} | ({"parent"} if subtask else set())
        names = [name for name in SCREEN if name != "resolution"]
        rows = [self.shapes.meta(name, project, required=name in needed) for name in names]
        rows += [self.shapes.meta(each.id, project, required=each.required) for each in self.world.fields.values()]
        return self._paged(request, "fields", rows, 200)

    @route("GET", f"{API}/issuetype")
    def issue_types(self, request: Request) -> Response:
        shown = [{**self.shapes.issue_type(k), "untranslatedName": k.role} for k in self.world.types.values()]
        return Response.json(shown)

    @route("GET", f"{API}/status")
    def statuses(self, request: Request) -> Response:
        shown = [{**self.shapes.status(s), "untranslatedName": s.role} for s in self.world.statuses.values()]
        return Response.json(shown)

    @route("GET", f"{API}/priority")
    def priorities(self, request: Request) -> Response:
        colours = ("#d04437", "#f15C75", "#f79232", "#707070", "#999999")
        return Response.json(
            [
                {**self.shapes.priority(id), "statusColor": colour, "description": ""}
                for id, colour in zip(self.world.priorities, colours, strict=True)
            ]
        )

    @route("GET", f"{API}/field")
    def fields(self, request: Request) -> Response:
        rows = [(name, label, False) for name, (label, _) in SYSTEM_FIELDS.items()]
        rows += [(kind.id, kind.name, True) for kind in self.world.fields.values()]
        shown = []
        for name, label, custom in rows:
            row: Json = {
                "id": name,
                "key": name,
                "name": label,
                "custom": custom,
                "orderable": name in SCREEN or custom,
                "navigable": name != "comment",
                "searchable": True,
                "clauseNames": [f"cf[{name.rpartition('_')[2]}]", label] if custom else [name.lower()],
            }
            if custom:
                row["untranslatedName"] = label
            schema = self.shapes.schema(name)
            if schema:
                row["schema"] = schema
            shown.append(row)
        return Response.json(shown)

    # -- people

    @route("GET", f"{API}/users/search")
    def users(self, request: Request) -> Response:
        start, size = int(request.arg("startAt") or 0), min(int(request.arg("maxResults") or 50), 1000)
        found = list(self.world.users)[start : start + size]
        return Response.json([self.shapes.user(id) for id in found])

    @route("GET", f"{API}/user/bulk")
    def users_by_id(self, request: Request) -> Response:
        found: list[Json] = [
            shown
            for id in dict.fromkeys(request.args("accountId"))
            if id in self.world.users and (shown := self.shapes.user(id)) is not None
        ]
        return self._paged(request, "values", found, 200)

    @route("GET", f"{API}/user")
    def user_one(self, request: Request) -> Response:
        id = request.arg("accountId") or ""
        if id not in self.world.users:
            raise no(404, "Specified user does not exist or you do not have required permissions")
        return Response.json(self.shapes.user(id))
