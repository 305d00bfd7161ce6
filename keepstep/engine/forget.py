"""Forgetting a person: what the store holds of them is erased, and no system is touched.

A field whose value names the person is dropped on every side at once, with what was agreed of it: nothing is then owed
for it, so that nothing struck is ever written to a system. The systems still hold it. A record that is read again,
because it changed there, brings the field back, and is compared as if it had been linked just then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from keepstep.engine.news import OPEN
from keepstep.engine.people import ALIASES
from keepstep.engine.ports import Ports
from keepstep.engine.traces import STRUCK, Traces
from keepstep.store import tables as t
from keepstep.store.store import Lease, Tx
from keepstep.store.types import Json
from mapping.model import Kind

PAGE = 500
LEASE = 300.0
NAMED = 50
"""Places in the systems that are named; the others are counted."""

PLACES = ("id", "record", "entity", "other")
"""Columns that say which record or entity is meant, and nothing of a person."""
SIDE = "side"
"""A column that says where, or, in a line about a decision, who decided."""

Row = dict[str, Any]


class Busy(Exception):
    """A sync is at work, or a write with that person's data is under way: try again in a moment."""


class Place(msgspec.Struct, frozen=True):
    """A record in a system that still names the person."""

    side: str
    record: str
    url: str | None


class Known(msgspec.Struct, frozen=True):
    """A person as the store knows them: our id, names, addresses, and accounts as ``connection:account``."""

    id: str
    names: list[str]
    emails: list[str]
    accounts: list[str]


class Forgotten(msgspec.Struct, kw_only=True):
    """What was erased or struck, in rows by table, and what stays over there."""

    rows: dict[str, int] = {}
    places: dict[str, int] = {}
    """Side -> records that still name the person."""
    named: list[Place] = []
    shared: list[str] = []
    """Names that other people have as well: texts that hold them stay."""


def known_people(ports: Ports, text: str) -> list[Known]:
    """As ``known``, in a look of its own."""
    with ports.store.read() as tx:
        return known(tx, text)


def known(tx: Tx, text: str) -> list[Known]:
    """The people who have that e-mail address, name, account id or id of ours."""
    wanted = " ".join(text.casefold().split())
    by_person: dict[str, list[Row]] = {}
    for row in tx.all(sa.select(t.person).order_by(t.person.c.account)):
        by_person.setdefault(row["person"], []).append(row)
    aliases = tx.setting(ALIASES) or {}
    found = []
    for id, rows in by_person.items():
        names = sorted({row["seen"]["name"] for row in rows if row["seen"].get("name")})
        emails = sorted({row["seen"]["email"] for row in rows if row["seen"].get("email")})
        accounts = [row["account"] for row in rows]
        said = [*names, *emails, *accounts, *(each.partition(":")[2] for each in accounts), id]
        said += [former for former, now in aliases.items() if now == id]
        if wanted in {" ".join(each.casefold().split()) for each in said}:
            found.append(Known(id, names, emails, accounts))
    return found


def traces(tx: Tx, text: str, person: Known | None) -> tuple[Traces, list[str]]:
    """What to look for, and names that are left alone because others are called so too."""
    if person is None:
        # One plain word may be anybody's account id, and part of any text: only a name or an address is looked for.
        plain = text.isascii() and "@" not in text and " " not in text.strip()
        return Traces(frozenset() if plain else frozenset({text}), frozenset(), frozenset({("", text)})), []
    others = [each for name in person.names for each in known(tx, name) if each.id != person.id]
    theirs = {name.casefold() for each in others for name in each.names}
    shared = [name for name in person.names if name.casefold() in theirs]
    aliases = tx.setting(ALIASES) or {}
    former = {before for before, now in aliases.items() if now == person.id}
    # An account's id may be an address itself.
    addresses = {each.partition(":")[2] for each in person.accounts if "@" in each}
    words = {*person.names, *person.emails, *addresses} - set(shared)
    accounts = frozenset((each.partition(":")[0], each.partition(":")[2]) for each in person.accounts)
    return Traces(frozenset(words), frozenset({person.id, *former, *person.accounts}), accounts), shared


def preview(ports: Ports, text: str, person: Known | None) -> Forgotten:
    """What ``forget`` would do, without doing it."""
    with ports.store.rehearse() as tx:
        found, shared = traces(tx, text, person)
        return _Forgetting(tx, found, shared).all()


def forget(ports: Ports, text: str, person: Known | None, syncs: Sequence[str], by: str) -> Forgotten:
    """Erase it, in one transaction. Safe to repeat. Raises ``Busy``."""
    leases: list[Lease] = []
    try:
        for sync in syncs:
            lease = ports.store.acquire(f"sync:{sync}", ports.holder, LEASE)
            if lease is None:
                raise Busy(sync)
            leases.append(lease)
        with ports.store.write() as tx:
            if tx.connection.dialect.name == "sqlite":
                # What is deleted must not stay readable in pages that are free.
                tx.connection.exec_driver_sql("PRAGMA secure_delete=ON")
            found, shared = traces(tx, text, person)
            done = _Forgetting(tx, found, shared).all()
            if done.rows:
                line = {"at": ports.now(), "run": None, "code": "person_forgotten"}
                params = {"by": STRUCK if found.holds(by) else by, "rows": sum(done.rows.values())}
                tx.insert(t.audit, [line | {"entity": None, "side": None, "field": None, "params": params}])
        ports.store.settle_journal()
    finally:
        for lease in leases:
            ports.store.release(lease)
    return done


class _Forgetting:
    """One pass over every row of every table."""

    def __init__(self, tx: Tx, found: Traces, shared: list[str]) -> None:
        self._tx = tx
        self._traces = found
        self._rows: Counter[str] = Counter()
        self._places: Counter[str] = Counter()
        self._named: list[Place] = []
        self._shared = shared
        self._whole: set[str] = set()
        """Entities that are the person: contacts."""
        self._sides: set[str] = set()
        """Names of sides, which are nobody's, whatever a connection is called."""

    def all(self) -> Forgotten:
        self._check_open()
        self._whole = self._contacts()
        self._sides = {
            row[SIDE] for table in (t.record, t.link) for row in self._tx.all(sa.select(table.c.side).distinct())
        }
        special: dict[str, Callable[[Row], Row | None]] = {
            t.record.name: self._record,
            t.link.name: self._link,
            t.entity.name: self._entity,
            t.conflict.name: self._conflict,
            t.intent.name: self._intent,
            t.audit.name: self._audit,
            t.finding.name: self._finding,
            t.person.name: self._person,
            t.address.name: self._address,
            t.setting.name: self._setting,
        }
        for table in t.metadata.sorted_tables:
            self._table(table, special.get(table.name))
        return Forgotten(
            rows=dict(sorted(self._rows.items())),
            places=dict(sorted(self._places.items())),
            named=self._named,
            shared=self._shared,
        )

    # -- going through

    def _table(self, table: sa.Table, special: Callable[[Row], Row | None] | None) -> None:
        """``special`` returns the row as its table wants it to be, None if it goes; what is left is struck out."""
        keys = [column.name for column in table.primary_key]
        for page in self._pages(table, keys):
            changed: dict[tuple[str, ...], list[Row]] = {}
            for row in page:
                now = special(row) if special is not None else row
                now = self._any(table, now) if now is not None else None
                if now == row:
                    continue
                self._rows[table.name] += 1
                if now is None or any(now[key] != row[key] for key in keys):
                    where = sa.and_(*(table.c[key] == row[key] for key in keys))
                    self._tx.execute(sa.delete(table).where(where))
                else:
                    names = tuple(name for name in row if name in keys or now[name] != row[name])
                    changed.setdefault(names, []).append({name: now[name] for name in names})
            for rows in changed.values():
                self._tx.change(table, rows)

    def _pages(self, table: sa.Table, keys: Sequence[str]) -> Iterator[list[Row]]:
        columns = [table.c[key] for key in keys]
        after: tuple[Any, ...] | None = None
        while True:
            query = sa.select(table).order_by(*columns).limit(PAGE)
            if after is not None:
                query = query.where(sa.tuple_(*columns) > after)
            page = self._tx.all(query)
            if not page:
                return
            yield page
            after = tuple(page[-1][key] for key in keys)

    # -- what there is

    def _check_open(self) -> None:
        for row in self._tx.all(sa.select(t.intent).where(t.intent.c.closed_at.is_(None))):
            if self._traces.holds([row["fields"], row["before"], row["compared"]], _connection(row["side"])):
                raise Busy(row["sync"])

    def _contacts(self) -> set[str]:
        query = sa.select(t.record).where(t.record.c.kind == Kind.CONTACT.value, t.record.c.entity.is_not(None))
        rows = self._tx.all(query)
        return {row["entity"] for row in rows if self._traces.holds(row["shown"], _connection(row["side"]))}

    def _record(self, row: Row) -> Row:
        connection = _connection(row["side"])
        contact = row["entity"] in self._whole or (
            row["kind"] == Kind.CONTACT.value and self._traces.holds(row["shown"], connection)
        )
        now = dict(row)
        now["shown"] = {} if contact else self._kept(row["shown"], connection)
        now["losses"] = None if contact else self._any_value(row["losses"], connection)
        if contact or self._traces.account(row["modified_by"], connection):
            now["modified_by"] = None
        for name in ("url", "match_key", "scope", "marker", "version"):
            if row[name] is not None and (self._traces.within(row[name]) or (contact and name == "match_key")):
                now[name] = None
        if now != row and not row["deleted"]:
            self._places[row["side"]] += 1
            if len(self._named) < NAMED:
                self._named.append(Place(row["side"], row["id"], row["url"]))
        return now

    def _kept(self, values: Mapping[str, Any], connection: str = "") -> dict[str, Any]:
        """The fields that do not name the person."""
        return {name: value for name, value in values.items() if not self._traces.holds(value, connection)}

    def _link(self, row: Row) -> Row:
        if row["entity"] in self._whole:
            return row | {"fields": {}, "evidence": None}
        connection = _connection(row["side"])
        return row | {
            "fields": self._kept(row["fields"], connection),
            "evidence": self._any_value(row["evidence"], connection),
        }

    def _entity(self, row: Row) -> Row:
        """What somebody decided stands, though not who did."""
        agreed = {} if row["id"] in self._whole else {n: self._undecided(each) for n, each in row["agreed"].items()}
        return row | {"agreed": self._kept(agreed)}

    def _undecided(self, agreed: Row) -> Row:
        return agreed | {"source": STRUCK} if self._decided(agreed.get("source")) else agreed

    def _decided(self, who: Any) -> bool:
        """Whether that is the person, where either a side may stand or who decided."""
        return (
            isinstance(who, str)
            and who not in self._sides
            and (self._traces.account(who, "") or who in self._traces.ids)
        )

    def _conflict(self, row: Row) -> Row | None:
        """Where its values are gone, the question is: it is asked again once the records are read again."""
        return None if row["entity"] in self._whole or self._traces.holds(row["state"]) else row

    def _intent(self, row: Row) -> Row:
        """A field goes with what it was before: nothing struck could ever be written by an undo."""
        parts = [row["fields"], row["before"] or {}, row["compared"]]
        connection = _connection(row["side"])
        names = {name for part in parts for name in part}
        whole = row["entity"] in self._whole
        gone = {n for n in names if whole or self._traces.holds([part.get(n) for part in parts], connection)}
        now = row | {"outcome": self._any_value(row["outcome"], connection)}
        for name in ("fields", "before", "compared"):
            if row[name] is not None:
                now[name] = {field: value for field, value in row[name].items() if field not in gone}
        return now

    def _audit(self, row: Row) -> Row | None:
        """A line about a value is told no more: what reads it to write again, as a change told to somebody or a value
        taken back, must not find a struck one. Whoever brought a value that names nobody is struck from it alone."""
        connection, params = _connection(row["side"] or ""), row["params"]
        if self._traces.account(params.get("by"), connection):
            params = params | {"by": STRUCK}
        if row["entity"] in self._whole or (row["field"] is not None and self._traces.holds(params, connection)):
            return row | {"code": "forgotten", "params": {}}
        return row | {"params": params}

    def _finding(self, row: Row) -> Row | None:
        if row["entity"] in self._whole or self._traces.holds(row["key"]):
            return None
        if row["code"] == "conflict" and self._traces.holds(row["params"]):
            return None
        return row

    def _person(self, row: Row) -> Row | None:
        return None if self._traces.holds([row["account"], row["person"], row["seen"]]) else row

    def _address(self, row: Row) -> Row | None:
        return None if self._traces.holds([row["source"], row["address"], row["id"]]) else row

    def _setting(self, row: Row) -> Row | None:
        if row["name"] == ALIASES:
            left = {old: now for old, now in row["value"].items() if not self._traces.holds([old, now])}
            return row | {"value": left}
        if row["name"] == OPEN:
            # What is kept of an open task is written into it once more with the next change.
            return row | {"value": {id: task for id, task in row["value"].items() if not self._traces.holds(task)}}
        return row

    def _any(self, table: sa.Table, row: Row) -> Row | None:
        """A row of any other table: struck out of what it says; gone if it is named after the person."""
        connection = _connection(row[SIDE]) if row.get(SIDE) in self._sides else ""
        now = dict(row)
        for column in table.columns:
            value = row[column.name]
            if column.name in PLACES:
                continue
            if column.name == SIDE:
                if not column.primary_key and self._decided(value):
                    now[column.name] = STRUCK
                continue
            if isinstance(column.type, Json):
                now[column.name] = self._any_value(value, connection)
            elif isinstance(value, str) and (
                self._traces.holds(value) or (column.name == "by" and self._traces.account(value, connection))
            ):
                if column.primary_key:
                    return None
                now[column.name] = self._traces.struck(value) if self._traces.holds(value) else STRUCK
        return now

    def _any_value(self, value: Any, connection: str) -> Any:
        return self._traces.struck(value, connection) if self._traces.holds(value, connection) else value


def _connection(side: str) -> str:
    return side.partition(".")[0]
