"""Every character comes back as it went in, as a key, as a value and inside JSON."""

from __future__ import annotations

from unicodedata import normalize

import pytest
import sqlalchemy as sa

from connectors.sandbox.clock import VirtualClock
from keepstep.store import tables as t
from keepstep.store.types import escaped, unescaped
from keepstep.testing.worlds import Bench
from tests.databases import Databases

ODD = [
    "\x00",
    "a\x00b",
    "\x1a",
    "\x1a0",
    "\x1a\x00",
    "\x1a1\x1a0\x00\x1a",
    "\\u0000",
    "\ufffe\uffff",
    "e\u0301 é",
    "👩‍👩‍👧",
    "%s %(x)s :x $1 ?",
    "o'ther\\",
    "İı ß",
    " trailing ",
    "",
]


@pytest.mark.parametrize("text", ODD, ids=ascii)
def test_what_is_escaped_is_unescaped(text: str) -> None:
    assert unescaped(escaped(text)) == text
    assert "\x00" not in escaped(text)


def test_every_text_is_a_key_a_value_and_json(databases: Databases) -> None:
    store = databases.fresh(VirtualClock())
    with store.write() as tx:
        tx.upsert(t.setting, [{"name": text, "value": {text: [text]}} for text in ODD])
        tx.upsert(t.setting, [{"name": text, "value": {"again": text}} for text in ODD])
        tx.insert(t.feed, [{"name": text, "cursor": text} for text in ODD])
    with store.read() as tx:
        rows = tx.all(sa.select(t.setting))
        assert {row["name"]: row["value"] for row in rows} == {text: {"again": text} for text in ODD}
        assert {row["name"]: row["cursor"] for row in tx.all(sa.select(t.feed))} == {text: text for text in ODD}
        for text in ODD:
            for column in (t.feed.c.name, t.feed.c.cursor):
                for condition in (column == text, column.in_([text]), t.among(column, [text, "x"])):
                    assert tx.one(sa.select(t.feed.c.name).where(condition)) == {"name": text}


def test_numbers_are_as_large_as_they_come(databases: Databases) -> None:
    store = databases.fresh(VirtualClock())
    numbers = [2**31, 2**53 + 1, -(2**63), 2**64 - 1, 1e308, 5e-324, -0.0]
    with store.write() as tx:
        tx.insert(t.setting, [{"name": "x", "value": numbers}])
        tx.insert(t.position, [{"sync": "x", "n": 2**63 - 1}])
    with store.read() as tx:
        assert tx.scalar(sa.select(t.setting.c.value)) == numbers
        assert tx.scalar(sa.select(t.position.c.n)) == 2**63 - 1


@pytest.mark.usefixtures("benches")
def test_a_record_of_odd_characters_is_carried_and_settles() -> None:
    bench = Bench()
    titles = [text for text in ODD if text == normalize("NFC", text.strip())]
    for text in titles:
        bench.make("a", title=f"t{text}", notes=text)
    bench.settle()
    assert sorted(each["title"] for each in bench.shown("b")) == sorted(f"t{text}" for text in titles)
    for text in titles:
        bench.edit("b", bench.only_titled("b", f"t{text}"), title=f"{text}t")
    bench.settle()
    assert sorted(each["title"] for each in bench.shown("a")) == sorted(f"{text}t" for text in titles)
    before = bench.writes()
    bench.round()
    assert bench.writes() == before
