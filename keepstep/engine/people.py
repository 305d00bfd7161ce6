"""Who is who: accounts of several systems as one person, remembered in the store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from keepstep.store import tables as t
from keepstep.store.store import Tx


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
            return known
        email = str(value.get("email") or "").casefold()
        person = self._by_email.get(email, key) if email else key
        self._remember(key, person, {"name": value.get("name"), "email": value.get("email")})
        self._new.add(key)
        return person

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
