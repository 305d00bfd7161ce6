"""Zoho CRM behind the contract: modules as streams, one feed each."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property, partial

from connectors.answer import Answer
from connectors.auth import Bearer
from connectors.base import (
    Account,
    Change,
    Description,
    Gate,
    Outcome,
    Page,
    Record,
    Unreadable,
    Write,
    chunks,
    utc,
)
from connectors.budget import Budget
from connectors.context import Context
from connectors.errors import CursorLost, Forbidden, Misconfigured, NotFound, RecordRefused, ScopeMissing
from connectors.examining import Symptom
from connectors.hooks import Delivery
from connectors.preparing import Addition
from connectors.rows import each_row, identified, stamp
from connectors.zoho_crm import described, hooks, past
from connectors.zoho_crm.additions import Additions
from connectors.zoho_crm.client import CONVERTED, FIELDS_PER_REQUEST, IDS_PER_REQUEST, Client, ZohoHttp
from connectors.zoho_crm.crawl import OVERLAP, Place, ServiceClock
from connectors.zoho_crm.described import USERS, modules_of
from connectors.zoho_crm.examine import examine
from connectors.zoho_crm.models import FieldMeta, Info, Organization
from connectors.zoho_crm.pushing import Pusher, is_gone
from connectors.zoho_crm.quota import quota
from connectors.zoho_crm.records import Row, Shape, tombstone, user
from connectors.zoho_crm.settings import DATA_CENTERS, Settings
from connectors.zoho_crm.signin import Known, SignIn


class ZohoCrm:
    """See ``connectors.base.Connector``. Metadata, the organisation and our own user are read once and kept."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._modules = modules_of(settings)
        self._clock = ServiceClock(context.clock)
        self._budget = Budget(context)
        self._known = Known(settings, context)
        self._sign_in = SignIn(context, settings, self._known, self._budget, self._moved)
        self._http = ZohoHttp(
            context,
            # Until the first token answer tells: it comes before the first request.
            settings.base_url or DATA_CENTERS[settings.data_center or "us"].api,
            auth=Bearer(context.clock, self._sign_in.fetch, "Zoho-oauthtoken", self._sign_in.kept),
            budget=self._budget,
            concurrency=settings.concurrency,
        )
        self._client = Client(self._http)
        self._additions = Additions(self._client, settings, context, self._present)
        self._lock = threading.RLock()
        self._metas: dict[str, list[FieldMeta]] = {}
        self._me: str | None = None
        self._organization: Organization | None = None

    @property
    def calls(self) -> int:
        return self._budget.calls

    @property
    def units(self) -> int:
        return self._budget.units

    def check(self) -> Account:
        organization, answer = self._client.organization()
        self._organization = organization
        me = self._client.current_user()
        return Account(
            id=str(me["id"]),
            name=str(me.get("full_name") or me.get("email") or me["id"]),
            site=organization.zgid or organization.id,
            timezone=organization.time_zone,
            server_time=utc(self._clock.read(answer)),
        )

    def describe(self) -> Description:
        self._forget()
        marker, metas = self._settings.marker_field, self._client.modules()
        lacking = described.lacking(self._settings, metas)
        further = described.others(self._settings, metas)
        if lacking:
            known = ", ".join(further) or "none"
            raise Misconfigured(
                f"modules: this account sees no module {', '.join(lacking)}; further modules that it sees: {known}"
            )
        modules = described.present(self._settings, metas)
        streams = [described.stream(module, self._fields(module), marker, metas.get(module)) for module in modules]
        organization = self._organization or self._client.organization()[0]
        return Description(
            system="zoho_crm",
            streams=[*streams, described.users()],
            feeds=described.feeds(modules),
            quota=quota(organization),
            currency=organization.currency,
            limits=described.LIMITS
            | {"feedback tag": self._settings.feedback_tag}
            | ({"further modules": ", ".join(further)} if further else {}),
        )

    def pull(self, feed: str, cursor: str | None = None) -> Iterator[Page]:
        if feed not in (*self._modules, USERS):
            raise Misconfigured(f"no feed {feed}; there are {', '.join((*self._modules, USERS))}")
        place = Place.read(cursor)
        while True:
            try:
                aside: list[Unreadable] = []
                records, following = self._step(feed, place, aside)
            except Forbidden as error:
                raise ScopeMissing(str(error), status=error.status, code=error.code) from error
            except RecordRefused as error:
                if place.token is None:
                    raise
                raise CursorLost(f"{feed}: {error}", status=error.status, code=error.code) from error
            last = following.at == "start"
            complete = last and cursor is None
            yield Page(records=records, cursor=following.text(), last=last, complete=complete, unreadable=aside)
            if last:
                return
            place = following

    def _step(self, feed: str, place: Place, aside: list[Unreadable]) -> tuple[list[Record], Place]:
        since = place.asked_since
        if feed == USERS:
            users, answer = self._client.users(place.page, since)
            place = place.opened(self._clock.read(answer))
            records = list(each_row(USERS, users.users if users else (), user, aside))
            return records, place.after_users(users.info if users else None)
        if place.at == "deleted":
            asked = since or datetime.fromisoformat(place.began or "") - OVERLAP
            rows, _ = self._client.deleted(feed, place.page, asked)
            gone = list(each_row(feed, rows.data if rows else (), partial(tombstone, feed), aside))
            latest = max((record.version for record in gone if record.version), default=None)
            moment = datetime.fromisoformat(latest) if latest else None
            return self._moved_on(feed, gone), place.after_deleted(rows.info if rows else None, moment)
        listed, info, answer = self._page(feed, place, since, aside)
        following = place.opened(self._clock.read(answer)).after_records(info, _ids_of(listed))
        return list(each_row(feed, listed, partial(self._record, feed), aside)), following

    def _moved_on(self, module: str, gone: list[Record]) -> list[Record]:
        """A lead is left out of where it was once it is converted; whoever still answers by id was not deleted."""
        if module not in CONVERTED or not gone:
            return gone
        live = self._found(module, [record.id for record in gone])
        return [self._readable(module, record.id, live[record.id]) if record.id in live else record for record in gone]

    def _page(
        self, module: str, place: Place, since: datetime | None, aside: list[Unreadable]
    ) -> tuple[list[Row], Info | None, Answer]:
        first, *others = self._asked(module)
        rows, answer = self._client.records(module, first, place.page, place.token, since, place.descending)
        if rows is None:
            return [], None, answer
        return self._joined(module, identified(module, rows.data, aside), others), rows.info, answer

    def _joined(self, module: str, rows: list[Row], others: Sequence[Sequence[str]]) -> list[Row]:
        """Rows with the fields that did not fit into the first request, joined by id."""
        by_id = {str(row["id"]): row for row in rows}
        for names in others:
            for ids in chunks([id for id in by_id if id.isdecimal()], IDS_PER_REQUEST):
                for more in self._client.by_ids(module, names, ids):
                    row = by_id.get(str(more["id"]))
                    if row is None:
                        continue  # nobody asked for it
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
        for batch in chunks([id for id in distinct if id.isdigit()], IDS_PER_REQUEST):
            found = self._found(stream, batch)
            for id in batch:
                yield self._readable(stream, id, found[id]) if id in found else self._one(stream, id)
        yield from (Record(stream=stream, id=id, deleted=True) for id in distinct if not id.isdigit())

    def _found(self, stream: str, ids: Sequence[str]) -> dict[str, Row]:
        """Rows by id; what is gone or hidden is left out."""
        first, *others = self._asked(stream)
        found: dict[str, Row] = {}
        for batch in chunks(ids, IDS_PER_REQUEST):
            rows = self._joined(stream, self._client.by_ids(stream, first, batch), others)
            found |= {str(row["id"]): row for row in rows}
        return found

    def _one(self, stream: str, id: str) -> Record:
        """A record that a list left out: gone, or not for us to see."""
        try:
            if stream == USERS:
                row = self._client.user(id)
                if row is None:
                    return Record(stream=stream, id=id, deleted=True)
                return next(each_row(stream, [row], user, []), None) or Record(stream=stream, id=id, forbidden=True)
            first, *others = self._asked(stream)
            row = self._client.record(stream, id, first)
            if row is None:
                return Record(stream=stream, id=id, deleted=True)
            return self._readable(stream, id, self._joined(stream, [row], others)[0])
        except Forbidden:
            return Record(stream=stream, id=id, forbidden=True)
        except NotFound:
            return Record(stream=stream, id=id, deleted=True)
        except RecordRefused as error:
            if not is_gone(error.code, error.field):
                raise
            return Record(stream=stream, id=id, deleted=True)

    def _readable(self, stream: str, id: str, row: Row) -> Record:
        """The record; nothing may be concluded from one that is not as others are."""
        record = next(each_row(stream, [row], partial(self._record, stream), []), None)
        return record or Record(stream=stream, id=id, forbidden=True)

    def push(self, stream: str, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        if stream not in self._modules:
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
        field = self._marker_field(stream) if stream in self._modules else None
        if field is None:
            return []
        hits = [str(row["id"]) for row in self._client.search(stream, field, marker, ["id"])]
        records = [record for record in self.get(stream, hits) if record.marker == marker and not record.deleted]
        return sorted(records, key=lambda record: (record.created_at or "", record.id))

    def made_since(self, stream: str, scope: str | None, since: str) -> Iterator[Record]:
        start = datetime.fromisoformat(since).replace(microsecond=0)
        place = Place()
        while True:
            listed, info, answer = self._page(stream, place, start - timedelta(seconds=1), [])
            for record in each_row(stream, listed, partial(self._record, stream), []):
                if record.ours and (record.created_at or "") >= utc(start) and scope in (None, record.scope):
                    yield record
            place = place.opened(self._clock.read(answer)).after_records(info, _ids_of(listed))
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
                if not is_gone(error.code, error.field):
                    raise
                continue
            entries.sort(key=lambda entry: entry.at or "")
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
                found = _ids_of(identified(stream, rows, []))
                following = place.opened(self._clock.read(answer)).after_users(info)
            else:
                listed, answer = self._client.records(stream, ["id"], place.page, place.token, None, place.descending)
                rows, info = (listed.data, listed.info) if listed else ([], None)
                found = _ids_of(identified(stream, rows, []))
                following = place.opened(self._clock.read(answer)).after_records(info, found)
            yield found
            if following.at != "records":
                return
            place = following

    # -- what it has besides the verbs

    def examine(self) -> list[Symptom]:
        # The sign-in is part of the look: it tells the scopes.
        self._client.current_user()
        return examine(self._client, self._settings, self._context, self._sign_in.scopes())

    def additions(self) -> list[Addition]:
        return list(self._additions.all())

    def add(self, id: str, gate: Gate) -> None:
        self._additions.add(id, gate)
        self._forget()

    def remove(self, id: str, gate: Gate) -> None:
        self._additions.remove(id, gate)
        self._forget()

    def unmark(self, stream: str, ids: Sequence[str], gate: Gate) -> list[Outcome]:
        return self._additions.unmark(stream, ids, gate)

    def parse_hook(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        token = self._settings.hook_token
        return hooks.parse(body, token.get_secret_value() if token else None, (*self._modules, USERS))

    def _present(self) -> tuple[str, ...]:
        return described.present(self._settings, self._client.modules())

    def _forget(self) -> None:
        """Metadata that is out of date."""
        with self._lock:
            self._metas.clear()

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

    @cached_property
    def _shape(self) -> Shape:
        return Shape(self._settings.marker_field, self._known.center.web, self._own_id())

    def _record(self, module: str, row: Row) -> Record:
        return self._shape.record(module, row)


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


def _ids_of(rows: Iterable[Row]) -> list[str]:
    return [str(row["id"]) for row in rows]


def _moment(text: str) -> str:
    return stamp(text) or ""
