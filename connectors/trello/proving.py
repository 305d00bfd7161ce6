"""Trying Trello's promises on a board of one's own. Its lists stay: Trello lets nobody delete a list."""

from __future__ import annotations

from connectors.base import Connector, Description
from connectors.proving import PARENT, Proving, Trial
from connectors.trello.settings import TrelloSettings

NOBODY = "f" * 24


def _confine(settings: TrelloSettings, place: str) -> TrelloSettings:
    return TrelloSettings.model_validate({**settings.model_dump(), "boards": [place], "custom": {}})


def _reaches(settings: TrelloSettings, place: str, connector: Connector) -> bool:
    return not settings.boards or place in settings.boards


def _trials(place: str, description: Description) -> list[Trial]:
    card = {"idCard": PARENT}
    return [
        Trial(
            stream="lists",
            values={"name": "Keepstep conformance", "idBoard": place},
            edit={"name": "Keepstep conformance, edited"},
            numbered="name",
            unknown=NOBODY,
        ),
        Trial(
            stream="labels",
            values={"name": "keepstep-trial", "color": "green", "idBoard": place},
            edit={"name": "keepstep-tried", "color": "red"},
            numbered="name",
            unknown=NOBODY,
        ),
        Trial(
            stream="cards",
            values={"name": "Keepstep conformance, card", "desc": "A trial.", "idList": PARENT},
            edit={"name": "Keepstep conformance, edited card"},
            numbered="name",
            unknown=NOBODY,
            under="lists",
        ),
        Trial(
            stream="checklists",
            values={"name": "A trial", **card},
            edit={"name": "An edited trial"},
            numbered="name",
            unknown=NOBODY,
            under="cards",
        ),
        Trial(
            stream="comments",
            values={"text": "A trial.", **card},
            edit={"text": "Edited."},
            under="cards",
            unknown=NOBODY,
        ),
        Trial(
            stream="attachments",
            values={"url": "https://example.com/trial", "name": "A trial", **card},
            numbered="url",
            unknown=f"{NOBODY}:{NOBODY}",
            under="cards",
        ),
    ]


PROVING = Proving(confine=_confine, reaches=_reaches, trials=_trials, holds=("cards",))
