"""Trying Jira's promises in a project of one's own."""

from __future__ import annotations

from typing import Any

from connectors.base import Connector, Description
from connectors.jira.settings import Settings
from connectors.proving import PARENT, Proving, Trial

NOBODY = "999999999"


def _confine(settings: Settings, place: str) -> Settings:
    return Settings.model_validate({**settings.model_dump(), "projects": [place]})


def _reaches(settings: Settings, place: str, connector: Connector) -> bool:
    return not settings.projects or place in settings.projects


def _said(text: str) -> dict[str, Any]:
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": text}]}
    return {"type": "doc", "version": 1, "content": [paragraph]}


def _trials(place: str, description: Description) -> list[Trial]:
    lies = {"project": {"key": place}}
    issue = {"issue": {"id": PARENT, "stream": "issues"}}
    return [
        Trial(
            stream="epics",
            values={"summary": "Keepstep conformance, epic", **lies},
            edit={"summary": "Keepstep conformance, edited epic"},
            numbered="summary",
            unknown=NOBODY,
            section="fields",
        ),
        Trial(
            stream="issues",
            values={"summary": "Keepstep conformance, issue", "labels": ["trial"], **lies},
            edit={"summary": "Keepstep conformance, edited issue", "labels": ["tried"]},
            numbered="summary",
            unknown=NOBODY,
            section="fields",
        ),
        Trial(
            stream="comments",
            values={"body": _said("A trial."), **issue},
            edit={"body": _said("Edited.")},
            under="issues",
            unknown=f"{NOBODY}-{NOBODY}",
        ),
        Trial(
            stream="remote_links",
            values={"object": {"title": "A trial", "url": "https://example.com/trial"}, **issue},
            edit={"object": {"title": "An edited trial", "url": "https://example.com/trial"}},
            under="issues",
            unknown=f"{NOBODY}-{NOBODY}",
        ),
        Trial(
            stream="versions",
            values={"name": "Keepstep conformance", "description": "A trial", "project": place},
            edit={"description": "An edited trial"},
            numbered="name",
            unknown=NOBODY,
        ),
    ]


PROVING = Proving(confine=_confine, reaches=_reaches, trials=_trials, holds=("epics", "issues", "versions"))
