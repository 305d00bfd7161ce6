from __future__ import annotations

import pytest
from zoho_world import World


@pytest.fixture
def world() -> World:
    return World()
