"""What no shape can tell: whether the parts of a configuration fit each other, the plugins and the model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from keepstep.config import expressions
from keepstep.config.schema import ConnectionKeys, Expressions, FieldRule, File, Plain, Sync
from keepstep.config.source import Source
from keepstep.config.words import Side
from keepstep.problems import Loc, Problem, nearest
from mapping import transforms
from mapping.model import STANDARD, Form, Kind, Model

FORMS: dict[str, frozenset[Form]] = {
    "ask": frozenset(Form),
    "owner": frozenset(Form),
    "newest": frozenset(Form),
    "set": frozenset({Form.SET, Form.REFS}),
    "append": frozenset({Form.TEXT, Form.RICH}),
    "rank": frozenset({Form.CHOICE}),
}
"""Which forms of value a policy can merge."""
SHORTEST = timedelta(days=1)
"""What the last hours hold is read by the rounds themselves: a field that goes back and forth is told by them."""


RULED = ("comments", "attachments")
"""What can ride with a sync and has rules beside it."""
CHECKLIST = "checklist"
TALKED_ABOUT = frozenset({Kind.PROJECT, Kind.MILESTONE, Kind.TASK, Kind.FEEDBACK, Kind.CHANGE_REQUEST})
"""What comments and files can lie under."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What the parts are checked against: names of all connections declared, and the streams of those known."""

    source: Source
    connections: frozenset[str]
    streams: Mapping[str, tuple[str, ...]]
    """connection -> its streams, where they are known without signing in."""
    readers: frozenset[str] = frozenset()
    """Connections with ``access: read``."""
    checklist: Callable[[Side], Literal["holds", "field", "none"]] = lambda side: "holds"
    """Whether a side's records hold a checklist, or would if the configuration named a ``field`` for it."""
    variable: frozenset[Loc] = frozenset()
    """Places whose text came from the environment."""
    model: Model = STANDARD
    declared: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Kind -> fields of one's own as the file declares them, with those whose declaration has a mistake of its own."""
    holds: Callable[[Side], Collection[Form] | None] = lambda side: None
    """Forms of values that fields named under ``custom`` can hold in a stream; None where nobody can tell."""

    def expression(
        self,
        loc: Loc,
        text: str,
        known: Iterable[str],
        *,
        offset: int = 0,
        functions: Iterable[str] = (),
        members: Mapping[str, Collection[str]] | None = None,
    ) -> Iterator[Problem]:
        """It can be compiled, uses names and members that have a value, and is written in the file itself."""
        if loc in self.variable:
            yield self.source.problem("variable_in_expression", loc)
            return
        yield from expressions.problems(
            self.source, loc, text, known, offset=offset, functions=functions, members=members
        )

    def named(self, kind: Kind) -> set[str]:
        """Fields of one's own that expressions about that kind may name: what is wrong with a declaration, or with
        the kind that it stands under, is told there alone."""
        kinds = {each.value for each in Kind} - {kind.value}
        return {name for each, names in self.declared.items() if each not in kinds for name in names}

    def field(self, loc: Loc, name: str, known: Iterable[str]) -> Iterator[Problem]:
        """One that is declared wrongly has been told of where it is declared."""
        fields = set(known)
        wrongly = frozenset().union(*self.declared.values()) - self.model.names
        if name not in fields and name not in wrongly:
            near = nearest(name, fields)
            yield self.source.problem("unknown_field", loc, at_key=True, field=name, nearest=near, known=sorted(fields))

    def connection(
        self, loc: Loc, name: str, among: Iterable[str] | None = None, *, at_key: bool = False
    ) -> Iterator[Problem]:
        known = set(self.connections if among is None else among)
        if name not in known:
            code = "unknown_connection" if among is None or name not in self.connections else "not_a_side"
            near = nearest(name, known)
            yield self.source.problem(code, loc, at_key=at_key, name=name, nearest=near, known=sorted(known))

    def side(self, loc: Loc, side: Side, *, at_key: bool = False) -> Iterator[Problem]:
        """The connection exists and has that stream, as far as can be told."""
        if side.connection not in self.connections:
            yield from self.connection(loc, side.connection)
            return
        known = self.streams.get(side.connection, ())
        if known and side.stream not in known:
            near = nearest(side.stream, known)
            yield self.source.problem(
                "unknown_stream", loc, at_key=at_key, side=str(side), nearest=near, known=sorted(known)
            )


def whole(file: File, ground: Ground) -> Iterator[Problem]:
    """Everything outside the single connections."""
    for name, sync in file.syncs.items():
        yield from of_sync(("syncs", name), sync, ground)
    if file.changes_to_tasks is not None:
        tasks = file.changes_to_tasks
        at: Loc = ("changes_to_tasks",)
        for index, watched in enumerate(tasks.watch):
            yield from ground.side((*at, "watch", index), Side(watched.connection, watched.stream))
        if tasks.create_in is not None:
            yield from ground.side((*at, "create_in"), tasks.create_in)
            yield from _writable((*at, "create_in"), tasks.create_in, ground)
    yield from _people(file, ground)
    for key in ("before_images", "audit"):
        if getattr(file.retention, key) < SHORTEST:
            yield ground.source.problem("retention_short", ("retention", key), key=key)


def of_connection(connection: str, keys: ConnectionKeys, ground: Ground) -> Iterator[Problem]:
    """Options of the mapping name fields and classes that the model has."""
    source, fields = ground.source, ground.model.names
    loc: Loc = ("connections", connection)
    for stream, table in keys.custom.items():
        for name in table:
            at = (*loc, "custom", stream, name)
            yield from ground.field(at, name, fields)
            yield from _held(at, Side(connection, stream), name, ground)
    for name, table in keys.values.items():
        yield from ground.field((*loc, "values", name), name, fields)
        for own, canonical in table.items():
            classes = ground.model.classes.get(name)
            if classes and canonical not in classes:
                near, at = nearest(canonical, classes), (*loc, "values", name, own)
                yield source.problem("not_one_of", at, key=own, value=canonical, nearest=near, known=list(classes))

    for stream, expressions_of in keys.transforms.items():
        yield from ground.side((*loc, "transforms", stream), Side(connection, stream), at_key=True)
        for name, pair in expressions_of.items():
            yield from _transform((*loc, "transforms", stream, name), name, pair, ground)


def _held(loc: Loc, side: Side, name: str, ground: Ground) -> Iterator[Problem]:
    """Some field of that stream could hold it."""
    form, held = ground.model.form(name), ground.holds(side)
    if form is None or held is None or form in held:
        return
    if not held:
        yield ground.source.problem("custom_nowhere", loc, at_key=True, side=str(side), field=name)
        return
    known = sorted(each.value for each in held)
    yield ground.source.problem(
        "custom_unfit", loc, at_key=True, side=str(side), field=name, form=form.value, known=known
    )


def _transform(loc: Loc, name: str, pair: Expressions, ground: Ground) -> Iterator[Problem]:
    """The field is there and holds values that can be transformed, by expressions over ``value`` alone."""
    form = ground.model.form(name)
    if form is None:
        yield from ground.field(loc, name, ground.model.names)
    elif form not in transforms.FORMS:
        yield ground.source.problem("transform_unfit", loc, at_key=True, field=name, form=form.value)
    elif pair.read is None and pair.write is None:
        yield ground.source.problem("transform_empty", loc, at_key=True)
    for key in ("read", "write"):
        text = getattr(pair, key)
        if text is not None:
            yield from ground.expression((*loc, key), text, {"value"}, functions=transforms.FUNCTIONS)


def of_sync(loc: Loc, sync: Sync, ground: Ground) -> Iterator[Problem]:
    source, model = ground.source, ground.model[sync.entity]
    used = {side.connection for side in sync.sides}
    for index, side in enumerate(sync.sides):
        yield from ground.side((*loc, "sides", index), side)
        if side in sync.sides[:index]:
            yield source.problem("side_twice", (*loc, "sides", index), side=str(side))
    fields = {*model, *ground.named(sync.entity)}
    variables = {*used, *fields, "entity"}
    if sync.where is not None:
        classes = {name for name, field in expressions.CLASSED.items() if field in model}
        shown = dict.fromkeys({*used, "entity"}, fields | classes)
        yield from ground.expression((*loc, "where"), sync.where, variables, members=shown)
    for side, place in sync.create.items():
        at = (*loc, "create", str(side))
        if side not in sync.sides:
            known = [str(each) for each in sync.sides]
            near = nearest(str(side), known)
            yield source.problem("create_not_a_side", at, at_key=True, side=str(side), nearest=near, known=known)
        else:
            yield from _writable(at, side, ground)
        agreed = dict.fromkeys({*used, "entity"} - fields, fields)
        yield from _place(at, place, variables, agreed, ground)
    for index, name in enumerate(sync.match):
        yield from ground.field((*loc, "match", index), name, model)
    yield from _riding(loc, sync, ground)
    yield from _content(loc, sync, source)
    yield from _owner((*loc,), "first", sync.first, sync.owner, used, ground)
    for name, rule in sync.fields.items():
        at = (*loc, "fields", name)
        if name not in model:
            yield from ground.field(at, name, model)
            continue
        form = model[name]
        if form not in FORMS[rule.policy]:
            known = sorted(policy for policy, forms in FORMS.items() if form in forms)
            yield source.problem(
                "policy_unfit", (*at, "policy"), policy=rule.policy, field=name, form=form.value, known=known
            )
        yield from _owner(at, "policy", rule.policy, rule.owner, used, ground)
        yield from _declared((*at, "sides"), rule, used, ground)
        if rule.direction is not None and rule.policy != "rank":
            yield source.problem("direction_unused", (*at, "direction"), at_key=True)


def _declared(loc: Loc, rule: FieldRule, used: set[str], ground: Ground) -> Iterator[Problem]:
    """Which way a field flows: only sides are named, and one of them has a say."""
    for name in rule.sides:
        yield from ground.connection((*loc, name), name, used, at_key=True)
    if rule.sides and all(rule.sides.get(name, "both") in ("follow", "off") for name in used):
        yield ground.source.problem("field_without_source", loc, at_key=True)
    elif rule.policy == "owner" and rule.owner in rule.sides and rule.sides[rule.owner] in ("follow", "off"):
        yield ground.source.problem("owner_without_say", (*loc, rule.owner), name=rule.owner, at_key=True)


def _content(loc: Loc, sync: Sync, source: Source) -> Iterator[Problem]:
    if sync.content == "copy" and sync.entity is not Kind.DOCUMENT:
        yield source.problem("copies_documents", (*loc, "content"), entity=sync.entity.value)
    if "largest" in sync.model_fields_set and sync.content != "copy":
        yield source.problem("largest_unused", (*loc, "largest"), at_key=True)


def _riding(loc: Loc, sync: Sync, ground: Ground) -> Iterator[Problem]:
    """What rides with a sync lies under its things, and goes from one side to another."""
    source = ground.source
    for index, each in enumerate(sync.riding):
        at = (*loc, "with", index)
        able = {kind for kind in TALKED_ABOUT if each != CHECKLIST or CHECKLIST in STANDARD[kind]}
        if sync.entity not in able:
            known = sorted(kind.value for kind in able)
            yield source.problem("rides_with_none", at, what=each, entity=sync.entity.value, known=known)
        elif each in sync.riding[:index]:
            yield source.problem("rides_twice", at, what=each)
        elif each == CHECKLIST:
            yield from _checklist(at, sync, ground)
    for key in RULED:
        if key in sync.model_fields_set and key not in sync.riding:
            yield source.problem("rules_unused", (*loc, key), at_key=True, what=key)


def _checklist(loc: Loc, sync: Sync, ground: Ground) -> Iterator[Problem]:
    for side in sync.sides:
        match ground.checklist(side):
            case "field":
                yield ground.source.problem(
                    "checklist_needs_field", loc, side=str(side), connection=side.connection, stream=side.stream
                )
            case "none":
                yield ground.source.problem("holds_no_checklist", loc, side=str(side))


def notes(file: File, ground: Ground) -> Iterator[Problem]:
    """What is allowed, and probably worth a look."""
    for name, sync in file.syncs.items():
        if sync.mode == "observe":
            continue
        for index, side in enumerate(sync.sides):
            if side not in sync.create and side.connection not in ground.readers:
                yield ground.source.problem("never_created_into", ("syncs", name, "sides", index), side=str(side))
        if sync.sides and all(side.connection in ground.readers for side in sync.sides):
            yield ground.source.problem("nothing_writable", ("syncs", name), at_key=True, sync=name)


def _owner(loc: Loc, key: str, policy: str, owner: str | None, used: set[str], ground: Ground) -> Iterator[Problem]:
    if policy == "owner" and owner is None:
        yield ground.source.problem("owner_missing", (*loc, key), key=key, known=sorted(used))
    elif owner is not None and policy != "owner":
        yield ground.source.problem("owner_unused", (*loc, "owner"), at_key=True, key=key)
    elif owner is not None:
        yield from ground.connection((*loc, "owner"), owner, used)


def _writable(loc: Loc, side: Side, ground: Ground) -> Iterator[Problem]:
    if side.connection in ground.readers:
        yield ground.source.problem("create_into_read", loc, at_key=True, side=str(side), name=side.connection)


def _place(
    loc: Loc, place: Mapping[str, Plain], variables: set[str], members: Mapping[str, Collection[str]], ground: Ground
) -> Iterator[Problem]:
    for key, value in place.items():
        if isinstance(value, str) and value.startswith("="):
            yield from ground.expression((*loc, key), value[1:], variables, offset=1, members=members)


def _people(file: File, ground: Ground) -> Iterator[Problem]:
    seen: dict[tuple[str, str], int] = {}
    for index, person in enumerate(file.people):
        for connection, account in person.items():
            loc: Loc = ("people", index, connection)
            if connection not in ground.connections:
                near = nearest(connection, ground.connections)
                known = sorted(ground.connections)
                yield ground.source.problem(
                    "unknown_connection", loc, at_key=True, name=connection, nearest=near, known=known
                )
            elif (connection, account.casefold()) in seen:
                first = seen[connection, account.casefold()] + 1
                yield ground.source.problem("person_twice", loc, name=connection, account=account, first=first)
            else:
                seen[connection, account.casefold()] = index
