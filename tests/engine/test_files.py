"""Files that ride with their tasks: their bytes on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.content import Download
from connectors.errors import Malformed
from keepstep.store import tables as t
from keepstep.testing.worlds import PAST_DOUBT, Talk


@pytest.fixture
def bench() -> Talk:
    """A task on both sides with one file, which was carried."""
    made = Talk(rides="attachments")
    made.make("a", title="x")
    made.settle()
    made.put("a", made.only("a"), "plan", b"the plan")
    made.settle()
    assert made.files("b") == [("plan", b"the plan")]
    return made


def arriving(bench: Talk, parts: Iterator[bytes]) -> None:
    """What side ``a`` sends comes in these parts."""
    connector: Any = bench.connections["a"].connector
    connector.download = lambda stream, id: Download("slow", "text/plain", parts)


def test_a_slow_file_keeps_the_lease_and_lies_in_a_file_of_ours_only_as_long_as_it_must(
    bench: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    seen: list[Any] = []

    def parts() -> Iterator[bytes]:
        for number in range(6):
            bench.clock.advance(100.0)
            seen.append(bench.store.acquire(f"sync:{bench.talk.name}", "another", 300.0))
            seen.append([oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()])
            yield str(number).encode() * 100

    arriving(bench, parts())
    bench.put("a", bench.only("a"), "slow", b"")
    bench.round()
    assert seen == [None, ["0o600"]] * 6
    assert dict(bench.files("b"))["slow"] == b"".join(str(number).encode() * 100 for number in range(6))
    assert list(tmp_path.iterdir()) == []


def test_more_bytes_than_allowed_are_not_read_to_their_end_and_told(bench: Talk) -> None:
    read: list[int] = []

    def parts() -> Iterator[bytes]:
        for number in range(100):
            read.append(number)
            yield b"x" * 400

    arriving(bench, parts())
    bench.put("a", bench.only("a"), "endless", b"")
    bench.settle()
    assert len(bench.files("b")) == 1
    assert len(read) == 3
    assert bench.open_findings() == ["file_unreadable"]


def test_a_body_that_ends_early_is_asked_for_again_and_nothing_of_it_is_written(bench: Talk) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise Malformed("GET /file: ended early")

    arriving(bench, broken())
    bench.put("a", bench.only("a"), "photo", b"the photo")
    writes = bench.writes()
    bench.round()
    assert bench.writes() == writes
    assert [row["params"]["connection"] for row in bench.rows(t.finding) if row["state"] == "open"] == ["a"]
    del bench.connections["a"].connector.download  # type: ignore[attr-defined]
    bench.settle(PAST_DOUBT)
    assert dict(bench.files("b"))["photo"] == b"the photo"
    assert bench.open_findings() == []
