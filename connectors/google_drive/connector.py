"""Records in and out: the contract's verbs over client, tree and writer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from functools import partial
from urllib.parse import quote, urlencode

from connectors.base import Account, Change, Description, Gate, Outcome, Page, Record, Write, utc
from connectors.content import Download
from connectors.context import Context
from connectors.errors import Forbidden, Misconfigured, NotFound, RecordRefused, ScopeMissing
from connectors.examining import Symptom
from connectors.google_drive import hooks
from connectors.google_drive.additions import Additions
from connectors.google_drive.attached import AttachedFeed, kinds
from connectors.google_drive.changes import FilesFeed
from connectors.google_drive.client import PAGE, Client, Row, at, quoted
from connectors.google_drive.content import NO_BYTES, download, download_revision
from connectors.google_drive.credentials import service_account_name, sign_in
from connectors.google_drive.cursors import drives_text, parse_drives
from connectors.google_drive.description import describe
from connectors.google_drive.examine import examine
from connectors.google_drive.models import COMMENT, DRIVE, MARKER, PERMISSION, PLACE, REVISION
from connectors.google_drive.records import drive, elsewhere, gone, hidden, record
from connectors.google_drive.settings import Settings
from connectors.google_drive.tree import STREAMS, CrawlState, Tree, read, stream_of, streams_for
from connectors.google_drive.writes import Writer
from connectors.hooks import Delivery
from connectors.preparing import Addition
from connectors.rows import each_row

BY_ID = {
    "comments": urlencode({"includeDeleted": "true", "fields": COMMENT}),
    "permissions": urlencode({"supportsAllDrives": "true", "fields": PERMISSION}),
    "revisions": urlencode({"fields": REVISION}),
}
"""How one of what hangs on files is asked for."""


class GoogleDrive:
    """One account's view of one root folder in Google Drive."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._context = context
        auth, self._sign_in = sign_in(settings, context)
        self._client = Client(context, settings.base_url, auth)
        self._tree = Tree(self._client, settings.root)
        self._files = FilesFeed(self._client, self._tree, settings.root)
        self._kinds = kinds(self._client)
        self._attached = {
            name: AttachedFeed(self._client, self._tree, settings.root, kind) for name, kind in self._kinds.items()
        }
        self._writer = Writer(self._client, self._tree)
        self._additions = Additions(self._client, self._tree, settings, context)

    @property
    def calls(self) -> int:
        return self._client.http.budget.calls + self._sign_in.calls

    @property
    def units(self) -> int:
        return self._client.http.budget.units + self._sign_in.calls

    def check(self) -> Account:
        """Sign in, look at the root, and refuse what cannot work later, naming the cure."""
        about, date = self._client.about()
        root = self._tree.look_again()
        if self._settings.is_service_account and self._settings.subject is None and root.drive_id is None:
            raise Misconfigured(
                f"root {root.name} ({root.id}) lies in somebody's My Drive, and a service account cannot keep files "
                "there: put the root into a shared drive and add "
                f"{service_account_name(self._settings) or 'the service account'} to it as content manager, or set "
                "`subject` to a user and grant the service account domain-wide delegation"
            )
        if self._context.access == "write" and not root.can_add:
            raise ScopeMissing(
                f"root {root.name} ({root.id}): this account may read but not add; make it content manager of the "
                "shared drive or editor of the folder, or set `access: read`"
            )
        user = about.user
        return Account(
            id=user.permissionId or user.emailAddress or "",
            name=f"{user.displayName or user.emailAddress or ''}, root {root.name}",
            site=f"drive:{root.drive_id}" if root.drive_id else f"root:{root.id}",
            server_time=_http_date(date),
        )

    def parse_hook(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        secret = self._settings.hook_secret
        return hooks.parse(headers, secret.get_secret_value() if secret else None, self._context.clock.now())

    def additions(self) -> list[Addition]:
        return self._additions.all()

    def add(self, id: str, gate: Gate) -> None:
        self._additions.add(id, gate)

    def remove(self, id: str, gate: Gate) -> None:
        self._additions.remove(id, gate)

    def unmark(self, stream: str, ids: Sequence[str], gate: Gate) -> list[Outcome]:
        return self._additions.unmark(stream, ids, gate)

    def examine(self) -> list[Symptom]:
        return list(examine(self._client, self._tree, self._settings, self._context, self._sign_in))

    def describe(self) -> Description:
        return describe()

    # -- reading

    def pull(self, feed: str, cursor: str | None = None) -> Iterator[Page]:
        if feed == "files":
            return self._files.pull(cursor)
        if feed in self._attached:
            return self._attached[feed].pull(cursor)
        if feed == "drives":
            return self._pull_drives(cursor)
        raise ValueError(f"no feed {feed}")

    def _pull_drives(self, cursor: str | None) -> Iterator[Page]:
        """All of them each time, as there is no log of the drives themselves; those that are missing are asked for."""
        known = parse_drives(cursor) if cursor is not None else []
        records = [drive(row) for rows in self._client.drives() for row in rows]
        here = sorted(each.id for each in records)
        records += self._get_drives(sorted(set(known) - set(here)))
        yield Page(records=records, cursor=drives_text(here), last=True, complete=cursor is None)

    def get(self, stream: str, ids: Sequence[str]) -> Iterator[Record]:
        distinct = list(dict.fromkeys(ids))
        if not distinct:
            return iter(())
        if stream in STREAMS:
            return self._get_files(stream, distinct)
        if stream == "drives":
            return self._get_drives(distinct)
        if stream in self._kinds:
            return self._get_attached(stream, distinct)
        raise KeyError(stream)

    def _get_files(self, stream: str, ids: list[str]) -> Iterator[Record]:
        found = self._client.files_by_id(ids)
        ways = self._tree.ways(read(row) for row in found.values() if isinstance(row, dict))
        for id, row in found.items():
            if isinstance(row, NotFound):
                yield gone(stream, id)
            elif isinstance(row, Forbidden):
                yield hidden(stream, id)
            else:
                way, mime = ways[id], row.get("mimeType", "")
                now = stream_of(mime, way)
                if row.get("trashed") and way is None and stream in streams_for(mime):
                    yield gone(stream, id)
                elif now != stream:
                    yield elsewhere(stream, id, now)
                else:
                    yield record(stream, row, way, self._tree.root.id)

    def _get_attached(self, stream: str, ids: list[str]) -> Iterator[Record]:
        parts = [id.partition("/") for id in ids]
        addresses = [f"{at(file, stream, own)}?{BY_ID[stream]}" for file, _, own in parts]
        answers: list[Row | NotFound | Forbidden] = self._client.many(addresses, dict)
        files = list(dict.fromkeys(file for file, _, _ in parts))
        found = self._client.files_by_id(files, PLACE)
        ways = self._tree.ways(read(row) for row in found.values() if isinstance(row, dict))
        make = self._kinds[stream].make

        def hung(file: str, row: Row) -> Record:
            return make(file, row, ways[file])

        for id, (file, _, own), answer in zip(ids, parts, answers, strict=True):
            if isinstance(answer, NotFound):
                yield gone(stream, id)
            elif isinstance(answer, Forbidden):
                yield hidden(stream, id)
            elif ways.get(file) is None:
                yield elsewhere(stream, id, None)
            else:
                row = {**answer, "id": own}
                yield next(each_row(stream, [row], partial(hung, file), []), None) or hidden(stream, id)

    def _get_drives(self, ids: list[str]) -> Iterator[Record]:
        answers: list[Row | NotFound | Forbidden] = self._client.many(
            [f"/drive/v3/drives/{quote(id, safe='')}?fields={DRIVE}" for id in ids], dict
        )
        for id, answer in zip(ids, answers, strict=True):
            if isinstance(answer, dict):
                yield drive({**answer, "id": id})
            else:
                yield gone("drives", id) if isinstance(answer, NotFound) else hidden("drives", id)

    def ids(self, stream: str) -> Iterator[list[str]]:
        if stream == "drives":
            for rows in self._client.drives():
                yield [str(row["id"]) for row in rows]
        elif stream in self._attached:
            for records in self._attached[stream].everything():
                yield [each.id for each in records if not each.deleted]
        else:
            for entries, _ in self._tree.crawl(CrawlState("")):
                yield [row["id"] for row, way in entries if stream_of(row.get("mimeType", ""), way) == stream]

    def find(self, stream: str, marker: str) -> list[Record]:
        """By our private property, trash included; oldest first. What lies outside the root is not ours any more."""
        if stream not in STREAMS:
            return []
        q = f"appProperties has {{ key={quoted(MARKER)} and value={quoted(marker)} }}"
        rows = [row for page in self._client.file_pages(q, self._tree.root.drive_id) for row in page]
        rows = [row for row in rows if stream in streams_for(row.get("mimeType"))]
        ways = self._tree.ways(read(row) for row in rows)
        found = [
            record(stream, row, ways[row["id"]], self._tree.root.id)
            for row in rows
            if stream_of(row.get("mimeType", ""), ways[row["id"]]) == stream
        ]
        return sorted(found, key=lambda each: (each.created_at or "", each.id))

    def made_since(self, stream: str, scope: str | None, since: str) -> Iterator[Record]:
        if stream not in STREAMS:
            return
        q = f"createdTime >= {quoted(since)}" + (f" and {quoted(scope)} in parents" if scope else "")
        for rows in self._client.file_pages(q, self._tree.root.drive_id):
            ways = self._tree.ways(read(row) for row in rows)
            for row in rows:
                if stream_of(row.get("mimeType", ""), ways[row["id"]]) == stream:
                    made = record(stream, row, ways[row["id"]], self._tree.root.id)
                    if made.ours:
                        yield made

    def history(self, stream: str, ids: Sequence[str], since: str) -> Iterator[Change]:
        """None: Drive keeps no history of names, places and descriptions. The abilities say so."""
        return iter(())

    def download(self, stream: str, id: str) -> Download:
        if stream == "revisions":
            return download_revision(self._client, self._tree, id)
        if stream != "files":
            raise RecordRefused(f"{stream} have no bytes", code=NO_BYTES)
        return download(self._client, self._tree, id)

    # -- writing

    def reserve(self, stream: str, count: int) -> list[str]:
        if stream not in STREAMS:
            return []
        ids: list[str] = []
        while len(ids) < count:
            ids += self._client.generate_ids(min(PAGE, count - len(ids)))
        return ids

    def push(self, stream: str, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        return self._writer.push(stream, writes, gate)


def _http_date(text: str | None) -> str | None:
    """The time in a ``Date`` header; None where a proxy made something else of it."""
    try:
        return utc(parsedate_to_datetime(text)) if text else None
    except ValueError:
        return None
