"""What is printed where an encoding lacks characters: everything, escaped."""

from __future__ import annotations

import io
import json
import sys

import pytest

from keepstep.cli.output import Output, encoded, say_what_can_be_said

SAID = "名称 ü 📷"


def written(monkeypatch: pytest.MonkeyPatch, encoding: str, *, as_json: bool) -> str:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    say_what_can_be_said()
    output = Output(as_json=as_json, environ={}, progress_line=lambda text: None)  # type: ignore[arg-type, return-value]
    output.line(SAID)
    if as_json:
        output.document({"said": SAID})
    sys.stdout.flush()
    return raw.getvalue().decode(encoding).strip()


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("utf-8", SAID), ("latin-1", r"\u540d\u79f0 ü \U0001f4f7"), ("cp1252", r"\u540d\u79f0 ü \U0001f4f7")],
)
def test_characters_that_an_encoding_lacks_are_escaped(
    monkeypatch: pytest.MonkeyPatch, encoding: str, shown: str
) -> None:
    assert written(monkeypatch, encoding, as_json=False) == shown


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_json_says_the_same_in_every_encoding(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    assert json.loads(written(monkeypatch, encoding, as_json=True)) == {"said": SAID}


def test_json_that_only_has_ascii_still_escapes_what_steers_a_terminal() -> None:
    assert encoded({"a": "\x1b[31m\u202e名"}, ascii_only=True) == r'{"a":"\u001b[31m\u202e\u540d"}'
