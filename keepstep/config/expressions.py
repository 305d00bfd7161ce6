"""Expressions (CEL) in a configuration, compiled when it is read."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from keepstep.config.source import Source
from keepstep.problems import Loc, Problem, nearest

FUNCTIONS = frozenset(
    {"bytes", "double", "duration", "dyn", "int", "optional", "string", "timestamp", "type", "uint"}
    | {"contains", "endsWith", "matches", "size", "startsWith"}
    | {"getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getMonth"}
    | {"getHours", "getMilliseconds", "getMinutes", "getSeconds"}
)
"""What every expression can call."""
CLASSED = {"stage_class": "stage", "status_class": "status", "priority_class": "priority"}
"""What a `where` can also call the class of a field."""
PLACE = re.compile(r"ERROR: <input>:(\d+):(\d+): ([^\n]*)")
LITERAL = re.compile(
    r"//[^\n]*"
    r"|(?:[rR][bB]?|[bB][rR])(?:\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|\"[^\"\n]*\"|'[^'\n]*')"
    r"|\"{3}(?:\\[\s\S]|[^\\])*?\"{3}|'{3}(?:\\[\s\S]|[^\\])*?'{3}"
    r"|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
)
"""Comments and texts: what looks like code within them is none."""
MEMBER = re.compile(r"([A-Za-z_]\w*)\s*(?:\.\s*([A-Za-z_]\w*)\b(?!\s*\()|\[\s*(\0+)\s*\])")
"""``crm.stage`` or ``crm["stage"]``, where texts are blanked."""


def problems(
    source: Source,
    loc: Loc,
    text: str,
    known: Iterable[str],
    *,
    offset: int = 0,
    functions: Iterable[str] = (),
    members: Mapping[str, Collection[str]] | None = None,
) -> Iterator[Problem]:
    """What is wrong with the expression at ``loc``: its grammar, else names that nothing will give a value, and calls
    of what is neither in ``FUNCTIONS`` nor in ``functions``.

    ``offset`` characters stand before it in the scalar. ``members``: all that the values of some names can have.
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
    yield from _members(source, loc, text, offset, members or {})
    callable_here = {*FUNCTIONS, *functions}
    for name in sorted({each for each in program.functions() if each.isidentifier()} - callable_here):
        if name.startswith("_"):
            continue  # an operator
        near = nearest(name, callable_here)
        yield source.problem("unknown_function", loc, name=name, nearest=near, known=sorted(callable_here))


def members(text: str) -> set[tuple[str, str]]:
    """What an expression asks of its variables, as name and member."""
    return {(name, text[start:end].strip("\"'")) for name, start, end in _asked(text)}


def _asked(text: str) -> Iterator[tuple[str, int, int]]:
    """Variables and where their members stand. What a macro binds anew is another thing of that name."""
    blank = _blank(text)
    bound = _bound(blank)
    for found in MEMBER.finditer(blank):
        if found[1] not in bound and not re.search(r"(?:\w|\.\s*)$", blank[: found.start()]):
            yield (found[1], *found.span(2 if found[2] is not None else 3))


def _blank(text: str) -> str:
    return LITERAL.sub(lambda found: re.sub(r"[^\n]", "\0", found[0]), text)


def _members(
    source: Source, loc: Loc, text: str, offset: int, known: Mapping[str, Collection[str]]
) -> Iterator[Problem]:
    """Members that will never be there, each where it stands."""
    for name, start, end in _asked(text):
        member = text[start:end].strip("\"'")
        if name not in known or member in known[name] or not member.isidentifier():
            continue
        line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
        at_line, at_column = source.inside(loc, line, column + (offset if line == 1 else 0))
        near, fields = nearest(member, known[name]), sorted(known[name])
        yield Problem("unknown_field", {"field": member, "nearest": near, "known": fields}, at_line, at_column)


def _bound(text: str) -> set[str]:
    """Names that a macro of the expression itself binds: ``xs.all(x, x > 0)``."""
    return set(re.findall(r"\.(?:all|exists|exists_one|map|filter)\(\s*([A-Za-z_]\w*)\s*,", text))
