"""Drive's API as the stand-in serves it: sign-in, lists, changes, batches, and what is read beside files."""

from __future__ import annotations

import base64
import binascii
import re
from collections import deque
from typing import Any

from connectors.base import Clock
from connectors.google_drive.refusals import SCOPE
from connectors.google_drive.sandbox import query, refusals, selector
from connectors.google_drive.sandbox.items import USER_LOG, Item, Items, Logged
from connectors.google_drive.sandbox.people import Person
from connectors.google_drive.sandbox.tokens import Tokens
from connectors.sandbox.core import SandboxCore, route
from connectors.sandbox.exchange import Refusal, Request, Response

PER_MINUTE = 12_000
BATCH = 100
FILE_DEFAULT = "kind,id,name,mimeType"
ROW_DEFAULTS = {
    "files": f"kind,incompleteSearch,nextPageToken,files({FILE_DEFAULT})",
    "changes": "kind,nextPageToken,newStartPageToken,"
    f"changes(kind,changeType,fileId,removed,time,type,file({FILE_DEFAULT}))",
    "permissions": "kind,nextPageToken,permissions(kind,id,type,role,allowFileDiscovery)",
    "drives": "kind,nextPageToken,drives(kind,id,name)",
}
FILE_KEYS = {
    *("kind", "id", "name", "mimeType", "description", "parents", "driveId", "teamDriveId", "trashed"),
    *("explicitlyTrashed", "trashedTime", "version", "createdTime", "modifiedTime", "viewedByMeTime", "webViewLink"),
    *("webContentLink", "thumbnailLink", "iconLink", "size", "md5Checksum", "sha1Checksum", "sha256Checksum"),
    *("headRevisionId", "originalFilename", "fileExtension", "fullFileExtension", "appProperties", "properties"),
    *("shortcutDetails", "ownedByMe", "owners", "lastModifyingUser", "sharingUser", "trashingUser", "shared"),
    *("starred", "spaces", "capabilities", "permissions", "permissionIds", "writersCanShare", "quotaBytesUsed"),
    *("hasThumbnail", "modifiedByMe", "viewedByMe"),
}


class Service(SandboxCore):
    """Everything that only reads. ``viewer`` is the account of the request under way."""

    def __init__(self, clock: Clock, seed: int = 1) -> None:
        super().__init__(clock, seed)
        self.store = Items(self.rng)
        self.tokens = Tokens(clock)
        self.search_lag = 3.0
        """Seconds until a search by property or name finds a new file; lists of a folder see it at once."""
        self.quota = {"limit": "16106127360", "usage": "2048", "usageInDrive": "1024", "usageInDriveTrash": "0"}
        self.oldest_token = 0
        """Page tokens below this number are refused, as after a reset."""
        self.viewer = Person("", "")
        self.parts: list[str] = []
        """``METHOD path`` of every call inside a batch, in order."""
        self.refused_parts: list[str] = []
        """Paths of calls inside a batch that meet a rate limit once, while the others are served."""
        self._sent: deque[float] = deque()

    # -- in front of every request

    def admit(self, request: Request) -> None:
        if request.path == "/token":
            return
        now = self.clock.monotonic()
        while self._sent and self._sent[0] <= now - 60.0:
            self._sent.popleft()
        if len(self._sent) >= PER_MINUTE:
            raise Refusal(*refusals.RATE_LIMITED)
        self._sent.append(now)
        holder = self.tokens.holder(request)
        if holder is None:
            raise Refusal(*refusals.EXPIRED)
        self.viewer, scope = holder
        writes = request.method not in ("GET", "HEAD") and not request.path.startswith("/batch/")
        if scope != SCOPE and (writes or scope != f"{SCOPE}.readonly"):
            message = "Request had insufficient authentication scopes."
            raise refusals.forbidden("insufficientPermissions", message)

    def refuse(self, kind: str) -> Response:
        if kind == "expired":
            self.tokens.revoke_all()
            status, told = refusals.EXPIRED
        else:
            status, told = refusals.RATE_LIMITED
        return Response.json(told, status)

    def no_route(self, request: Request, allowed: list[str]) -> Response:
        return Response.json(refusals.body(404, "notFound", "Not Found"), 404)

    # -- items as the API addresses them

    def item(self, request: Request, id: str) -> Item:
        """The item of that id for this viewer. Raises the 404 that hides what may not be seen."""
        found = self.store.items.get(self.root_of(self.viewer).id if id == "root" else id)
        if found is None or not self.store.sees(found, self.viewer):
            raise refusals.not_found(id)
        if found.drive is not None and request.arg("supportsAllDrives") != "true":
            raise refusals.not_found(id)
        return found

    def root_of(self, person: Person) -> Item:
        """The top folder of somebody's My Drive, made when first needed."""
        for item in self.store.items.values():
            if item.parent is None and item.drive is None and item.owner == person:
                return item
        return self.new_top(person, "My Drive", None)

    def new_top(self, person: Person, name: str, drive: str | None) -> Item:
        at = self.now()
        top = Item(
            id=drive or self.store.new_id("0A", 19, "Uk9PVA"),
            name="Drive" if drive else name,
            mime="application/vnd.google-apps.folder",
            parent=None,
            drive=drive,
            owner=None if drive else person,
            creator=person,
            created=at,
            modified=at,
            by=person,
        )
        self.store.items[top.id] = top
        return top

    def shown(self, request: Request, item: Item, status: int = 200) -> Response:
        return self.chosen(request, self.store.resource(item, self.viewer), FILE_DEFAULT, FILE_KEYS, status)

    def chosen(
        self, request: Request, value: Any, default: str = "*", keys: set[str] | None = None, status: int = 200
    ) -> Response:
        """The part that ``fields`` asks for."""
        text = request.arg("fields") or default
        try:
            selection = selector.parse(text)
        except selector.BadSelector as error:
            raise refusals.refusal(400, "invalidParameter", f"Invalid field selection {error}", "fields") from None
        wrong = selector.unknown(selection, keys) if keys else None
        wrong = wrong or selector.unknown(selection.get("files", {}), FILE_KEYS)
        if wrong:
            raise refusals.refusal(400, "invalidParameter", f"Invalid field selection {wrong}", "fields")
        return Response.json(selector.select(value, selection), status)

    def page(self, request: Request, name: str, kind: str, rows: list[Any], default: int, most: int) -> Response:
        """One page of rows, with a token to the next."""
        size = number(request, "pageSize", default, most)
        start = _offset(request.arg("pageToken"))
        told: dict[str, Any] = {"kind": kind, name: rows[start : start + size]}
        if name == "files":
            told["incompleteSearch"] = False
        if start + size < len(rows):
            told["nextPageToken"] = "~!!~" + base64.urlsafe_b64encode(f"at {start + size}".encode()).decode()
        return self.chosen(request, told, ROW_DEFAULTS.get(name, "*"))

    # -- sign-in and account

    @route("POST", "/token")
    def _token(self, request: Request) -> Response:
        return self.tokens.answer(request)

    @route("GET", "/drive/v3/about")
    def _about(self, request: Request) -> Response:
        if not request.arg("fields"):
            raise refusals.refusal(400, "required", "The 'fields' parameter is required for this method.", "fields")
        user = self.viewer.shown_to(self.viewer)
        told = {"kind": "drive#about", "user": user, "maxUploadSize": "5497558138880", "storageQuota": self.quota}
        answer = self.chosen(request, told)
        answer.headers["Date"] = self.clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT")
        return answer

    # -- lists and changes

    @route("GET", "/drive/v3/files")
    def _list(self, request: Request) -> Response:
        text = request.arg("q") or ""
        try:
            matches = query.parse(text) if text.strip() else lambda item: True
        except query.BadQuery:
            raise bad_value_q() from None
        searched = bool(re.search(r"appProperties|properties|\bname\b|fullText", text))
        everywhere = request.arg("includeItemsFromAllDrives") == "true" and request.arg("supportsAllDrives") == "true"
        drive = request.arg("driveId")
        if (drive is not None) != (request.arg("corpora") == "drive") or (drive and not everywhere):
            raise refusals.bad_value("driveId", "driveId needs corpora=drive and includeItemsFromAllDrives")
        if drive and drive not in self.store.drives:
            raise refusals.refusal(404, "notFound", f"Shared drive not found: {drive}", "driveId")
        top = self.root_of(self.viewer).id
        rows = []
        for item in self.store.items.values():
            if item.parent is None or (item.drive and not everywhere) or (drive and item.drive != drive):
                continue
            if (searched and item.findable_at > self.clock.monotonic()) or not self.store.sees(item, self.viewer):
                continue
            row = self.store.resource(item, self.viewer)
            parents = [*row.get("parents", []), *(["root"] if item.parent == top else [])]
            if matches(row | {"parents": parents, "visibility": self.store.visibility(item)}):
                rows.append(row)
        order = request.arg("orderBy") or "modifiedTime desc"
        for part in reversed(order.split(",")):
            key, _, way = part.strip().partition(" ")
            if key not in ("createdTime", "modifiedTime", "name", "folder"):
                raise refusals.bad_value("orderBy")
            rows.sort(key=lambda row, key=key: str(row.get(key, "")), reverse=way == "desc")  # type: ignore[misc]
        return self.page(request, "files", "drive#fileList", rows, 100, 1000)

    @route("GET", "/drive/v3/changes/startPageToken")
    def _start(self, request: Request) -> Response:
        self._corpus(request)
        return self.chosen(request, {"kind": "drive#startPageToken", "startPageToken": str(self.store.n + 1)})

    @route("GET", "/drive/v3/changes")
    def _changes(self, request: Request) -> Response:
        corpus = self._corpus(request)
        token = request.arg("pageToken") or ""
        if not token:
            raise refusals.refusal(400, "required", "Required parameter: pageToken", "pageToken")
        if not token.isdigit() or not self.oldest_token <= int(token) <= self.store.n + 1:
            raise refusals.bad_value("pageToken")
        everywhere = request.arg("includeItemsFromAllDrives") == "true" and request.arg("supportsAllDrives") == "true"
        size = number(request, "pageSize", 100, 1000)
        rows = []
        for id, logged in sorted(self.store.logs.get(corpus, {}).items(), key=lambda pair: pair[1].n):
            if logged.n < int(token):
                continue
            item = self.store.items.get(id)
            removed = logged.removed or item is None
            if removed and request.arg("includeRemoved") == "false":
                continue
            if id in self.store.drives:
                rows += [self._drive_change(id, logged, each) for each in self.drive_rows() if each["id"] == id]
                continue
            closed = item is None or (item.drive and not everywhere) or not self.store.sees(item, self.viewer)
            if closed and not removed:
                continue
            row: dict[str, Any] = {"kind": "drive#change", "type": "file", "changeType": "file", "fileId": id}
            row |= {"removed": removed, "time": logged.at, "n": logged.n}
            if item is not None and not removed:
                row["file"] = self.store.resource(item, self.viewer)
                row |= {"driveId": item.drive} if item.drive else {}
            rows.append(row)
        told: dict[str, Any] = {"kind": "drive#changeList"}
        if len(rows) > size:
            told["nextPageToken"] = str(rows[size]["n"])
        else:
            told["newStartPageToken"] = str(self.store.n + 1)
        told["changes"] = [{key: value for key, value in row.items() if key != "n"} for row in rows[:size]]
        return self.chosen(request, told, ROW_DEFAULTS["changes"])

    def _drive_change(self, id: str, logged: Logged, row: dict[str, Any]) -> dict[str, Any]:
        """A change of a shared drive itself: its name, not what lies in it."""
        told = {"kind": "drive#change", "type": "drive", "changeType": "drive", "driveId": id, "removed": False}
        return told | {"time": logged.at, "drive": row, "n": logged.n}

    def _corpus(self, request: Request) -> str:
        drive = request.arg("driveId")
        if drive is None:
            return USER_LOG
        if request.arg("supportsAllDrives") != "true" or drive not in self.store.drives:
            raise refusals.refusal(404, "notFound", f"Shared drive not found: {drive}", "driveId")
        return drive

    # -- beside files

    @route("GET", "/drive/v3/drives")
    def _drives(self, request: Request) -> Response:
        return self.page(request, "drives", "drive#driveList", self.drive_rows(), 10, 100)

    @route("GET", "/drive/v3/drives/{id}")
    def _drive(self, request: Request, id: str) -> Response:
        for row in self.drive_rows():
            if row["id"] == id:
                return self.chosen(request, row, "kind,id,name")
        raise refusals.refusal(404, "notFound", f"Shared drive not found: {id}", "driveId")

    def drive_rows(self) -> list[dict[str, Any]]:
        return [
            {"kind": "drive#drive", "id": each.id, "name": each.name, "createdTime": each.created, "hidden": False}
            for each in self.store.drives.values()
            if each.members is None or self.viewer.email in each.members
        ]

    # -- batch

    @route("POST", "/batch/drive/v3")
    def _batch(self, request: Request) -> Response:
        boundary = re.search(r'boundary="?([^";]+)"?', request.headers.get("content-type", ""))
        if boundary is None:
            raise refusals.refusal(400, "badRequest", "Failed to parse batch request: no boundary")
        # Some clients end lines as mail does, some as files do.
        parts = request.body.decode().replace("\r\n", "\n").split(f"--{boundary[1]}")[1:-1]
        if not 0 < len(parts) <= BATCH:
            raise refusals.refusal(400, "badRequest", f"The batch request has {len(parts)} calls, at most {BATCH} go")
        lines = []
        for part in parts:
            head, _, inner = part.strip("\n").partition("\n\n")
            answer = self._inner(inner, request)
            number_ = re.search(r"Content-ID: <([^>]+)>", head, re.IGNORECASE)
            lines += ["--batch_sandbox", "Content-Type: application/http"]
            lines += [f"Content-ID: <response-{number_[1]}>"] if number_ else []
            lines += ["", f"HTTP/1.1 {answer.status} {'OK' if answer.status < 300 else 'Error'}"]
            lines += [f"{name}: {value}" for name, value in answer.headers.items()]
            lines += ["", answer.body.decode()]
        lines += ["--batch_sandbox--", ""]
        return Response(200, "\r\n".join(lines).encode(), {"Content-Type": "multipart/mixed; boundary=batch_sandbox"})

    def _inner(self, text: str, outer: Request) -> Response:
        head, _, body = text.partition("\n\n")
        first, *rest = head.split("\n")
        method, address, *_ = first.split(" ")
        if len(address) > 8000:
            return Response.json(refusals.body(414, "uriTooLong", "The address is too long"), 414)
        headers = dict(line.split(": ", 1) for line in rest if ": " in line)
        inner = Request.of(method, address, headers, body.strip("\n"))
        inner.headers.setdefault("authorization", outer.headers.get("authorization", ""))
        self.parts.append(f"{inner.method} {inner.path}")
        if inner.path in self.refused_parts:
            self.refused_parts.remove(inner.path)
            return self.refuse("rate_limited")
        return self._serve(inner)


def number(request: Request, name: str, default: int, most: int) -> int:
    text = request.arg(name)
    if text is None:
        return default
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise refusals.bad_value(name, f"Invalid value '{text}'. Values must be within the range: [1, {most}]")
    return int(text)


def bad_value_q() -> Refusal:
    return refusals.bad_value("q")


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    try:
        text = base64.urlsafe_b64decode(token.removeprefix("~!!~")).decode()
        return int(text.removeprefix("at "))
    except (binascii.Error, ValueError):
        raise refusals.bad_value("pageToken") from None
