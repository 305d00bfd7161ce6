"""What verbs cost in requests, as streams declare it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Price(msgspec.Struct, frozen=True):
    """What work on many records takes: ``calls`` requests for every ``per`` records begun."""

    calls: int = 1
    per: int = 1

    def of(self, records: int) -> int:
        """Requests for so many records."""
        return self.calls * -(-records // self.per)


class Extra(msgspec.Struct, frozen=True):
    """Requests that a field takes besides those of its record: for each record that it is written to, for each part of
    it that comes or goes, where it is a list, and for all records of a push that it is written to together."""

    record: int = 0
    part: int = 0
    push: tuple[Price, ...] = ()


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What each verb takes while nothing goes wrong, as much as it may be: a plan is reckoned up from it.

    A verb's prices add up; those of the writes hold the reading that belongs to them as well.
    """

    get: tuple[Price, ...] = (Price(1, 100),)
    create: tuple[Price, ...] = (Price(),)
    update: tuple[Price, ...] = (Price(),)
    delete: tuple[Price, ...] = (Price(),)
    """Of an archive too."""
    history: tuple[Price, ...] = (Price(),)
    created: Mapping[str, Extra] = {}
    """The system's field -> what it adds to a create."""
    updated: Mapping[str, Extra] = {}
    """The system's field -> what it adds to an update."""
    read_units: int = 0
    """Units of the quota for each record read, besides the one of each request."""
