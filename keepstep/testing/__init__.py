"""Shipped for whoever writes a connector, and for whoever doubts ours: the contract suite and the simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keepstep.testing.running import Outcome, run

__all__ = ["Outcome", "run"]


def __getattr__(name: str) -> Any:
    """The simulator is loaded when it is asked for: the contract suite does not need the whole application."""
    if name not in __all__:
        raise AttributeError(name)
    from keepstep.testing import running

    return getattr(running, name)
