"""One side as a sync means it: what its records and its history say, in the form that all sides share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base import Change
from keepstep.engine.references import Outside, References, Unresolved
from keepstep.engine.state import EntityState
from keepstep.engine.world import Side, Sync
from mapping.fields import Unmappable


@dataclass(frozen=True, slots=True)
class Lens:
    """Good for as long as the transaction in which its references were prepared."""

    sync: Sync
    side: Side
    references: References

    def shown(self, state: EntityState, names: Sequence[str]) -> dict[str, Any]:
        """What the side shows of these fields, as all sides mean it; fields that cannot be told are left out."""
        record = state.records.get(self.side.name)
        found = {}
        for name in names:
            if record is None or name not in record["shown"] or name not in self.sync.fields:
                continue
            try:
                found[name] = self._inward(name, record["shown"][name])
            except (Unresolved, Outside):
                continue
        return found

    def local(self, name: str, value: Any) -> Any:
        """The side's own form of a value; the value itself where it has none."""
        try:
            return self.side.mapper.normalise(self.sync.kind, name, value)
        except Unmappable:
            return value

    def our_entry(self, name: str, history: Sequence[Change], intent: Mapping[str, Any]) -> tuple[Any, Any] | None:
        """What our newest entry for the field since the intent was written led from and to, in canonical form.

        A field that comes to its value by steps has an entry for each: they count together, back to the value that was
        compared, unless somebody else's lies between them.
        """
        since = intent["written_at"]
        entries = [change for change in self._of_field(name, history) if change.at[:19] >= since[:19]]
        last = max((number for number, change in enumerate(entries) if change.ours), default=None)
        if last is None:
            return None
        try:
            old = self._canonical(name, entries[last].old)
            if self.stepwise(name):
                first = last
                while old != intent["compared"].get(name) and first > 0 and entries[first - 1].ours:
                    first -= 1
                    old = self._canonical(name, entries[first].old)
            return old, self._canonical(name, entries[last].new)
        except (Unmappable, Unresolved, Outside, TypeError, ValueError, KeyError, AttributeError):
            return None

    def set_before(self, name: str, history: Sequence[Change], intent: Mapping[str, Any]) -> Any:
        """What somebody else set the field to since the intent was written, and our write replaced, in canonical form.
        Raises LookupError where nobody did."""
        since = intent["written_at"]
        entries = [change for change in self._of_field(name, history) if change.at[:19] >= since[:19]]
        ours = max(number for number, change in enumerate(entries) if change.ours)
        return self._canonical(name, [change for change in entries[:ours] if not change.ours][-1].new)

    def touched(self, name: str, history: Sequence[Change], since: str) -> bool:
        """Whether a person touched the field since the intent was written."""
        return any(not c.ours and c.at[:19] >= since[:19] for c in self._of_field(name, history))

    def stepwise(self, name: str) -> bool:
        """Whether the field comes to its value by steps there."""
        return self.side.mapper.system(self.sync.kind, name) in self.side.abilities.stepwise

    def _of_field(self, name: str, history: Sequence[Change]) -> list[Change]:
        system = self.side.mapper.system(self.sync.kind, name)
        return [change for change in history if change.field == system]

    def _canonical(self, name: str, value: Any) -> Any:
        """One value from a history in the form that all sides mean."""
        return self._inward(name, self.side.mapper.canon_field(self.sync.kind, name, value))

    def _inward(self, name: str, value: Any) -> Any:
        return self.references.inward(self.sync.fields[name], value, self.side.connection.name)
