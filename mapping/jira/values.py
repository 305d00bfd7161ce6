"""Pairs of functions between Jira's values and canonical ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.base import Description, Field
from connectors.jira.models import NOBODY
from mapping.fields import Options, Unmappable
from mapping.jira.wiki import wiki_to_markdown
from mapping.model import PRIORITY, Kind, Loss
from mapping.pairs import Pair, clean, identifier, moment, texts, word
from mapping.richtext import adf_to_markdown, markdown_to_adf

Section = Mapping[str, Any]

CATEGORY_CLASS = {"new": "todo", "undefined": "todo", "indeterminate": "doing", "done": "done"}
CATEGORY_KEY = {"todo": "new", "doing": "indeterminate", "done": "done"}

MARKED = (Kind.FEEDBACK, Kind.CHANGE_REQUEST, Kind.MILESTONE)
"""Kinds that a label makes of an issue, the first match in this order."""

SUMMARY = 255
LONGEST = 32_767


@dataclass(frozen=True, slots=True)
class Words:
    """What one site's words mean."""

    options: Options
    categories: Mapping[str, str]
    """status id -> canonical class, by the category that the site gives it."""
    chosen: Mapping[str, str]
    """status id or name -> canonical class, as configured."""
    priorities: Mapping[str, str]
    """priority id -> canonical class."""
    marks: Mapping[Kind, str]
    """kind -> label."""
    fields: Mapping[str, Mapping[str, Field]]
    """stream -> field id -> what the site says of it."""

    @classmethod
    def of(cls, options: Options, description: Description) -> Words:
        known = {stream.name: {field.name: field for field in stream.fields} for stream in description.streams}
        issues, epics = known.get("issues", {}), known.get("epics", {})
        categories: dict[str, str] = {}
        for status in (epics.get("status"), issues.get("status")):
            for id, key in ((status.classes or {}) if status else {}).items():
                categories[id] = CATEGORY_CLASS.get(key, "todo")
        priority = issues.get("priority")
        marks = {kind: options.labels[kind.value] for kind in MARKED if kind.value in options.labels}
        labels = issues.get("labels")
        for label, kind in ((labels.classes or {}) if labels else {"feedback": "feedback"}).items():
            marks.setdefault(Kind(kind), label)
        return cls(
            options,
            categories,
            options.values.get("status", {}),
            spread((priority.values if priority else None) or []) | dict(options.values.get("priority", {})),
            marks,
            known,
        )

    @property
    def mark_labels(self) -> frozenset[str]:
        return frozenset(self.marks.values())

    def status_class(self, status: Mapping[str, Any]) -> str:
        """The class of a status. Raises ``Unmappable`` for one that says nothing of itself."""
        id, name = str(status.get("id")), str(status.get("name"))
        if id in self.chosen:
            return self.chosen[id]
        if name in self.chosen:
            return self.chosen[name]
        key = str((status.get("statusCategory") or {}).get("key"))
        found = CATEGORY_CLASS.get(key) or self.categories.get(id)
        if found is None:
            raise Unmappable("unknown_value", status.get("name") or id)
        return found

    def status_target(self, value: str) -> dict[str, Any]:
        """How to name a status of a class to Jira. Raises ``Unmappable`` if no status has it."""
        named = [key for key, known in self.chosen.items() if known == value]
        if named:
            return {"id": named[0]} if named[0].isdecimal() else {"name": named[0]}
        if value not in CATEGORY_KEY:
            raise Unmappable("no_such_value", value)
        taken = [id for id, known in self.categories.items() if known == value and id in self.chosen]
        if taken:
            # Another status of this category means something else here, so any of the category will not do.
            left = [id for id, known in self.categories.items() if known == value and id not in self.chosen]
            if not left:
                raise Unmappable("no_such_value", value)
            return {"id": left[0], "statusCategory": {"key": CATEGORY_KEY[value]}}
        return {"statusCategory": {"key": CATEGORY_KEY[value]}}


def spread(ids: list[str]) -> dict[str, str]:
    """A ranking, highest first, over the five canonical priorities: sites rename and translate theirs."""
    last = len(ids) - 1
    ranks = list(reversed(PRIORITY))
    return {id: ranks[round(number * 4 / last) if last else 2] for number, id in enumerate(ids)}


def status(words: Words) -> Pair:
    def read(value: Any, _: Section) -> Any:
        return words.status_class(value) if value else None

    def write(value: Any, section: Section) -> Any:
        if value is None:
            raise Unmappable("never_empty")
        now = section.get("status")
        if now and words.status_class(now) == value:
            return {"id": str(now["id"])}
        return words.status_target(value)

    return read, write


def shown_status(words: Words) -> Callable[[Any], Any]:
    def shown(value: Any) -> Any:
        words.status_target(value)
        return value

    return shown


def priority(words: Words) -> Pair:
    back: dict[str, str] = {}
    for id, known in words.priorities.items():
        back.setdefault(known, id)

    def read(value: Any, _: Section) -> Any:
        if not value:
            return None
        found = words.priorities.get(str(value.get("id"))) or words.priorities.get(str(value.get("name")))
        if found is None:
            raise Unmappable("unknown_value", value.get("name") or value.get("id"))
        return found

    def write(value: Any, section: Section) -> Any:
        if value is None:
            raise Unmappable("never_empty")
        if value not in back:
            raise Unmappable("no_such_value", value)
        return {"id": back[value]} if back[value].isdecimal() else {"name": back[value]}

    return read, write


def summary() -> Pair:
    """One line of at most 255 characters."""

    def read(value: Any, _: Section) -> Any:
        return clean(value)

    def write(value: Any, _: Section) -> Any:
        if value is None:
            raise Unmappable("never_empty")
        line = " ".join(value.split("\n"))
        if len(line) > SUMMARY:
            raise Unmappable("too_long", SUMMARY)
        return line

    return read, write


def rich(name: str) -> Pair:
    """A document; what the section's document holds beyond Markdown is kept where its text stays the same."""

    def read(value: Any, _: Section) -> Any:
        return read_rich(value)[0]

    def write(value: Any, section: Section) -> Any:
        if value is None:
            return None
        if len(value) > LONGEST:
            raise Unmappable("too_long", LONGEST)
        base = section.get(name)
        return markdown_to_adf(value, base if isinstance(base, Mapping) else None)

    return read, write


def read_rich(value: Any) -> tuple[str | None, list[Loss]]:
    """A document, or the wiki markup of a history, as Markdown, and what Markdown cannot say."""
    if isinstance(value, str):
        return wiki_to_markdown(value), []
    return adf_to_markdown(value)


def shown_rich(value: Any) -> Any:
    """What Jira shows of a text once it is written there: its documents hold no image within a line, and not every
    block within every other."""
    if value is None:
        return None
    if len(value) > LONGEST:
        raise Unmappable("too_long", LONGEST)
    return adf_to_markdown(markdown_to_adf(value))[0]


def person() -> Pair:
    """A user. Servers of old, and some webhooks, know no account id."""

    def read(value: Any, _: Section) -> Any:
        if not value:
            return None
        known = next((name for name in ("accountId", "key", "name") if value.get(name)), None)
        if known is None or value[known] == NOBODY:
            raise Unmappable("nobody_named", value.get("displayName"))
        name, email = word(value.get("displayName")), word(value.get("emailAddress"))
        return {"account": identifier(value, known), "name": name, "email": email}

    def write(value: Any, _: Section) -> Any:
        return {"accountId": value["account"]} if value is not None else None

    return read, write


def spaced(label: str) -> bool:
    """Whether Jira refuses a label: white space would part it in two."""
    return any(sign.isspace() for sign in label)


def labels(words: Words) -> Pair:
    """Labels but those that say the kind. Against a section: what to add and what to take away."""

    marks = words.mark_labels

    def read(value: Any, _: Section) -> Any:
        return sorted(texts(value) - marks)

    def write(value: Any, section: Section) -> Any:
        wanted = set(value or ())
        if "labels" not in section:
            return sorted(wanted)
        there = set(section["labels"] or ()) - marks
        return {"add": sorted(wanted - there), "remove": sorted(there - wanted)}

    return read, write


def instant_read(value: Any, _: Section) -> Any:
    return moment(value)
