"""What is wrong with a configuration: a code, its parameters and a place. The catalogue puts it into words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Loc = tuple[str | int, ...]
"""The way down the file: keys and indexes."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. Lines and columns count from 1; None where no line is to blame. Params hold no secret."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)
    line: int | None = None
    column: int | None = None


class ConfigurationError(Exception):
    """The configuration cannot be used; ``problems`` names every mistake that was found, in the file's order."""

    def __init__(self, problems: Iterable[Problem], path: str = "keepstep.yaml") -> None:
        self.path = path
        self.problems = sorted(problems, key=lambda each: (each.line or 0, each.column or 0))
        places = ", ".join(f"{path}:{each.line}: {each.code}" for each in self.problems)
        super().__init__(places or path)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The name among ``known`` that was probably meant, or None if none is near."""
    from rapidfuzz import fuzz, process, utils

    names = sorted(known)
    longer = [name for name in names if len(word) > 1 and name.startswith(word)]
    if longer:
        return longer[0]
    found = process.extractOne(word, names, scorer=fuzz.ratio, processor=utils.default_process, score_cutoff=60)
    return str(found[0]) if found else None
