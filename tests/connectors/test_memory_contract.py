"""The contract suite against the example connector, once for each way in which a service may differ."""

from __future__ import annotations

from typing import Any

from connectors.memory import Memory
from connectors.memory_service import STREAM, MemoryService, Traits
from connectors.sandbox.clock import VirtualClock
from keepstep.testing.contract import ConnectorContract, World


class MemoryContract(ConnectorContract):
    stream = STREAM
    sample = {"title": "Order the cables", "notes": "forty metres", "labels": ["site"]}
    edit = {"title": "Order the new cables", "labels": ["site", "urgent"]}
    crowd = 120
    traits: dict[str, Any] = {}

    def make(self, clock: VirtualClock) -> World:
        service = MemoryService(clock, traits=Traits(**self.traits))
        return World(core=service, clock=clock, connect=lambda access: Memory(service, read_only=access == "read"))


class TestPlain(MemoryContract):
    """Marked in the create, versioned, feeds that tell of deletes."""


class TestGuardedWithHistory(MemoryContract):
    traits = {"guarded": True, "history": True, "marker": "unique_field", "batch": 1}


class TestReservedIds(MemoryContract):
    traits = {"marker": "reserved_id", "returns_record": False}


class TestFingerprintAndCensus(MemoryContract):
    traits = {"marker": "fingerprint", "deletes": False, "versioned": False}


class TestUnmarked(MemoryContract):
    traits = {"marker": "none"}


class TestLateIndex(MemoryContract):
    traits = {"lag": 40.0, "history": True}


class TestOpinionatedService(MemoryContract):
    """It shows titles in capitals, and ends notes with a full stop."""

    traits = {"shouts": True, "dots": True}
    edit = {"title": "Order the new cables", "notes": "sixty metres"}


class TestTinyPages(MemoryContract):
    traits = {"page": 1}
    crowd = 7
