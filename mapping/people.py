"""Who is who across systems. Pure: from what was seen, what was configured and what was remembered.

Accounts are one person when the configured table says so, when an earlier run said so, or when they have the same
e-mail address. A name proves nothing: people who share one stay apart, and the pair is only proposed.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Why = Literal["configured", "remembered", "same_email", "alone"]


@dataclass(frozen=True, slots=True)
class PersonSeen:
    """An account as a connection showed it. ``active`` false: deactivated or deleted; it keeps its identity."""

    connection: str
    account: str
    name: str | None = None
    email: str | None = None
    active: bool = True

    @property
    def key(self) -> str:
        return f"{self.connection}:{self.account}"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an account belongs to its person: a code, and what proves it (a table row's number, an address)."""

    account: str
    why: Why
    value: str | int | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """One human being. ``accounts`` are in the order of their keys."""

    id: str
    accounts: tuple[PersonSeen, ...]
    reasons: tuple[Reason, ...]

    @property
    def active(self) -> bool:
        return any(account.active for account in self.accounts)

    @property
    def name(self) -> str | None:
        """The name of the first active account that has one, else of any."""
        named = sorted((account for account in self.accounts if account.name), key=lambda each: not each.active)
        return named[0].name if named else None


@dataclass(frozen=True, slots=True)
class Proposal:
    """People who may be one, for a person to decide.

    ``same_name``; ``shared_email``: an address that two active accounts of one connection use;
    ``configured_apart``: the table keeps apart what an address would join.
    """

    why: Literal["same_name", "shared_email", "configured_apart"]
    people: tuple[str, ...]
    value: str


class Directory:
    """The people behind all accounts. The order of what is given in makes no difference.

    ``table``: rows of connection -> account id or e-mail address, each row one person. ``known``: what ``known()``
    of an earlier directory gave; its people keep their ids and their accounts, seen again or not. Where two known
    people turn out to be one, the smaller id stays and ``resolve`` knows the other.
    """

    def __init__(
        self,
        seen: Iterable[PersonSeen],
        table: Sequence[Mapping[str, str]] = (),
        known: Mapping[str, str] | None = None,
    ) -> None:
        known = dict(known or {})
        self._accounts = _merged(seen)
        for key in known:
            self._accounts.setdefault(key, _unseen(key))
        self.unresolved: tuple[tuple[str, str], ...] = ()
        """Addresses in the table (with their connection) that no account has."""
        rows = self._rows(table)
        groups = _Groups(self._accounts)
        remembered: dict[str, list[str]] = defaultdict(list)
        for key, person in known.items():
            remembered[person].append(key)
        for keys in (*rows, *remembered.values()):
            groups.join(keys)
        configured = {key: number for number, keys in reversed(list(enumerate(rows))) for key in keys}
        joined, doubts = _by_email(self._accounts, groups, set(configured))
        self._aliases: dict[str, str] = {}
        self._people: dict[str, Person] = {}
        self._person_of: dict[str, str] = {}
        members = groups.members()
        taken = set(known.values())
        for keys in sorted(members):
            ids = sorted({known[key] for key in keys if key in known})
            identity = ids[0] if ids else _new_id(keys, taken)
            taken.add(identity)
            self._aliases.update(dict.fromkeys(ids[1:], identity))
            together = tuple(self._accounts[key] for key in keys)
            reasons = tuple(_reason(each, together, configured, known, joined) for each in together)
            self._people[identity] = Person(identity, together, reasons)
            self._person_of.update(dict.fromkeys(keys, identity))
        self._configured = frozenset(configured)
        self.proposals = (*self._doubts(doubts), *self._same_names())

    # -- questions

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody, by id."""
        return tuple(self._people[key] for key in sorted(self._people))

    def person_of(self, connection: str, account: str) -> str | None:
        """The id of the person behind an account, active or not; None if it was never seen."""
        return self._person_of.get(f"{connection}:{account}")

    def account_of(self, person: str, connection: str) -> str | None:
        """The account to name a person by on a connection: an active one first, then one named in the table."""
        found = self._people.get(self.resolve(person))
        own = [account for account in found.accounts if account.connection == connection] if found else []
        if not own:
            return None
        return min(own, key=lambda each: (not each.active, each.key not in self._configured, each.key)).account

    def person(self, person: str) -> Person | None:
        return self._people.get(self.resolve(person))

    def resolve(self, person: str) -> str:
        """The id by which a person is known now."""
        return self._aliases.get(person, person)

    @property
    def aliases(self) -> dict[str, str]:
        """Former id -> present id, of known people who turned out to be one this time."""
        return dict(self._aliases)

    def explain(self, person: str) -> tuple[Reason, ...]:
        """Why each account belongs to the person; empty for nobody."""
        found = self.person(person)
        return found.reasons if found else ()

    def known(self) -> dict[str, str]:
        """Account key -> person id, to be kept and given in next time."""
        return dict(sorted(self._person_of.items()))

    # -- building

    def _rows(self, table: Sequence[Mapping[str, str]]) -> list[list[str]]:
        by_email: dict[tuple[str, str], list[str]] = defaultdict(list)
        for account in self._accounts.values():
            if address := _address(account.email):
                by_email[account.connection, address].append(account.key)
        rows: list[list[str]] = []
        unresolved: set[tuple[str, str]] = set()
        for row in table:
            keys: set[str] = set()
            for connection, value in row.items():
                key = f"{connection}:{value}"
                found = by_email.get((connection, _address(value) or ""), ())
                if key in self._accounts:
                    keys.add(key)
                elif found:
                    keys.update(found)
                elif "@" in value:
                    unresolved.add((connection, value))
                else:
                    self._accounts[key] = _unseen(key)
                    keys.add(key)
            rows.append(sorted(keys))
        self.unresolved = tuple(sorted(unresolved))
        return rows

    def _doubts(
        self, doubts: Iterable[tuple[Literal["shared_email", "configured_apart"], str, list[str]]]
    ) -> list[Proposal]:
        found = set()
        for why, value, keys in doubts:
            people = tuple(sorted({self._person_of[key] for key in keys}))
            if len(people) > 1:
                found.add(Proposal(why, people, value))
        return sorted(found, key=lambda each: (each.why, each.value, each.people))

    def _same_names(self) -> list[Proposal]:
        by_name: dict[str, set[str]] = defaultdict(set)
        for account in self._accounts.values():
            if name := _name(account.name):
                by_name[name].add(self._person_of[account.key])
        return [
            Proposal("same_name", tuple(sorted(people)), name)
            for name, people in sorted(by_name.items())
            if len(people) > 1 and self._may_be_one(people)
        ]

    def _may_be_one(self, people: Iterable[str]) -> bool:
        """Whether any two have no connection in common on which both are active."""
        places = [
            frozenset(account.connection for account in self._people[each].accounts if account.active)
            for each in people
        ]
        distinct = sorted(set(places), key=sorted)
        if frozenset() in distinct:
            return True
        return any(one.isdisjoint(two) for number, one in enumerate(distinct) for two in distinct[number + 1 :])


class _Groups:
    """Sets of keys that grow together; the smallest key stands for its set."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._above = {key: key for key in keys}

    def root(self, key: str) -> str:
        path = []
        while self._above[key] != key:
            path.append(key)
            key = self._above[key]
        for each in path:
            self._above[each] = key
        return key

    def join(self, keys: Sequence[str]) -> None:
        roots = sorted({self.root(key) for key in keys})
        for root in roots[1:]:
            self._above[root] = roots[0]

    def members(self) -> list[list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for key in sorted(self._above):
            found[self.root(key)].append(key)
        return list(found.values())


_Doubt = tuple[Literal["shared_email", "configured_apart"], str, list[str]]


def _by_email(
    accounts: Mapping[str, PersonSeen], groups: _Groups, configured: set[str]
) -> tuple[set[str], list[_Doubt]]:
    """Joins groups that share an address; what the table keeps apart, or an address used twice, is a doubt.

    Answers the addresses that joined, and the doubts.
    """
    holders: dict[str, list[str]] = defaultdict(list)
    for key, account in sorted(accounts.items()):
        if address := _address(account.email):
            holders[address].append(key)
    doubts: list[_Doubt] = []
    links: dict[str, list[str]] = {}
    for address, keys in sorted(holders.items()):
        active: dict[str, set[str]] = defaultdict(set)
        for key in keys:
            if accounts[key].active:
                active[accounts[key].connection].add(groups.root(key))
        if any(len(roots) > 1 for roots in active.values()):
            doubts.append(("shared_email", address, keys))
        else:
            links[address] = keys
    # Whole clusters are judged at once, so that the outcome does not depend on which address comes first.
    cluster = _Groups(groups.root(key) for key in accounts)
    for keys in links.values():
        cluster.join([groups.root(key) for key in keys])
    settled: dict[str, set[str]] = defaultdict(set)
    for key in configured:
        root = groups.root(key)
        settled[cluster.root(root)].add(root)
    joined: set[str] = set()
    todo: list[list[str]] = []
    for address, keys in links.items():
        roots = sorted({groups.root(key) for key in keys})
        if len(settled[cluster.root(roots[0])]) > 1:
            doubts.append(("configured_apart", address, keys))
        else:
            joined.add(address)
            todo.append(roots)
    for roots in todo:
        groups.join(roots)
    return joined, doubts


def _reason(
    account: PersonSeen,
    together: Sequence[PersonSeen],
    configured: Mapping[str, int],
    known: Mapping[str, str],
    joined: set[str],
) -> Reason:
    if account.key in configured:
        return Reason(account.key, "configured", configured[account.key])
    address = _address(account.email)
    if address in joined and any(_address(other.email) == address for other in together if other is not account):
        return Reason(account.key, "same_email", address)
    if account.key in known:
        return Reason(account.key, "remembered", known[account.key])
    return Reason(account.key, "alone")


def _merged(seen: Iterable[PersonSeen]) -> dict[str, PersonSeen]:
    """One observation per account. Of several, what is there wins over what is not, then the smaller text."""
    found: dict[str, list[PersonSeen]] = defaultdict(list)
    for each in seen:
        found[each.key].append(each)
    merged: dict[str, PersonSeen] = {}
    for key, several in sorted(found.items()):
        first = several[0]
        if len(several) > 1:
            first = PersonSeen(
                first.connection,
                first.account,
                min((each.name for each in several if each.name), default=None),
                min((each.email for each in several if each.email), default=None),
                any(each.active for each in several),
            )
        merged[key] = first
    return merged


def _unseen(key: str) -> PersonSeen:
    connection, _, account = key.partition(":")
    return PersonSeen(connection, account, active=False)


def _new_id(keys: Sequence[str], taken: set[str]) -> str:
    for key in keys:
        if key not in taken:
            return key
    number = 2
    while f"{keys[0]}~{number}" in taken:
        number += 1
    return f"{keys[0]}~{number}"


def _address(email: str | None) -> str | None:
    """An e-mail address as compared: without regard to case; what stands after a plus counts."""
    address = unicodedata.normalize("NFC", email or "").strip().casefold()
    return address if "@" in address.strip("@") else None


def _name(name: str | None) -> str:
    return " ".join(unicodedata.normalize("NFKC", name or "").casefold().split())
