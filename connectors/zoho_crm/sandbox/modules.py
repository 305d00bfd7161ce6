"""Modules of the stand-in's organisation, each with its fields and the values of its lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Type = Literal[
    "text", "textarea", "picklist", "lookup", "ownerlookup", "date", "datetime", "currency", "double", "integer",
    "boolean", "email", "phone", "website", "profileimage", "bigint", "tag", "multiselectpicklist",
    "formula",
]  # fmt: skip

MARKER = "Keepstep_Key"


@dataclass(slots=True)
class Pick:
    """One value of a list. ``stored`` never changes; ``shown`` is what people see and records carry."""

    stored: str
    shown: str
    forecast: str | None = None
    probability: int | None = None


@dataclass(slots=True)
class FieldDef:
    name: str
    type: Type = "text"
    label: str = ""
    required: bool = False
    read_only: bool = False
    withheld: bool = False
    """Our account may not change it, though others may."""
    length: int = 255
    picks: list[Pick] = field(default_factory=list)
    lookup: str | None = None
    unique: bool = False
    custom: bool = False
    result: str = ""
    """What a formula makes."""
    start: Any = None
    """The value of a new record that gives none."""
    made: int = 0
    """How often a field of that name was made before: each has an id of its own."""


def _texts(names: str, **options: Any) -> list[FieldDef]:
    return [FieldDef(name, **options) for name in names.split()]


def _picks(*stored: str) -> list[Pick]:
    return [Pick(value, value) for value in stored]


STAGES = [
    Pick("Qualification", "Qualification", "Open", 10),
    Pick("Needs Analysis", "Needs Analysis", "Open", 20),
    Pick("Proposal/Price Quote", "Proposal/Price Quote", "Open", 75),
    Pick("Negotiation/Review", "Negotiation/Review", "Open", 90),
    Pick("Closed Won", "Closed Won", "Closed Won", 100),
    Pick("Closed Lost", "Closed Lost", "Closed Lost", 0),
]

CHINESE = {
    "Qualification": "初步接洽",
    "Needs Analysis": "需求分析",
    "Proposal/Price Quote": "方案报价",
    "Negotiation/Review": "谈判审核",
    "Closed Won": "已赢单",
    "Closed Lost": "已输单",
    "Not Started": "未开始",
    "Deferred": "已推迟",
    "In Progress": "进行中",
    "Completed": "已完成",
    "Waiting for input": "等待输入",
    "Highest": "最高",
    "High": "高",
    "Normal": "普通",
    "Low": "低",
    "Lowest": "最低",
    "New": "新建",
    "On Hold": "暂停",
    "Escalated": "已升级",
    "Closed": "已关闭",
}


def _system() -> list[FieldDef]:
    return [
        FieldDef("Owner", "ownerlookup", lookup="users"),
        FieldDef("Created_By", "ownerlookup", read_only=True, lookup="users"),
        FieldDef("Modified_By", "ownerlookup", read_only=True, lookup="users"),
        FieldDef("Created_Time", "datetime", read_only=True),
        FieldDef("Modified_Time", "datetime", read_only=True),
    ]


def _shared() -> list[FieldDef]:
    return [
        *_system(),
        FieldDef("Last_Activity_Time", "datetime", read_only=True),
        FieldDef("Tag", "tag", start=[]),
        FieldDef("Locked__s", "boolean", read_only=True, start=False),
        FieldDef(MARKER, "text", "Keepstep key", length=120, unique=True, custom=True),
    ]


def _accounts() -> list[FieldDef]:
    return [
        FieldDef("Account_Name", required=True, length=200),
        FieldDef("Website", "website", length=450),
        FieldDef("Phone", "phone", length=30),
        FieldDef(
            "Industry", "picklist", picks=_picks("Technology", "Manufacturing", "Financial Services", "Education")
        ),
        FieldDef("Description", "textarea", length=32000),
        FieldDef("Account_Number", "bigint"),
        FieldDef("Annual_Revenue", "currency"),
        FieldDef("Employees", "integer"),
        FieldDef("Parent_Account", "lookup", lookup="Accounts"),
        *_texts("Billing_Street Billing_City Billing_State Billing_Code Billing_Country Fax Ticker_Symbol"),
        *_shared(),
    ]


def _contacts() -> list[FieldDef]:
    return [
        FieldDef("Last_Name", required=True, length=80),
        FieldDef("First_Name", length=40),
        FieldDef("Full_Name", read_only=True),
        FieldDef("Salutation", "picklist", picks=_picks("Mr.", "Mrs.", "Ms.", "Dr.")),
        FieldDef("Email", "email", length=100),
        FieldDef("Secondary_Email", "email", length=100),
        FieldDef("Account_Name", "lookup", lookup="Accounts"),
        FieldDef("Reporting_To", "lookup", lookup="Contacts"),
        FieldDef("Lead_Source", "picklist", picks=_picks("Advertisement", "Partner", "Web Download", "Online Store")),
        FieldDef("Date_of_Birth", "date"),
        FieldDef("Description", "textarea", length=32000),
        FieldDef("Email_Opt_Out", "boolean", start=False),
        FieldDef("Unsubscribed_Mode", read_only=True),
        FieldDef("Unsubscribed_Time", "datetime", read_only=True),
        FieldDef("Record_Image", "profileimage"),
        *_texts("Phone Mobile Home_Phone Other_Phone Asst_Phone Fax", type="phone", length=30),
        *_texts("Title Department Assistant Skype_ID Twitter Vendor_Name nearby_distance__s"),
        *_texts("Mailing_Street Mailing_City Mailing_State Mailing_Zip Mailing_Country"),
        *_texts("Mailing_Latitude Mailing_Longitude Mailing_Flat_House_No_Building_Apartment_Name"),
        *_texts("Mailing_Address Mailing_Coordinates Other_Address Other_Coordinates", read_only=True, start=""),
        *_texts("Other_Street Other_City Other_State Other_Zip Other_Country"),
        *_texts("Other_Latitude Other_Longitude Other_Flat_House_No_Building_Apartment_Name"),
        *_shared(),
    ]


def _deals() -> list[FieldDef]:
    return [
        FieldDef("Deal_Name", required=True, length=120),
        FieldDef("Account_Name", "lookup", lookup="Accounts"),
        FieldDef("Contact_Name", "lookup", lookup="Contacts"),
        FieldDef("Stage", "picklist", required=True, picks=[Pick(**_of(stage)) for stage in STAGES]),
        FieldDef("Closing_Date", "date"),
        FieldDef("Amount", "currency"),
        FieldDef("Probability", "integer", read_only=True),
        FieldDef("Expected_Revenue", "currency", read_only=True),
        FieldDef("Type", "picklist", picks=_picks("Existing Business", "New Business")),
        FieldDef("Next_Step", length=100),
        FieldDef("Description", "textarea", length=32000),
        *_shared(),
    ]


def _tasks() -> list[FieldDef]:
    states = _picks("Not Started", "Deferred", "In Progress", "Completed", "Waiting for input")
    return [
        FieldDef("Subject", required=True, length=300),
        FieldDef("Due_Date", "date"),
        FieldDef("Who_Id", "lookup", lookup="Contacts"),
        FieldDef("What_Id", "lookup", lookup="$se_module"),
        FieldDef("Status", "picklist", picks=states, start="Not Started"),
        FieldDef(
            "Priority", "picklist", picks=_picks("High", "Highest", "Low", "Lowest", "Normal", "Medium"), start="Normal"
        ),
        FieldDef("Description", "textarea", length=32000),
        FieldDef("Closed_Time", "datetime", read_only=True),
        FieldDef("Send_Notification_Email", "boolean", start=False),
        FieldDef("Remind_At", "datetime", read_only=True),
        FieldDef("Recurring_Activity", read_only=True),
        FieldDef("BEST_TIME", read_only=True, start=[]),
        *_shared(),
    ]


def _activity() -> list[FieldDef]:
    return [
        FieldDef("Who_Id", "lookup", lookup="Contacts"),
        FieldDef("What_Id", "lookup", lookup="$se_module"),
        FieldDef("Description", "textarea", length=32000),
        *_shared(),
    ]


def _calls() -> list[FieldDef]:
    return [
        FieldDef("Subject", required=True, length=120),
        FieldDef("Call_Type", "picklist", required=True, picks=_picks("Outbound", "Inbound", "Missed")),
        FieldDef("Call_Start_Time", "datetime", required=True),
        FieldDef("Call_Duration", length=20),
        FieldDef("Call_Purpose", "picklist", picks=_picks("Prospecting", "Negotiation", "Project", "Demo")),
        FieldDef("Call_Result", "picklist", picks=_picks("Interested", "Not interested", "No response")),
        *_activity(),
    ]


def _events() -> list[FieldDef]:
    return [
        FieldDef("Event_Title", required=True, length=255),
        FieldDef("Start_DateTime", "datetime", required=True),
        FieldDef("End_DateTime", "datetime", required=True),
        FieldDef("All_day", "boolean", start=False),
        FieldDef("Venue", length=255),
        *_activity(),
    ]


def _cases() -> list[FieldDef]:
    return [
        FieldDef("Subject", required=True, length=255),
        FieldDef("Status", "picklist", required=True, picks=_picks("New", "On Hold", "Escalated", "Closed")),
        FieldDef("Case_Origin", "picklist", required=True, picks=_picks("Email", "Phone", "Web")),
        FieldDef("Priority", "picklist", picks=_picks("High", "Medium", "Low")),
        FieldDef("Type", "picklist", picks=_picks("Problem", "Feature Request", "Question")),
        FieldDef("Account_Name", "lookup", lookup="Accounts"),
        FieldDef("Deal_Name", "lookup", lookup="Deals"),
        FieldDef("Related_To", "lookup", lookup="Contacts"),
        FieldDef("Case_Reason", "picklist", picks=_picks("User did not attend any training", "Complex functionality")),
        FieldDef("Solution", "textarea", length=32000),
        FieldDef("Description", "textarea", length=32000),
        *_texts("Reported_By Case_Number", length=100),
        *_texts("Email", type="email", length=100),
        *_texts("Phone", type="phone", length=30),
        *_shared(),
    ]


def _leads() -> list[FieldDef]:
    return [
        FieldDef("Last_Name", required=True, length=80),
        FieldDef("First_Name", length=40),
        FieldDef("Full_Name", read_only=True),
        FieldDef("Company", length=200),
        FieldDef("Email", "email", length=100),
        FieldDef("Phone", "phone", length=30),
        FieldDef("Lead_Status", "picklist", picks=_picks("Not Contacted", "Contacted", "Junk Lead")),
        FieldDef("Salutation", "picklist", picks=_picks("Mr.", "Mrs.", "Ms.", "Dr.")),
        FieldDef("Lead_Source", "picklist", picks=_picks("Advertisement", "Partner", "Web Download")),
        FieldDef("Industry", "picklist", picks=_picks("Technology", "Manufacturing")),
        FieldDef("Rating", "picklist", picks=_picks("Active", "Shut Down")),
        FieldDef("Annual_Revenue", "currency"),
        FieldDef("No_of_Employees", "integer"),
        FieldDef("Website", "website", length=450),
        FieldDef("Secondary_Email", "email", length=100),
        FieldDef("Email_Opt_Out", "boolean", start=False),
        FieldDef("Unsubscribed_Mode", read_only=True),
        FieldDef("Unsubscribed_Time", "datetime", read_only=True),
        FieldDef("Record_Image", "profileimage"),
        FieldDef("Description", "textarea", length=32000),
        *_texts("Mobile Fax", type="phone", length=30),
        *_texts("Designation Skype_ID Twitter nearby_distance__s Street City State Zip_Code Country"),
        *_texts("Latitude Longitude Flat_House_No_Building_Apartment_Name"),
        *_texts("Address Coordinates", read_only=True, start=""),
        *_shared(),
    ]


def own_module(fields: list[FieldDef]) -> dict[str, FieldDef]:
    """A module that the customer made: a name, an owner, and whatever fields it was given."""
    return {one.name: one for one in [FieldDef("Name", required=True, length=120), *fields, *_shared()]}


def _notes() -> list[FieldDef]:
    return [
        FieldDef("Note_Title", length=120),
        FieldDef("Note_Content", "textarea", required=True, length=32000),
        FieldDef("Parent_Id", "lookup", required=True, lookup="$se_module"),
        *_system(),
    ]


def _of(pick: Pick) -> dict[str, Any]:
    return {"stored": pick.stored, "shown": pick.shown, "forecast": pick.forecast, "probability": pick.probability}


def modules() -> dict[str, dict[str, FieldDef]]:
    """A fresh set of modules, each its fields by name."""
    made = {
        "Accounts": _accounts(),
        "Contacts": _contacts(),
        "Deals": _deals(),
        "Tasks": _tasks(),
        "Notes": _notes(),
        "Cases": _cases(),
        "Calls": _calls(),
        "Events": _events(),
        "Leads": _leads(),
    }
    return {module: {one.name: one for one in fields} for module, fields in made.items()}
