"""``/healthz``: whether the work goes on, for whoever watches processes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import sqlalchemy as sa

from keepstep import __version__
from keepstep.hub import Hub
from keepstep.store import tables as t
from keepstep.store.errors import StoreError
from pipelines import rounds
from pipelines.hubs import Keeper
from pipelines.names import Group, groups
from pipelines.words import trouble

PATIENCE = timedelta(minutes=5)
"""Beyond three intervals: how long a group may be without a finished run before something is wrong."""


class Watch:
    """What is known of the runs so far."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._lock = threading.Lock()
        self._started = datetime.now(UTC)
        self._last: dict[str, dict[str, Any]] = {}
        self.prefect: str | None = None
        """Why Prefect does not answer; None when it does."""

    def note(self, group: Group, ok: bool, at: datetime, message: str) -> None:
        """A run of the group has ended."""
        with self._lock:
            self._last[group.name] = {"syncs": list(group.syncs), "ok": ok, "at": at, "message": message}

    def report(self, now: datetime | None = None) -> tuple[bool, dict[str, Any]]:
        """Whether all is well, and what is known. Asks no connected system."""
        now = now or datetime.now(UTC)
        hub = self._keeper.current
        with self._lock:
            last = dict(self._last)
        store, waiting = _store(hub)
        overdue = [group.name for group in self.overdue(now)]
        refused = self._keeper.refused
        facts = {
            "version": __version__,
            "store": store,
            "prefect": self.prefect or "ok",
            "configuration": trouble(refused, "en").splitlines() if refused else "ok",
            "freshness": waiting,
            "rounds": {name: {**each, "at": each["at"].isoformat()} for name, each in last.items()},
            "overdue": overdue,
            "down": sorted(hub.down) if hub else [],
        }
        struck: dict[str, Any] = self._keeper.redaction.value(facts)
        return store == "ok" and not overdue and self.prefect is None, struck

    def overdue(self, now: datetime | None = None) -> list[Group]:
        """The groups that have been without a finished run for too long."""
        now, hub = now or datetime.now(UTC), self._keeper.current
        with self._lock:
            last = dict(self._last)
        return [group for group in groups(hub.config) if self._overdue(group, last, now)] if hub else []

    def _overdue(self, group: Group, last: dict[str, dict[str, Any]], now: datetime) -> bool:
        at = last[group.name]["at"] if group.name in last else self._started
        return bool(now - at > 3 * group.every + PATIENCE)


def _store(hub: Hub | None) -> tuple[str, dict[str, float | None]]:
    if hub is None:
        return "no configuration", {}
    try:
        with hub.store.read() as tx:
            tx.scalar(sa.select(sa.func.count()).select_from(t.setting))
        return "ok", rounds.waiting(hub)
    except StoreError as error:
        return trouble(error, "en"), {}


class HealthServer:
    """Answers on one port of the loopback interface, in threads of its own. Raises OSError if the port is taken."""

    def __init__(self, report: Callable[[], tuple[bool, dict[str, Any]]], port: int) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(report))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True, name="health")
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/healthz"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)


def _handler(report: Callable[[], tuple[bool, dict[str, Any]]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/healthz":
                self.send_error(404)
                return
            well, facts = report()
            body = json.dumps(facts, ensure_ascii=False).encode()
            self.send_response(200 if well else 503)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet: watchers ask every few seconds."""

    return Handler
