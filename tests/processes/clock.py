"""Time as it passes, moved on for several processes at once by a number in a file."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path


class SharedClock:
    """The machine's clock, and so many seconds later as the file says."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.exists():
            path.write_text("0")

    def skip(self, seconds: float) -> None:
        """Move on, for everybody who reads the file."""
        later = self._path.with_suffix(".new")
        later.write_text(str(self._skipped() + seconds))
        later.replace(self._path)

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._skipped())

    def monotonic(self) -> float:
        return time.monotonic() + self._skipped()

    def wait(self, seconds: float) -> None:
        time.sleep(min(seconds, 0.05))

    def _skipped(self) -> float:
        return float(self._path.read_text())
