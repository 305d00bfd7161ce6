"""Zoho CRM <-> canonical: Accounts, Contacts, Deals, Tasks and Notes.

List values are told apart by the service's own classes (a stage's forecast type, a status' system name), never by what
people see. Texts are plain in Zoho and are taken for Markdown as they stand, so that nothing changes on the way back.
"""

from __future__ import annotations

from mapping.fields import MappingPlugin
from mapping.zoho_crm.tables import build

MAPPING = MappingPlugin(system="zoho_crm", build=build)

__all__ = ["MAPPING"]
