"""The promises of ``connectors.base`` as tests that every connector inherits, ours and third parties'.

    class TestDeals(ConnectorContract):
        stream = "Deals"
        sample = {"Deal_Name": "Portal", "Stage": "Qualification"}
        edit = {"Deal_Name": "Portal, second phase"}

        def make(self, clock: VirtualClock) -> World:
            return World.served(CONNECTOR, SANDBOX, clock)

What a connector does not declare in ``describe()`` is skipped by name.
"""

from __future__ import annotations

import pytest

# Before they are imported: otherwise a failed assertion would not show its values.
for _part in ("ground", "signing", "reading", "creating", "writing", "trouble", "facets"):
    pytest.register_assert_rewrite(f"{__name__}.{_part}")

from keepstep.testing.contract.creating import CreatingContract  # noqa: E402
from keepstep.testing.contract.facets import FacetContract  # noqa: E402
from keepstep.testing.contract.reading import ReadingContract  # noqa: E402
from keepstep.testing.contract.signing import SigningContract  # noqa: E402
from keepstep.testing.contract.trouble import TroubleContract  # noqa: E402
from keepstep.testing.contract.world import Core, Wire, World  # noqa: E402
from keepstep.testing.contract.writing import WritingContract  # noqa: E402


class ConnectorContract(
    SigningContract, ReadingContract, CreatingContract, WritingContract, TroubleContract, FacetContract
):
    """One stream of one connector. See ``keepstep.testing.contract.ground`` for what a test class says of it."""


__all__ = ["ConnectorContract", "Core", "Wire", "World"]
