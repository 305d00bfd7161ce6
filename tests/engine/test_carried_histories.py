"""Whole histories of talk: whatever people, faults and crashes do, a comment stands once on each side.

One seed gives one history. Every comment has a number of its own, by which its copies are counted.
"""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest

from connectors.memory_service import COMMENTS, STREAM, Traits
from connectors.sandbox.faults import Fault
from keepstep.testing.worlds import PAST_DOUBT, Talk

MARKERS = ("in_create", "reserved_id", "unique_field", "fingerprint")
FAULTS = ("lost_after", "lost_before", "broken_after", "429")
POINTS = (
    "observe.page.stored",
    "match.stored",
    "absorb.stored",
    "apply.intent.committed",
    "apply.gate",
    "apply.answered",
    "apply.receipt.committed",
    "apply.reading_back",
    "apply.read_back.committed",
    "recover.stored",
)
HEADING = re.compile(r"^(Ada|Bo|Chen), \d{4}-\d\d-\d\d \d\d:\d\d:$", re.M)


class History:
    """A random history over two or three sides; ``written`` and ``touched`` say what people did to comments."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        traits = [
            Traits(
                marker=self.rng.choice(MARKERS),
                returns_record=self.rng.random() < 0.6,
                versioned=self.rng.random() < 0.8,
                lag=self.rng.choice((0.0, 0.0, 5.0)),
                page=self.rng.choice((3, 50)),
            )
            for _ in range(self.rng.choice((2, 2, 3)))
        ]
        self.bench = Talk(*traits)
        self.names = sorted(self.bench.services)
        self.written: dict[tuple[str, str], str] = {}
        """Origin -> what its author last wrote."""
        self.touched: set[str] = set()
        """Numbers of comments of which somebody edited or deleted a record."""
        self.number = 0

    def run(self) -> None:
        self.bench.make("a", title="first")
        self.bench.settle(PAST_DOUBT)
        for _ in range(self.rng.randint(12, 24)):
            getattr(
                self, self.rng.choice(("say", "say", "say", "edit", "new", "meddle", "fault", "round", "round", "kill"))
            )()
        for service in self.bench.services.values():
            service.faults.clear()
        self.bench.settle(PAST_DOUBT)
        self.bench.settle(PAST_DOUBT)

    def say(self) -> None:
        name = self.rng.choice(self.names)
        service = self.bench.services[name]
        items = sorted(service.records(STREAM))
        if items:
            text = f"#{self.number} said"
            self.number += 1
            id = self.bench.say(name, self.rng.choice(items), text, self.rng.choice(("Ada", "Bo", "Chen")))
            self.written[name, id] = text

    def edit(self) -> None:
        if self.written:
            name, id = self.rng.choice(sorted(self.written))
            if id in self.bench.services[name].records(COMMENTS):
                text = re.sub(r" .*", f" edited {self.rng.randint(0, 99)}", self.written[name, id])
                self.bench.services[name].edit("Ada", COMMENTS, id, {"text": text})
                self.written[name, id] = text

    def new(self) -> None:
        self.bench.make(self.rng.choice(self.names), title=f"task {self.rng.randint(0, 999)}")

    def meddle(self) -> None:
        """Somebody edits or deletes a copy, or deletes what was copied."""
        service = self.bench.services[self.rng.choice(self.names)]
        records = service.records(COMMENTS)
        if records:
            id = self.rng.choice(sorted(records))
            self.touched.add(number_of(records[id]["text"]))
            if self.rng.random() < 0.5:
                service.delete("Dia", COMMENTS, id)
            elif HEADING.match(records[id]["text"]):
                service.edit("Dia", COMMENTS, id, {"text": records[id]["text"] + " (mine)"})

    def fault(self) -> None:
        service = self.bench.services[self.rng.choice(self.names)]
        service.faults.switch_on(Fault(self.rng.choice(FAULTS), "write", times=self.rng.randint(1, 2)))

    def round(self) -> None:
        if self.bench.round(self.rng.choice((60.0, PAST_DOUBT))).holds:
            self.bench.let_through()

    def kill(self) -> None:
        self.bench.kill_at(self.rng.choice(POINTS), self.rng.randint(1, 4))


def number_of(text: str) -> str:
    found = re.search(r"#\d+", text)
    assert found is not None, text
    return found[0]


@pytest.mark.parametrize("seed", range(24))
def test_a_comment_stands_once_on_each_side_and_never_comes_back(seed: int) -> None:
    history = History(seed)
    history.run()
    bench = history.bench
    said = {name: bench.said(name) for name in history.names}
    for texts in said.values():
        assert max(Counter(map(number_of, texts)).values(), default=1) == 1
        assert all(len(HEADING.findall(text)) <= 1 for text in texts)
    for (name, id), text in history.written.items():
        number = number_of(text)
        if number in history.touched:
            continue
        assert bench.services[name].records(COMMENTS)[id]["text"] == text
        for other in history.names:
            (there,) = [each for each in said[other] if number_of(each) == number]
            assert there == text if other == name else there.endswith(f":\n\n{text}")
    writes = bench.writes()
    for _ in range(2):
        bench.round(PAST_DOUBT)
    assert bench.writes() == writes
