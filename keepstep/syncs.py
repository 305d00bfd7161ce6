"""A configured sync as the engine runs it: its sides, rules, scope and places, and what rides with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from keepstep.config import RIDING, Config, expressions
from keepstep.config.schema import FieldRule
from keepstep.config.schema import Sync as ConfiguredSync
from keepstep.engine import carried, first_sync
from keepstep.engine.world import Connection, NoAnswer, Side, Sync
from mapping.agreement import Rule
from mapping.fields import Declared
from mapping.model import Model

ON_REQUEST = frozenset({"checklist"})
"""Fields that are kept in step only where a sync's ``with`` names them."""


def compiled(name: str, config: Config, connections: Mapping[str, Connection]) -> Sync:
    """The configured sync of that name. Raises KeyError unless all connections of its sides are there."""
    configured = config.syncs[name]
    sides = {
        str(side): Side(connections[side.connection], side.stream, _declared(configured, side.connection))
        for side in configured.sides
    }
    return Sync(
        name=name,
        kind=configured.entity,
        sides=sides,
        mode=configured.mode,
        create={str(side): dict(place) for side, place in configured.create.items()},
        computed=_computed(configured, sides, config.model),
        match=tuple(configured.match),
        rules={each: _rule(rule, configured, sides) for each, rule in configured.fields.items()},
        default=Rule(first=configured.first, owner=_owner_side(configured.owner, sides)),
        scope=_scope(configured.where, sides) if configured.where else None,
        eligible=first_sync.window(configured.entity, config.first_sync.won_days),
        deletes=configured.deletes,
        zone=ZoneInfo(config.timezone),
        largest=configured.largest if configured.content == "copy" else 0,
        left_out=frozenset(ON_REQUEST - set(configured.riding)),
        model=config.model,
    )


def riding(sync: Sync, config: Config) -> list[Sync]:
    """What rides with a configured sync (``with``), each as a sync of its own."""
    configured, language = config.syncs[sync.name], config.language

    def heading(author: str | None, at: str) -> str:
        from keepstep.language import say  # needed where something is written: a cold start counts

        code = "comment_heading" if author else "comment_heading_nobody"
        return say(code, {"author": author, "at": at}, language)

    rules: dict[str, dict[str, Any]] = {
        "comments": {"older": configured.comments.older == "carry", "text": "body", "heading": heading},
        "attachments": {
            "older": configured.attachments.older == "carry",
            "largest": configured.attachments.largest,
        },
    }
    return [carried.carrying(sync, what, RIDING[what], **rules[what]) for what in configured.riding if what in RIDING]


def side_names(configured: ConfiguredSync, sides: Iterable[Side]) -> set[str]:
    """The names of those sides of a sync, and of the sides of what rides with it there."""
    kinds = [RIDING[what] for what in configured.riding if what in RIDING]
    return {each.name for side in sides for each in (side, *(b for kind in kinds for b in carried.beneath(side, kind)))}


def _owner_side(connection: str | None, sides: Mapping[str, Side]) -> str | None:
    return next((name for name in sides if name.partition(".")[0] == connection), None) if connection else None


def _rule(rule: FieldRule, configured: ConfiguredSync, sides: Mapping[str, Side]) -> Rule:
    owner = _owner_side(rule.owner or configured.owner, sides)
    backward = rule.direction == "backward"
    return Rule(policy=rule.policy, owner=owner, first=configured.first, backward=backward)


def _declared(configured: ConfiguredSync, connection: str) -> dict[str, Declared]:
    """What the sync asks of its fields on the sides of that connection."""
    return {name: rule.sides[connection] for name, rule in configured.fields.items() if connection in rule.sides}


def _computed(
    configured: ConfiguredSync, sides: Mapping[str, Side], model: Model
) -> dict[Any, Callable[[Mapping[str, Any]], Any]]:
    """The places that are expressions (texts that begin with ``=``), as functions of the agreed values."""
    texts = {value for place in configured.create.values() for value in place.values() if isinstance(value, str)}
    empty = dict.fromkeys(model[configured.entity])
    names = {name.partition(".")[0] for name in sides}

    def function(text: str) -> Callable[[Mapping[str, Any]], Any]:
        import cel  # what no configuration asks for is not imported: a cold start counts

        program = cel.compile(text[1:])

        def compute(values: Mapping[str, Any]) -> Any:
            known = empty | dict(values)
            return program.execute(cel.Context(variables=dict.fromkeys(names, known) | known | {"entity": known}))

        return compute

    return {text: function(text) for text in texts if text.startswith("=")}


def _scope(text: str, sides: Mapping[str, Side]) -> Callable[[Mapping[str, Mapping[str, Any]]], bool]:
    """The ``where`` of a sync, over what each connection shows. Where a value is missing that it asks for, the record
    is in scope: parking it would hide it because of that. Without an answer otherwise it raises ``NoAnswer``."""
    import cel  # costs more to import than all the rest of a quiet round

    program = cel.compile(text)
    names = sorted({name.partition(".")[0] for name in sides})
    wanted = expressions.members(text)
    bare = set(program.variables()) - {*names, "entity"}

    def holds(seen: Mapping[str, Mapping[str, Any]]) -> bool:
        values = {name: _with_classes(seen.get(name, {})) for name in names}
        merged = {key: value for name in names for key, value in values[name].items()}
        known = {**merged, **values, "entity": merged}
        try:
            return bool(program.execute(cel.Context(variables=known)))
        except LookupError:
            return True
        except (TypeError, ValueError, ArithmeticError, RuntimeError) as error:
            asked = [known[name].get(member) for name, member in wanted if name in values or name == "entity"]
            if any(map(_lacking, [*asked, *(known.get(name) for name in bare)])):
                return True
            raise NoAnswer(str(error).splitlines()[0].partition(". ")[0].removesuffix(".")) from error

    return holds


def _lacking(value: Any) -> bool:
    """Whether the value, or some part of it, is missing."""
    if isinstance(value, Mapping):
        return any(map(_lacking, value.values()))
    return any(map(_lacking, value)) if isinstance(value, list) else value is None


def _with_classes(values: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(dict(values))
    return plain | {name: plain[field] for name, field in expressions.CLASSED.items() if field in plain}
