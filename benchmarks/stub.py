"""A service to measure against: as much of Jira Cloud as the connector asks for, in a process of its own, and fast.

Run as ``python -m benchmarks.stub ISSUES``: prints its port and serves until its standard input ends. A request whose
address begins with ``/wait<milliseconds>`` is answered that much later, so one stub plays near and far services.
"""

from __future__ import annotations

import json
import re
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from typing import Any
from urllib.parse import parse_qs

from benchmarks.issues import PRIORITIES, PROJECT, SITE, STATUSES, TYPES, number_at, person, render, stamp

API = "/rest/api/3"
BOUND = re.compile(r"(?:created|updated) (>=|<) (\d+)")


class Site:
    """Issues 0 to ``count`` - 1, and the pages of searches over them. Rendered pages are kept while there are few."""

    KEEP = 1100

    def __init__(self, count: int) -> None:
        self.count = count
        self.requests = 0
        self._pages: dict[tuple[int, int, bool], bytes] = {}
        self._lock = threading.Lock()
        self._fixed = {path: json.dumps(answer).encode() for path, answer in _metadata().items()}

    def answer(self, method: str, path: str, query: str, body: bytes) -> bytes | None:
        """The body of an answer; None for what this stub does not know."""
        with self._lock:
            self.requests += 1
        if path == f"{API}/search/jql":
            # The public client asks in the address, as Jira allows too.
            return self._search(json.loads(body) if body else {key: value[0] for key, value in parse_qs(query).items()})
        if path == f"{API}/issue/bulkfetch":
            # Copies of the first issue under the ids of inserted links.
            asked = json.loads(body)
            issues = (render(0, "*all" in asked["fields"], id) for id in asked["issueIdsOrKeys"])
            return b'{"issues":[' + b",".join(issues) + b"]}"
        if path == f"{API}/search/approximate-count":
            first, end = self._range(json.loads(body)["jql"])
            return b'{"count":%d}' % max(0, end - first)
        if path == f"{API}/users/search" and "startAt=0" not in query:
            return b"[]"
        if path == "/requests":
            return b"%d" % self.requests
        return self._fixed.get(path)

    def _range(self, jql: str) -> tuple[int, int]:
        first, end = 0, self.count
        for sign, at in BOUND.findall(jql):
            if sign == ">=":
                first = max(first, number_at(int(at)))
            else:
                end = min(end, number_at(int(at)))
        return first, end

    def _search(self, asked: dict[str, Any]) -> bytes:
        first, end = self._range(asked["jql"])
        if asked.get("nextPageToken"):
            first = int(asked["nextPageToken"])
        elif asked["jql"].endswith(" DESC"):
            first = max(first, end - 1)  # only the newest is ever asked for in this order
        whole = "*all" in asked["fields"]
        stop = min(end, first + min(int(asked["maxResults"]), 100 if whole else 1000))
        issues = self._page(first, stop, whole)
        if stop >= end:
            return b'{"issues":[' + issues + b'],"isLast":true}'
        return b'{"issues":[' + issues + b'],"nextPageToken":"%d","isLast":false}' % stop

    def _page(self, first: int, stop: int, whole: bool) -> bytes:
        page = self._pages.get((first, stop, whole))
        if page is None:
            page = b",".join(render(number, whole) for number in range(first, stop))
            if len(self._pages) < self.KEEP:
                self._pages[first, stop, whole] = page
        return page


def _metadata() -> dict[str, Any]:
    """Answers that never change."""
    fields = [
        {"id": id, "name": id, "custom": False, "schema": {"type": kind, "system": id}}
        for id, kind in (
            ("summary", "string"),
            ("description", "string"),
            ("status", "status"),
            ("issuetype", "issuetype"),
            ("project", "project"),
            ("parent", "issuelink"),
            ("priority", "priority"),
            ("duedate", "date"),
            ("assignee", "user"),
            ("reporter", "user"),
            ("created", "datetime"),
            ("updated", "datetime"),
            ("resolutiondate", "datetime"),
        )
    ] + [{"id": "labels", "name": "Labels", "custom": False, "schema": {"type": "array", "items": "string"}}]
    screen = [
        {"fieldId": row["id"], "name": row["name"], "required": row["id"] == "summary", "schema": row["schema"]}
        for row in fields
    ]
    types = f"{API}/issue/createmeta/{PROJECT}/issuetypes"
    me = person(0) | {"accountId": "keepstep-bot", "displayName": "Keepstep"}
    return {
        f"{API}/serverInfo": {
            "baseUrl": SITE,
            "deploymentType": "Cloud",
            "version": "1001.0.0",
            "versionNumbers": [1001, 0, 0],
            # Later than every issue's last change and its overlap, so that a second pull finds nothing.
            "serverTime": time.strftime("%Y-%m-%dT%H:%M:%S.000+0000", time.gmtime(stamp(200_000) / 1000)),
        },
        f"{API}/myself": me,
        f"{API}/mypermissions": {"permissions": {"BROWSE_PROJECTS": {"havePermission": True}}},
        f"{API}/project/search": {
            "values": [{"id": "10000", "key": PROJECT, "name": "Acme", "projectTypeKey": "software"}],
            "isLast": True,
            "total": 1,
        },
        f"{API}/attachment/meta": {"enabled": True, "uploadLimit": 10_000_000},
        f"{API}/field": fields,
        f"{API}/priority": PRIORITIES,
        f"{API}/status": STATUSES,
        f"{API}/issuetype": TYPES,
        f"{API}/project/{PROJECT}/statuses": [{**kind, "statuses": STATUSES} for kind in TYPES],
        types: {"issueTypes": TYPES, "total": len(TYPES)},
        **{f"{types}/{kind['id']}": {"fields": screen, "total": len(screen)} for kind in TYPES},
        f"{API}/users/search": [person(number) for number in range(5)],
    }


class Handler(socketserver.StreamRequestHandler):
    """HTTP/1.1 with connections that stay open, and no more of it than is asked for here."""

    disable_nagle_algorithm = True
    site: Site

    def handle(self) -> None:
        while line := self.rfile.readline():
            method, target = line.decode("ascii").split(" ")[:2]
            length = _headers(self.rfile)
            body = self.rfile.read(length) if length else b""
            path, _, query = target.partition("?")
            delay = re.match(r"/wait(\d+)", path)
            if delay:
                time.sleep(int(delay[1]) / 1000)
                path = path[delay.end() :]
            answer = self.site.answer(method, path, query, body)
            status = b"200 OK" if answer is not None else b"404 Not Found"
            answer = answer if answer is not None else b'{"errorMessages":["no such place in the stub"]}'
            head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (
                status,
                len(answer),
            )
            self.request.sendall(head + answer)


def _headers(lines: BufferedIOBase) -> int:
    length = 0
    while (line := lines.readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return length


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main() -> None:
    site = Site(int(sys.argv[1]))
    with Server(("127.0.0.1", 0), type("Bound", (Handler,), {"site": site})) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_address[1], flush=True)
        sys.stdin.read()  # ends with the process that started this one
        server.shutdown()


@contextmanager
def running(issues: int) -> Iterator[str]:
    """The address of a stub with so many issues, in a process of its own."""
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "benchmarks.stub", str(issues)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


if __name__ == "__main__":
    main()
