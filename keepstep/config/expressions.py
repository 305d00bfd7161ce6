"""Expressions (CEL) in a configuration, compiled when it is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from keepstep.config.source import Source
from keepstep.problems import Loc, Problem, nearest

FUNCTIONS = frozenset(
    {"bytes", "double", "duration", "dyn", "int", "optional", "string", "timestamp", "type", "uint"}
    | {"contains", "endsWith", "matches", "size", "startsWith"}
    | {"getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getMonth"}
    | {"getHours", "getMilliseconds", "getMinutes", "getSeconds"}
)
"""What every expression can call."""
PLACE = re.compile(r"ERROR: <input>:(\d+):(\d+): ([^\n]*)")


def problems(
    source: Source, loc: Loc, text: str, known: Iterable[str], *, offset: int = 0, functions: Iterable[str] = ()
) -> Iterator[Problem]:
    """What is wrong with the expression at ``loc``: its grammar, else names that nothing will give a value, and calls
    of what is neither in ``FUNCTIONS`` nor in ``functions``.

    ``offset`` characters stand before it in the scalar.
    """
    import cel  # slow to import, and many configurations have no expression

    try:
        program = cel.compile(text)
    except ValueError as error:
        found = PLACE.search(str(error))
        if found is None:
            yield source.problem("expression_syntax", loc, reason="empty" if not text.strip() else "unreadable")
            return
        line, column = int(found[1]), int(found[2])
        shift = offset if line == 1 else 0
        at_line, at_column = source.inside(loc, line, column + shift)
        # The parser goes on to list every token it would have taken; the first clause tells enough.
        yield Problem("expression_syntax", {"reason": found[3].split(" expecting ")[0]}, at_line, at_column)
        return
    names = set(known)
    for name in sorted(set(program.variables()) - names - _bound(text)):
        yield source.problem("unknown_variable", loc, name=name, nearest=nearest(name, names), known=sorted(names))
    callable_here = {*FUNCTIONS, *functions}
    for name in sorted({each for each in program.functions() if each.isidentifier()} - callable_here):
        if name.startswith("_"):
            continue  # an operator
        near = nearest(name, callable_here)
        yield source.problem("unknown_function", loc, name=name, nearest=near, known=sorted(callable_here))


def _bound(text: str) -> set[str]:
    """Names that a macro of the expression itself binds: ``xs.all(x, x > 0)``."""
    return set(re.findall(r"\.(?:all|exists|exists_one|map|filter)\(\s*([A-Za-z_]\w*)\s*,", text))
