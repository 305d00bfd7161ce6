"""Messages in a reader's language: English from the table, other languages from their ``.po`` file.

Babel is imported where a message needs it: most English ones do not, and it is a tenth of what a command costs.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from keepstep.language.messages import MESSAGES, Plural

if TYPE_CHECKING:
    from babel.core import Locale
    from babel.messages.catalog import Catalog

LOCALES = {"en": "en", "zh-CN": "zh_Hans_CN"}
FILES = {"zh-CN": "zh_CN.po"}


@cache
def locale(language: str) -> Locale:
    """Babel's locale for one of our languages. Raises KeyError for another."""
    from babel.core import Locale

    return Locale.parse(LOCALES[language])


@cache
def catalogue(language: str) -> Catalog:
    """The translations of a language other than English."""
    from babel.messages.pofile import read_po

    with resources.files("keepstep.language").joinpath(FILES[language]).open("rb") as file:
        return read_po(file, locale=FILES[language].removesuffix(".po"))


def known_as(code: str) -> str:
    """The code under which a message stands: a field of a kind has the field's name, ``field.task.title`` ``field.title``."""
    kind, _, name = code.removeprefix("field.").partition(".")
    return f"field.{name}" if name and code.startswith("field.") and f"kind.{kind}" in MESSAGES else code


def template(code: str, language: str, count: float | None = None) -> str:
    """The text of a message with its gaps still open. What is not translated comes in English.

    Raises KeyError for an unknown code.
    """
    code = known_as(code)
    message = MESSAGES[code]
    singular = message.one if isinstance(message, Plural) else message
    forms = [message.one, message.other] if isinstance(message, Plural) else [message]
    if language in FILES:
        found = catalogue(language)
        entry = found.get(singular, context=code)
        if entry is not None and entry.string:
            texts = [entry.string] if isinstance(entry.string, str) else list(entry.string)
            if all(texts):
                return texts[_which(language, count, len(texts))]
    return forms[_which("en", count, len(forms))]


def _which(language: str, count: float | None, forms: int) -> int:
    """Which of a message's forms goes with a number: English and Chinese need no more than one and other."""
    if forms == 1 or count is None:
        return 0
    return 0 if locale(language).plural_form(count) == "one" else 1
