"""Zoho CRM behind the contract: modules as streams, one feed each."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.auth import Bearer
from connectors.base import Account, Change, Context, Description, Gate, Outcome, Page, Record, Write, chunks, utc
from connectors.budget import Budget
from connectors.errors import CursorLost, Forbidden, Misconfigured, NotFound, RecordRefused, ScopeMissing
from connectors.http import Answer
from connectors.zoho_crm import described, past
from connectors.zoho_crm.client import FIELDS_PER_REQUEST, IDS_PER_REQUEST, Client, ZohoHttp
from connectors.zoho_crm.crawl import OVERLAP, Place, ServiceClock
from connectors.zoho_crm.described import MODULES, USERS
from connectors.zoho_crm.models import FieldMeta, Info, Organization, instant
from connectors.zoho_crm.pushing import Pusher
from connectors.zoho_crm.settings import Settings
from connectors.zoho_crm.signin import SignIn

TABS = {"Accounts": "Accounts", "Contacts": "Contacts", "Deals": "Potentials", "Tasks": "Tasks"}
"""Where the web pages of a module are; notes have none of their own."""

Row = dict[str, Any]


class ZohoCrm:
    """See ``connectors.base.Connector``. Metadata, the organisation and our own user are read once and kept."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._clock = ServiceClock(context.clock)
        self._budget = Budget(context.clock)
        sign_in = SignIn(context, settings, self._budget, self._moved)
        self._http = ZohoHttp(
            context,
            settings.base_url or settings.center.api,
            auth=Bearer(context.clock, sign_in.fetch, scheme="Zoho-oauthtoken"),
            budget=self._budget,
            concurrency=settings.concurrency,
        )
        self._client = Client(self._http)
        self._lock = threading.RLock()
        self._metas: dict[str, list[FieldMeta]] = {}
        self._me: str | None = None
        self._organization: Organization | None = None

    @property
    def calls(self) -> int:
        return self._budget.calls

    def check(self) -> Account:
        organization, answer = self._client.organization()
        self._organization = organization
        user = self._client.current_user()
        return Account(
            id=str(user["id"]),
            name=str(user.get("full_name") or user.get("email") or user["id"]),
            site=organization.zgid or organization.id,
            timezone=organization.time_zone,
            server_time=utc(self._clock.read(answer)),
        )

    def describe(self) -> Description:
        with self._lock:
            self._metas.clear()
        marker = self._settings.marker_field
        streams = [described.stream(module, self._fields(module), marker) for module in MODULES]
        return Description(
            system="zoho_crm",
            streams=[*streams, described.users()],
            feeds=described.feeds(),
            limits=described.LIMITS | {"feedback tag": self._settings.feedback_tag},
            quota=described.quota((self._organization or self._client.organization()[0]).license_details),
        )

    def pull(self, feed: str, cursor: str | None = None) -> Iterator[Page]:
        if feed not in (*MODULES, USERS):
            raise Misconfigured(f"no feed {feed}; there are {', '.join((*MODULES, USERS))}")
        place = Place.read(cursor)
        while True:
            try:
                records, following = self._step(feed, place)
            except Forbidden as error:
                raise ScopeMissing(str(error), status=error.status, code=error.code) from error
            except RecordRefused as error:
                if place.token is None:
                    raise
                raise CursorLost(f"{feed}: {error}", status=error.status, code=error.code) from error
            last = following.at == "start"
            yield Page(records=records, cursor=following.text(), last=last, complete=last and cursor is None)
            if last:
                return
            place = following

    def _step(self, feed: str, place: Place) -> tuple[list[Record], Place]:
        since = place.asked_since
        if feed == USERS:
            users, answer = self._client.users(place.page, since)
            place = place.opened(self._clock.read(answer))
            records = [self._user(row) for row in users.users] if users else []
            return records, place.after_users(users.info if users else None)
        if place.at == "deleted":
            asked = since or datetime.fromisoformat(place.began or "") - OVERLAP
            rows, _ = self._client.deleted(feed, place.page, asked)
            gone = [_tombstone(feed, row) for row in rows.data] if rows else []
            latest = max((record.version for record in gone if record.version), default=None)
            moment = datetime.fromisoformat(latest) if latest else None
            return gone, place.after_deleted(rows.info if rows else None, moment)
        listed, info, answer = self._page(feed, place, since)
        place = place.opened(self._clock.read(answer))
        return [self._record(feed, row) for row in listed], place.after_records(info)

    def _page(self, module: str, place: Place, since: datetime | None) -> tuple[list[Row], Info | None, Answer]:
        first, *others = self._asked(module)
        rows, answer = self._client.records(module, first, place.page, place.token, since)
        if rows is None:
            return [], None, answer
        return self._joined(module, rows.data, others), rows.info, answer

    def _joined(self, module: str, rows: list[Row], others: Sequence[Sequence[str]]) -> list[Row]:
        """Rows with the fields that did not fit into the first request, joined by id."""
        by_id = {str(row["id"]): row for row in rows}
        for names in others:
            for ids in chunks(list(by_id), IDS_PER_REQUEST):
                for more in self._client.by_ids(module, names, ids):
                    row = by_id[str(more["id"])]
                    # The older version stands: what changed between two requests comes again in the next round.
                    version = min(row.get("Modified_Time") or "", more.get("Modified_Time") or "", key=_moment)
                    row.update(more)
                    row["Modified_Time"] = version or None
        return rows

    def get(self, stream: str, ids: Sequence[str]) -> Iterator[Record]:
        distinct = list(dict.fromkeys(ids))
        if stream == USERS:
            yield from (self._one(stream, id) for id in distinct)
            return
        names = self._asked(stream)
        for batch in chunks([id for id in distinct if id.isdigit()], IDS_PER_REQUEST):
            rows = self._joined(stream, self._client.by_ids(stream, names[0], batch), names[1:])
            found = {str(row["id"]): row for row in rows}
            for id in batch:
                yield self._record(stream, found[id]) if id in found else self._one(stream, id)
        yield from (Record(stream=stream, id=id, deleted=True) for id in distinct if not id.isdigit())

    def _one(self, stream: str, id: str) -> Record:
        """A record that a list left out: gone, or not for us to see."""
        try:
            if stream == USERS:
                user = self._client.user(id)
                return self._user(user) if user else Record(stream=stream, id=id, deleted=True)
            first, *others = self._asked(stream)
            row = self._client.record(stream, id, first)
            if row is None:
                return Record(stream=stream, id=id, deleted=True)
            return self._record(stream, self._joined(stream, [row], others)[0])
        except Forbidden:
            return Record(stream=stream, id=id, forbidden=True)
        except NotFound:
            return Record(stream=stream, id=id, deleted=True)
        except RecordRefused as error:
            if error.code != "INVALID_DATA":
                raise
            return Record(stream=stream, id=id, deleted=True)

    def push(self, stream: str, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        if stream not in MODULES:
            raise Misconfigured(f"{stream} cannot be written")
        pusher = Pusher(
            self._client,
            stream,
            self._marker_field(stream),
            guarded=stream != "Notes",
            versions=lambda ids: {record.id: record.version for record in self.get(stream, ids)},
        )
        yield from pusher.push(writes, gate)

    def find(self, stream: str, marker: str) -> list[Record]:
        field = self._marker_field(stream) if stream in MODULES else None
        if field is None:
            return []
        hits = [str(row["id"]) for row in self._client.search(stream, field, marker, ["id"])]
        records = [record for record in self.get(stream, hits) if record.marker == marker and not record.deleted]
        return sorted(records, key=lambda record: (record.created_at or "", record.id))

    def made_since(self, stream: str, scope: str | None, since: str) -> Iterator[Record]:
        start = datetime.fromisoformat(since).replace(microsecond=0)
        place = Place()
        while True:
            listed, info, answer = self._page(stream, place, start - timedelta(seconds=1))
            for record in (self._record(stream, row) for row in listed):
                if record.ours and (record.created_at or "") >= utc(start) and scope in (None, record.scope):
                    yield record
            place = place.opened(self._clock.read(answer)).after_records(info)
            if place.at != "records":
                return

    def reserve(self, stream: str, count: int) -> list[str]:
        raise Misconfigured(f"{stream}: Zoho gives no ids in advance")

    def history(self, stream: str, ids: Sequence[str], since: str) -> Iterator[Change]:
        start = utc(datetime.fromisoformat(since).replace(microsecond=0))
        metas = {meta.api_name: meta for meta in self._fields(stream)}
        for id in dict.fromkeys(ids):
            known = _References(self, stream, id)
            try:
                entries = list(past.entries(self._client, stream, id, start))
            except NotFound:
                continue
            except RecordRefused as error:
                if error.code != "INVALID_DATA":
                    raise
                continue
            entries.sort(key=lambda entry: instant(entry.audited_time) or "")
            for entry in entries:
                for change in past.changes(id, entry, self._own_id(), metas, known.find):
                    if change.field != self._settings.marker_field:
                        yield change

    def ids(self, stream: str) -> Iterator[list[str]]:
        place = Place(at="records")
        while True:
            if stream == USERS:
                users, answer = self._client.users(place.page, None)
                rows, info = (users.users, users.info) if users else ([], None)
                following = place.opened(self._clock.read(answer)).after_users(info)
            else:
                listed, answer = self._client.records(stream, ["id"], place.page, place.token, None)
                rows, info = (listed.data, listed.info) if listed else ([], None)
                following = place.opened(self._clock.read(answer)).after_records(info)
            yield [str(row["id"]) for row in rows]
            if following.at != "records":
                return
            place = following

    def _moved(self, api_domain: str) -> None:
        """The token answer knows where the account's data centre is; a configured address knows better."""
        if self._settings.base_url is None:
            self._http.base_url = api_domain.rstrip("/")

    def _fields(self, module: str) -> list[FieldMeta]:
        with self._lock:
            if module not in self._metas:
                self._metas[module] = self._client.fields(module)
            return self._metas[module]

    def _asked(self, module: str) -> list[list[str]]:
        """The fields to ask for, in as few requests as their number allows; each carries the version."""
        names = described.listed(module, self._fields(module))
        if len(names) <= FIELDS_PER_REQUEST:
            return [names]
        rest = names[FIELDS_PER_REQUEST:]
        return [
            names[:FIELDS_PER_REQUEST],
            *([*part, "Modified_Time"] for part in chunks(rest, FIELDS_PER_REQUEST - 1)),
        ]

    def _marker_field(self, module: str) -> str | None:
        return described.marker_of(self._fields(module), self._settings.marker_field) if module != "Notes" else None

    def _own_id(self) -> str:
        with self._lock:
            if self._me is None:
                self._me = str(self._client.current_user()["id"])
            return self._me

    def _record(self, module: str, row: Row) -> Record:
        payload = {name: value for name, value in row.items() if name != self._settings.marker_field}
        id = str(row["id"])
        tab = TABS.get(module)
        parent = row.get("Parent_Id") if module == "Notes" else None
        return Record(
            stream=module,
            id=id,
            payload=payload,
            version=instant(row.get("Modified_Time")),
            marker=row.get(self._settings.marker_field) or None,
            ours=_person(row, "Created_By") == self._own_id(),
            scope=str(parent["id"]) if isinstance(parent, dict) and parent.get("id") else module,
            url=f"{self._settings.center.web}/crm/tab/{tab}/{id}" if tab else None,
            created_at=instant(row.get("Created_Time")),
            modified_at=instant(row.get("Modified_Time")),
            modified_by=_person(row, "Modified_By"),
        )

    def _user(self, row: Row) -> Record:
        return Record(
            stream=USERS,
            id=str(row["id"]),
            payload=row,
            version=instant(row.get("Modified_Time")),
            created_at=instant(row.get("created_time")),
            modified_at=instant(row.get("Modified_Time")),
        )


class _References:
    """Finds out whom a timeline means by a name: a user, or what the record refers to now."""

    def __init__(self, connector: ZohoCrm, stream: str, id: str) -> None:
        self._connector = connector
        self._stream = stream
        self._id = id
        self._payload: Row | None = None

    def find(self, field: str, name: str) -> Row | None:
        if self._payload is None:
            self._payload = next(iter(self._connector.get(self._stream, [self._id]))).payload
        candidates = [self._payload.get(field), self._payload.get("Created_By"), self._payload.get("Modified_By")]
        for value in candidates if field == "Owner" else candidates[:1]:
            if isinstance(value, dict) and value.get("name") == name:
                return value
        return None


def _tombstone(module: str, row: Row) -> Record:
    at = instant(row.get("deleted_time"))
    return Record(
        stream=module,
        id=str(row["id"]),
        deleted=True,
        version=at,
        scope=module,
        modified_at=at,
        modified_by=_person(row, "deleted_by"),
    )


def _person(row: Row, field: str) -> str | None:
    value = row.get(field)
    return str(value["id"]) if isinstance(value, dict) and value.get("id") else None


def _moment(text: str) -> str:
    return instant(text) or ""
