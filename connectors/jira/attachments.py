"""Files on issues: read with the issues that changed, written one a request, their bytes in parts both ways.

Jira changes no attachment: it is made and deleted. It tells neither of deletes nor of what carries a marker, so a lost
answer is looked for among the files that our account has put on issues lately.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from connectors.base import Abilities, Field, Gate, Outcome, Page, Record, Unreadable, Write, chunks
from connectors.content import Download
from connectors.errors import ConnectorError, GateClosed, NotFound, RecordRefused
from connectors.jira.client import FETCH_BATCH, Client
from connectors.jira.crawl import SEARCH_LAG, Crawler, Recent
from connectors.jira.models import Json
from connectors.jira.outcomes import failed
from connectors.jira.records import (
    STREAM_OF_LEVEL,
    Reader,
    account_of,
    child_id,
    is_child_id,
    level,
    moment,
    name_of,
    split_id,
)
from connectors.rows import NoRecord, each_row, made_of

SHOWN = ["issuetype", "updated", "attachment"]

FIELDS = [
    Field(name="issue", label="Issue", kind="issue", required=True),
    Field(name="filename", label="Name"),
    Field(name="author", label="Author", kind="user", writable=False),
    Field(name="created", label="Created", kind="datetime", writable=False),
    Field(name="mimeType", label="Type", writable=False),
    Field(name="size", label="Bytes", kind="number", writable=False),
]


def abilities(settings: Mapping[str, Any], audience: Literal["team", "client"]) -> Abilities:
    """What Jira's own settings allow: ``enabled`` and ``uploadLimit``, in bytes."""
    able = bool(settings.get("enabled"))
    return Abilities(
        create=able,
        delete=able,
        returns_record=True,
        marker="fingerprint",
        search_lag=SEARCH_LAG,
        content=int(settings.get("uploadLimit") or 0) if able else 0,
        audience=audience,
    )


class Attachments:
    """The files of one connection."""

    def __init__(self, client: Client, crawler: Crawler, reader: Callable[[], Reader], recent: Recent) -> None:
        self._client = client
        self._crawler = crawler
        self._reader = reader
        self._recent = recent

    def pull(self, cursor: str | None) -> Iterator[Page]:
        """The files of the issues that changed: adding one changes its issue."""
        reader = self._reader()
        for found in self._crawler.pages(cursor, SHOWN):
            aside = list(found.unreadable)
            records = [file for issue in found.issues for file in on(issue, reader, aside)]
            yield Page(records=records, cursor=found.cursor, last=found.last, complete=found.complete, unreadable=aside)

    def get(self, ids: Sequence[str]) -> Iterator[Record]:
        """By their issues, a hundred a request."""
        reader = self._reader()
        issues = list(dict.fromkeys(split_id(id)[0] for id in ids if is_child_id(id)))
        there: dict[str, Record] = {}
        for batch in chunks(issues, FETCH_BATCH):
            for issue in self._client.bulk_fetch(batch, SHOWN):
                there |= {file.id: file for file in on(issue, reader, [])}
        for id in dict.fromkeys(ids):
            yield there.get(id) or Record(stream="attachments", id=id, deleted=True)

    def ids(self) -> Iterator[list[str]]:
        reader = self._reader()
        for issues in self._crawler.all(SHOWN):
            yield [file.id for issue in issues for file in on(issue, reader, [])]

    def made_since(self, since: str, me: str) -> Iterator[Record]:
        """Ours, on the issues that our account touched within a month."""
        reader = self._reader()
        for issues in self._crawler.touched_by(me, SHOWN):
            for issue in issues:
                files = on(issue, reader, [])
                yield from (file for file in files if file.ours and (file.created_at or "") >= since)

    def download(self, id: str) -> Download:
        own = split_id(id)[1] if is_child_id(id) else ""
        record = next(self.get([id]))
        if record.deleted:
            raise NotFound(f"attachment {id} is not there", status=404)
        got = self._client.content(own)
        told = record.payload.get("size")
        return Download(
            name=str(record.payload.get("filename") or own),
            media_type=str(record.payload.get("mimeType") or "application/octet-stream"),
            chunks=got.chunks(),
            size=got.size if got.size is not None else told if isinstance(told, int) else None,
        )

    def push(self, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        for write in writes:
            try:
                outcome = self._write(write, gate)
            except (ConnectorError, GateClosed) as error:
                yield failed(write, error)
                continue
            if outcome.id is not None:
                self._recent.add(split_id(outcome.id)[0])
            yield outcome

    def _write(self, write: Write, gate: Gate) -> Outcome:
        if write.kind == "delete":
            if not is_child_id(write.id or ""):
                raise NotFound(f"not an id of an attachment: {write.id}", status=404)
            self._client.delete_attachment(split_id(write.id or "")[1], gate)
            return Outcome(intent=write.intent, status="done", id=write.id)
        if write.kind != "create":
            raise RecordRefused("attachments are made and deleted, not changed", code="no_such_ability")
        parent = write.values.get("issue")
        if not isinstance(parent, dict) or not parent.get("id"):
            raise RecordRefused("no issue to put it on", code="no_parent", field="issue")
        if write.content is None:
            raise RecordRefused("an attachment is a file", code="no_content")
        issue = str(parent["id"])
        content = write.content
        if write.values.get("filename"):
            content = replace(content, name=str(write.values["filename"]))
        of = partial(attachment, issue=issue, stream=str(parent.get("stream") or "issues"), reader=self._reader())
        answer = self._client.add_attachment(issue, content, gate)
        try:
            record = made_of(of, answer)
        except NoRecord as trouble:
            return Outcome(intent=write.intent, status="unknown", reason=f"the answer names no attachment: {trouble}")
        return Outcome(intent=write.intent, status="done", id=record.id, record=record)


def on(issue: Json, reader: Reader, aside: list[Unreadable]) -> Iterator[Record]:
    """The files that came with an issue; what is none goes to ``aside``."""
    stream, fields = STREAM_OF_LEVEL.get(level(issue)), issue.get("fields")
    found = fields.get("attachment") if isinstance(fields, Mapping) else None
    if stream is not None and isinstance(found, list):
        of = partial(attachment, issue=str(issue["id"]), stream=stream, reader=reader)
        yield from each_row("attachments", found, of, aside)


def attachment(raw: Json, issue: str, stream: str, reader: Reader) -> Record:
    """A file; ``issue`` in the payload says on which. Its address in the payload is Jira's, and is never asked."""
    author = account_of(raw.get("author"))
    return Record(
        stream="attachments",
        id=child_id(issue, raw),
        payload={**raw, "issue": {"id": issue, "stream": stream}},
        ours=reader.me is not None and author == reader.me,
        scope=issue,
        url=raw["content"] if isinstance(raw.get("content"), str) else None,
        created_at=moment(raw.get("created")),
        modified_by=author,
        modified_by_name=name_of(raw.get("author")),
    )
