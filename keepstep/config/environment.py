"""``${VAR}`` in a configuration: values that come from the environment and stay out of every message."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from keepstep.config.source import Source
from keepstep.problems import Loc, Problem

VARIABLE = re.compile(r"\$(?:(\$)(?=\{)|\{([A-Za-z_][A-Za-z0-9_]*)\}|(\{[^}]*\}?))")
"""``$${`` (a literal ``${``), ``${NAME}``, or something that begins like one and is none."""

SHORTEST = 3
"""Shorter values are no secrets, and striking them would leave no message."""


class Filled:
    """The data of a source with its variables read; ``values`` are those that came from the environment."""

    def __init__(self, source: Source, environ: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self.values: set[str] = set()
        self.places: set[Loc] = set()
        """Where a variable stood: what stands there now is never shown."""
        self.failed: set[Loc] = set()
        """Where one could not be read: what stands there now means nothing."""
        self._source = source
        self._environ = environ
        self.data = self._fill(source.data, ())

    def _fill(self, value: Any, loc: Loc) -> Any:
        if isinstance(value, dict):
            return {key: self._fill(item, (*loc, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self._fill(item, (*loc, index)) for index, item in enumerate(value)]
        if isinstance(value, str) and "$" in value:
            return VARIABLE.sub(lambda match: self._read(match, loc), value)
        return value

    def _read(self, match: re.Match[str], loc: Loc) -> str:
        escaped, name, malformed = match.groups()
        if escaped:
            return "$"
        if malformed:
            self.failed.add(loc)
            self.problems.append(self._source.problem("variable_malformed", loc, text=match.group()))
            return ""
        self.places.add(loc)
        value = self._environ.get(name)
        if not value:
            self.failed.add(loc)
            code = "variable_missing" if value is None else "variable_empty"
            self.problems.append(self._source.problem(code, loc, name=name))
            return ""
        self.values.add(value)
        return value

    def told(self, problem: Problem) -> Problem:
        """The problem without what came from the environment; where a variable stood, without pieces of it either."""
        torn = (problem.line, problem.column) in {self._source.position(loc) for loc in self.places}
        pieces = {piece for value in self.values for piece in re.split(r"\W+", value)} if torn else set()
        params = {
            # Of the names that were possible, most are ours, and a piece of a value may well be one of them.
            key: _struck(value, self.values if key in ("known", "nearest") else self.values | pieces)
            for key, value in problem.params.items()
        }
        return replace(problem, params=params)


def _struck(value: Any, secrets: set[str]) -> Any:
    if isinstance(value, str):
        for secret in sorted(secrets, key=len, reverse=True):
            if len(secret) >= SHORTEST:
                value = value.replace(secret, "***")
        return value
    if isinstance(value, list | tuple):
        return [_struck(item, secrets) for item in value]
    return value
