"""What the hub leaves on a site: labels, properties and lines on what it makes. Nothing is set up beforehand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connectors.base import Gate, Outcome, Write
from connectors.errors import ConnectorError, GateClosed, NotFound, RecordRefused
from connectors.jira.client import PROPERTY, Client
from connectors.jira.models import Json, part
from connectors.jira.outcomes import failed
from connectors.jira.records import GLOBAL_ID, MARKER_LABEL, is_child_id, is_ours, split_id
from connectors.jira.settings import Settings
from connectors.jira.versions import LINE, Versions
from connectors.preparing import Addition


class Additions:
    """Lists what is added, and takes it off records again."""

    def __init__(
        self, client: Client, settings: Settings, versions: Versions, edit: Callable[[str, Json, Gate], None]
    ) -> None:
        self._client = client
        self._edit = edit
        self._settings = settings
        self._versions = versions

    def all(self) -> list[Addition]:
        """Labels and properties come into being with the first record that carries one: all are there already."""
        edit, comment = "Edit issues", "Add comments"
        rows = [("label", MARKER_LABEL + "...", stream, "marker", edit) for stream in ("epics", "issues")]
        rows += [("property", PROPERTY, stream, "marker", edit) for stream in ("epics", "issues")]
        rows += [
            ("property", PROPERTY, "comments", "marker", comment),
            ("globalId", GLOBAL_ID + "...", "remote_links", "marker", "Link issues"),
            ("line of the description", LINE + "...", "versions", "marker", "Administer projects"),
            ("label", self._settings.feedback_label, "issues", "mark", edit),
        ]
        return [
            Addition(
                id=f"{kind}:{stream}.{name}",
                kind=kind,
                name=name,
                stream=stream,
                purpose=purpose,
                grant=grant,
                present=True,
            )
            for kind, name, stream, purpose, grant in rows
        ]

    def known(self, id: str) -> Addition:
        """Raises ValueError for an addition that is not ours."""
        for addition in self.all():
            if addition.id == id:
                return addition
        raise ValueError(f"Jira has no addition {id}")

    def unmark(self, stream: str, ids: Sequence[str], gate: Gate) -> list[Outcome]:
        """One outcome per id. A link keeps its global id: without one Jira would make another link of it."""
        one = {
            "epics": self._issue,
            "issues": self._issue,
            "comments": self._comment,
            "versions": self._versions.unmark,
        }.get(stream)
        return [self._outcome(one, id, gate) for id in ids]

    def _outcome(self, one: Callable[[str, Gate], None] | None, id: str, gate: Gate) -> Outcome:
        try:
            if one is None:
                raise RecordRefused("its marker cannot be taken off", code="no_such_ability")
            one(id, gate)
        except (ConnectorError, GateClosed) as error:
            return failed(Write(intent=id, kind="update", id=id), error)
        return Outcome(intent=id, status="done", id=id)

    def _issue(self, id: str, gate: Gate) -> None:
        issue = self._client.issue(id, ["labels"])
        labels = part(issue, "fields").get("labels")
        marks = [label for label in labels if is_ours(label)] if isinstance(labels, list) else []
        if marks:
            body: Json = {"update": {"labels": [{"remove": label} for label in marks]}}
            self._edit(id, body, gate)
        if PROPERTY in (issue.get("properties") or {}):
            self._client.delete_property(f"issue/{id}", PROPERTY, gate)

    def _comment(self, id: str, gate: Gate) -> None:
        if not is_child_id(id):
            raise NotFound(f"no id of a comment: {id}", status=404)
        own = split_id(id)[1]
        there = next(iter(self._client.comments_by_id([int(own)])), None)
        if there is None:
            raise NotFound(f"comment {id} is not there", status=404)
        if any(each.get("key") == PROPERTY for each in there.get("properties") or ()):
            self._client.delete_property(f"comment/{own}", PROPERTY, gate)
