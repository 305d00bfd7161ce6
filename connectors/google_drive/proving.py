"""Trying Drive's promises in a folder of one's own."""

from __future__ import annotations

from connectors.base import Connector, Description
from connectors.google_drive.settings import Settings
from connectors.proving import PARENT, Proving, Trial

NOBODY = "1nobodyhasthisid0000000000000000000"


def _confine(settings: Settings, place: str) -> Settings:
    return Settings.model_validate({**settings.model_dump(), "root": place})


def _reaches(settings: Settings, place: str, connector: Connector) -> bool:
    """The folder is the root, or lies somewhere below it: then the connector knows which stream it is in."""
    if settings.root == place:
        return True
    found = next(connector.get("client_folders", [place]))
    return not found.deleted and found.payload.get("place") != "outside"


def _trials(place: str, description: Description) -> list[Trial]:
    edit = {"name": "Keepstep conformance, edited", "description": "An edited trial"}
    values = {"name": "Keepstep conformance"}
    below = {**values, "parents": [PARENT]}
    return [
        Trial(stream="client_folders", values=values, edit=edit, numbered="name", unknown=NOBODY),
        Trial(
            stream="project_folders", values=below, edit=edit, numbered="name", unknown=NOBODY, under="client_folders"
        ),
        Trial(
            stream="category_folders", values=below, edit=edit, numbered="name", unknown=NOBODY, under="project_folders"
        ),
        Trial(stream="files", values=below, edit=edit, numbered="name", unknown=NOBODY, under="category_folders"),
    ]


PROVING = Proving(
    confine=_confine,
    reaches=_reaches,
    trials=_trials,
    holds=("client_folders", "project_folders", "category_folders", "folders", "files", "shortcuts"),
)
