"""What can go wrong with a store. Apart from the store itself, so that asking for it costs no database library."""

from __future__ import annotations

from typing import Any


class StoreError(Exception):
    """The store cannot be used. ``code`` and ``params`` name the trouble for a person."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(f"{code} {params}")
        self.code = code
        self.params = params


class Fenced(Exception):
    """The lease went to somebody else: nothing of this transaction was stored, and this worker must stop."""
