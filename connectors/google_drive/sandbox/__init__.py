"""The stand-in for Google Drive."""

from __future__ import annotations

from typing import Any

from connectors.google_drive.sandbox.core import GoogleDriveSandbox
from connectors.google_drive.sandbox.tokens import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from connectors.sandbox.core import SandboxCore, SandboxPlugin


def _settings(core: SandboxCore, base_url: str) -> dict[str, Any]:
    if not isinstance(core, GoogleDriveSandbox):
        raise TypeError(f"not a Google Drive sandbox but {type(core).__name__}")
    return {
        "root": core.root_id,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN,
        "base_url": base_url,
        "token_url": f"{base_url}/token",
    }


SANDBOX = SandboxPlugin(system="google_drive", build=GoogleDriveSandbox, settings=_settings)
