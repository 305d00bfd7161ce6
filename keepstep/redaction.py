"""Strikes secrets from log lines: known values in every usual spelling, and what stands where secrets stand."""

from __future__ import annotations

import base64
import json
import logging
import re
import threading
import traceback
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any
from urllib.parse import quote, quote_plus

STRUCK = "***"
SHORTEST = 4
"""Shorter values are no secrets, and striking them would leave no log."""

NAMES = r"authorization|proxy-authorization|cookie|set-cookie|x-api-key"
KEYS = r"token|access_token|refresh_token|id_token|api_key|apikey|client_secret|secret|password|signature"
SENSITIVE = re.compile(rf"(?:{NAMES}|{KEYS})", re.IGNORECASE)
HEADER = re.compile(rf"""((?:{NAMES})["']?\s*[:=]\s*["']?)(?:(?:[A-Za-z-]+\s+)?[^\s"',;]+)""", re.IGNORECASE)
QUERY = re.compile(rf"""([?&;](?:{KEYS}|key|code)=)[^&\s"'#]+""", re.IGNORECASE)
ADDRESS = re.compile(r"(\w://[^/\s:@]*:)[^@\s/]+@")


def spellings(secret: str) -> set[str]:
    """The forms in which a secret turns up: plain, URL-encoded, JSON-escaped, inside base64 at any offset."""
    forms = {secret, quote(secret, safe=""), quote_plus(secret), quote(secret), json.dumps(secret)[1:-1]}
    forms |= {json.dumps(secret, ensure_ascii=False)[1:-1]}
    raw = secret.encode()
    for offset in range(3):
        # Around it stands something unknown (``user:``), so only whole groups of the secret's own bytes are sure.
        skipped = 3 - offset if offset else 0
        core = raw[skipped : skipped + (len(raw) - skipped) // 3 * 3]
        if len(core) >= 6:
            forms |= {base64.b64encode(core).decode(), base64.urlsafe_b64encode(core).decode()}
    return forms


class Redaction(logging.Filter):
    """A filter for ``logging`` and, as ``processor``, for structlog. Thread-safe; values may be added at any time."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._lock = threading.Lock()
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """From now on strike these too."""
        with self._lock:
            for secret in secrets:
                if len(secret) >= SHORTEST:
                    self._forms |= spellings(secret)
            longest = sorted(self._forms, key=lambda form: (-len(form), form))
            self._pattern = re.compile("|".join(map(re.escape, longest))) if longest else None

    def text(self, text: str) -> str:
        """The text without secrets."""
        if self._pattern is not None:
            text = self._pattern.sub(STRUCK, text)
        text = HEADER.sub(rf"\1{STRUCK}", text)
        text = ADDRESS.sub(rf"\1{STRUCK}@", text)
        return QUERY.sub(rf"\1{STRUCK}", text)

    def value(self, value: Any) -> Any:
        """The same for data: strings in it are struck, and whole values under a telling key."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes | bytearray):
            return self.text(bytes(value).decode("utf-8", "replace"))
        if isinstance(value, Mapping):
            return {
                self.value(key): STRUCK
                if isinstance(key, str) and SENSITIVE.fullmatch(key) and item
                else self.value(item)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item) for item in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        return self.text(str(value))

    def processor(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """For structlog's chain, before the renderer. Exceptions become text here, so that they are struck too."""
        trouble = event.pop("exc_info", None)
        struck: dict[str, Any] = self.value(event)
        if trouble:
            struck["exception"] = self.text(_traceback(trouble))
        return struck

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self.text(record.getMessage()), ()
        if record.exc_info:
            record.exc_text, record.exc_info = self.text(_traceback(record.exc_info)), None
        elif record.exc_text:
            record.exc_text = self.text(record.exc_text)
        if record.stack_info:
            record.stack_info = self.text(record.stack_info)
        return True


def _telling(key: Any) -> bool:
    return isinstance(key, str) and SENSITIVE.fullmatch(key) is not None


def _traceback(trouble: Any) -> str:
    if isinstance(trouble, BaseException):
        return "".join(traceback.format_exception(trouble)).rstrip()
    if isinstance(trouble, tuple) and len(trouble) == 3 and trouble[0] is not None:
        return "".join(traceback.format_exception(*trouble)).rstrip()
    return traceback.format_exc().rstrip()
