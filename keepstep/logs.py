"""Logs go to standard error, with every secret struck; standard output belongs to results."""

from __future__ import annotations

import logging
import sys
from functools import partial
from typing import Any

from connectors import log
from keepstep.redaction import Redaction


def configure(redaction: Redaction, *, verbose: bool = False) -> None:
    """Send structlog and ``logging`` to standard error through ``redaction``. May be called again."""
    level = logging.DEBUG if verbose else logging.WARNING
    log.configured(level, partial(_structlog, redaction, level))
    if "structlog" in sys.modules:
        log.prepared()  # others may write by it without asking us
    handler = _Handler()
    handler.addFilter(redaction)
    handler.setFormatter(logging.Formatter("timestamp='%(asctime)s' level='%(levelname)s' event=%(message)r"))
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.INFO if verbose else logging.WARNING)


def _structlog(redaction: Redaction, level: int) -> None:
    import structlog  # not before something is written: see ``connectors.log``

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redaction.processor,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


class _Handler(logging.StreamHandler[Any]):
    """Writes to what standard error is at that moment, not at the time of configuring."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stderr
