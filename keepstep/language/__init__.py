"""What people read, in their language: a code and its parameters become a sentence here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, tzinfo
from typing import Any

from keepstep.language.catalogue import known_as, template
from keepstep.language.forms import Gaps, Reader
from keepstep.language.messages import MESSAGES, Plural

LANGUAGES = ("en", "zh-CN")
NOTHING: Mapping[str, str] = {}


def say(
    code: str, params: Mapping[str, Any], language: str, zone: tzinfo = UTC, called: Mapping[str, str] = NOTHING
) -> str:
    """The message in that language, times in that zone. Raises KeyError for an unknown code or a missing parameter.

    ``called``: what people of that language call fields that are not in our vocabulary.
    """
    message = MESSAGES[known_as(code)]
    count = params[message.by] if isinstance(message, Plural) else None
    return Gaps(Reader(language, zone, called, params.get("field"))).vformat(
        template(code, language, count), (), params
    )


def listed(words: Iterable[str], language: str) -> str:
    """Words as a list, by what that language sets between them."""
    return Reader(language).joined(list(words))


def codes() -> frozenset[str]:
    """Every code that can be said."""
    return frozenset(MESSAGES)
