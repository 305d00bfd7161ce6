"""Who is who: accounts of several systems as one person, remembered in the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from keepstep.store import tables as t
from keepstep.store.store import Tx


def declare(tx: Tx, people: Iterable[Mapping[str, str]]) -> None:
    """Keep what a configuration says about who is who: for each person, connection -> account id or e-mail address.

    An account that was taken for somebody else before is that person's from now on. Safe to repeat.
    """
    known = {row["account"]: row for row in tx.all(sa.select(t.person))}
    rows = []
    for each in people:
        keys = [_key(connection, account) for connection, account in sorted(each.items())]
        for key, account in zip(keys, (each[name] for name in sorted(each)), strict=True):
            email = account if "@" in account else None
            seen = known[key]["seen"] if key in known else {"name": None, "email": email}
            rows.append({"account": key, "person": keys[0], "seen": seen})
    tx.upsert(t.person, rows)


def _key(connection: str, account: str) -> str:
    """An address stands for whatever account shows it, on any connection."""
    return f"{EMAIL}:{account.casefold()}" if "@" in account else f"{connection}:{account}"


EMAIL = "e-mail"
"""In place of a connection's name: no connection can be called so."""


class People:
    """The accounts seen so far. One e-mail is one person; a name alone never is.

    Built for one transaction; ``save`` writes what was learned in it.
    """

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._person: dict[str, str] = {}
        self._accounts: dict[str, dict[str, str]] = {}
        self._by_email: dict[str, str] = {}
        self._seen: dict[str, dict[str, Any]] = {}
        self._new: set[str] = set()
        for row in tx.all(sa.select(t.person).order_by(t.person.c.account)):
            self._remember(row["account"], row["person"], row["seen"])

    def _remember(self, key: str, person: str, seen: dict[str, Any]) -> None:
        connection, _, account = key.partition(":")
        self._person[key] = person
        self._seen[key] = seen
        self._accounts.setdefault(person, {}).setdefault(connection, account)
        if seen.get("email"):
            self._by_email.setdefault(str(seen["email"]).casefold(), person)

    def person(self, connection: str, value: Mapping[str, Any]) -> str | None:
        """The person behind what a side shows; an account never seen before becomes known."""
        account = value.get("account") or value.get("email") or value.get("name")
        if not account:
            return None
        key = f"{connection}:{account}"
        known = self._person.get(key)
        if known is not None:
            self._learn(key, value)
            return known
        email = str(value.get("email") or "").casefold()
        person = self._by_email.get(email, key) if email else key
        self._remember(key, person, {"name": value.get("name"), "email": value.get("email")})
        self._new.add(key)
        return person

    def _learn(self, key: str, value: Mapping[str, Any]) -> None:
        """What a side shows of an account that was only declared so far."""
        seen = self._seen[key]
        fresh = {name: value[name] for name in ("name", "email") if value.get(name) and not seen.get(name)}
        if fresh:
            self._seen[key] = seen | fresh
            self._new.add(key)

    def account(self, person: str, connection: str) -> dict[str, Any] | None:
        """The person's account on a connection, in the form that mappings take; None if there is none."""
        account = self._accounts.get(person, {}).get(connection)
        if account is None:
            return None
        return {"account": account, **self._seen[f"{connection}:{account}"]}

    def known(self) -> list[str]:
        """All persons."""
        return sorted(self._accounts)

    def name(self, person: str) -> str:
        """How to call that person."""
        for connection, account in sorted(self._accounts.get(person, {}).items()):
            name = self._seen[f"{connection}:{account}"].get("name")
            if name:
                return str(name)
        return person

    def save(self) -> None:
        self._tx.upsert(
            t.person, [{"account": k, "person": self._person[k], "seen": self._seen[k]} for k in sorted(self._new)]
        )
        self._new.clear()
