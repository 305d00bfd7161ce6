"""Zoho CRM, API version 8."""

from __future__ import annotations

from connectors.context import ConnectorPlugin
from connectors.zoho_crm.connector import ZohoCrm
from connectors.zoho_crm.described import MODULES, USERS
from connectors.zoho_crm.login import login
from connectors.zoho_crm.proving import PROVING
from connectors.zoho_crm.settings import Settings


def named(settings: Settings) -> tuple[str, ...]:
    """Modules that a configuration has as streams besides the usual ones."""
    return tuple(settings.modules)


CONNECTOR = ConnectorPlugin(
    system="zoho_crm",
    settings=Settings,
    build=ZohoCrm,
    streams=(*MODULES, USERS),
    named=named,
    login=login,
    proving=PROVING,
)

__all__ = ["CONNECTOR", "Settings", "ZohoCrm"]
