"""The local server's process: started, watched and stopped, with nothing left behind. A small program stands in."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.prefect_server import LocalServer, PrefectUnavailable

ANSWERS = """\
import os, subprocess, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("child", child.pid, "home", os.environ["PREFECT_HOME"], os.environ["DO_NOT_TRACK"],
      os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"], os.environ.get("PREFECT_PROFILE"), flush=True)
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()
HTTPServer(("127.0.0.1", int(os.environ["PREFECT_SERVER_API_PORT"])), Handler).serve_forever()
"""


def server(home: Path, program: str) -> LocalServer:
    return LocalServer(home, {**os.environ, "PREFECT_PROFILE": "somebody's"}, (sys.executable, "-c", program))


def gone(pid: int) -> bool:
    """Within a generous time; a process that has ended but was not yet collected counts as gone."""
    for _ in range(300):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
            os.kill(pid, 0)
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.1)
    return False


def test_it_stops_with_all_that_it_started(tmp_path: Path) -> None:
    local = server(tmp_path / "prefect", ANSWERS)
    local.start()
    pid = local.pid
    assert pid is not None
    groups = (os.getpgid(pid), os.getpgid(0))
    words = local.log.read_text().splitlines()[0].split()
    local.stop()
    assert groups[0] == pid != groups[1]
    assert words[3:] == [str(tmp_path / "prefect"), "1", "false", "None"]
    assert not local.alive()
    assert gone(pid)
    assert gone(int(words[1]))
    local.stop()


def test_the_sign_in_is_for_the_owner_alone_and_stays(tmp_path: Path) -> None:
    first = LocalServer(tmp_path / "a", {})
    assert stat.S_IMODE(first.sign_in_file.parent.stat().st_mode) == 0o700 if first.sign_in() else False
    assert stat.S_IMODE(first.sign_in_file.stat().st_mode) == 0o600
    assert first.sign_in() == LocalServer(tmp_path / "a", {}).sign_in()
    assert first.sign_in() != LocalServer(tmp_path / "b", {}).sign_in()
    assert first.settings()["PREFECT_API_AUTH_STRING"] == first.sign_in()


def test_a_server_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    local = server(tmp_path / "prefect", "import sys; sys.exit('the disk is full')")
    with pytest.raises(PrefectUnavailable, match=r"ended with 1; its log is .*the disk is full"):
        local.start()
    assert not local.alive()


def test_two_never_share_one_database(tmp_path: Path) -> None:
    first, second = server(tmp_path / "prefect", ANSWERS), server(tmp_path / "prefect", ANSWERS)
    first.start()
    try:
        with pytest.raises(PrefectUnavailable, match="another process uses"):
            second.start()
        assert second.pid is None
    finally:
        first.stop()
    second.start()
    second.stop()


def test_it_ends_when_its_parent_is_killed() -> None:
    child = "import threading, time; from pipelines.prefect_child import _follow_parent as f; f_ = f; "
    child += "threading.Thread(target=f, daemon=True).start(); print('up', flush=True); time.sleep(600)"
    program = (
        "import subprocess, sys, time\n"
        f"p = subprocess.Popen([sys.executable, '-c', {child!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE,"
        " start_new_session=True)\n"
        "p.stdout.readline()\nprint(p.pid, flush=True)\ntime.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)  # noqa: S603
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert gone(pid)
