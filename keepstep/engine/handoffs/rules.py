"""Rules as they are written in the configuration, checked, and compiled for the judge."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final

import cel
import msgspec
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from keepstep.engine.handoffs.escalation import DEFAULT_STEPS, Step, ordered
from keepstep.engine.handoffs.verdict import Severity
from keepstep.engine.handoffs.vocabulary import FUNCTIONS, fields_of, nearest, variables
from mapping.model import STANDARD, Form, Kind, Model

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
Expression = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]
Within = Annotated[str, StringConstraints(pattern=r"^\d{1,3}(d|h)$")]
"""``2d``: by the end of the second working day. ``4h``: after four hours of office time."""
Start = Annotated[str, StringConstraints(pattern=r"^(changed|field|linked):[\w.]+$|^linked$")]
"""``changed:stage``: when the value was changed; ``field:created``: the date it holds; ``linked``: the oldest link;
``linked:work``: the oldest link on a side of that role."""


class NeedsConfig(BaseModel):
    """Without all of these nobody can say whether the rule is kept."""

    model_config = ConfigDict(extra="forbid")

    connections: list[str] = []
    sides: list[str] = []
    """``connection.stream``."""
    roles: list[str] = []
    """Roles of sides that the configuration must name, with at least one side that is connected."""
    fields: list[Annotated[str, StringConstraints(pattern=r"^\w+\.\w+$")]] = []
    """``kind.field`` that at least one side must carry."""


class StepConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")

    when: Annotated[str, StringConstraints(pattern=r"^(due|breached)$")]
    after: int = Field(0, ge=0, le=366)
    raise_by: int = Field(0, ge=0, le=3)
    tell: list[str] = ["owner"]


class ExpectationConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: Slug
    that: Expression
    """CEL: true when it is kept."""
    missing: Expression | None = None
    """CEL: the list of what is not there, for the reader."""
    within: Within | None = None
    starts: list[Start] | None = None
    owner: str | None = None
    severity: Severity | None = None
    needs: NeedsConfig = NeedsConfig()


class RuleConfig(BaseModel):
    """A handoff rule in the configuration's form."""

    model_config = ConfigDict(extra="forbid")

    id: Slug
    subject: Kind
    when: Expression = "true"
    """CEL: true for the subjects that the rule is about."""
    within: Within
    starts: list[Start] = Field(min_length=1)
    """The first of these that is known starts the clock."""
    owner: str = "accountable"
    severity: Severity = Severity.WARNING
    needs: NeedsConfig = NeedsConfig()
    expect: list[ExpectationConfig] = Field(min_length=1)
    escalate: list[StepConfig] | None = None


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One mistake in a rule: which rule, which part of it, what is wrong, and the nearest right name."""

    rule: str
    part: str
    code: str
    detail: str
    nearest: str | None = None

    def __str__(self) -> str:
        hint = f" (did you mean {self.nearest}?)" if self.nearest else ""
        return f"rule {self.rule}, {self.part}: {self.code}: {self.detail}{hint}"


class RulesInvalid(ValueError):
    """Rules that cannot be used, with every mistake found in them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    connections: tuple[str, ...] = ()
    sides: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A compiled expression, and the variables that it reads."""

    source: str
    run: Any
    variables: frozenset[str]


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    that: Program
    missing: Program | None
    days: int | None
    hours: int | None
    """Exactly one of days and hours is given."""
    starts: tuple[str, ...]
    owner: str
    severity: Severity
    needs: Needs


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    kind: Kind
    when: Program
    expectations: tuple[Expectation, ...]
    owner: str
    severity: Severity
    needs: Needs
    steps: tuple[Step, ...]

    @property
    def variables(self) -> frozenset[str]:
        """All that its expressions read."""
        programs = [self.when] + [p for each in self.expectations for p in (each.that, each.missing) if p]
        return frozenset().union(*(program.variables for program in programs))


def compiled(configs: Iterable[RuleConfig], model: Model = STANDARD) -> tuple[Rule, ...]:
    """Rules ready for the judge, in the order given. Raises ``RulesInvalid`` with all mistakes at once."""
    rules: list[Rule] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for config in configs:
        if config.id in seen:
            problems.append(Problem(rule=config.id, part="id", code="duplicate_rule", detail=config.id))
        seen.add(config.id)
        rules.append(_rule(config, problems, model))
    if problems:
        raise RulesInvalid(problems)
    return tuple(rules)


def _rule(config: RuleConfig, problems: list[Problem], model: Model) -> Rule:
    check = _Check(config, problems, model)
    expectations: list[Expectation] = []
    for each in config.expect:
        part = f"expect.{each.id}"
        # "when" is the key under which an unreadable condition of the rule itself is reported.
        if each.id in {other.id for other in expectations} or each.id == "when":
            check.problem(part, "duplicate_expectation", each.id)
        within = each.within or config.within
        number, unit = int(within[:-1]), within[-1]
        check.starts(f"{part}.starts", each.starts or [])
        expectations.append(
            Expectation(
                id=each.id,
                that=check.program(f"{part}.that", each.that),
                missing=check.program(f"{part}.missing", each.missing) if each.missing else None,
                days=number if unit == "d" else None,
                hours=number if unit == "h" else None,
                starts=tuple(each.starts or config.starts),
                owner=each.owner or config.owner,
                severity=each.severity or config.severity,
                needs=check.needs(f"{part}.needs", each.needs),
            )
        )
    check.starts("starts", config.starts)
    steps: tuple[Step, ...] = DEFAULT_STEPS
    if config.escalate is not None:
        steps = tuple(
            Step(
                level="due" if each.when == "due" else "breached",
                after=each.after,
                raise_by=each.raise_by,
                tell=tuple(each.tell),
            )
            for each in config.escalate
        )
    return Rule(
        id=config.id,
        kind=config.subject,
        when=check.program("when", config.when),
        expectations=tuple(expectations),
        owner=config.owner,
        severity=config.severity,
        needs=check.needs("needs", config.needs),
        steps=tuple(ordered(steps)),
    )


_MACRO: Final = re.compile(r"\.(?:all|exists|exists_one|map|filter)\(\s*([A-Za-z_]\w*)\s*,")
_TEXT: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_SUBJECT: Final = re.compile(r"(?<![\w.])subject\.(\w+)(?!\w*\()")


class _Check:
    """Everything about a rule that can be known to be wrong before it meets a subject."""

    def __init__(self, config: RuleConfig, problems: list[Problem], model: Model) -> None:
        self._model = model
        self._rule = config.id
        self._kind = config.subject
        self._problems = problems

    def problem(self, part: str, code: str, detail: str, near: str | None = None) -> None:
        self._problems.append(Problem(rule=self._rule, part=part, code=code, detail=detail, nearest=near))

    def program(self, part: str, source: str) -> Program:
        try:
            run = cel.compile(source)
        except ValueError as error:
            self.problem(part, "cel_syntax", str(error))
            return Program(source=source, run=None, variables=frozenset())
        bare = _TEXT.sub("''", source)
        read = frozenset(run.variables()) - frozenset(_MACRO.findall(bare))
        known = variables(self._kind)
        for name in sorted(read - known):
            self.problem(part, "unknown_variable", name, nearest(name, known))
        for name in sorted(run.functions()):
            if name[0].isalpha() and name not in FUNCTIONS:
                self.problem(part, "unknown_function", name, nearest(name, FUNCTIONS))
        fields = fields_of(self._kind, self._model)
        for name in sorted(set(_SUBJECT.findall(bare)) - fields):
            self.problem(part, "unknown_field", f"{self._kind.value}.{name}", nearest(name, fields))
        return Program(source=source, run=run, variables=read)

    def needs(self, part: str, config: NeedsConfig) -> Needs:
        for each in config.fields:
            kind, field = each.split(".")
            if kind not in {known.value for known in Kind}:
                self.problem(part, "unknown_kind", kind, nearest(kind, {known.value for known in Kind}))
            elif field not in self._model[Kind(kind)]:
                self.problem(part, "unknown_field", each, nearest(field, self._model[Kind(kind)]))
        return Needs(
            connections=tuple(config.connections),
            sides=tuple(config.sides),
            roles=tuple(config.roles),
            fields=tuple(config.fields),
        )

    def starts(self, part: str, starts: Sequence[str]) -> None:
        fields = self._model[self._kind]
        for each in starts:
            how, _, field = each.partition(":")
            if how == "linked":
                continue
            if field not in fields:
                self.problem(part, "unknown_field", f"{self._kind.value}.{field}", nearest(field, fields))
            elif how == "field" and fields[field] is not Form.DATE:
                self.problem(part, "not_a_date", f"{self._kind.value}.{field}")
