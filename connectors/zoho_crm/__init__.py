"""Zoho CRM, API version 8."""

from __future__ import annotations

from connectors.base import ConnectorPlugin
from connectors.zoho_crm.connector import ZohoCrm
from connectors.zoho_crm.described import MODULES, USERS
from connectors.zoho_crm.proving import PROVING
from connectors.zoho_crm.settings import Settings

CONNECTOR = ConnectorPlugin(
    system="zoho_crm", settings=Settings, build=ZohoCrm, streams=(*MODULES, USERS), proving=PROVING
)

__all__ = ["CONNECTOR", "Settings", "ZohoCrm"]
