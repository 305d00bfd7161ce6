"""Objects whose values are decoded when they are asked for."""

import msgspec
import pytest

from connectors.undecoded import Slices, Undecoded, encodable, picked

SENT = b'{"summary":"\\u00c4pfel","n":1.50,"list":[1, 2],"nothing":null}'
PLAIN = {"summary": "Äpfel", "n": 1.5, "list": [1, 2], "nothing": None}


def undecoded(sent=SENT):
    return Undecoded(msgspec.json.decode(sent, type=Slices))


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


def test_it_is_passed_on_as_it_was_sent():
    assert msgspec.json.encode({"fields": undecoded()}, enc_hook=encodable) == b'{"fields":' + SENT + b"}"
    with pytest.raises(NotImplementedError):
        msgspec.json.encode(object(), enc_hook=encodable)


def test_changes_make_a_new_object():
    found = undecoded()
    assert found.without("n") == {name: value for name, value in PLAIN.items() if name != "n"}
    assert found.without("m") == PLAIN
    assert found.replaced("n", ["x"]) == PLAIN | {"n": ["x"]}
    assert found == PLAIN


def test_what_is_picked_is_decoded_at_once():
    assert picked(undecoded(), ("n", "m", "list")) == {"n": 1.5, "list": [1, 2]}
    assert picked(PLAIN, ("n",)) == PLAIN


def test_what_has_no_value_is_said_when_it_is_asked_for():
    found = undecoded(b'{"good":1,"odd":1e999}')
    assert found["good"] == 1
    for ask in (lambda: found["odd"], lambda: picked(found, ("good", "odd"))):
        with pytest.raises(ValueError, match="out of range"):
            ask()
