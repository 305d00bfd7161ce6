"""The company's configuration, with the syncs that a history draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from keepstep.registry import Registry
from keepstep.testing.company_steps import CompanyHistory

SYSTEMS: Final = {"crm": "zoho_crm", "tracker": "jira", "board": "trello", "files": "google_drive"}


POLICIES: Final = ("ask", "newest", "owner")


def configuration(
    history: CompanyHistory, registry: Registry, cores: Mapping[str, Any], cards: str, policy: str, where: bool
) -> dict[str, Any]:
    """What would stand in the file. New cards are placed in the list ``cards``; ``where``: done tasks do not belong."""
    connections = {
        name: {"system": system, **registry.sandbox(system).settings(cores[name], "http://127.0.0.1:1")}
        for name, system in SYSTEMS.items()
    }
    place = {"project": "ACME"}
    rule = {"policy": policy}
    rules, deals = (dict.fromkeys(("due_date", "description"), rule | owner) for owner in _owners(policy))
    placed = {"board.cards": {"idList": cards}} if history.cards else {}
    syncs: dict[str, dict[str, Any]] = {
        "customers": {"entity": "customer", "sides": ["crm.Accounts", "files.client_folders"],
                      "create": {"files.client_folders": {}}, "match": ["name"]},
        "projects": {"entity": "project", "sides": ["crm.Deals", "tracker.epics", "files.project_folders"],
                     "create": {"tracker.epics": place, "files.project_folders": {"parent": "customer"}},
                     "match": ["name"], "fields": deals},
        "folders": {"entity": "folder", "sides": ["files.category_folders"],
                    "create": {"files.category_folders": {"parent": "project"}}},
        "tasks": {"entity": "task", "sides": ["tracker.issues", "board.cards"],
                  "create": {"tracker.issues": place, **placed}, "match": ["title"], "fields": rules,
                  "deletes": history.deletes, **({"where": 'status != "done"'} if where else {}),
                  **({"with": list(history.riding)} if history.riding else {})},
        "documents": {"entity": "document", "sides": ["files.files", "tracker.remote_links"],
                      "create": {"tracker.remote_links": {"parent": "project"}}},
        "feedback": {"entity": "feedback", "sides": ["crm.Notes", "tracker.issues"],
                     "create": {"tracker.issues": place}},
    }  # fmt: skip
    whole: dict[str, Any] = {
        "version": 1, "store": "sqlite://", "language": "en", "timezone": "Europe/Berlin",
        "connections": connections,
        "syncs": {name: {"mode": "write", **syncs[name]} for name in history.syncs},
    }  # fmt: skip
    if "tasks" in history.syncs:
        watch = ["crm.Deals.due_date"]
        whole["changes_to_tasks"] = {"watch": watch, "create_in": "tracker.issues"}
    return whole


def _owners(policy: str) -> tuple[dict[str, str], dict[str, str]]:
    """Who owns the tasks' fields and the projects', where somebody does."""
    return ({"owner": "tracker"}, {"owner": "crm"}) if policy == "owner" else ({}, {})
