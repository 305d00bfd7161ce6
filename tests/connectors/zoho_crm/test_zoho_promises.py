"""The contract suite against Zoho's stand-in, module by module."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.clock import VirtualClock
from connectors.zoho_crm import CONNECTOR
from connectors.zoho_crm.sandbox import SANDBOX
from keepstep.testing.contract import ConnectorContract, World


class ZohoContract(ConnectorContract):
    crowd = 450
    unknown = "4876876000009999999"
    writing = r"^(POST|PUT|DELETE) /crm/"

    def make(self, clock: VirtualClock) -> World:
        return World.served(CONNECTOR, SANDBOX, clock)


class TestAccounts(ZohoContract):
    stream = "Accounts"
    sample = {"Account_Name": "Müller & Söhne", "Industry": "Manufacturing", "Phone": "+49 30 1234"}
    edit = {"Phone": "+49 30 5678", "Description": "moved"}


class TestContacts(ZohoContract):
    stream = "Contacts"
    sample = {"Last_Name": "李", "First_Name": "明", "Phone": "+86 21 1234"}
    edit = {"Phone": "+86 21 5678"}


class TestDeals(ZohoContract):
    stream = "Deals"
    sample = {"Deal_Name": "Portal", "Stage": "Qualification", "Amount": 1000}
    edit = {"Deal_Name": "Portal, second phase", "Amount": 2500}
    follows = frozenset({"Expected_Revenue"})


class TestTasks(ZohoContract):
    stream = "Tasks"
    sample = {"Subject": "Kickoff", "Due_Date": "2026-12-01"}
    edit = {"Subject": "Kickoff in Berlin", "Due_Date": "2026-12-08"}


class TestNotes(ZohoContract):
    stream = "Notes"
    sample = {"Note_Title": "Call", "Note_Content": "They want it in March."}
    edit = {"Note_Content": "They want it in April."}

    def make(self, clock: VirtualClock) -> World:
        world = super().make(clock)
        deal: Any = world.core.create("Anna Berg", "Deals", {"Deal_Name": "Portal", "Stage": "Qualification"})
        world.place = {"Parent_Id": {"module": {"api_name": "Deals"}, "id": deal}}
        return world
