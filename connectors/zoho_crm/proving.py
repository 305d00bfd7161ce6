"""Trying Zoho's promises in a sandbox or developer organisation: the place is the whole organisation, by its id."""

from __future__ import annotations

from connectors.base import Connector, Description
from connectors.proving import Proving, Trial
from connectors.zoho_crm.settings import Settings

NOBODY = "4876876000009999999"


def _confine(settings: Settings, place: str) -> Settings:
    if not place.isdecimal():
        raise ValueError("it must be the id of the organisation that the connection signs in to, digits alone")
    return settings


def _reaches(settings: Settings, place: str, connector: Connector) -> bool:
    return connector.check().site == place


def _trials(place: str, description: Description) -> list[Trial]:
    stages = _stages(description)
    deals = Trial(
        stream="Deals",
        values={"Deal_Name": "Keepstep conformance", "Stage": stages[0] if stages else None},
        edit={"Deal_Name": "Keepstep conformance, edited"},
        numbered="Deal_Name",
        unknown=NOBODY,
    )
    return [
        Trial(
            stream="Accounts",
            values={"Account_Name": "Keepstep conformance", "Description": "A trial"},
            edit={"Description": "An edited trial"},
            numbered="Account_Name",
            unknown=NOBODY,
        ),
        Trial(
            stream="Contacts",
            values={"Last_Name": "Keepstep conformance", "Description": "A trial"},
            edit={"Description": "An edited trial"},
            numbered="Last_Name",
            unknown=NOBODY,
        ),
        *([deals] if stages else []),
        Trial(
            stream="Tasks",
            values={"Subject": "Keepstep conformance", "Due_Date": "2030-12-01"},
            edit={"Subject": "Keepstep conformance, edited", "Due_Date": "2030-12-08"},
            numbered="Subject",
            unknown=NOBODY,
        ),
    ]


def _stages(description: Description) -> list[str]:
    """What this organisation calls the stages of its deals."""
    return [
        value
        for stream in description.streams
        if stream.name == "Deals"
        for field in stream.fields
        if field.name == "Stage"
        for value in field.values or ()
    ]


PROVING = Proving(
    confine=_confine,
    reaches=_reaches,
    trials=_trials,
    holds=("Accounts", "Contacts", "Deals", "Tasks", "Notes"),
    whole=True,
)
