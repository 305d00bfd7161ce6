"""Endpoints of Zoho CRM v8 as plain methods: paths, parameters, pages. No Records."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from connectors.answer import Answer, retry_after, whole_characters
from connectors.auth import Auth
from connectors.base import Gate
from connectors.budget import Budget
from connectors.context import Context
from connectors.errors import (
    AuthFailed,
    ConnectorError,
    Forbidden,
    Misconfigured,
    RateLimited,
    RecordRefused,
    ScopeMissing,
)
from connectors.http import Http
from connectors.rows import each_row, identified, typed
from connectors.zoho_crm import refusals
from connectors.zoho_crm.models import (
    Channel,
    Channels,
    FieldMeta,
    FieldResults,
    Fields,
    Layout,
    Layouts,
    ModuleMeta,
    Modules,
    Organization,
    Organizations,
    Result,
    Results,
    Rows,
    Timeline,
    Trouble,
    Users,
    WatchResults,
    header_time,
)

PAGE = 200
PAGED_RECORDS = 2000
"""Beyond this many records ``page`` is refused and ``page_token`` takes over."""
FIELDS_PER_REQUEST = 50
IDS_PER_REQUEST = 100
ROWS_PER_WRITE = 100
ROWS_A_CREDIT = 10
DELETED_CREDITS = 2
"""What a request takes that is not counted as one: rows written by the ten, and a list of what was deleted
(zoho.com/crm/developer/docs/api/v4/api-limits.html)."""
LONGEST_PAUSE = 300.0
LAST_SECOND = 10**11
"""No time in seconds is as large as that for three thousand years, and all in thousandths are since 1973."""
CONVERTED = {"Leads": {"converted": "both"}}
"""A lead that was converted is left out of lists unless asked for: it moved on, nobody deleted it."""


class ZohoHttp(Http):
    """What is particular to Zoho's answers: 304 is good news, and rows may come with any status."""

    def __init__(self, context: Context, base_url: str, *, auth: Auth, budget: Budget, concurrency: int) -> None:
        super().__init__(context, base_url, auth=auth, budget=budget)
        self._slots = threading.BoundedSemaphore(concurrency)

    def units(self, verb: str, path: str, json: Any) -> int:
        """Credits."""
        if path.endswith("/deleted"):
            return DELETED_CREDITS
        rows = json.get("data", ()) if isinstance(json, Mapping) and verb in ("POST", "PUT") else ()
        return max(1, -(-len(rows) // ROWS_A_CREDIT))

    def _exchange(self, *args: Any, **kwargs: Any) -> Answer:
        with self._slots:
            return super()._exchange(*args, **kwargs)

    def _error(self, answer: Answer) -> ConnectorError | None:
        if answer.status == 304:
            return None
        writing = self.writes(answer.verb, answer.path)
        trouble = refusals.whole(answer) or (None if writing else refusals.alone(answer))
        if trouble is not None:
            return self._spoken(answer, trouble)
        if writing and _results(answer) is not None:
            return None
        return super()._error(answer)

    def _spoken(self, answer: Answer, trouble: Trouble) -> ConnectorError:
        """The error for a refusal in Zoho's own words."""
        words = refusals.said(trouble.code, trouble.message, trouble.details)
        what = f"{answer.verb} {answer.path}: {answer.status} {words}"
        error: ConnectorError
        match trouble.code:
            case "OAUTH_SCOPE_MISMATCH":
                error = ScopeMissing(f"{what}: sign in again with the scopes that the connector's README lists")
            case "INVALID_TOKEN" | "AUTHENTICATION_FAILURE" | "INVALID_HOST":
                error = AuthFailed(f"{what}: the token is not valid here; check `data_center` and sign in again")
            case "NO_PERMISSION":
                error = Forbidden(f"{what}{_permissions(trouble)}")
            case "AUTHORIZATION_FAILED":
                error = Forbidden(f"{what}: give the account's profile the right to do this, in Zoho's setup")
            case "INVALID_URL_PATTERN":
                error = Misconfigured(f"{what}: there is no such address below `base_url`")
            case "INVALID_MODULE" | "NOT_SUPPORTED":
                error = Misconfigured(f"{what}: this organisation or edition has no such module")
            case "TOO_MANY_REQUESTS" | "RATE_LIMIT_EXCEEDED":
                error = RateLimited(what, retry_after=self._pause(answer), code=trouble.code)
            case _:
                error = super()._error(answer) or RecordRefused(what)
        error.status, error.code, error.field = answer.status, trouble.code, refusals.blamed(trouble.details)
        return error

    def _pause(self, answer: Answer) -> float:
        now = self._clock.now().timestamp()
        asked = retry_after(answer, now)
        if asked is None:
            reset = answer.headers.get("X-RATELIMIT-RESET", "")
            asked = _since_1970(int(reset)) - now if reset.isdecimal() else 10.0
        return min(max(asked, 1.0), LONGEST_PAUSE)


def _since_1970(told: int) -> float:
    """A time in seconds; this service counts in thousandths."""
    return told / 1000 if told > LAST_SECOND else float(told)


def _results(answer: Answer) -> Results | None:
    """The rows of a write, whatever the status: 200, 201, 202, 207 and some 400 carry them."""
    if answer.status >= 500 or not answer.body:
        return None
    try:
        results = msgspec.json.decode(whole_characters(answer.body), type=Results)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
    return results if any(results.rows) else None


def _field(row: Any) -> FieldMeta:
    return typed(row, FieldMeta)


def _module(row: Any) -> ModuleMeta:
    return typed(row, ModuleMeta)


def _layout(row: Any) -> Layout:
    return typed(row, Layout)


def _organization(row: Any) -> Organization:
    return typed(row, Organization)


def _good(answer: Answer, rows: Sequence[Result]) -> None:
    """Raises ``RecordRefused`` in the service's words, unless every row took effect."""
    for row in rows:
        if row.status != "success":
            words = refusals.said(row.code, row.message, row.details)
            what = f"{answer.verb} {answer.path}: {answer.status} {words}"
            raise RecordRefused(what, status=answer.status, code=row.code, field=refusals.blamed(row.details))


def _permissions(trouble: Trouble) -> str:
    needed = trouble.details.get("permissions") if isinstance(trouble.details, dict) else None
    return f" (needs {', '.join(map(str, needed))})" if needed else ""


class Client:
    """Everything below ``/crm/v8``. A method that lists answers None when there is nothing (204) or no news (304)."""

    def __init__(self, http: ZohoHttp) -> None:
        self.http = http

    def organization(self) -> tuple[Organization, Answer]:
        answer = self.http.read("GET", "/crm/v8/org")
        organizations = list(each_row("org", answer.decode(Organizations).org, _organization, []))
        if not organizations:
            raise Misconfigured("GET /crm/v8/org: the account belongs to no organisation")
        return organizations[0], answer

    def current_user(self) -> dict[str, Any]:
        answer = self.http.read("GET", "/crm/v8/users", params={"type": "CurrentUser"})
        users = identified("users", answer.decode(Users).users if answer.status == 200 else (), [])
        if not users:
            raise AuthFailed("GET /crm/v8/users?type=CurrentUser: the token belongs to no user of this organisation")
        return users[0]

    def users(self, page: int, since: datetime | None) -> tuple[Users | None, Answer]:
        answer = self._list("/crm/v8/users", {"page": page, "per_page": PAGE}, since)
        return (answer.decode(Users) if answer.status == 200 else None), answer

    def user(self, id: str) -> dict[str, Any] | None:
        answer = self.http.read("GET", f"/crm/v8/users/{id}")
        users = identified("users", answer.decode(Users).users if answer.status == 200 else (), [])
        return users[0] if users else None

    def fields(self, module: str) -> list[FieldMeta]:
        answer = self.http.read("GET", "/crm/v8/settings/fields", params={"module": module})
        rows = answer.decode(Fields).fields if answer.status == 200 else []
        # A field that is not described as others are is not used; the rest of the module goes on.
        return list(each_row(f"fields of {module}", rows, _field, []))

    def modules(self) -> dict[str, ModuleMeta]:
        """Every module that the account knows of by its API name, hidden ones included."""
        answer = self.http.read("GET", "/crm/v8/settings/modules")
        sent = answer.decode(Modules).modules if answer.status == 200 else []
        rows = each_row("modules", sent, _module, [])
        return {row.api_name: row for row in rows if row.api_name}

    def records(
        self,
        module: str,
        fields: Sequence[str],
        page: int,
        token: str | None,
        since: datetime | None,
        descending: bool = False,
    ) -> tuple[Rows | None, Answer]:
        """One page, by ascending id unless said otherwise: what is made meanwhile comes last, and is not missed."""
        order = "desc" if descending else "asc"
        params: dict[str, Any] = {"fields": ",".join(fields), "per_page": PAGE, "sort_by": "id", "sort_order": order}
        params |= {"page_token": token} if token else {"page": page}
        params |= CONVERTED.get(module, {})
        answer = self._list(f"/crm/v8/{module}", params, since)
        return (answer.decode(Rows) if answer.status == 200 else None), answer

    def by_ids(self, module: str, fields: Sequence[str], ids: Sequence[str]) -> list[dict[str, Any]]:
        """At most 100 records; those that do not exist, or are hidden, are left out."""
        params = {"fields": ",".join(fields), "ids": ",".join(ids), **CONVERTED.get(module, {})}
        answer = self.http.read("GET", f"/crm/v8/{module}", params=params)
        return identified(module, answer.decode(Rows).data if answer.status == 200 else (), [])

    def record(self, module: str, id: str, fields: Sequence[str]) -> dict[str, Any] | None:
        params = {"fields": ",".join(fields), **CONVERTED.get(module, {})}
        answer = self.http.read("GET", f"/crm/v8/{module}/{id}", params=params)
        rows = identified(module, answer.decode(Rows).data if answer.status == 200 else (), [])
        return rows[0] if rows else None

    def deleted(self, module: str, page: int, since: datetime | None) -> tuple[Rows | None, Answer]:
        answer = self._list(f"/crm/v8/{module}/deleted", {"type": "all", "page": page, "per_page": PAGE}, since)
        return (answer.decode(Rows) if answer.status == 200 else None), answer

    def search(self, module: str, field: str, value: str, fields: Sequence[str]) -> list[dict[str, Any]]:
        escaped = "".join("\\" + letter if letter in "\\(),:" else letter for letter in value)
        params = {"criteria": f"({field}:equals:{escaped})", "fields": ",".join(fields)}
        answer = self.http.read("GET", f"/crm/v8/{module}/search", params=params)
        return identified(module, answer.decode(Rows).data if answer.status == 200 else (), [])

    def timeline(self, module: str, id: str, token: str | None) -> Timeline | None:
        params: dict[str, Any] = {"page_token": token} if token else {"per_page": PAGE}
        params["include_inner_details"] = "field_history.data_type"
        answer = self.http.read("GET", f"/crm/v8/{module}/{id}/__timeline", params=params)
        return answer.decode(Timeline) if answer.status == 200 else None

    def insert(self, module: str, rows: Sequence[dict[str, Any]], gate: Gate) -> Results:
        return self._write("POST", f"/crm/v8/{module}", {"data": list(rows), "trigger": []}, gate)

    def upsert(self, module: str, rows: Sequence[dict[str, Any]], unique: str, gate: Gate) -> Results:
        # Without the list Zoho checks its own fields, e-mail first, and would overwrite a stranger's record.
        body = {"data": list(rows), "duplicate_check_fields": [unique], "trigger": []}
        return self._write("POST", f"/crm/v8/{module}/upsert", body, gate)

    def update(self, module: str, rows: Sequence[dict[str, Any]], gate: Gate) -> Results:
        return self._write("PUT", f"/crm/v8/{module}", {"data": list(rows), "trigger": []}, gate)

    def update_if(self, module: str, id: str, row: dict[str, Any], unmodified_since: datetime, gate: Gate) -> Results:
        """Raises ``Stale`` when the record was modified after that second."""
        headers = {"If-Unmodified-Since": header_time(unmodified_since)}
        return self._write("PUT", f"/crm/v8/{module}/{id}", {"data": [row], "trigger": []}, gate, headers)

    def delete(self, module: str, ids: Sequence[str], gate: Gate) -> Results:
        params = {"ids": ",".join(ids)}
        if module != "Notes":
            params["wf_trigger"] = "false"
        return self.http.write("DELETE", f"/crm/v8/{module}", params=params, gate=gate).decode(Results)

    def add_field(self, module: str, field: dict[str, Any], gate: Gate) -> None:
        """A field of the organisation's own, by its label and type. Raises ``RecordRefused``."""
        answer = self.http.write(
            "POST", "/crm/v8/settings/fields", params={"module": module}, json={"fields": [field]}, gate=gate
        )
        _good(answer, answer.decode(FieldResults).fields)

    def remove_field(self, module: str, id: str, gate: Gate) -> None:
        answer = self.http.write("DELETE", f"/crm/v8/settings/fields/{id}", params={"module": module}, gate=gate)
        _good(answer, answer.decode(FieldResults).fields)

    def channels(self, id: str) -> list[Channel]:
        """The subscription of that id: a row for each module that it is for."""
        answer = self.http.read("GET", "/crm/v8/actions/watch", params={"channel_id": id})
        rows = answer.decode(Channels).watch if answer.status == 200 else []
        return [row for row in rows if str(row.channel_id) == id]

    def watch(self, channel: dict[str, Any], there: bool, gate: Gate) -> None:
        """Subscribe, or renew what is there."""
        verb = "PUT" if there else "POST"
        answer = self.http.write(verb, "/crm/v8/actions/watch", json={"watch": [channel]}, gate=gate)
        _good(answer, answer.decode(WatchResults).watch)

    def unwatch(self, id: str, gate: Gate) -> None:
        answer = self.http.write("DELETE", "/crm/v8/actions/watch", params={"channel_ids": id}, gate=gate)
        _good(answer, answer.decode(WatchResults).watch)

    def layouts(self, module: str) -> list[Layout]:
        answer = self.http.read("GET", "/crm/v8/settings/layouts", params={"module": module})
        sent = answer.decode(Layouts).layouts if answer.status == 200 else []
        return list(each_row("layouts", sent, _layout, []))

    def _write(
        self, verb: str, path: str, body: dict[str, Any], gate: Gate, headers: dict[str, str] | None = None
    ) -> Results:
        return self.http.write(verb, path, json=body, headers=headers, gate=gate).decode(Results)

    def _list(self, path: str, params: dict[str, Any], since: datetime | None) -> Answer:
        headers = {"If-Modified-Since": header_time(since)} if since else None
        return self.http.read("GET", path, params=params, headers=headers)
