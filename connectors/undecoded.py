"""JSON objects of which few values are ever read: each is decoded when it is asked for.

A record of a large system has a hundred fields, and a mapping reads a dozen of them. Decoding the rest would be most
of the work of a full pull.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

Slices = dict[str, msgspec.Raw]
"""An object as it was sent: name -> the bytes of its value, which are known to be JSON."""


class Undecoded(Mapping[str, Any]):
    """Such an object, read-only. It equals the plain dictionary, and ``encodable`` tells an encoder to pass it on as
    it was sent.

    Bytes that are JSON, yet no value (text that is not UTF-8, a number beyond any range), raise ValueError when asked
    for, and only then.
    """

    __slots__ = ("_read", "_slices")

    def __init__(self, slices: Slices) -> None:
        self._slices = slices
        self._read: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        read = self._read
        if name not in read:
            read[name] = msgspec.json.decode(self._slices[name])
        return read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._slices

    def __iter__(self) -> Iterator[str]:
        return iter(self._slices)

    def __len__(self) -> int:
        return len(self._slices)

    def __repr__(self) -> str:
        return repr(dict(self))

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self._slices else default

    def without(self, name: str) -> Undecoded:
        """The same object lacking one name."""
        if name not in self._slices:
            return self
        slices = self._slices.copy()
        del slices[name]
        return Undecoded(slices)

    def replaced(self, name: str, value: Any) -> Undecoded:
        """The same object with another value under a name."""
        return Undecoded(self._slices | {name: msgspec.Raw(msgspec.json.encode(value))})

    def slices(self) -> Slices:
        """The values as they were sent, not to be changed."""
        return self._slices


def picked(values: Mapping[str, Any], names: Iterable[str]) -> Mapping[str, Any]:
    """At least what there is under those names, decoded. Much cheaper than to ask for one after the other.

    Raises ValueError if one of them has no value.
    """
    if not isinstance(values, Undecoded):
        return values
    slices, decode = values.slices(), msgspec.json.decode
    return {name: decode(slices[name]) for name in names if name in slices}


def encodable(value: Any) -> Any:
    """The hook by which msgspec encodes what holds undecoded objects. Raises NotImplementedError for all else."""
    if isinstance(value, Undecoded):
        return value.slices()
    raise NotImplementedError(f"no JSON: {type(value).__name__}")
