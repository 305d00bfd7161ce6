"""What came of each promise: it holds, it does not, or it was not tried."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connectors.errors import ConnectorError, GateClosed, Transient
from keepstep.testing.live.report import Result


class Broken(Exception):
    """A promise does not hold; the message says what was seen, without anything private."""


class NotTried(Exception):
    """A promise cannot be tried here; the message is a code."""


def expect(held: bool, **seen: object) -> None:
    """Raises ``Broken`` unless it held."""
    if not held:
        raise Broken(", ".join(f"{name}={value}" for name, value in seen.items()))


def closed_gate() -> None:
    raise GateClosed("closed on purpose")


class Tried:
    """Collects what came of each promise of one stream."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.results: dict[str, Result] = {}

    @contextmanager
    def promise(self, name: str) -> Iterator[None]:
        """Within, one promise is tried. Trouble on the way is told apart from a promise that does not hold."""
        result, reason, detail = "holds", "", ""
        try:
            yield
        except NotTried as why:
            result, reason = "not_tried", str(why)
        except Broken as what:
            result, detail = "fails", str(what)
        except Transient as error:
            result, reason, detail = "not_tried", "trouble", type(error).__name__
        except ConnectorError as error:
            result, detail = "fails", f"raised={type(error).__name__}, status={error.status}"
        former = self.results.get(name)
        if former is None or former.result != "fails":
            made = Result(stream=self.stream, promise=name, result=result, reason=reason, detail=detail)  # type: ignore[arg-type]
            self.results[name] = made
