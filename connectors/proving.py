"""A throwaway place in which a connector's promises can be tried against the real service, and what is tried there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from connectors.base import Connector, Description

PARENT = "<the parent's id>"
"""Stands in a trial's values for the id of the record under which it is made."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """How a record of one stream is made and changed in the place. All values are in the words of ``Write.values``."""

    stream: str
    values: dict[str, Any]
    """Of a create; they say that it lies in the place, or under ``PARENT``."""
    edit: dict[str, Any] = {}
    """Of an update that changes each of these fields. Empty: records of the stream are not edited."""
    numbered: str | None = None
    """The field whose text differs from record to record, because the service wants that."""
    under: str | None = None
    """The stream of an earlier trial: a record of it is the parent."""
    unknown: str | None = None
    """An id in the service's form that no record has."""
    section: str = ""
    """The key of the payload that holds the fields; empty: the payload itself."""

    def create(self, number: int, parent: str | None) -> dict[str, Any]:
        """Values of the create of one more record."""
        values: dict[str, Any] = _filled(self.values, parent)
        if self.numbered is not None:
            values[self.numbered] = f"{values[self.numbered]}-{number}"
        return values

    def shown(self, payload: Mapping[str, Any], name: str) -> Any:
        """A field as a payload shows it."""
        section = payload.get(self.section) if self.section else payload
        return section.get(name) if isinstance(section, Mapping) else None


def _filled(value: Any, parent: str | None) -> Any:
    if isinstance(value, Mapping):
        return {name: _filled(each, parent) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, parent) for each in value]
    return parent if value == PARENT else value


@dataclass(frozen=True, slots=True)
class Proving:
    """What a ``ConnectorPlugin`` offers under ``proving``. A place is named as people of that system name it."""

    confine: Callable[[Any, str], Any]
    """Settings of a connection that sees this place and nothing else. Raises ValueError for what can be none."""
    reaches: Callable[[Any, str, Connector], bool]
    """Whether the connection with these settings sees the place as well. May ask the service; writes nothing."""
    trials: Callable[[str, Description], Sequence[Trial]]
    """What is tried there, as far as the account has it; parents first."""
    holds: tuple[str, ...]
    """Streams without a record in an empty place."""
    whole: bool = False
    """The place is all that the account has: the ``site`` that ``check()`` tells."""
