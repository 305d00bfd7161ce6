"""The stand-in for Zoho CRM."""

from __future__ import annotations

from typing import Any

from connectors.base import Clock
from connectors.sandbox.core import SandboxCore, SandboxPlugin
from connectors.zoho_crm.sandbox.core import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from connectors.zoho_crm.sandbox.ledger import HUB
from connectors.zoho_crm.sandbox.service import ZohoSandbox


def build(clock: Clock, seed: int) -> ZohoSandbox:
    return ZohoSandbox(clock, seed)


def settings(core: SandboxCore, base_url: str) -> dict[str, Any]:
    return {
        "data_center": "us",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN,
        "base_url": base_url,
        "accounts_url": base_url,
    }


SANDBOX = SandboxPlugin(system="zoho_crm", build=build, settings=settings)

__all__ = ["HUB", "SANDBOX", "ZohoSandbox"]
