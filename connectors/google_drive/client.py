"""Drive's endpoints as plain methods: paths, parameters, pages. No Records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from connectors.answer import Answer, Streamed, whole_characters
from connectors.auth import Auth
from connectors.base import Content, Gate, Unreadable, chunks
from connectors.budget import Rate
from connectors.context import Context
from connectors.errors import ConnectorError, EffectUnknown, Forbidden, Malformed, NotFound
from connectors.google_drive import batch, models, uploads
from connectors.google_drive.models import (
    About,
    Change,
    ChangeList,
    Channel,
    CommentList,
    DriveList,
    FileList,
    GeneratedIds,
    PermissionList,
    RevisionList,
    SentChanges,
    StartPageToken,
)
from connectors.google_drive.refusals import classify, judge
from connectors.http import Http
from connectors.rows import NoRecord, each_row, id_of, identified, typed

BATCH_PATH = "/batch/drive/v3"
FILES = "/drive/v3/files"
PAGE = 1000
REVISION_PAGE = 1000
SMALL_PAGE = 100
"""The most that comments, permissions and drives give at once."""
RATE = Rate(12_000, 60.0)

T = TypeVar("T")
Row = dict[str, Any]
Fetched = Row | NotFound | Forbidden
"""An answer about one id: the thing, or why there is none."""


def at(*parts: str) -> str:
    """The path of a file, or of what hangs on it."""
    return "/".join([FILES, *(quote(part, safe="") for part in parts)])


def quoted(value: str) -> str:
    """A string literal of the query language."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Client:
    """One account's view of Drive. ``drive_id`` narrows lists and changes to one shared drive."""

    def __init__(self, context: Context, base_url: str, auth: Auth | None) -> None:
        # A batch of ours holds GETs only, so it may be repeated like one.
        self.http = Http(context, base_url, auth=auth, rates=[RATE], classify=_classify, reading_posts=[BATCH_PATH])

    # -- reading

    def about(self) -> tuple[About, str | None]:
        """The account, and the time on the service's clock as its header has it."""
        answer = self.http.read("GET", "/drive/v3/about", params={"fields": models.ABOUT})
        return answer.decode(About), answer.headers.get("Date")

    def file(self, id: str, fields: str = models.FILE) -> Row:
        return dict(self.http.read("GET", at(id), params=_file_params(fields)).decode(dict[str, Any]))

    def files_by_id(self, ids: Sequence[str], fields: str = models.FILE) -> dict[str, Fetched]:
        """Each id's file, read by id, up to a hundred in one request."""
        return self.files(dict.fromkeys(ids, fields))

    def files(self, asked: Mapping[str, str]) -> dict[str, Fetched]:
        """The same with a list of fields for each id."""
        addresses = [f"{at(id)}?{urlencode(_file_params(fields))}" for id, fields in asked.items()]
        found = zip(asked, self.many(addresses, dict[str, Any]), strict=True)
        # An answer about one id is about this id, also where it does not repeat it.
        return {id: {**row, "id": id} if isinstance(row, dict) else row for id, row in found}

    def content(self, id: str) -> Streamed:
        """The bytes of a file that has some."""
        return self.http.stream(f"{at(id)}?{urlencode({'supportsAllDrives': 'true', 'alt': 'media'})}")

    def export(self, id: str, media_type: str) -> Streamed:
        """A document of Google's own editors in another format."""
        return self.http.stream(f"{at(id)}/export?{urlencode({'mimeType': media_type})}")

    def revision_content(self, id: str, revision: str) -> Streamed:
        return self.http.stream(f"{at(id, 'revisions', revision)}?alt=media")

    def file_pages(
        self,
        q: str,
        drive_id: str | None,
        fields: str = models.FILE,
        order: str | None = None,
        size: int = PAGE,
        aside: list[Unreadable] | None = None,
    ) -> Iterator[list[Row]]:
        """What a query finds; what is no file goes to ``aside``. Trash is included unless the query leaves it out."""
        params = {
            "q": q,
            "fields": f"nextPageToken,incompleteSearch,files({fields})",
            "pageSize": str(size),
            "supportsAllDrives": "true",
            "includeItemsFromAllDrives": "true",
        }
        if order:
            params["orderBy"] = order
        if drive_id:
            params |= {"corpora": "drive", "driveId": drive_id}
        for page in self._pages(FILES, params, FileList):
            if page.incompleteSearch:
                raise Malformed(f"GET {FILES}: Drive says that its search was incomplete")
            yield identified("files", page.files, [] if aside is None else aside)

    def start_page_token(self, drive_id: str | None) -> str:
        params = {"supportsAllDrives": "true"} | ({"driveId": drive_id} if drive_id else {})
        return (
            self.http.read("GET", "/drive/v3/changes/startPageToken", params=params)
            .decode(StartPageToken)
            .startPageToken
        )

    def changes(self, page_token: str, drive_id: str | None, fields: str = models.FILE) -> ChangeList:
        """One page of changes. Raises ``CursorLost`` when the token is no longer known."""
        params = {
            "pageToken": page_token,
            "pageSize": str(PAGE),
            "includeRemoved": "true",
            "supportsAllDrives": "true",
            "includeItemsFromAllDrives": "true",
            "fields": f"nextPageToken,newStartPageToken,changes(changeType,fileId,driveId,removed,time,file({fields}))",
        }
        if drive_id:
            params["driveId"] = drive_id
        page = self.http.read("GET", "/drive/v3/changes", params=params).decode(SentChanges)
        if page.nextPageToken is None and page.newStartPageToken is None:
            raise Malformed("GET /drive/v3/changes: neither a next page nor a new start token")
        if page.nextPageToken == page_token:
            raise Malformed("GET /drive/v3/changes: the next page is the same page")
        aside: list[Unreadable] = []
        changes = list(each_row("changes", page.changes, _change, aside))
        return ChangeList(changes, page.nextPageToken, page.newStartPageToken, aside)

    def comments(self, file_ids: Sequence[str]) -> dict[str, list[Row] | NotFound | Forbidden]:
        """All comments of each file, deleted ones included."""
        return self._below(
            file_ids, "comments", {"includeDeleted": "true"}, models.COMMENT, CommentList, lambda page: page.comments
        )

    def permissions(self, file_ids: Sequence[str]) -> dict[str, list[Row] | NotFound | Forbidden]:
        return self._below(
            file_ids,
            "permissions",
            {"supportsAllDrives": "true"},
            models.PERMISSION,
            PermissionList,
            lambda page: page.permissions,
        )

    def revisions(self, file_ids: Sequence[str]) -> dict[str, list[Row] | NotFound | Forbidden]:
        """All revisions of each file that Drive still has, oldest first."""
        return self._below(
            file_ids, "revisions", {}, models.REVISION, RevisionList, lambda page: page.revisions, REVISION_PAGE
        )

    def revision(self, id: str, revision: str, fields: str) -> Row:
        answer = self.http.read("GET", at(id, "revisions", revision), params={"fields": fields})
        return dict(answer.decode(dict[str, Any]))

    def drives(self) -> Iterator[list[Row]]:
        params = {"pageSize": str(SMALL_PAGE), "fields": f"nextPageToken,drives({models.DRIVE})"}
        for page in self._pages("/drive/v3/drives", params, DriveList):
            yield identified("drives", page.drives, [])

    def drive(self, id: str) -> Row:
        params = {"fields": models.DRIVE}
        return dict(self.http.read("GET", f"/drive/v3/drives/{id}", params=params).decode(dict[str, Any]))

    def many(self, addresses: Sequence[str], shape: type[T]) -> list[T | NotFound | Forbidden]:
        """The answers to GETs of these addresses, in order. A part that fails for now is asked again by itself."""
        found: list[T | NotFound | Forbidden] = []
        for some in chunks(addresses, batch.SIZE):
            if len(some) == 1:
                found.append(self._one(some[0], shape))
                continue
            answer = self.http.read(
                "POST", BATCH_PATH, data=batch.encode(some), headers={"Content-Type": batch.CONTENT_TYPE}
            )
            try:
                parts = batch.decode(answer.headers.get("Content-Type", ""), answer.body, len(some))
            except ValueError as error:
                raise Malformed(f"POST {BATCH_PATH}: {error}") from error
            for address, part in zip(some, parts, strict=True):
                found.append(self._part(address, part, shape))
        return found

    # -- writing

    def generate_ids(self, count: int) -> list[str]:
        params = {"count": str(count), "space": "drive", "type": "files"}
        return self.http.read("GET", f"{FILES}/generateIds", params=params).decode(GeneratedIds).ids

    def create(self, body: Row, gate: Gate) -> Row:
        answer = self.http.write("POST", FILES, gate=gate, params=_file_params(models.FILE), json=body)
        return _written(answer, body.get("id"))

    def create_with(self, content: Content, body: Row, gate: Gate, look: Callable[[], None]) -> Row:
        """``look`` is called directly before the request with the last byte, and may raise."""
        params = _file_params(models.FILE)
        answer = uploads.upload(self.http, "POST", uploads.PATH, params, body, content, gate, look)
        return _written(answer, body.get("id"))

    def update(self, id: str, body: Row, gate: Gate, add: str | None = None, remove: str | None = None) -> Row:
        params = _update_params(add, remove)
        answer = self.http.write("PATCH", at(id), gate=gate, params=params, json=body)
        return _written(answer, id)

    def update_with(
        self,
        content: Content,
        id: str,
        body: Row,
        gate: Gate,
        look: Callable[[], None],
        add: str | None = None,
        remove: str | None = None,
    ) -> Row:
        """As ``create_with``."""
        params = _update_params(add, remove)
        answer = uploads.upload(
            self.http, "PATCH", f"{uploads.PATH}/{quote(id, safe='')}", params, body, content, gate, look
        )
        return _written(answer, id)

    def watch_changes(self, page_token: str, drive_id: str | None, channel: Channel, gate: Gate) -> Channel:
        """Have Drive call when the log of changes grows. Every call makes one more channel."""
        params = {"pageToken": page_token, "supportsAllDrives": "true", "includeItemsFromAllDrives": "true"}
        if drive_id:
            params["driveId"] = drive_id
        answer = self.http.write("POST", "/drive/v3/changes/watch", gate=gate, params=params, json=channel)
        return answer.decode(Channel)

    def stop_channel(self, channel: Channel, gate: Gate) -> None:
        """Raises ``NotFound`` for one that does not stand any more."""
        self.http.write("POST", "/drive/v3/channels/stop", gate=gate, json=channel)

    # -- how pages and parts are read

    def _pages(self, path: str, params: dict[str, str], shape: type[T]) -> Iterator[T]:
        seen: set[str] = set()
        token: str | None = None
        while True:
            asked = params | ({"pageToken": token} if token else {})
            page = self.http.read("GET", path, params=asked).decode(shape)
            yield page
            token = getattr(page, "nextPageToken", None)
            if not token:
                return
            if token in seen:
                raise Malformed(f"GET {path}: the same page token came twice")
            seen.add(token)

    def _below(
        self,
        file_ids: Sequence[str],
        what: str,
        params: dict[str, str],
        fields: str,
        shape: type[T],
        rows: Any,
        size: int = SMALL_PAGE,
    ) -> dict[str, list[Row] | NotFound | Forbidden]:
        """First pages of all files in batches, the further pages of those that have them one by one."""
        asked = params | {"pageSize": str(size), "fields": f"nextPageToken,{what}({fields})"}
        firsts = self.many([f"{at(id, what)}?{urlencode(asked)}" for id in file_ids], shape)
        found: dict[str, list[Row] | NotFound | Forbidden] = {}
        for id, first in zip(file_ids, firsts, strict=True):
            if isinstance(first, NotFound | Forbidden):
                found[id] = first
                continue
            every = list(rows(first))
            token = getattr(first, "nextPageToken", None)
            if token:
                for page in self._pages(at(id, what), asked | {"pageToken": token}, shape):
                    every += rows(page)
            found[id] = every
        return found

    def _one(self, address: str, shape: type[T]) -> T | NotFound | Forbidden:
        path, _, query = address.partition("?")
        try:
            return self.http.read("GET", path, params=query).decode(shape)
        except (NotFound, Forbidden) as error:
            return error

    def _part(self, address: str, part: batch.Part, shape: type[T]) -> T | NotFound | Forbidden:
        path = address.partition("?")[0]
        if part.status < 300:
            try:
                return msgspec.json.decode(whole_characters(part.body), type=shape)
            except (msgspec.DecodeError, msgspec.ValidationError) as trouble:
                raise Malformed(f"GET {path} in a batch: not the JSON promised: {trouble}") from trouble
        error: ConnectorError | None = judge(part.status, part.body, f"GET {path}", part.headers)
        if part.status in (404, 410):
            return NotFound(f"GET {path}: {part.status}", status=part.status)
        if isinstance(error, Forbidden):
            return error
        # Rate limits and trouble of the service hit single parts; the one request has the retries and the pause.
        return self._one(address, shape)


def _change(row: Any) -> Change:
    change = typed(row, Change)
    if change.fileId is None and change.driveId is None:
        raise NoRecord("neither `fileId` nor `driveId`")
    return change


def _classify(answer: Answer) -> ConnectorError | None:
    return uploads.unfinished(answer) or classify(answer)


def _written(answer: Answer, id: str | None) -> Row:
    """The file that an answer to a write shows; ``id``: the one that was written, where that is known beforehand.
    Raises ``EffectUnknown`` for an answer that is none: the write has had its effect."""
    row = answer.decode(dict[str, Any])
    try:
        return {**row, "id": id or id_of(row)}
    except NoRecord as trouble:
        raise EffectUnknown(f"{answer.verb} {answer.path}: an answer that is no file: {trouble}") from trouble


def _update_params(add: str | None, remove: str | None) -> dict[str, str]:
    params = _file_params(models.FILE)
    if add:
        params["addParents"] = add
    if remove:
        params["removeParents"] = remove
    return params


def _file_params(fields: str) -> dict[str, str]:
    return {"supportsAllDrives": "true", "fields": fields}
