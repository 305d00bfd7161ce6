"""The contract suite against Zoho's stand-in, module by module."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.clock import VirtualClock
from connectors.zoho_crm import CONNECTOR
from connectors.zoho_crm.sandbox import SANDBOX, ZohoSandbox
from connectors.zoho_crm.sandbox.modules import FieldDef
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


class Further(ZohoContract):
    """As the others; a crowd of two pages is enough."""

    crowd = 210


class TestCases(Further):
    stream = "Cases"
    sample = {"Subject": "Export is slow", "Status": "New", "Case_Origin": "Web", "Description": "Since Monday."}
    edit = {"Status": "Escalated", "Description": "Since Tuesday."}


class TestCalls(Further):
    stream = "Calls"
    sample = {"Subject": "Weekly", "Call_Type": "Outbound", "Call_Start_Time": "2026-11-03T10:00:00+01:00"}
    edit = {"Subject": "Weekly, moved", "Description": "They were pleased."}


class TestEvents(Further):
    stream = "Events"
    sample = {
        "Event_Title": "Review",
        "Start_DateTime": "2026-11-03T10:00:00+01:00",
        "End_DateTime": "2026-11-03T11:00:00+01:00",
    }
    edit = {"Event_Title": "Stage review", "Venue": "Berlin"}


class TestAModuleOfTheCustomersOwn(Further):
    stream = "Projects"
    sample = {"Name": "Portal", "Phase": "Design", "Budget": 1000}
    edit = {"Phase": "Build", "Budget": 1200.5}

    def make(self, clock: VirtualClock) -> World:
        world = World.served(CONNECTOR, SANDBOX, clock, modules=["Projects"])
        assert isinstance(world.core, ZohoSandbox)
        world.core.add_module(
            "Projects", FieldDef("Phase", length=50, custom=True), FieldDef("Budget", "currency", custom=True)
        )
        return world


class TestLeads(Further):
    stream = "Leads"
    sample = {"Last_Name": "Okoye", "Company": "Acme", "Lead_Status": "Not Contacted"}
    edit = {"Lead_Status": "Contacted", "Company": "Acme Inc."}

    def make(self, clock: VirtualClock) -> World:
        return World.served(CONNECTOR, SANDBOX, clock, modules=["Leads"])
