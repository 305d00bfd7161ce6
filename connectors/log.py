"""The logger of every module here: structlog, which is drawn in when a line is really written.

It brings rich and asyncio with it, a good part of what a process costs that has nothing to say. So no module imports it
by itself: what is configured before anything is written is kept here until then.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

_lock = threading.Lock()
_level = logging.NOTSET
_prepare: Callable[[], None] | None = None


def configured(level: int, prepare: Callable[[], None]) -> None:
    """Lines below ``level`` are not written; ``prepare`` is called once, before the first one that is."""
    global _level, _prepare
    with _lock:
        _level, _prepare = level, prepare


def prepared() -> Any:
    """structlog, imported and configured."""
    global _prepare
    import structlog

    with _lock:
        if _prepare is not None:
            _prepare()
            _prepare = None
    return structlog


class Log:
    """Writes events with values. Cheap to make, and cheap where nothing is written."""

    def debug(self, event: str, **values: Any) -> None:
        self._write(logging.DEBUG, event, values)

    def info(self, event: str, **values: Any) -> None:
        self._write(logging.INFO, event, values)

    def warning(self, event: str, **values: Any) -> None:
        self._write(logging.WARNING, event, values)

    def exception(self, event: str, **values: Any) -> None:
        """As an error, with the exception that is being handled."""
        self._write(logging.ERROR, event, {"exc_info": True} | values)

    def _write(self, level: int, event: str, values: dict[str, Any]) -> None:
        if level >= _level:
            prepared().get_logger().log(level, event, **values)
