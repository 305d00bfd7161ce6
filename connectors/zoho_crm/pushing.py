"""Writes in as few requests as Zoho allows, and an outcome for each from the answer's rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from connectors.base import Gate, Outcome, Write, chunks
from connectors.errors import (
    EffectUnknown,
    GateClosed,
    Malformed,
    NotFound,
    RateLimited,
    RecordRefused,
    Stale,
    Transient,
)
from connectors.rows import NoRecord, id_of
from connectors.zoho_crm.client import ROWS_PER_WRITE, Client
from connectors.zoho_crm.models import Result, Results, instant
from connectors.zoho_crm.refusals import ITSELF, blamed, said

Sent = Literal["insert", "upsert", "update", "update_if", "delete"]
Request = Literal["insert", "upsert", "update", "update_if", "delete", "archive"]

LOCKED = ("RECORD_LOCKED", "TOO_MANY_REQUESTS", "RECORD_IN_USE")
"""A row that was not touched, and may be later."""
BY_PEOPLE = "record_locking"
"""The ``action`` of a lock that a person or a rule of theirs put on: it stays until one of them takes it off."""
UNCLEAR = ("INTERNAL_ERROR", "INTERNAL_SERVER_ERROR")


class Pusher:
    """Sends writes to one module. ``marker_field`` is None where the module has no such unique field."""

    def __init__(
        self,
        client: Client,
        module: str,
        marker_field: str | None,
        guarded: bool,
        versions: Callable[[Sequence[str]], Mapping[str, str | None]],
    ) -> None:
        self._client = client
        self._module = module
        self._marker_field = marker_field
        self._guarded = guarded
        self._versions = versions

    def push(self, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        for request, run in self._runs(writes):
            if request == "archive":
                yield from _all(run, "refused", f"{self._module} has no archive", "NOT_SUPPORTED")
                continue
            size = 1 if request == "update_if" else ROWS_PER_WRITE
            for batch in chunks(run, size):
                yield from self._batch(request, batch, gate)

    def _runs(self, writes: Sequence[Write]) -> Iterator[tuple[Request, list[Write]]]:
        """Neighbours that one kind of request can carry, in order; never one record twice in a run."""
        runs: list[tuple[Request, list[Write]]] = []
        for write in writes:
            request = self._request(write)
            current, run = runs[-1] if runs else (None, [])
            if request == current and (write.id is None or all(write.id != one.id for one in run)):
                run.append(write)
            else:
                runs.append((request, [write]))
        return iter(runs)

    def _request(self, write: Write) -> Request:
        match write.kind:
            case "create":
                return "upsert" if self._marker_field and write.marker else "insert"
            case "update":
                return "update_if" if self._guarded and write.expected_version else "update"
            case "delete":
                return "delete"
            case "archive":
                return "archive"

    def _batch(self, request: Sent, batch: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        if request == "delete":
            try:
                batch, passed = self._still_as_expected(batch)
            except Transient as error:
                yield from _all(batch, "not_sent", str(error), error.code)
                return
            yield from passed
            if not batch:
                return
        try:
            results = self._send(request, batch, gate)
        except GateClosed as closed:
            yield from _all(batch, "not_sent", str(closed) or "the gate is closed")
        except EffectUnknown as error:
            yield from _all(batch, "unknown", str(error))
        except RateLimited as error:
            yield from _all(batch, "not_sent", str(error), error.code, error.retry_after)
        except Transient as error:
            yield from _all(batch, "not_sent", str(error), error.code)
        except Stale as error:
            yield from _all(batch, "stale", str(error), error.code)
        except NotFound as error:
            yield from _all(batch, "gone", str(error), error.code)
        except RecordRefused as error:
            status: Literal["gone", "refused"] = "gone" if is_gone(error.code, error.field) else "refused"
            yield from _all(batch, status, str(error), error.code, field=_field(error.field))
        else:
            rows = results.rows
            if len(rows) == 1 and _of_all(rows[0]):
                rows = rows * len(batch)
            for position, write in enumerate(batch):
                row = rows[position] if position < len(rows) else None
                yield _outcome(request, write, row)

    def _send(self, request: Sent, batch: Sequence[Write], gate: Gate) -> Results:
        match request:
            case "insert":
                return self._client.insert(self._module, [self._row(write) for write in batch], gate)
            case "upsert":
                marker = self._marker_field or ""
                rows = [self._row(write) | {marker: write.marker} for write in batch]
                return self._client.upsert(self._module, rows, marker, gate)
            case "update":
                rows = [{"id": write.id} | self._row(write) for write in batch]
                return self._client.update(self._module, rows, gate)
            case "update_if":
                (write,) = batch
                since = datetime.fromisoformat(write.expected_version or "")
                return self._client.update_if(self._module, write.id or "", self._row(write), since, gate)
            case "delete":
                return self._client.delete(self._module, [write.id or "" for write in batch], gate)

    def _row(self, write: Write) -> dict[str, Any]:
        return {name: value for name, value in write.values.items() if name != self._marker_field}

    def _still_as_expected(self, batch: Sequence[Write]) -> tuple[list[Write], list[Outcome]]:
        # A delete takes no precondition, so the look comes directly before it.
        expected = [write for write in batch if write.expected_version]
        now = self._versions([write.id or "" for write in expected]) if expected else {}
        keep, passed = [], []
        for write in batch:
            held = now.get(write.id or "", write.expected_version)
            if write.expected_version and held != write.expected_version:
                passed.append(Outcome(intent=write.intent, status="stale", id=write.id, version=held))
            else:
                keep.append(write)
        return keep, passed


def _outcome(request: Request, write: Write, row: Result | None) -> Outcome:
    if row is None:
        return Outcome(
            intent=write.intent, status="unknown", id=write.id, reason="the answer has no row for this write"
        )
    if row.status == "success":
        try:
            id = write.id or id_of(row.details)
        except NoRecord as trouble:
            return Outcome(intent=write.intent, status="unknown", reason=f"{row.code}: {trouble}")
        version = None if request == "delete" else _version(row)
        return Outcome(intent=write.intent, status="done", id=id, version=version, code=row.code)
    field = blamed(row.details)
    status: Literal["stale", "gone", "not_sent", "unknown", "refused"]
    if row.code == "ALREADY_MODIFIED":
        status = "stale"
    elif write.kind != "create" and is_gone(row.code, field):
        status = "gone"
    elif row.code in LOCKED and row.details.get("action") != BY_PEOPLE:
        status = "not_sent"
    elif row.code in UNCLEAR:
        status = "unknown"
    else:
        status = "refused"
    reason = said(row.code, row.message, row.details)
    return Outcome(intent=write.intent, status=status, id=write.id, reason=reason, code=row.code, field=_field(field))


def _version(row: Result) -> str | None:
    try:
        return instant(row.details.get("Modified_Time"))
    except Malformed:
        return None  # the write took effect all the same; the read-back tells the version


def is_gone(code: str, field: str | None) -> bool:
    """Whether a refusal says that there is no such record. A lookup that leads nowhere blames its own field instead."""
    return code in ("INVALID_DATA", "RECORD_NOT_FOUND") and field == ITSELF


def _of_all(row: Result | None) -> bool:
    """Whether one refusal is of the whole request: it names a place in the address, and no record or field of one."""
    return row is not None and row.status != "success" and blamed(row.details) is None


def _field(blamed: str | None) -> str | None:
    """A field that may be told as refused: the record itself is none."""
    return blamed if blamed != ITSELF else None


def _all(
    batch: Sequence[Write],
    status: Literal["refused", "stale", "gone", "unknown", "not_sent"],
    reason: str,
    code: str = "",
    retry_after: float | None = None,
    field: str | None = None,
) -> Iterator[Outcome]:
    for write in batch:
        yield Outcome(
            intent=write.intent,
            status=status,
            id=write.id,
            reason=reason,
            code=code,
            retry_after=retry_after,
            field=field,
        )
