"""Who is who: the accounts that sides have shown, remembered in the store, and the persons behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.people import Directory, PersonSeen

ALIASES = "people:aliases"
OURS = "people:ours"
"""Connection -> the account that it is signed in as."""

_SEEN = sa.select(t.person)
_KEPT = sa.select(t.setting).where(t.setting.c.name.in_((ALIASES, OURS)))

KEEPSTEP = "Keepstep"
"""What our own account is called as an author, in every language."""


def sign_in(tx: Tx, accounts: Mapping[str, str]) -> None:
    """Remember as whom these connections are signed in."""
    known = dict(tx.setting(OURS) or {})
    now = {**known, **accounts}
    if now != known:
        tx.upsert(t.setting, [{"name": OURS, "value": now}])


def learn(tx: Tx, table: Sequence[Mapping[str, str]], connection: str, names: Mapping[str, str]) -> None:
    """Remember what a connection calls these accounts now: account id -> name. A name that was known before goes."""
    keys = [f"{connection}:{account}" for account in names]
    rows = tx.all(sa.select(t.person.c.account, t.person.c.seen).where(t.among(t.person.c.account, keys)))
    known = {row["account"]: row["seen"].get("name") for row in rows}
    fresh = {account: name for account, name in names.items() if known.get(f"{connection}:{account}") != name}
    if fresh:
        people = People(tx, table)
        people.called(connection, fresh)
        people.save()


class People:
    """The persons behind all accounts seen so far, by the configuration's table and by equal e-mail.

    Built for one transaction; ``save`` writes what was learned in it. A person who turned out to be another keeps
    answering to the former id, so that values agreed on earlier stay right.
    """

    def __init__(self, tx: Tx, table: Sequence[Mapping[str, str]] = ()) -> None:
        self._tx = tx
        self._table = table
        rows = tx.all(_SEEN)
        settings = tx.all(_KEPT)
        kept = {row["name"]: row["value"] for row in settings}
        self._ours: dict[str, str] = kept.get(OURS) or {}
        self._seen = {row["account"]: _seen(row["account"], row["seen"]) for row in rows}
        self._known = {row["account"]: row["person"] for row in rows}
        self._aliases: dict[str, str] = dict(kept.get(ALIASES) or {})
        self._stored = dict(self._known)
        self._stored_aliases = dict(self._aliases)
        self._directory = self._built()

    def _built(self) -> Directory:
        directory = Directory(self._seen.values(), self._table, self._known)
        self._aliases.update(directory.aliases)
        self._known = directory.known()
        return directory

    def person(self, connection: str, value: Mapping[str, Any]) -> str | None:
        """The person behind what a side shows; an account never seen before becomes known."""
        account = value.get("account") or value.get("email") or value.get("name")
        if not account:
            return None
        found = self._directory.person_of(connection, str(account))
        known = self._seen.get(f"{connection}:{account}")
        told = value.get("name"), value.get("email")
        if known is None:
            self._see(PersonSeen(connection, str(account), *told, True))
        elif (told[0] and not known.name) or (told[1] and not known.email):
            self._see(PersonSeen(connection, str(account), known.name or told[0], known.email or told[1], True))
        elif found is not None:
            return found
        self._directory = self._built()
        return self._directory.person_of(connection, str(account))

    def called(self, connection: str, names: Mapping[str, str]) -> None:
        """What a connection calls these accounts now: account id -> name."""
        for account, name in names.items():
            known = self._seen.get(f"{connection}:{account}")
            self._see(PersonSeen(connection, account, name, known.email if known else None, True))
        self._directory = self._built()

    def _see(self, seen: PersonSeen) -> None:
        self._seen[seen.key] = seen
        self._stored.pop(seen.key, None)

    def account(self, person: str, connection: str) -> dict[str, Any] | None:
        """The person's account on a connection, in the form that mappings take; None if there is none."""
        account = self._directory.account_of(self._now(person), connection)
        if account is None:
            return None
        seen = self._seen.get(f"{connection}:{account}")
        return {"account": account, "name": seen.name if seen else None, "email": seen.email if seen else None}

    def name(self, person: str) -> str:
        """How to call that person; what was asked, if nobody is known by it."""
        found = self._directory.person(self._now(person))
        return (found.name if found else None) or person

    def author(self, connection: str, account: str) -> str:
        """How to call whoever changed something with that account: Keepstep, if it is the one that the connection is
        signed in as; the account itself, if nobody is known by it."""
        if self._ours.get(connection) == account:
            return KEEPSTEP
        person = self._directory.person_of(connection, account)
        name = self.name(person) if person else account
        return account if name == person else name

    def known(self) -> list[str]:
        """The ids of all persons."""
        return [person.id for person in self._directory.people]

    def _now(self, person: str) -> str:
        while person in self._aliases:
            person = self._aliases[person]
        return person

    def save(self) -> None:
        """Remember who was met, and who turned out to be whom."""
        fresh = [key for key, person in self._known.items() if self._stored.get(key) != person]
        rows = [
            {"account": key, "person": self._known[key], "seen": _kept(self._seen.get(key))} for key in sorted(fresh)
        ]
        self._tx.upsert(t.person, rows)
        if self._aliases != self._stored_aliases:
            self._tx.upsert(t.setting, [{"name": ALIASES, "value": self._aliases}])
        self._stored, self._stored_aliases = dict(self._known), dict(self._aliases)


def _seen(key: str, kept: Mapping[str, Any]) -> PersonSeen:
    connection, _, account = key.partition(":")
    return PersonSeen(connection, account, kept.get("name"), kept.get("email"), kept.get("active", True))


def _kept(seen: PersonSeen | None) -> dict[str, Any]:
    return {"name": seen.name, "email": seen.email, "active": seen.active} if seen else {}
