"""Records as the service offers them: lists, search, writes with an answer per row, deletes and timelines."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from connectors.sandbox.core import route
from connectors.sandbox.exchange import Refusal, Request, Response
from connectors.zoho_crm.sandbox.administration import ZohoAdministration
from connectors.zoho_crm.sandbox.core import trouble
from connectors.zoho_crm.sandbox.ledger import Stored
from connectors.zoho_crm.sandbox.rules import Refused

SORTS: dict[str, Callable[[Stored], tuple[Any, ...]]] = {
    "id": lambda stored: (int(stored.id),),
    "Created_Time": lambda stored: (stored.created, int(stored.id)),
    "Modified_Time": lambda stored: (stored.modified, int(stored.id)),
}


class ZohoSandbox(ZohoAdministration):
    """A stateful stand-in for Zoho CRM v8: one organisation with its modules."""

    listed = 100_000
    """So many records of a list can be paged through."""

    # -- the bin

    @route("GET", "/crm/v8/settings/recycle_bin")
    def recycle_bin(self, request: Request) -> Response:
        page, size = self.paging(request)
        rows = [
            {
                "id": stored.id,
                "display_name": self.ledger.name_of(module, stored.id),
                "deleted_time": self.ledger.text(stored.deleted or stored.modified),
                "deleted_by": self.ledger.person_shown(stored.deleted_by),
                "owner": self.ledger.person_shown(stored.values.get("Owner") or stored.values["Created_By"]),
                "module": {"api_name": module, "id": "4876876000000002175"},
            }
            for module, deleted in self.ledger.bin.items()
            for stored in deleted.values()
        ]
        cut = rows[(page - 1) * size : page * size]
        if not cut:
            return Response(204)
        info = {"per_page": size, "count": len(cut), "page": page, "more_records": len(rows) > page * size}
        return Response.json({"recycle_bin": cut, "info": info})

    @route("GET", "/crm/v8/{module}/deleted")
    def deleted(self, request: Request, module: str) -> Response:
        since = self.since(request)
        page, size = self.paging(request)
        binned = list(self.ledger.bin[self.module(module)].values())
        if self.lists_converted_as_deleted:
            binned += [stored for stored in self.ledger.live[module].values() if stored.converted]
        gone = [stored for stored in binned if since is None or (stored.deleted or stored.modified) > since]
        if not gone:
            return Response(304 if since is not None else 204)
        gone.sort(key=lambda stored: (stored.deleted or stored.modified, int(stored.id)), reverse=True)
        rows = [
            {
                "deleted_by": self.ledger.person_shown(stored.deleted_by or stored.values["Modified_By"]),
                "id": stored.id,
                "display_name": self.ledger.name_of(module, stored.id),
                "type": "recycle",
                "created_by": self.ledger.person_shown(stored.values["Created_By"]),
                "deleted_time": self.ledger.text(stored.deleted or stored.modified),
            }
            for stored in gone[(page - 1) * size : page * size]
        ]
        if not rows:
            return Response(204)
        info = {"per_page": size, "count": len(rows), "page": page, "more_records": len(gone) > page * size}
        return Response.json({"data": rows, "info": info})

    # -- reading

    @route("GET", "/crm/v8/{module}/search")
    def search(self, request: Request, module: str) -> Response:
        fields = self.ledger.modules[self.module(module)]
        criteria, email = request.arg("criteria"), request.arg("email")
        if criteria is None and email is None:
            raise trouble(400, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", param="criteria")
        name, wanted = "Email", email or ""
        if criteria is not None:
            match = re.fullmatch(r"\((\w+):equals:(.*)\)", criteria)
            if match is None or match[1] not in fields:
                raise trouble(400, "INVALID_QUERY", "invalid query formed", reason="invalid field or operator")
            name, wanted = match[1], re.sub(r"\\(.)", r"\1", match[2])
        indexed = self.ledger.now() - timedelta(seconds=self.search_lag)
        hits = [
            stored
            for stored in self._visible(module)
            if stored.created <= indexed and str(stored.values.get(name) or "").lower() == wanted.lower()
        ]
        return self._listed(request, module, hits)

    @route("GET", "/crm/v8/{module}/{id}/__timeline")
    def timeline(self, request: Request, module: str, id: str) -> Response:
        stored = self.ledger.live[self.module(module)].get(id)
        if stored is None:
            raise trouble(400, "INVALID_DATA", "the related id given seems to be invalid", resource_path_index=1)
        _, size = self.paging(request)
        start = int(request.arg("page_token") or 0)
        cut = stored.timeline[start : start + size]
        if not cut:
            return Response(204)
        more = start + size < len(stored.timeline)
        info = {
            "per_page": size,
            "count": len(cut),
            "page": start // size + 1,
            "more_records": more,
            "next_page_token": str(start + size) if more else None,
            "previous_page_token": None,
        }
        return Response.json({"__timeline": cut, "info": info})

    @route("GET", "/crm/v8/{module}")
    def listing(self, request: Request, module: str) -> Response:
        rows = self._visible(self.module(module))
        if request.arg("fields") is None:
            raise trouble(
                400, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", param_name="fields"
            )
        ids = request.arg("ids")
        if ids is not None:
            asked = ids.split(",")
            if len(asked) > 100 or not all(id.isdigit() for id in asked):
                raise trouble(400, "INVALID_DATA", "invalid data", param_name="ids", limit=100)
            rows = [stored for stored in rows if stored.id in asked]
        if request.arg("converted") != "both":
            rows = [stored for stored in rows if bool(stored.converted) == (request.arg("converted") == "true")]
        since = self.since(request)
        if since is not None:
            rows = [stored for stored in rows if stored.modified > since]
            if not rows:
                return Response(304)
        return self._listed(request, module, rows)

    @route("GET", "/crm/v8/{module}/{id}")
    def get(self, request: Request, module: str, id: str) -> Response:
        stored = self.ledger.live[self.module(module)].get(id)
        if id in self.ledger.forbidden:
            raise trouble(403, "NO_PERMISSION", "permission denied", permissions=[f"Crm_Implied_View_{module}"])
        if stored is None:
            return Response(204)
        since = self.since(request)
        if since is not None and stored.modified <= since:
            return Response(304)
        return Response.json({"data": [self._shown(module, stored, self._names(request))]})

    def _shown(self, module: str, stored: Stored, names: list[str]) -> dict[str, Any]:
        """The fields asked for. Where a request may leave them out, that means: all of them."""
        return self.ledger.part(module, stored, names) if names else self.ledger.whole(module, stored)

    def _visible(self, module: str) -> list[Stored]:
        live = self.ledger.live[module]
        return [stored for id, stored in live.items() if id not in self.ledger.forbidden]

    def _names(self, request: Request) -> list[str]:
        names = [name for name in (request.arg("fields") or "").split(",") if name]
        if len(names) > 50:
            raise trouble(400, "LIMIT_EXCEEDED", "maximum number of fields exceeded", limit=50, param_name="fields")
        return names

    def _listed(self, request: Request, module: str, rows: list[Stored]) -> Response:
        by = request.arg("sort_by") or "id"
        if by not in SORTS:
            raise trouble(400, "INVALID_DATA", "invalid data", param_name="sort_by")
        descending = request.arg("sort_order") != "asc"
        rows = sorted(rows, key=SORTS[by], reverse=descending)
        page, size = self.paging(request)
        token = request.arg("page_token")
        if token is not None:
            if request.arg("page") is not None:
                raise trouble(400, "AMBIGUITY_DURING_PROCESSING", "page and page_token exclude each other")
            page, after = self._after(token)
            if page * size > self.listed:
                raise trouble(400, "PAGINATION_LIMIT_EXCEEDED", "no list goes on this far", limit=self.listed)
            last = int(after)
            rest = [one for one in rows if (int(one.id) < last if descending else int(one.id) > last)]
        else:
            if page * size > 2000:
                raise trouble(
                    400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED", "use page_token beyond 2000 records", limit=2000
                )
            rest = rows[(page - 1) * size :]
        cut, more = rest[:size], len(rest) > size
        if not cut:
            return Response(204)
        names = self._names(request)
        info = {
            "per_page": size,
            "count": len(cut),
            "page": page,
            "sort_by": by,
            "sort_order": "desc" if descending else "asc",
            "more_records": more,
            "next_page_token": self._token(page + 1, cut[-1].id) if more else None,
            "previous_page_token": None,
            "page_token_expiry": self.ledger.text(self.ledger.now() + timedelta(days=1)) if more else None,
        }
        return Response.json({"data": [self._shown(module, one, names) for one in cut], "info": info})

    def _token(self, page: int, last: str) -> str:
        ends = (self.clock.now() + timedelta(days=1)).isoformat()
        return base64.urlsafe_b64encode(msgspec.json.encode([page, last, ends])).decode()

    def _after(self, token: str) -> tuple[int, str]:
        try:
            page, last, ends = msgspec.json.decode(base64.urlsafe_b64decode(token), type=tuple[int, str, str])
        except (ValueError, msgspec.DecodeError):
            page, last, ends = 0, "", ""
        if not last or datetime.fromisoformat(ends) < self.clock.now():
            raise trouble(400, "INVALID_DATA", "invalid data", param_name="page_token")
        return page, last

    # -- writing

    @route("POST", "/crm/v8/{module}/upsert")
    def upsert(self, request: Request, module: str) -> Response:
        body, truth = self._body(request, module)
        checks = body.get("duplicate_check_fields") or (["Email"] if module == "Contacts" else [])
        rows = []
        for row in body["data"]:
            held = None
            for name in checks:
                if row.get(name):
                    held = held or self.ledger.holder(module, name, row[name])
            if held is None:
                answer, took = self._created(module, row, truth), {"action": "insert", "duplicate_field": None}
            else:
                answer, took = (
                    self._updated(module, held, row, truth),
                    {"action": "update", "duplicate_field": checks[0]},
                )
            rows.append(answer | took if answer["status"] == "success" else answer)
        return self._answered(rows, 200)

    @route("POST", "/crm/v8/{module}")
    def insert(self, request: Request, module: str) -> Response:
        body, truth = self._body(request, module)
        return self._answered([self._created(module, row, truth) for row in body["data"]], 201)

    @route("PUT", "/crm/v8/{module}")
    def update(self, request: Request, module: str) -> Response:
        body, truth = self._body(request, module)
        return self._answered([self._put(request, module, row.get("id"), row, truth) for row in body["data"]], 200)

    @route("PUT", "/crm/v8/{module}/{id}")
    def update_one(self, request: Request, module: str, id: str) -> Response:
        body, truth = self._body(request, module)
        if id not in self.ledger.live[module]:
            raise trouble(400, "INVALID_DATA", "the id given seems to be invalid", resource_path_index=1)
        return self._answered([self._put(request, module, id, body["data"][0], truth)], 200)

    @route("DELETE", "/crm/v8/{module}")
    def remove(self, request: Request, module: str) -> Response:
        return self._removed(request, self.module(module), (request.arg("ids") or "").split(","))

    @route("DELETE", "/crm/v8/{module}/{id}")
    def remove_one(self, request: Request, module: str, id: str) -> Response:
        return self._removed(request, self.module(module), [id])

    def _removed(self, request: Request, module: str, ids: list[str]) -> Response:
        if len(ids) > 100:
            raise trouble(400, "LIMIT_EXCEEDED", "maximum number of ids exceeded", limit=100)
        loud = request.arg("wf_trigger") != "false" and module != "Notes"
        rows = []
        for id in ids:
            if id not in self.ledger.live[module]:
                rows.append(_refused("INVALID_DATA", "the id given seems to be invalid", id=id))
                continue
            self.ledger.delete(module, id, self.ledger.hub, ours=True, automation=loud)
            rows.append({"code": "SUCCESS", "details": {"id": id}, "message": "record deleted", "status": "success"})
        return self._answered(rows, 200)

    def _body(self, request: Request, module: str) -> tuple[dict[str, Any], dict[str, bool]]:
        self.module(module)
        try:
            body = request.json()
        except Refusal:
            raise trouble(400, "INVALID_DATA", "body") from None
        rows = body.get("data") if isinstance(body, dict) else None
        if not isinstance(rows, list) or not rows:
            raise trouble(400, "MANDATORY_NOT_FOUND", "required field not found", api_name="data", json_path="$.data")
        if len(rows) > 100:
            raise trouble(400, "LIMIT_EXCEEDED", "maximum number of records exceeded", limit=100)
        # Left out, the key means: all of the customer's own workflows run.
        return body, {"ours": True, "automation": body.get("trigger") != []}

    def _created(self, module: str, row: dict[str, Any], truth: dict[str, bool]) -> dict[str, Any]:
        try:
            return self._success(self.ledger.create(module, row, self.ledger.hub, **truth), "record added")
        except Refused as refused:
            return refused.row

    def _put(
        self, request: Request, module: str, id: str | None, row: dict[str, Any], truth: dict[str, bool]
    ) -> dict[str, Any]:
        stored = self.ledger.live[module].get(id or "")
        if stored is None:
            return _refused("INVALID_DATA", "the id given seems to be invalid", id=id)
        if stored.id in self.ledger.forbidden:
            return _refused("NO_PERMISSION", "permission denied", permissions=[f"Crm_Implied_Edit_{module}"])
        unmodified = self.since(request, "if-unmodified-since") if module != "Notes" else None
        if unmodified is not None and stored.modified > unmodified:
            raise trouble(412, "ALREADY_MODIFIED", "the record has been modified since the time given")
        return self._updated(module, stored, row, truth)

    def _updated(self, module: str, stored: Stored, row: dict[str, Any], truth: dict[str, bool]) -> dict[str, Any]:
        try:
            self.ledger.update(module, stored, row, self.ledger.hub, False, **truth)
        except Refused as refused:
            return refused.row
        return self._success(stored, "record updated")

    def _success(self, stored: Stored, message: str) -> dict[str, Any]:
        by = {name: self.ledger.person_shown(stored.values[name]) for name in ("Created_By", "Modified_By")}
        details = {
            "id": stored.id,
            "Created_Time": self.ledger.text(stored.created),
            "Modified_Time": self.ledger.text(stored.modified),
            **{name: {"name": shown["name"], "id": shown["id"]} for name, shown in by.items()},
        }
        return {"code": "SUCCESS", "details": details, "message": message, "status": "success"}

    def _answered(self, rows: list[dict[str, Any]], good: int) -> Response:
        for place, row in enumerate(rows):
            if row["status"] == "error" and "api_name" in row["details"]:
                names = (row["details"].get(name) for name in ("parent_api_name", "api_name"))
                row["details"]["json_path"] = f"$.data[{place}].{'.'.join(filter(None, names))}"
        bad = [row for row in rows if row["status"] == "error"]
        return Response.json({"data": rows}, good if not bad else 202 if len(bad) == len(rows) else 207)


def _refused(code: str, message: str, **details: Any) -> dict[str, Any]:
    return {"code": code, "details": details, "message": message, "status": "error"}
