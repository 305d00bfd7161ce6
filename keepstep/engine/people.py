"""Who is who: the accounts that sides have shown, remembered in the store, and the persons behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.people import Directory, PersonSeen

ALIASES = "people:aliases"


class People:
    """The persons behind all accounts seen so far, by the configuration's table and by equal e-mail.

    Built for one transaction; ``save`` writes what was learned in it. A person who turned out to be another keeps
    answering to the former id, so that values agreed on earlier stay right.
    """

    def __init__(self, tx: Tx, table: Sequence[Mapping[str, str]] = ()) -> None:
        self._tx = tx
        self._table = table
        rows = tx.all(sa.select(t.person))
        self._seen = {row["account"]: _seen(row["account"], row["seen"]) for row in rows}
        self._known = {row["account"]: row["person"] for row in rows}
        aliases = tx.scalar(sa.select(t.setting.c.value).where(t.setting.c.name == ALIASES))
        self._aliases: dict[str, str] = dict(aliases or {})
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
        nameless = known is not None and not known.name and told[0]
        if found is None or known is None or nameless:
            seen = PersonSeen(connection, str(account), *told, True)
            self._seen[seen.key] = seen
            if nameless:
                self._stored.pop(seen.key, None)
            self._directory = self._built()
            found = self._directory.person_of(connection, str(account))
        return found

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
