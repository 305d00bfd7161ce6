"""Sealed tokens, and logs without secrets."""

from __future__ import annotations

import base64
import json
import logging
from urllib.parse import quote

import pytest
import structlog
from cryptography.fernet import Fernet

from keepstep.logs import configure
from keepstep.redaction import Redaction
from keepstep.secrets import HeldTokens, SealedAccess, SealedTokens, SecretError

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
CANARY = 'c4n/ry+tök=en&"7'


class Rows:
    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}

    def load(self, connection: str, name: str) -> bytes | None:
        return self.kept.get((connection, name))

    def save(self, connection: str, name: str, sealed: bytes) -> None:
        self.kept[connection, name] = sealed


class AccessRows:
    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def load(self, connection: str) -> str | None:
        return self.kept.get(connection)

    def save(self, connection: str, sealed: str) -> None:
        self.kept[connection] = sealed


def test_an_access_token_is_opened_by_what_it_was_gained_with_and_by_nothing_else() -> None:
    rows = AccessRows()
    crm, files = SealedAccess(rows, "crm"), SealedAccess(rows, "files")
    assert crm.load("a credential") is None
    crm.save("a credential", CANARY)
    assert crm.load("a credential") == CANARY
    assert CANARY.encode() not in base64.urlsafe_b64decode(rows.kept["crm"])
    assert crm.load("another credential") is None
    rows.kept["files"] = rows.kept["crm"]
    assert files.load("a credential") is None
    rows.kept["crm"] = rows.kept["crm"][:-8] + "AAAAAAA="
    assert crm.load("a credential") is None
    rows.kept["crm"] = "no token at all"
    assert crm.load("a credential") is None


def test_a_token_comes_back_and_is_nowhere_in_the_clear() -> None:
    rows = Rows()
    SealedTokens(rows, "crm", NEW).save("refresh", CANARY)
    assert SealedTokens(rows, "crm", NEW).load("refresh") == CANARY
    assert SealedTokens(rows, "crm", NEW).load("access") is None
    kept = rows.kept["crm", "refresh"]
    assert CANARY.encode() not in kept
    assert CANARY.encode() not in base64.urlsafe_b64decode(kept)


def test_old_keys_open_and_the_newest_seals() -> None:
    rows = Rows()
    SealedTokens(rows, "crm", OLD).save("refresh", CANARY)
    both = SealedTokens(rows, "crm", f"{NEW}, {OLD}")
    assert both.load("refresh") == CANARY
    both.reseal("refresh")
    both.reseal("absent")
    assert SealedTokens(rows, "crm", NEW).load("refresh") == CANARY
    assert list(rows.kept) == [("crm", "refresh")]
    with pytest.raises(SecretError) as caught:
        SealedTokens(rows, "crm", OLD).load("refresh")
    assert caught.value.problem.code == "token_unreadable"


@pytest.mark.parametrize("target", [("tracker", "refresh"), ("crm", "access")])
def test_rows_cannot_be_swapped(target: tuple[str, str]) -> None:
    rows = Rows()
    SealedTokens(rows, "crm", NEW).save("refresh", CANARY)
    rows.kept[target] = rows.kept["crm", "refresh"]
    with pytest.raises(SecretError) as caught:
        SealedTokens(rows, target[0], NEW).load(target[1])
    assert caught.value.problem.code == "token_swapped"
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(("key", "code"), [(None, "key_missing"), (" , ", "key_missing"), ("short", "key_malformed")])
def test_without_a_key_nothing_is_stored(key: str | None, code: str) -> None:
    rows = Rows()
    with pytest.raises(SecretError) as caught:
        SealedTokens(rows, "crm", key).save("refresh", CANARY)
    assert caught.value.problem.code == code
    Fernet(caught.value.problem.params["example"])
    assert rows.kept == {}
    assert SealedTokens(rows, "crm", key).load("refresh") is None


def test_held_tokens_last_as_long_as_they_are_held() -> None:
    held = HeldTokens()
    held.save("a", "1")
    assert (held.load("a"), held.load("b"), HeldTokens().load("a")) == ("1", None, None)


@pytest.mark.parametrize("prefix", ["", "a:", "ab:", "bot@acme.test:"])
def test_a_secret_is_struck_in_every_spelling(prefix: str) -> None:
    redaction = Redaction([CANARY])
    sealed = base64.b64encode((prefix + CANARY).encode()).decode()
    core = base64.b64encode(CANARY.encode()[3:-3])[4:-4].decode()
    for text in (CANARY, quote(CANARY, safe=""), quote(CANARY), json.dumps(CANARY), sealed):
        struck = redaction.text(f"before {text} after")
        assert "***" in struck
        assert core not in struck
        assert text not in struck
        assert struck.startswith("before ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ("{'Authorization': 'Zoho-oauthtoken 1000.abc'}", "{'Authorization': '***'}"),
        ("GET /1/cards?key=abc&limit=5&token=def", "GET /1/cards?key=***&limit=5&token=***"),
        ("postgresql://keep:pass@db/keep", "postgresql://keep:***@db/keep"),
        ("the token of the card is blue", "the token of the card is blue"),
    ],
)
def test_what_stands_where_secrets_stand_is_struck(text: str, expected: str) -> None:
    assert Redaction().text(text) == expected


def test_nothing_secret_reaches_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    redaction = Redaction()
    configure(redaction, verbose=True)
    redaction.add(CANARY)
    log = structlog.get_logger()
    log.info("signed in", token="never-seen", card=["x", {"y": CANARY.encode()}], issue="ACME-1")
    logging.getLogger("vendor").warning("answer to %s", CANARY)
    try:
        raise ValueError(CANARY)
    except ValueError:
        log.error("failed", exc_info=True)
        logging.getLogger("vendor").exception("failed")
    told = capsys.readouterr()
    assert told.out == ""
    assert CANARY not in told.err
    assert "never-seen" not in told.err
    assert "ACME-1" in told.err
    assert told.err.count("ValueError: ***") == 2
    assert "answer to ***" in told.err
    configure(redaction)
    log.info("quiet")
    assert capsys.readouterr().err == ""
