"""What people write by hand instead: a bare loop, and the public Jira client, each with SQLite."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import orjson
import requests

FIELDS = ["*all", "-worklog", "-lastViewed", "-watches", "-votes", "-issuerestriction"]
"""As the connector asks; written out, for the loop imports nothing of ours."""

EVERYTHING = "updated >= 86400000 ORDER BY updated ASC, id ASC"
"""The first crawl's query; a loop that looks for news names a later time."""


def database(path: Path) -> sqlite3.Connection:
    """With the same promises as the hub's store: what is committed is on the disk."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS issue (id TEXT PRIMARY KEY, updated TEXT, raw BLOB)")
    connection.execute("CREATE TABLE IF NOT EXISTS cursor (feed TEXT PRIMARY KEY, at TEXT)")
    return connection


UPSERT = (
    "INSERT INTO issue VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET updated = excluded.updated, raw = excluded.raw"
)
MOVE = "INSERT INTO cursor VALUES (?, ?) ON CONFLICT (feed) DO UPDATE SET at = excluded.at"


def bare(base: str, path: Path, feeds: tuple[str, ...] = ("issues",), jql: str = EVERYTHING) -> int:
    """requests, orjson, SQLite: the raw issues, a transaction a page. Returns how many issues came."""
    count = 0
    session = requests.Session()
    store = database(path)
    for feed in feeds:
        token: str | None = None
        began = orjson.loads(session.get(f"{base}/rest/api/3/serverInfo", timeout=60).content)["serverTime"]
        while True:
            body: dict[str, Any] = {"jql": jql, "maxResults": 100, "fields": FIELDS, "properties": ["keepstep"]}
            if token:
                body["nextPageToken"] = token
            answer = session.post(f"{base}/rest/api/3/search/jql", json=body, timeout=60)
            answer.raise_for_status()
            page = orjson.loads(answer.content)
            rows = [(issue["id"], issue["fields"]["updated"], orjson.dumps(issue)) for issue in page["issues"]]
            token = page.get("nextPageToken")
            with store:
                store.executemany(UPSERT, rows)
                store.execute(MOVE, (feed, token or began))
            count += len(rows)
            if not token:
                break
    store.close()
    session.close()
    return count


def public_client(base: str, path: Path) -> int:
    """The ``jira`` package from PyPI, and the same SQLite by hand."""
    from jira import JIRA

    client = JIRA(base, basic_auth=("bot@acme.example", "token"), options={"rest_api_version": "3"}, max_retries=0)
    store = database(path)
    count = 0
    token: str | None = None
    while True:
        page = client.enhanced_search_issues(EVERYTHING, nextPageToken=token, maxResults=100, fields="*all")
        rows = [(issue.id, issue.fields.updated, orjson.dumps(issue.raw)) for issue in page]
        with store:
            store.executemany(UPSERT, rows)
        count += len(rows)
        token = page.nextPageToken
        if not token:
            break
    store.close()
    client.close()  # type: ignore[no-untyped-call]
    return count
