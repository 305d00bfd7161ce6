"""Looking an account and its root over, without a write: four requests, and some for the folders below the root."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from connectors.base import utc
from connectors.context import Context
from connectors.errors import Forbidden
from connectors.examining import Symptom
from connectors.google_drive.client import Client
from connectors.google_drive.credentials import EXPIRES, TokenRequest, needed_scope
from connectors.google_drive.models import FILE, About
from connectors.google_drive.settings import Settings
from connectors.google_drive.tree import STREAMS, Entry, Root, Tree, read, stream_of

SKEW = 30.0
"""Seconds between the clocks from which assertions and deadlines go wrong."""

SOON = timedelta(days=30)
FULL = 0.9
"""Part of the storage from which uploads may soon fail."""

NAMED = 5
"""Things that a symptom calls by name; of the others it tells how many they are."""

TOOLS = ("unito", "zapier", "ifttt", "insync", "multcloud", "cloudhq", "rclone", "make.com", "workato", "planyway")
"""Words in the properties and addresses of products that move files by themselves."""

ROBOT = ".gserviceaccount.com"
OPEN = "(visibility = 'anyoneWithLink' or visibility = 'anyoneCanFind') and trashed = false"
"""Items that people outside can open without being named
(developers.google.com/workspace/drive/api/guides/ref-search-terms)."""


def examine(
    client: Client, tree: Tree, settings: Settings, context: Context, tokens: TokenRequest
) -> Iterator[Symptom]:
    """Symptoms, the ones that stop everything first. Raises ``ConnectorError`` where nothing can be seen at all."""
    about, date = client.about()
    root = tree.look_again()
    yield from _scopes(tokens, context)
    yield from _root(root, settings, context)
    yield from _ends(about, date, root, context)
    folders = [entry for entries in tree.folders(f"{FILE},properties") for entry in entries]
    yield from _same_names(folders, root)
    yield from _shared(client, tree, root)
    yield from _others(client, folders, root, about)
    if context.access == "write":
        for stream in STREAMS:
            yield Symptom(code="window", severity="info", params={"stream": stream})


def _scopes(tokens: TokenRequest, context: Context) -> Iterator[Symptom]:
    """What the newest token was granted; a service account is granted what it asks for, or refused."""
    needed = needed_scope(context)
    if tokens.scopes is None:
        return
    if needed not in tokens.scopes and needed.removesuffix(".readonly") not in tokens.scopes:
        use = "push" if context.access == "write" else "pull"
        yield Symptom(code="scope_missing", severity="error", params={"scope": needed, "needed_for": use})
    for scope in tokens.scopes:
        if scope != needed:
            yield Symptom(code="scope_excess", params={"scope": scope, "needed_for": None})


def _root(root: Root, settings: Settings, context: Context) -> Iterator[Symptom]:
    if root.drive_id is None:
        alone = settings.is_service_account and settings.subject is None
        params = {"place": root.name}
        yield Symptom(code="place_personal", severity="error" if alone else "warning", params=params)
    if context.access == "write" and not root.can_add:
        params = {"scope": "canAddChildren", "needed_for": "push", "place": root.name}
        yield Symptom(code="scope_missing", severity="error", params=params)


def _ends(about: About, date: str | None, root: Root, context: Context) -> Iterator[Symptom]:
    now = context.clock.now()
    if date:
        skew = (parsedate_to_datetime(date) - now).total_seconds()
        if abs(skew) > SKEW:
            yield Symptom(code="clock_skew", params={"seconds": round(skew)})
    ends = context.tokens.load(EXPIRES)
    if ends is not None and datetime.fromisoformat(ends) < now + SOON:
        over = ends <= utc(now)
        yield Symptom(
            code="expires", severity="error" if over else "warning", params={"what": "refresh token", "at": ends}
        )
    limit, used = about.storageQuota.get("limit"), about.storageQuota.get("usage")
    # What lies in a shared drive is not counted for the account.
    if root.drive_id is None and limit and used and int(used) > FULL * int(limit):
        yield Symptom(code="limit_near", params={"what": "storage", "where": root.name, "most": int(limit)})


def _same_names(folders: list[Entry], root: Root) -> Iterator[Symptom]:
    """Folders that lie in one folder under one name: whoever goes by names takes one for the other."""
    alike: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    names = {row["id"]: str(row.get("name")) for row, _ in folders} | {root.id: root.name}
    for row, way in folders:
        alike[way[-1] if way else root.id, str(row.get("name")).strip().casefold()].append((row, way))
    for (parent, _), entries in alike.items():
        if len(entries) > 1:
            row, way = entries[0]
            params = {"stream": stream_of(row["mimeType"], way), "field": "name", "value": row["name"]}
            yield Symptom(code="value_ambiguous", params=params | {"where": names[parent]})


def _shared(client: Client, tree: Tree, root: Root) -> Iterator[Symptom]:
    rows = [row for page in client.file_pages(OPEN, root.drive_id) for row in page]
    ways = tree.ways(read(row) for row in rows) if rows else {}
    names = [str(row.get("name")) for row in rows if ways[row["id"]] is not None or row["id"] == root.id]
    if names:
        params = {"place": root.name, "count": len(names), "names": names[:NAMED]}
        yield Symptom(code="shared_with_anyone", params=params)


def _others(client: Client, folders: list[Entry], root: Root, about: About) -> Iterator[Symptom]:
    """Marks that other products leave in what all apps can see, and accounts of programs among those who may edit."""
    found: dict[str, str] = {}
    for row, _ in folders:
        words = " ".join(f"{key} {value}" for key, value in (row.get("properties") or {}).items()).casefold()
        found |= {tool: str(row.get("name")) for tool in TOOLS if tool in words and tool not in found}
    rights = client.permissions([root.id])[root.id]
    if not isinstance(rights, Exception):
        for right in rights:
            address = str(right.get("emailAddress") or "")
            robot = address.endswith(ROBOT) or any(tool in address for tool in TOOLS)
            if robot and address != about.user.emailAddress:
                found[address] = root.name
    elif not isinstance(rights, Forbidden):
        raise rights
    for tool, where in found.items():
        yield Symptom(code="other_tool", params={"tool": tool, "where": where})
