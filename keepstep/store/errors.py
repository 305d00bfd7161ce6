"""What can go wrong with a store. Apart from the store itself, so that asking for it costs no database library."""

from __future__ import annotations

from typing import Any

CONFIGURED_WRONG = frozenset(
    {"store_newer", "store_foreign", "store_address_bad", "store_kind_unknown", "store_driver_missing"}
    | {"store_server_old", "store_denied", "store_absent", "store_no_rights", "store_moved", "store_emptied"}
)
"""Codes of trouble that will stay until a person changes something."""


class StoreError(Exception):
    """The store cannot be used. ``code`` and ``params`` name the trouble for a person."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(f"{code} {params}")
        self.code = code
        self.params = params


class Fenced(Exception):
    """The lease went to somebody else: nothing of this transaction was stored, and this worker must stop."""
