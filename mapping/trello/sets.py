"""Labels: read whole, written as what is added and removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mapping.trello.values import Section


def label_word(label: Section) -> str:
    """How a label is called: its name, or its colour where it has none."""
    return str(label.get("name") or label.get("color") or label.get("id"))


def objects(value: Any) -> list[Section]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list | tuple) else []


def read_labels(value: Any, _: Section) -> Any:
    return sorted({label_word(each) for each in objects(value)})


def write_labels(value: Any, section: Section) -> Any:
    present = read_labels(section.get("labels"), section)
    wanted = list(value or ())
    return {
        "add": [name for name in wanted if name not in present],
        "remove": [name for name in present if name not in wanted],
    }
