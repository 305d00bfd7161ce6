"""Rows that are records, and rows of which nothing can be made."""

import msgspec
import pytest

from connectors.answer import whole_characters
from connectors.base import Unreadable
from connectors.rows import NoRecord, each_row, id_of, identified, made_of, stamp, typed


@pytest.mark.parametrize(
    ("row", "id"),
    [({"id": "a"}, "a"), ({"id": 7}, "7"), ({"id": 2**60}, "1152921504606846976"), ({"id": 0}, "0")],
)
def test_an_id_is_a_text_or_a_whole_number(row, id):
    assert id_of(row) == id


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (None, "not an object but NoneType"),
        ("a", "not an object but str"),
        ({}, "no `id`"),
        ({"id": None}, "no `id`"),
        ({"id": ""}, "no `id`"),
        ({"id": True}, "`id` is bool"),
        ({"id": 1.5}, "`id` is float"),
        ({"id": {"$oid": "7"}}, "`id` is dict"),
        ({"id": "x" * 501}, "`id` has 501 characters"),
    ],
)
def test_anything_else_is_none_and_says_why(row, why):
    with pytest.raises(NoRecord) as caught:
        id_of(row)
    assert str(caught.value) == why


def test_one_odd_row_does_not_keep_the_others_back():
    aside = []

    def name(row):
        return row["name"].upper()

    rows = [{"id": "1", "name": "a"}, {"id": "2"}, 7, {"id": "3", "name": None}, {"id": "4", "name": "b"}]
    assert list(each_row("cards", rows, name, aside)) == ["A", "B"]
    assert aside == [
        Unreadable(stream="cards", id="2", why="KeyError: 'name'"),
        Unreadable(stream="cards", id=None, why="TypeError: 'int' object is not subscriptable"),
        Unreadable(stream="cards", id="3", why="AttributeError: 'NoneType' object has no attribute 'upper'"),
    ]


def test_ids_are_text_from_there_on():
    aside = []
    same = {"id": "a", "more": [1]}
    assert identified("cards", [same, {"id": 7}, []], aside) == [same, {"id": "7"}]
    assert [(row.id, row.why) for row in aside] == [(None, "not an object but list")]


def test_the_reason_quotes_no_value():
    with pytest.raises(NoRecord) as caught:
        made_of(lambda row: int(row["secret"]), {"secret": "hunter2"})
    assert str(caught.value) == "ValueError"


def test_trouble_that_is_none_of_the_rows_is_not_hidden():
    with pytest.raises(MemoryError):
        made_of(lambda row: (_ for _ in ()).throw(MemoryError), {})


class Shape(msgspec.Struct):
    id: str
    size: int = 0
    names: list[str] = []


@pytest.mark.parametrize(
    ("row", "shape"),
    [
        ({"id": "1", "size": 5, "names": ["a"], "new": 1}, Shape("1", 5, ["a"])),
        ({"id": "1", "size": "5", "names": ["a"]}, Shape("1", 0, ["a"])),
        ({"id": "1", "size": 5, "names": [None]}, Shape("1", 5)),
        ({"id": "1", "size": None, "names": None}, Shape("1")),
    ],
)
def test_an_odd_value_counts_as_left_out(row, shape):
    assert typed(row, Shape) == shape


@pytest.mark.parametrize("row", [{}, {"id": 1}, {"id": None, "size": 5}, None, [], "x"])
def test_what_cannot_be_done_without_is_missed(row):
    with pytest.raises(NoRecord):
        typed(row, Shape)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-30T10:00:00.000Z", "2026-11-30T10:00:00.000Z"),
        ("2026-11-30T10:00:00Z", "2026-11-30T10:00:00.000Z"),
        ("2026-11-30T10:00:00+0545", "2026-11-30T04:15:00.000Z"),
        ("2026-11-30T10:00:00-03:30", "2026-11-30T13:30:00.000Z"),
        ("2026-11-30T10:00:00.123456+00:00", "2026-11-30T10:00:00.123Z"),
        ("2026-11-30T10:00:00", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("soon", None),
        ("", None),
        (None, None),
        (1764500000, None),
    ],
)
def test_a_time_is_in_utc_with_milliseconds_or_none(text, at):
    assert stamp(text) == at


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (rb'{"a":"plain"}', {"a": "plain"}),
        (rb'{"a":"\ud83d\ude00"}', {"a": "\U0001f600"}),
        (rb'{"a":"cut \ud83d"}', {"a": "cut \ufffd"}),
        (rb'{"a":"\ude00\ud83d\ude00\ud83d"}', {"a": "\ufffd\U0001f600\ufffd"}),
        (rb'{"a":"a path \\ud83d is none"}', {"a": r"a path \ud83d is none"}),
        (rb'{"a":"\\\ud83d"}', {"a": "\\\ufffd"}),
        (rb'{"\uD83D":"\u00e4\n"}', {"\ufffd": "ä\n"}),
    ],
)
def test_half_a_character_does_not_cost_the_page(body, read):
    assert msgspec.json.decode(whole_characters(body)) == read
