"""Logs go to standard error, with every secret struck; standard output belongs to results."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from keepstep.redaction import Redaction


def configure(redaction: Redaction, *, verbose: bool = False) -> None:
    """Send structlog and ``logging`` to standard error through ``redaction``. May be called again."""
    level = logging.DEBUG if verbose else logging.WARNING
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redaction.processor,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_to_standard_error,
        cache_logger_on_first_use=False,
    )
    handler = _Handler()
    handler.addFilter(redaction)
    handler.setFormatter(logging.Formatter("timestamp='%(asctime)s' level='%(levelname)s' event=%(message)r"))
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.INFO if verbose else logging.WARNING)


class _Handler(logging.StreamHandler[Any]):
    """Writes to what standard error is at that moment, not at the time of configuring."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stderr


def _to_standard_error(*_: Any) -> Any:
    return structlog.PrintLogger(sys.stderr)
