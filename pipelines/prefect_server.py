"""A Prefect server of our own beside the store, for whoever has none: started, watched and stopped with ``serve``."""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import requests

START_LIMIT = 240.0
"""Seconds; on two idle cores it takes 12 to 35. A server that ends by itself is noticed at once."""
STOP_LIMIT = 15.0
QUIET = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
USER = "keepstep"


class PrefectUnavailable(Exception):
    """The server could not be started; the message says why."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LocalServer:
    """A server process of its own group, on a free port of the loopback interface, behind a random password.

    ``home`` holds its database, its log and the sign-in, which stays the same from start to start.
    """

    def __init__(self, home: Path, environ: Mapping[str, str], command: tuple[str, ...] = ()) -> None:
        self.home = home
        self.port = free_port()
        self.log = home / "server.log"
        self.sign_in_file = home / "sign-in"
        self._environ = environ
        self._command = command or (sys.executable, "-m", "pipelines.prefect_child", str(self.port))
        self._process: subprocess.Popen[bytes] | None = None
        self._claimed: BinaryIO | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def settings(self) -> dict[str, str]:
        """The environment by which a client in this process, or a child of it, finds the server and signs in."""
        return {
            **QUIET,
            "PREFECT_HOME": str(self.home),
            "PREFECT_API_URL": f"{self.url}/api",
            "PREFECT_API_AUTH_STRING": self.sign_in(),
            "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
            "PREFECT_LOGGING_LEVEL": "WARNING",
        }

    def sign_in(self) -> str:
        """User and password, as the page asks for them; kept in a file that only the owner reads."""
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with open(os.open(self.sign_in_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                file.write(f"{USER}:{secrets.token_urlsafe(24)}")
        except FileExistsError:
            pass  # of an earlier start
        return self.sign_in_file.read_text().strip()

    def start(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Start it and wait until it answers, or until ``stopped()``. Raises ``PrefectUnavailable``."""
        sign_in = self.sign_in()
        environ = {
            **{name: value for name, value in self._environ.items() if not name.startswith("PREFECT_")},
            **QUIET,
            "PREFECT_HOME": str(self.home),
            "PREFECT_SERVER_API_AUTH_STRING": sign_in,
            "PREFECT_SERVER_API_HOST": "127.0.0.1",
            "PREFECT_SERVER_API_PORT": str(self.port),
            "PREFECT_UI_API_URL": f"{self.url}/api",
            "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_SCHEDULED_TIME": "PT1M",
            "PREFECT_LOGGING_SERVER_LEVEL": "WARNING",
        }
        self._claim()
        with self.log.open("wb") as log:
            # A group of its own: Ctrl-C in the terminal reaches us first, and we stop the server in order.
            self._process = subprocess.Popen(  # noqa: S603
                self._command,
                env=environ,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_LIMIT
        while not self._answers():
            if self._process.poll() is not None:
                code = self._process.returncode
                self.stop()
                raise PrefectUnavailable(f"its server ended with {code}; {self._last_words()}")
            if stopped():
                return
            if time.monotonic() > deadline:
                self.stop()
                raise PrefectUnavailable(f"its server did not answer within {START_LIMIT:.0f} s; {self._last_words()}")
            time.sleep(0.3)

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End it and everything it has started. Harmless if it has ended already."""
        process, self._process = self._process, None
        if process is not None:
            self._end(process)
        if self._claimed is not None:
            self._claimed.close()
            self._claimed = None

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        _signal_group(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            _signal_group(process.pid, signal.SIGKILL)
            process.wait()
        _signal_group(process.pid, signal.SIGKILL)
        if process.stdin is not None:
            process.stdin.close()

    def _claim(self) -> None:
        """Two servers on one database would break it."""
        lock = (self.home / "lock").open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise PrefectUnavailable(f"another process uses {self.home}") from error
        self._claimed = lock

    def _answers(self) -> bool:
        with requests.Session() as session:
            session.trust_env = False  # no proxy stands between us and ourselves
            try:
                return session.get(f"{self.url}/api/health", timeout=2).ok
            except requests.RequestException:
                return False

    def _last_words(self) -> str:
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        last = f" ({lines[-1][:300]})" if lines else ""
        return f"its log is {self.log}{last}"


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, number)
