"""What the file is made of: encodings, YAML, and anything at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keepstep.config import ConfigurationError, Problem, load, loads
from keepstep.config.source import MOST_NODES
from keepstep.language import LANGUAGES, say
from tests.keepstep.configurations import ENVIRON, GOOD, config, problems, told, with_connection
from tests.keepstep.plugins import registry


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", ("file_empty", 1, 1), id="empty"),
        pytest.param("- a\n", ("file_not_a_mapping", 1, 1), id="a list"),
        pytest.param("a: [1\nb: 2\n", ("yaml_syntax", 2, 2), id="bad YAML"),
        pytest.param("a:\n\tb: 1\n", ("yaml_tab", 2, 1), id="tab"),
        pytest.param("a: \x01\n", ("yaml_character", 1, 1), id="control character"),
        pytest.param("a: *b\n", ("yaml_syntax", 1, 4), id="alias to nothing"),
        pytest.param("a: &a [*a]\n", ("yaml_recursive", 1, 4), id="alias into itself"),
        pytest.param("a: " + "[" * 60 + "]" * 60, ("yaml_too_deep", 1, 44), id="deep"),
        pytest.param("a: " + "[" * 500 + "]" * 500, ("yaml_too_deep", 1, 1), id="deeper than the stack"),
        pytest.param(b"version: 1\nstore: \xff\n", ("file_not_utf8", 2, 8), id="not UTF-8"),
        pytest.param("version: 1\n".encode("utf-16"), ("file_encoding", 1, 1), id="UTF-16"),
        pytest.param("a: 1\n---\nb: 1\n", ("yaml_syntax", 2, 1), id="two documents"),
        pytest.param(b"#" * 1_100_000, ("configuration_too_large", None, None), id="too large"),
    ],
)
def test_what_is_no_configuration_says_so(text: str | bytes, expected: tuple[str, int, int]) -> None:
    assert told(text) == [expected]


def test_an_alias_bomb_stops_early() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    found = problems("\n".join(lines))
    assert [each.code for each in found] == ["yaml_too_many"]
    assert found[0].params == {"most": MOST_NODES}


def test_a_byte_order_mark_of_utf_8_is_no_mistake() -> None:
    text = b"\xef\xbb\xbf" + with_connection("").encode()
    assert loads(text, ENVIRON, registry()).connections.keys() == {"b"}


def test_a_missing_file_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path / "none.yaml", {}, registry())
    assert caught.value.problems[0].code == "file_missing"
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, {}, registry())
    assert caught.value.problems[0].code == "configuration_unreadable"


PIECES = st.sampled_from(
    [
        "a",
        "1",
        ": ",
        "- ",
        "\n",
        "  ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "&a ",
        "*a",
        "!!int ",
        "? ",
        ">\n",
        "'",
        '"',
        "#",
        "\t",
        "%",
    ]
)
WORDS = st.sampled_from(
    ["~", "<<", "${", "${TOKEN}", "\u2028", "2026-13-01", "version", "store", "connections", "syncs", "sides", "where"]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES | WORDS, max_size=25), st.integers(0, len(GOOD)), st.booleans())
def test_whatever_stands_in_the_file_only_our_own_error_comes_out(pieces: list[str], at: int, inside: bool) -> None:
    text = "".join(pieces)
    found: list[Problem] = []
    try:
        config(GOOD[:at] + text + GOOD[at:] if inside else text)
    except ConfigurationError as error:
        found = error.problems
    assert found or inside
    assert "s3cr3t" not in str([dict(each.params) for each in found])
    for each in found:
        assert each.line is None or each.line >= 1
        assert all(say(each.code, each.params, language) for language in LANGUAGES)
