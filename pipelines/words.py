"""Why a configuration or a store cannot be used, in words."""

from __future__ import annotations

from keepstep.config import ConfigurationError
from keepstep.language import codes, say
from keepstep.store.errors import StoreError


def trouble(error: ConfigurationError | StoreError, language: str) -> str:
    """One line for each mistake, with its place."""
    if isinstance(error, StoreError):
        return say(error.code, error.params, language) if error.code in codes() else str(error)
    lines = []
    for problem in error.problems:
        text = say(problem.code, problem.params, language)
        place = {"file": error.path, "line": problem.line, "column": problem.column, "text": text}
        lines.append(say("problem_in" if problem.line is None else "problem_at", place, language))
    return "\n".join(lines)
