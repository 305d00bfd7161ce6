"""Jira's endpoints for the site itself: who we are, its projects, fields, workflows and people. No records here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from connectors.answer import Answer
from connectors.auth import Auth
from connectors.context import Context
from connectors.errors import Malformed, NotFound
from connectors.http import Http
from connectors.jira.answers import classify
from connectors.jira.models import Json, count, part
from connectors.rows import identified

API = "/rest/api/3"
PAGE = 100
USERS_PAGE = 1000


class Site:
    """What is asked of a site as a whole, and how anything is asked of it."""

    def __init__(self, context: Context, address: str, auth: Auth) -> None:
        self.http = Http(
            context,
            address,
            auth=auth,
            classify=classify,
            reading_posts=[
                rf"{API}/search/jql",
                rf"{API}/search/approximate-count",
                rf"{API}/issue/bulkfetch",
                rf"{API}/changelog/bulkfetch",
                rf"{API}/comment/list",
                rf"{API}/worklog/list",
            ],
        )

    def _get(self, path: str, **params: Any) -> Answer:
        return self.http.read("GET", API + path, params=params or None)

    def _ask(self, path: str, body: Json, **params: Any) -> Answer:
        return self.http.read("POST", API + path, json=body, params=params or None)

    def _pages(self, path: str, key: str, size: int = PAGE, **params: Any) -> Iterator[list[Any]]:
        """Pages by offset, until one is short of the announced total or empty."""
        start = 0
        while True:
            answer: Json = self._get(path, startAt=start, maxResults=size, **params).decode(dict[str, Any])
            rows = answer.get(key)
            if not isinstance(rows, list):
                raise Malformed(f"GET {API}{path}: no list `{key}` in the answer")
            start += len(rows)
            if rows:
                yield rows
            if not rows or answer.get("isLast") is True or start >= count(answer.get("total")):
                return

    def myself(self) -> Json:
        return self._get("/myself").decode(dict[str, Any])

    def server_info(self) -> Json:
        return self._get("/serverInfo").decode(dict[str, Any])

    def my_permissions(self, *names: str, project: str | None = None) -> dict[str, bool]:
        """Which of the named permissions the account has in a project, or somewhere."""
        place = {"projectKey": project} if project is not None else {}
        answer: Json = self._get("/mypermissions", permissions=",".join(names), **place).decode(dict[str, Any])
        held = part(answer, "permissions")
        return {name: part(held, name).get("havePermission") is True for name in names}

    def _named(self, path: str) -> list[Json]:
        """Things of the site that are known by an id; what has none says nothing."""
        return identified(path, self._get(path).decode(list[Any]), [])

    def projects(self, keys: Sequence[str] = ()) -> list[Json]:
        """The named projects, as far as the account may see them, or all."""
        params = {"keys": list(keys)} if keys else {}
        pages = self._pages("/project/search", "values", size=50, **params)
        return [row for rows in pages for row in identified("projects", rows, [])]

    def versions(self, project: str) -> Iterator[list[Any]]:
        """Pages of a project's versions, archived ones too."""
        yield from self._pages(f"/project/{project}/version", "values", size=50)

    def version(self, id: str) -> Json:
        return self._get(f"/version/{id}").decode(dict[str, Any])

    def fields(self) -> list[Json]:
        return self._named("/field")

    def priorities(self) -> list[Json]:
        """Highest first."""
        return self._named("/priority")

    def statuses(self) -> list[Json]:
        return self._named("/status")

    def project_statuses(self, project: str) -> list[tuple[str, list[Json]]]:
        """Names of a project's issue types, each with the statuses of its workflow."""
        found = []
        for kind in self._named(f"/project/{project}/statuses"):
            statuses = kind.get("statuses")
            rows = identified("statuses", statuses if isinstance(statuses, list) else (), [])
            found.append((str(kind.get("name")), rows))
        return found

    def link_types(self) -> list[Json]:
        """Types of links between issues; none where an administrator has switched links off (404)."""
        try:
            answer: Json = self._get("/issueLinkType").decode(dict[str, Any])
        except NotFound:
            return []
        types = answer.get("issueLinkTypes")
        return identified("link types", types if isinstance(types, list) else (), [])

    def issue_types(self) -> list[Json]:
        return self._named("/issuetype")

    def create_types(self, project: str) -> list[Json]:
        """Issue types that the account may create in the project, in the project's order."""
        path = f"/issue/createmeta/{project}/issuetypes"
        return [row for rows in self._pages(path, "issueTypes") for row in identified("issue types", rows, [])]

    def create_fields(self, project: str, issue_type: str) -> list[Json]:
        path = f"/issue/createmeta/{project}/issuetypes/{issue_type}"
        rows = (row for page in self._pages(path, "fields") for row in page)
        return [row for row in rows if isinstance(row, dict) and isinstance(row.get("fieldId"), str)]

    def users(self) -> Iterator[list[Any]]:
        """All users. A page may be short because Jira filters after cutting it: only an empty one is the last."""
        start = 0
        while rows := self._get("/users/search", startAt=start, maxResults=USERS_PAGE).decode(list[Any]):
            yield rows
            start += USERS_PAGE

    def users_by_id(self, ids: Sequence[str]) -> list[Json]:
        answer: Json = self._get("/user/bulk", accountId=list(ids), maxResults=len(ids)).decode(dict[str, Any])
        values = answer.get("values")
        return values if isinstance(values, list) else []

    def attachment_settings(self) -> Json:
        """``enabled`` and ``uploadLimit`` in bytes; empty where a gateway before Jira hides this address."""
        try:
            return self._get("/attachment/meta").decode(dict[str, Any])
        except NotFound:
            return {}
