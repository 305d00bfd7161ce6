"""JSON objects of which few values are ever read: they stay the bytes that were sent until a value is asked for.

A record of a large system has a hundred fields, and a mapping reads a dozen of them, and of those a few parts. Making
Python's objects of the rest would be most of the work of a full pull.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

import msgspec

_SLICES: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Undecoded(Mapping[str, Any]):
    """Such an object, read-only. It equals the plain dictionary.

    ``sent``: the object's bytes, which are known to be JSON. Those that are JSON, yet no value (text that is not UTF-8,
    a number beyond any range), raise ValueError when they are asked for, and only then.
    """

    __slots__ = ("_changed", "_read", "_slices", "sent")

    def __init__(self, sent: msgspec.Raw, changed: Mapping[str, Any] | None = None) -> None:
        self.sent = sent
        """What came, whatever ``without`` and ``replaced`` made of it."""
        self._changed: Mapping[str, Any] = changed or {}
        self._read: dict[str, Any] = {}
        self._slices: dict[str, msgspec.Raw] | None = None

    def slices(self) -> dict[str, msgspec.Raw]:
        """The values as JSON, not to be changed."""
        if self._slices is None:
            self._slices = _SLICES.decode(self.sent)
            for name, value in self._changed.items():
                if value is msgspec.UNSET:
                    self._slices.pop(name, None)
                else:
                    self._slices[name] = msgspec.Raw(msgspec.json.encode(value))
        return self._slices

    def __getitem__(self, name: str) -> Any:
        read = self._read
        if name not in read:
            read[name] = msgspec.json.decode(self.slices()[name])
        return read[name]

    def __contains__(self, name: object) -> bool:
        return name in self.slices()

    def __iter__(self) -> Iterator[str]:
        return iter(self.slices())

    def __len__(self) -> int:
        return len(self.slices())

    def __repr__(self) -> str:
        return repr(dict(self))

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self.slices() else default

    def without(self, name: str) -> Undecoded:
        """The same object lacking one name."""
        return Undecoded(self.sent, {**self._changed, name: msgspec.UNSET})

    def replaced(self, name: str, value: Any) -> Undecoded:
        """The same object with another value under a name."""
        return Undecoded(self.sent, {**self._changed, name: value})

    def picked(self, names: Sequence[str], decoder: msgspec.json.Decoder[Any]) -> dict[str, Any]:
        """What a decoder that knows those names makes of it. Raises what the decoder raises."""
        found: dict[str, Any] = decoder.decode(self.sent)
        for name, value in self._changed.items():
            if value is msgspec.UNSET:
                found.pop(name, None)
            elif name in names:
                found[name] = value
        return found


class Pick:
    """Some values of an object, read at once; of each only the parts that its shape names.

    ``shapes``: name -> type of the value, as msgspec takes it: ``Any`` for all of it, a ``TypedDict`` for a few parts.
    """

    def __init__(self, shapes: Mapping[str, Any]) -> None:
        self._names = tuple(shapes)
        shape: Any = TypedDict("Picked", dict(shapes), total=False)  # type: ignore[misc]
        self._decoder: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(shape)

    def __call__(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """At least what there is under those names; of a plain dictionary all there is.

        A value of another shape than expected comes whole. Raises ValueError if one of them has no value.
        """
        if not isinstance(values, Undecoded):
            return values
        try:
            return values.picked(self._names, self._decoder)
        except msgspec.ValidationError:
            return {name: values[name] for name in self._names if name in values}


def encodable(value: Any) -> Any:
    """The hook by which msgspec encodes what holds undecoded objects. Raises NotImplementedError for all else."""
    if isinstance(value, Undecoded):
        return value.slices()
    raise NotImplementedError(f"no JSON: {type(value).__name__}")


def as_sent(value: Any) -> Any:
    """As ``encodable``, for a fingerprint: byte for byte what came, with what was changed or left out of it since."""
    return value.sent if isinstance(value, Undecoded) else encodable(value)
