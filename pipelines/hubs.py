"""The hub of a configuration file, kept between runs: connections stay signed in, and a changed file is read anew.

Signing in for each run would spend the few tokens a day that some services grant.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from connectors.base import utc
from connectors.context import Wait
from connectors.log import Log
from keepstep.config import Config, ConfigurationError, load, loads
from keepstep.hub import Hub
from keepstep.redaction import Redaction
from keepstep.registry import Registry
from keepstep.runtime import Runtime
from keepstep.store.errors import StoreError

log = Log()

DESCRIBED_FOR = 3600.0
"""Seconds after which connections are asked again for their streams and fields."""

Build = Callable[[Config, Registry, Runtime], Hub]


class Keeper:
    """The newest valid hub of one file. One run at a time: hold ``lock`` while using the hub."""

    def __init__(
        self,
        path: Path,
        registry: Registry,
        runtime: Runtime,
        redaction: Redaction | None = None,
        build: Build = Hub,
    ) -> None:
        self.path = path
        self.registry = registry
        self.runtime = runtime
        self.redaction = redaction or Redaction()
        self.lock = threading.RLock()
        self.refused: ConfigurationError | StoreError | None = None
        """Why the file as it is now is not in use."""
        self._build = build
        self._hub: Hub | None = None
        self._text: bytes | None = None
        self._described_at = 0.0

    @property
    def current(self) -> Hub | None:
        """The hub in use, without looking at the file."""
        return self._hub

    def hub(self) -> Hub:
        """The hub of the file as it is now; of the last valid one, if the file has mistakes since.

        Raises ``ConfigurationError`` or ``StoreError`` if there never was a valid one.
        """
        with self.lock:
            hub = self.refresh()
            now = self.runtime.clock.monotonic()
            if hub.down or hub.outdated or now - self._described_at > DESCRIBED_FOR:
                hub.reconnect()
                self._described_at = now
            return hub

    def refresh(self) -> Hub:
        """As ``hub``, without asking connections again."""
        with self.lock:
            try:
                self._renew()
            except (ConfigurationError, StoreError) as error:
                self.refused = error
                if self._hub is None:
                    raise
            if self._hub is None:
                raise LookupError(f"no hub for {self.path}")
            return self._hub

    def _renew(self) -> None:
        try:
            text = self.path.read_bytes()
        except OSError:
            load(self.path, self.runtime.environ, self.registry)  # says in the project's words what is wrong
            raise
        if text == self._text and self._hub is not None:
            self.refused = None
            return
        config = loads(text, self.runtime.environ, self.registry, str(self.path))
        self.redaction.add(*config.secrets())
        hub = self._build(config, self.registry, self.runtime)
        self.close()
        self._hub, self._text, self.refused = hub, text, None
        self._described_at = self.runtime.clock.monotonic()

    def close(self) -> None:
        """Let go of the store."""
        with self.lock:
            if self._hub is not None:
                self._hub.close()
            self._hub = self._text = None


@contextmanager
def logged(wait: Wait) -> Iterator[None]:
    """Writes into the log that a connection waits, why, and until when."""
    log.warning("connection waits", connection=wait.connection, limit=wait.limit, until=utc(wait.until))
    yield


_keepers: dict[Path, Keeper] = {}
_lock = threading.Lock()


def keep(keeper: Keeper) -> Keeper:
    """From now on, flows of this process that name the keeper's file use it."""
    with _lock:
        _keepers[keeper.path.resolve()] = keeper
    return keeper


def forget(keeper: Keeper) -> None:
    """Flows of this process no longer find it."""
    with _lock:
        _keepers.pop(keeper.path.resolve(), None)


def keeper(path: Path) -> Keeper:
    """This process's keeper of that file; made with the machine's own clock and plugins if there is none."""
    place = path.resolve()
    with _lock:
        if place not in _keepers:
            _keepers[place] = Keeper(path, Registry.installed(), Runtime.real(), build=partial(Hub, waiting=logged))
        return _keepers[place]
