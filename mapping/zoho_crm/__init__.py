"""Zoho CRM <-> canonical: Accounts, Contacts, Deals, Tasks and Notes.

List values are told apart by the service's own classes (a stage's forecast type, a status' system name), never by what
people see. Texts are plain in Zoho and are taken for Markdown as they stand, so that nothing changes on the way back.
"""

from __future__ import annotations

from connectors.zoho_crm.described import USERS
from connectors.zoho_crm.words import HOLDS
from mapping.fields import MappingPlugin
from mapping.model import Form
from mapping.zoho_crm.tables import build


def holds(stream: str) -> frozenset[Form]:
    """What fields of the customer's own can hold: notes and users have none."""
    return frozenset(HOLDS) if stream not in ("Notes", USERS) else frozenset()


MAPPING = MappingPlugin(system="zoho_crm", build=build, holds=holds)

__all__ = ["MAPPING"]
