"""One write on its way: each request at most once, and one outcome whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.answer import Answer
from connectors.base import Content, Gate, Outcome, Record, Write
from connectors.errors import (
    ConnectorError,
    EffectUnknown,
    GateClosed,
    NotFound,
    RateLimited,
    RecordRefused,
    WriteForbidden,
)
from connectors.trello.client import TrelloClient
from connectors.trello.content import upload
from connectors.trello.models import Raw


class Refused(Exception):
    """Refused here, before anything was sent."""

    def __init__(self, reason: str, code: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.field = field


class Attempt:
    """Counts what took effect, so that trouble in a later request is never told as "nothing happened"."""

    def __init__(self, client: TrelloClient, write: Write, gate: Gate) -> None:
        self.client = client
        self.write = write
        self.id = write.id
        self.answer: Raw | None = None
        """The record as the only request of this write answered it; None once a second request followed."""
        self._gate = gate
        self._taken = 0

    def send(
        self,
        verb: str,
        path: str,
        values: dict[str, Any] | None = None,
        *,
        whole: bool = False,
        body: dict[str, Any] | None = None,
    ) -> Any:
        """Send one request. ``whole``: its answer carries the record, or it is no answer."""
        return self._took(verb, path, self.client.send(verb, path, self._gate, values, body), whole)

    def upload(self, card: str, values: dict[str, str], content: Content) -> Any:
        """Send one file onto a card; the answer carries the record."""
        answer = upload(self.client, self._gate, card, values, content)
        return self._took("POST", f"/cards/{card}/attachments", answer, True)

    def _took(self, verb: str, path: str, answer: Answer, whole: bool) -> Any:
        self._taken += 1
        self.answer = None
        if not whole:
            return answer.decode() if answer.body else None
        raw = answer.decode(dict[str, Any])
        if not isinstance(raw.get("id"), str):
            raise EffectUnknown(f"{verb} {path}: an answer without an id", status=answer.status)
        self.answer = raw
        return raw

    def run(self, work: Callable[[Attempt], None], read: Callable[[Raw], Record]) -> Outcome:
        """The outcome of ``work``. A second failure cannot hide that the first request took effect."""
        try:
            work(self)
            one = read(self.answer) if self.answer is not None else None
        except Refused as no:
            return self._outcome("refused", str(no), code=no.code, field=no.field)
        except GateClosed as closed:
            return self._outcome("not_sent", str(closed) or "the gate is closed")
        except WriteForbidden:
            raise
        except ConnectorError as error:
            return self._failed(error)
        except (LookupError, TypeError, ValueError, AttributeError) as trouble:
            # An answer, or what was read before, is not as Trello sends it. What was sent has had its effect.
            return self._outcome("not_sent", f"an answer that cannot be read: {type(trouble).__name__}: {trouble}")
        return Outcome(intent=self.write.intent, status="done", id=one.id if one else self.id, record=one)

    def _failed(self, error: ConnectorError) -> Outcome:
        told: dict[str, Any] = {"code": error.code, "field": error.field}
        if isinstance(error, EffectUnknown):
            return self._outcome("unknown", str(error), **told)
        if isinstance(error, NotFound) and self.write.kind != "create":
            return self._outcome("gone", str(error), **told)
        if isinstance(error, RecordRefused):
            return self._outcome("refused", str(error), **told)
        wait = error.retry_after if isinstance(error, RateLimited) else None
        return self._outcome("not_sent", str(error), retry_after=wait, **told)

    def _outcome(self, status: Any, reason: str, **told: Any) -> Outcome:
        if self._taken and status in ("refused", "not_sent", "gone"):
            status, reason = "unknown", f"{self._taken} requests took effect, then: {reason}"
        return Outcome(intent=self.write.intent, status=status, id=self.id, reason=reason, **told)
