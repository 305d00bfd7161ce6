"""What is wrong, or about to be, with an account over there: found by looking, without a write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec


class Symptom(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a person should know before the first write. Said to people by its code and parameters.

    Codes: ``scope_missing``, ``scope_excess`` (``scope``, ``needed_for``), ``field_missing``, ``field_required``,
    ``field_off_screen``, ``field_retyped`` (``stream``, ``field``), ``value_unmapped`` (``stream``, ``field``,
    ``value``), ``path_missing`` (``place``, ``from``, ``to``), ``clock_skew`` (``seconds``), ``other_tool`` (``tool``,
    ``where``), ``not_cloud`` (``kind``), ``expires`` (``what``, ``at``), ``window`` (``stream``: people's edits
    within one request's length of ours go unseen there), ``place_missing``, ``place_closed`` (``place``: one that the
    configuration names), ``place_unsaid`` (``what``: nothing says where new records go), ``value_ambiguous`` (as
    ``value_unmapped``: several things of one name), ``field_ambiguous`` (``stream``, ``field``, ``where``),
    ``limit_near`` (``what``, ``where``, ``most``), ``place_personal`` (``place``: it belongs to one person's account,
    and goes with it), ``shared_with_anyone`` (``place``, ``count``, ``names``: some of the things below it that people
    whom nobody named can open).
    """

    code: str
    severity: Literal["error", "warning", "info"] = "warning"
    params: Mapping[str, Any] = {}


@runtime_checkable
class Examines(Protocol):
    """A connector that can look itself over."""

    def examine(self) -> list[Symptom]:
        """Look at permissions, screens, status paths and neighbours. Reads only; repeatable; may cost some requests.

        Raises what ``check()`` raises where nothing can be seen at all.
        """
        ...


@runtime_checkable
class KnowsPlaces(Protocol):
    """A connector that can say whether new records could be put where a configuration puts them."""

    def misplaced(self, stream: str, place: Mapping[str, Any]) -> list[Symptom]:
        """What is wrong with a place for new records of the stream: ``place_missing``, ``place_closed``,
        ``place_unsaid``. ``place`` is in the system's own words, as in a create. Reads only; a request or two.

        Raises ``ConnectorError`` where nobody could be asked.
        """
        ...
