"""Objects whose values are decoded when they are asked for."""

from typing import Any, TypedDict

import msgspec
import pytest

from connectors.undecoded import Pick, Undecoded, as_sent, encodable

SENT = b'{"summary":"\\u00c4pfel","n":1.50,"list":[1, 2],"nothing":null}'
PLAIN = {"summary": "Äpfel", "n": 1.5, "list": [1, 2], "nothing": None}


def undecoded(sent=SENT):
    return Undecoded(msgspec.Raw(sent))


def test_it_reads_as_the_plain_object():
    found = undecoded()
    assert found == PLAIN
    assert dict(found) == PLAIN
    assert list(found) == list(PLAIN)
    assert len(found) == 4
    assert "n" in found
    assert "m" not in found
    assert found.get("nothing", "x") is None
    assert found.get("m", "x") == "x"
    assert str(found) == str(PLAIN)
    with pytest.raises(KeyError):
        found["m"]


def test_a_fingerprint_is_taken_of_what_came():
    found = undecoded().without("n").replaced("list", [])
    assert msgspec.json.encode({"fields": found}, enc_hook=as_sent) == b'{"fields":' + SENT + b"}"
    with pytest.raises(NotImplementedError):
        msgspec.json.encode(object(), enc_hook=as_sent)


def test_it_is_passed_on_as_it_was_sent():
    assert msgspec.json.encode({"fields": undecoded()}, enc_hook=encodable) == b'{"fields":' + SENT + b"}"
    with pytest.raises(NotImplementedError):
        msgspec.json.encode(object(), enc_hook=encodable)


def test_changes_make_a_new_object():
    found = undecoded()
    assert found.without("n") == {name: value for name, value in PLAIN.items() if name != "n"}
    assert found.without("m") == PLAIN
    assert found.replaced("n", ["x"]) == PLAIN | {"n": ["x"]}
    assert found.without("n").replaced("m", 1).without("list") == {"summary": "Äpfel", "nothing": None, "m": 1}
    assert found.without("n").replaced("n", 2) == PLAIN | {"n": 2}
    assert found == PLAIN


def test_what_is_picked_is_decoded_at_once():
    pick = Pick({"n": Any, "m": Any, "list": Any})
    assert pick(undecoded()) == {"n": 1.5, "list": [1, 2]}
    assert pick(PLAIN) == PLAIN
    assert pick(undecoded().without("n").replaced("list", 3).replaced("m", 4)) == {"list": 3, "m": 4}
    assert pick(undecoded().replaced("other", 3)) == {"n": 1.5, "list": [1, 2]}


class Part(TypedDict, total=False):
    id: Any


def test_of_an_object_only_the_named_parts_are_made():
    pick = Pick({"one": Part | None, "none": Part | None, "other": Any})
    assert pick(undecoded(b'{"one":{"id":7,"name":"x"},"none":null,"other":{"a":1}}')) == {
        "one": {"id": 7},
        "none": None,
        "other": {"a": 1},
    }


def test_what_has_another_shape_comes_whole():
    pick = Pick({"one": Part | None, "two": Part | None})
    sent = b'{"one":["x"],"two":{"id":7,"name":"x"},"odd":1e999}'
    assert pick(undecoded(sent)) == {"one": ["x"], "two": {"id": 7, "name": "x"}}


def test_what_has_no_value_is_said_when_it_is_asked_for():
    found = undecoded(b'{"good":1,"odd":1e999}')
    assert found["good"] == 1
    for ask in (lambda: found["odd"], lambda: Pick({"good": Any, "odd": Any})(found)):
        with pytest.raises(ValueError, match="out of range"):
            ask()
