"""The contract for Jira Cloud: each verb handed to the part that knows how."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.base import Account, Change, Description, Gate, Outcome, Page, Record, Write
from connectors.content import Download
from connectors.context import Context
from connectors.errors import Malformed, Misconfigured, NotFound, RecordRefused, ScopeMissing
from connectors.examining import Symptom
from connectors.hooks import Delivery
from connectors.jira import history, hooks
from connectors.jira.additions import Additions
from connectors.jira.attached import AttachedWriter
from connectors.jira.attachments import Attachments
from connectors.jira.client import Client
from connectors.jira.crawl import Crawler, Recent
from connectors.jira.describe import describe
from connectors.jira.examine import examine
from connectors.jira.issues import IssueWriter, Quiet
from connectors.jira.models import Json
from connectors.jira.outcomes import failed
from connectors.jira.places import Places
from connectors.jira.reading import Reading
from connectors.jira.records import MARKER_LABEL, Reader, account_of, moment
from connectors.jira.settings import Settings
from connectors.jira.signin import auth
from connectors.jira.versions import Versions
from connectors.jira.worklogs import Worklogs
from connectors.preparing import Addition

STREAMS = ("epics", "issues", "comments", "attachments", "remote_links", "users", "versions", "worklogs")


class Jira:
    """One configured account of a Jira Cloud site. Safe to use from several threads."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._client = Client(context, settings.address, auth(settings, context))
        self._lock = threading.Lock()
        self._me: str | None = None
        self._schemas: dict[str, Json] | None = None
        recent = Recent(context.clock)
        quiet = Quiet()
        self._places = Places(self._client, settings.projects)
        crawler = Crawler(self._client, settings.projects, recent)
        self._reading = Reading(self._client, crawler, self._reader)
        self._attachments = Attachments(self._client, crawler, self._reader, recent)
        self._issues = IssueWriter(self._client, context.clock, self._places, recent, quiet)
        self._worklogs = Worklogs(self._client, self._reader)
        self._versions = Versions(self._client, settings.site, settings.projects)
        self._additions = Additions(self._client, settings, self._versions, self._issues.edit)
        self._attached = AttachedWriter(self._client, self._reader, recent, quiet)

    @property
    def calls(self) -> int:
        return self._client.http.budget.calls

    @property
    def units(self) -> int:
        return self._client.http.budget.units

    def check(self) -> Account:
        """Also raises ``Misconfigured`` for a Data Center and for a configured project that is not there."""
        try:
            server = self._client.server_info()
        except (NotFound, Malformed) as error:
            raise Misconfigured(f"{self._settings.site} does not speak Jira Cloud's REST API v3: {error}") from error
        kind = server.get("deploymentType")
        if kind != "Cloud":
            raise Misconfigured(f"{self._settings.site} is a Jira {kind or 'Server'}; only Jira Cloud is supported")
        me = self._client.myself()
        if not self._client.my_permissions("BROWSE_PROJECTS")["BROWSE_PROJECTS"]:
            raise ScopeMissing("the account may browse no project: grant it `Browse projects`")
        if self._settings.projects:
            there = {project["key"] for project in self._client.projects(self._settings.projects)}
            missing = [key for key in self._settings.projects if key not in there]
            if missing:
                raise Misconfigured(f"no such project, or the account may not browse it: {', '.join(missing)}")
        return Account(
            id=account_of(me) or "",
            name=str(me.get("displayName") or ""),
            site=self._settings.cloud_id or str(server.get("baseUrl") or self._settings.site),
            timezone=me.get("timeZone"),
            server_time=moment(server.get("serverTime")),
        )

    def describe(self) -> Description:
        return describe(self._client, self._settings, self._places)

    def pull(self, feed: str, cursor: str | None = None) -> Iterator[Page]:
        match feed:
            case "issues":
                return self._reading.issues(cursor)
            case "remote_links":
                return self._reading.links(cursor)
            case "users":
                return self._reading.users(cursor)
            case "attachments":
                return self._attachments.pull(cursor)
            case "worklogs":
                return self._worklogs.pull(cursor)
            case "versions":
                return self._versions.pull(cursor)
        raise ValueError(f"Jira has no feed {feed}")

    def get(self, stream: str, ids: Sequence[str]) -> Iterator[Record]:
        if stream == "attachments":
            return self._attachments.get(ids)
        if stream == "worklogs":
            return self._worklogs.get(list(dict.fromkeys(ids)))
        if stream == "versions":
            return self._versions.get(list(dict.fromkeys(ids)))
        return self._reading.by_id(_known(stream), ids)

    def push(self, stream: str, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        """Values are keys of an issue's ``fields``; ``status`` names a target by id, name or category. Comments and
        links name their issue as ``issue``. See the README."""
        if stream in ("issues", "epics"):
            return self._issues.push(stream, writes, gate)
        if stream in ("comments", "remote_links"):
            return self._attached.push(stream, writes, gate)
        if stream == "attachments":
            return self._attachments.push(writes, gate)
        if stream == "versions":
            return self._versions.push(writes, gate)
        refusal = RecordRefused(f"{_known(stream)} are read only here", code="no_such_ability")
        return iter([failed(write, refusal) for write in writes])

    def find(self, stream: str, marker: str) -> list[Record]:
        """Deleted issues are beyond finding: Jira has no trash."""
        if stream in ("worklogs", "attachments"):
            return []  # those are read only, and a file has no room for one: none carries a marker of ours
        if stream == "versions":
            return sorted(self._versions.find(marker), key=lambda record: int(record.id))
        found = self._reading.find(_known(stream), marker, MARKER_LABEL + marker, self._account())
        return sorted(found, key=lambda record: (record.created_at or "", record.id))

    def made_since(self, stream: str, scope: str | None, since: str) -> Iterator[Record]:
        if stream == "versions":
            raise ValueError("Jira does not tell who made a version")
        if stream == "worklogs":
            raise ValueError("worklogs are read only: none is ours")
        if stream == "attachments":
            return self._attachments.made_since(since, self._account())
        return self._reading.made_since(_known(stream), scope, since, self._account())

    def reserve(self, stream: str, count: int) -> list[str]:
        raise ValueError(f"Jira gives no ids beforehand for {_known(stream)}")

    def history(self, stream: str, ids: Sequence[str], since: str) -> Iterator[Change]:
        """Issues and epics only. Rich text comes as Jira's wiki markup, since the changelog keeps it so."""
        if stream not in ("issues", "epics"):
            raise ValueError(f"Jira keeps no history of {_known(stream)}")
        return history.changes(self._client, ids, since, self._account(), self._field_schemas())

    def ids(self, stream: str) -> Iterator[list[str]]:
        if stream == "attachments":
            return self._attachments.ids()
        if stream == "worklogs":
            return self._worklogs.ids()
        if stream == "versions":
            return self._versions.ids()
        return self._reading.ids(_known(stream))

    def parse_hook(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        """See ``connectors.hooks``."""
        secret = self._settings.hook_secret
        return hooks.parse(headers, body, secret.get_secret_value() if secret else None)

    def download(self, stream: str, id: str) -> Download:
        """See ``connectors.content``."""
        if stream != "attachments":
            raise RecordRefused(f"{_known(stream)} have no bytes", code="no_content")
        return self._attachments.download(id)

    def examine(self) -> list[Symptom]:
        return list(examine(self._client, self._settings, self._context, self._places))

    def misplaced(self, stream: str, place: Mapping[str, Any]) -> list[Symptom]:
        return list(self._places.missing(stream, place)) if stream in ("epics", "issues") else []

    def additions(self) -> list[Addition]:
        return self._additions.all()

    def add(self, id: str, gate: Gate) -> None:
        """Nothing to make: labels and properties come with the first record that carries one."""
        self._additions.known(id)

    def remove(self, id: str, gate: Gate) -> None:
        """Nothing to take away but what is on records: see ``unmark``."""
        self._additions.known(id)

    def unmark(self, stream: str, ids: Sequence[str], gate: Gate) -> list[Outcome]:
        return self._additions.unmark(_known(stream), ids, gate)

    def _account(self) -> str:
        """Our own account id, asked once."""
        with self._lock:
            if self._me is None:
                self._me = account_of(self._client.myself()) or ""
            return self._me

    def _reader(self) -> Reader:
        return Reader(self._settings.site, self._account())

    def _field_schemas(self) -> dict[str, Json]:
        with self._lock:
            if self._schemas is None:
                self._schemas = {str(row["id"]): row.get("schema") or {} for row in self._client.fields()}
            return self._schemas


def _known(stream: str) -> str:
    if stream not in STREAMS:
        raise ValueError(f"Jira has no stream {stream}")
    return stream
