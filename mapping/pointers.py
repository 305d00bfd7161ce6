"""What a record is known by, and what it points at: addresses and keys of other systems found inside it. Pure.

Where to look is data: canonical texts, fields that the service describes as custom, and every value that is an
address as a whole (attachments, links). No rule knows a system.

An address is ``host part`` for each part of a link that may name something, or a bare ``part`` where it is long or
odd enough to name nothing else. A record is known by its id, and by those of its own values that stand in its link
(a key, a short name).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from connectors.base import Record
from mapping.model import STANDARD, Form, Kind

MOST = 40
"""Pointers kept of one record: who points at more points at nothing in particular."""

LONGEST_PART = 128
LONGEST_HOST = 253
"""Of the domain name system."""
SHORTEST_PART = 4
DIGITS = 10
"""Plain digits name something on their own from this length on: shorter ones are amounts, years and numbers."""

LONG = 15
"""Characters from which on no host is needed beside an id: shorter ones are counted anew in each place."""

DEPTH = 6
LINK = re.compile(r"https?://[^\s<>\"'\\|\]\[(){}，。；、）】」]+")
WORD = re.compile(r"(?<![\w-])(?=[A-Za-z_-]*\d)[A-Za-z0-9][A-Za-z0-9_-]{3,127}(?![\w-])", re.ASCII)


def own_addresses(record: Record) -> set[str]:
    """By what others may point at the record."""
    host, parts = _link(record.url) if record.url else (None, [])
    names = {record.id} | {value for value in record.payload.values() if isinstance(value, str)}
    told = {name for name in names if name in parts}
    found = {f"{host} {name}" for name in told}
    return found | {name for name in told | {record.id} if _distinctive(name)}


def pointers(
    record: Record, kind: Kind, values: Mapping[str, Any], custom: Iterable[str] = (), own: Iterable[str] = ()
) -> dict[str, bool]:
    """What the record points at outside its own host; True where a field or an attachment holds nothing else.

    ``custom``: names of the service's fields that people added. ``own``: by what the record itself is known.
    """
    host = _link(record.url)[0] if record.url else None
    texts = [text for name, text in values.items() if STANDARD[kind].get(name) in (Form.TEXT, Form.RICH) and text]
    texts += _custom(record.payload, frozenset(custom))
    links = dict.fromkeys(_whole_links(record.payload), True)
    words: dict[str, bool] = {}
    for text in texts:
        whole = text.strip()
        for link in LINK.findall(text) if "://" in text else ():
            links[link] = links.get(link, False) or link == whole
        for word in WORD.findall(LINK.sub(" ", text) if "://" in text else text):
            if _distinctive(word):
                words[word] = words.get(word, False) or word == whole
    found: dict[str, bool] = {}
    for link, whole_link in links.items():
        if len(found) >= MOST:
            break
        there, parts = _link(link.rstrip(".,;:!?*_"))
        if there is not None and there != host:
            for part in parts:
                address = part if _unmistakable(part) else f"{there} {part}"
                found[address] = found.get(address, False) or whole_link
    for word, whole_word in words.items():
        found[word] = found.get(word, False) or whole_word
    return {address: found[address] for address in list(found)[:MOST] if address not in set(own)}


def hung_on(record: Record) -> Iterator[tuple[str, str]]:
    """Stream and id of what the record hangs on, in the connectors' own form of a reference."""
    for value in record.payload.values():
        if isinstance(value, Mapping) and set(value) == {"stream", "id"}:
            yield str(value["stream"]), str(value["id"])


def _link(text: str) -> tuple[str | None, list[str]]:
    """The host of an address, and the parts of it that may name something."""
    try:
        split = urlsplit(text)
    except ValueError:
        return None, []
    parts = [*split.path.split("/"), *(value for _, value in parse_qsl(split.query))]
    named = [part for part in parts if SHORTEST_PART <= len(part) <= LONGEST_PART]
    host = split.netloc.casefold().removeprefix("www.")
    return host if 0 < len(host) <= LONGEST_HOST else None, named


def _distinctive(word: str) -> bool:
    """Whether a word is likely to name one thing wherever it stands: letters with digits, or many digits."""
    if not SHORTEST_PART <= len(word) <= LONGEST_PART or not any(each.isdigit() for each in word):
        return False
    return len(word) >= DIGITS if word.isdigit() else any(each.isalpha() for each in word)


def _unmistakable(part: str) -> bool:
    """Whether a part of a link names its record on whatever host: one product answers under several."""
    return len(part) >= LONG and _distinctive(part)


def _custom(payload: Mapping[str, Any], names: frozenset[str]) -> list[str]:
    """Texts in the fields of those names, at the top of the payload or in one section of it."""
    sections = [payload, *(value for value in payload.values() if isinstance(value, Mapping))]
    found = (section[name] for section in sections for name in names & section.keys())
    return sorted(value for value in found if isinstance(value, str))


def _whole_links(payload: Mapping[str, Any]) -> list[str]:
    """Values that are a link as a whole, however deep they lie."""
    found: list[str] = []
    level: list[Any] = [payload]
    for _ in range(DEPTH):
        deeper: list[Any] = []
        for holder in level:
            for value in holder.values() if isinstance(holder, dict) else holder:
                if isinstance(value, str):
                    if value.startswith("http") and LINK.fullmatch(value):
                        found.append(value)
                elif value and isinstance(value, dict | list):
                    deeper.append(value)
        level = deeper
    return found
