"""``keepstep serve`` as people start it: a process of its own, with its own Prefect server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from pipelines.prefect_server import free_port
from pipelines.serve import stopping

CONFIG = """\
version: 1
connections: {one: {system: memory}, two: {system: memory}}
syncs:
  tasks: {entity: task, sides: [one.items, two.items], every: 5s}
"""
LIMIT = 280.0
KEEPSTEP = str(Path(sys.executable).with_name("keepstep"))


def members(folder: Path) -> list[str]:
    """Every process that was started with something of this folder in its environment, and still runs."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            environ = (place / "environ").read_bytes()
            state = (place / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue  # it has just ended, or is not ours
        if f"KEEPSTEP_TEST={folder}".encode() in environ and state != "Z":
            found.append(place.name)
    return found


def told(process: subprocess.Popen[str], url: str, wanted: Any) -> dict[str, Any]:
    """What ``/healthz`` says once ``wanted`` holds of it."""
    deadline = time.monotonic() + LIMIT
    facts: dict[str, Any] = {}
    while time.monotonic() < deadline and process.poll() is None:
        try:
            facts = requests.get(url, timeout=30).json()
        except requests.RequestException:
            facts = {}
        if facts and wanted(facts):
            return facts
        time.sleep(0.5)
    return facts


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are found through /proc")
def test_it_serves_takes_up_changes_and_leaves_no_process_behind(tmp_path: Path) -> None:
    config = tmp_path / "keepstep.yaml"
    config.write_text(CONFIG)
    port = free_port()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    command = [KEEPSTEP, "serve", "--config", str(config), "--port", str(port)]
    with (tmp_path / "out").open("w") as out:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=tmp_path, env={**environ, "KEEPSTEP_TEST": str(tmp_path)}, stderr=out, stdout=out, text=True
        )
    url = f"http://127.0.0.1:{port}/healthz"
    try:
        first = told(process, url, lambda facts: facts["rounds"])
        assert first["rounds"]["every-5s"]["message"] == "nothing new", (tmp_path / "out").read_text()
        assert first["store"] == "ok"
        assert len(members(tmp_path)) == 2

        config.write_text(CONFIG + "surprise: 1\n")
        kept = told(process, url, lambda facts: facts["configuration"] != "ok")
        assert "`surprise` is not known here" in kept["configuration"][0]
        config.write_text(CONFIG.replace("5s", "6s"))
        again = told(process, url, lambda facts: "every-6s" in facts["rounds"])
        assert again["configuration"] == "ok"
        assert again["rounds"]["every-6s"]["ok"]
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)
    said = (tmp_path / "out").read_text()
    assert code == 0, said
    assert "the changed configuration has mistakes; the former one stays in use" in said
    assert "the changed configuration is in use" in said
    assert members(tmp_path) == []
    sign_in = (tmp_path / ".keepstep" / "prefect" / "sign-in").read_text()
    assert sign_in.partition(":")[2] not in said


def run(folder: Path, *options: str, config: str = CONFIG, **environ: str) -> subprocess.CompletedProcess[str]:
    (folder / "keepstep.yaml").write_text(config)
    command = [KEEPSTEP, "serve", *options]
    own = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return subprocess.run(command, cwd=folder, env={**own, **environ}, capture_output=True, text=True, timeout=LIMIT)  # noqa: S603


def test_nothing_to_serve_is_a_mistake(tmp_path: Path) -> None:
    done = run(tmp_path, config="version: 1\nconnections: {one: {system: memory}}\n")
    assert done.returncode == 2
    assert "no syncs" in done.stderr


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run(tmp_path, "--port", str(port))
    assert done.returncode == 2
    assert f"port {port} is taken" in done.stderr


def test_without_prefect_it_says_how_to_go_on(tmp_path: Path) -> None:
    done = run(tmp_path, "--port", "0", PREFECT_API_URL=f"http://127.0.0.1:{free_port()}/api")
    assert done.returncode == 1
    assert "Prefect cannot be used" in done.stderr
    assert "`keepstep --config keepstep.yaml sync` from cron" in done.stderr


@pytest.mark.parametrize(("terminal", "stops"), [(True, True), (False, False)])
def test_a_hangup_stops_what_a_terminal_holds_and_no_service(
    terminal: bool, stops: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.serve.on_terminal", lambda stream: terminal)
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    stop = threading.Event()
    try:
        with stopping(stop):
            signal.raise_signal(signal.SIGHUP)
            assert stop.is_set() is stops
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)
