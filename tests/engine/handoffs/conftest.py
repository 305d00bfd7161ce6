"""A small world for handoff tests: builders with the defaults that most tests want."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from keepstep.engine.handoffs import Calendar, Entity, Link, RuleConfig, Setting
from mapping.model import Kind

LONG_AGO = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def since() -> datetime:
    return LONG_AGO


@pytest.fixture
def calendar() -> Calendar:
    return Calendar(timezone="Europe/Berlin")


@pytest.fixture
def setting() -> Setting:
    return Setting(
        sides=frozenset({"crm.Deals", "tracker.epics", "files.project_folders"}),
        roles={"work": ("tracker.epics",), "documents": ("files.project_folders",)},
        categories=("plan", "design"),
    )


@pytest.fixture
def entity() -> Callable[..., Entity]:
    """``entity(Kind.TASK, "t1", on=("tracker.issues",), project="p1", title="Ship it")``."""

    def build(kind: Kind, id: str, on: tuple[str, ...] = (), **values: Any) -> Entity:
        refs = {name: values.pop(name) for name in ("project", "customer", "folder", "parent") if values.get(name)}
        more = {name: values.pop(name) for name in ("changed_at", "roles") if name in values}
        links = tuple(
            Link(
                connection=side.split(".")[0],
                stream=side.split(".")[1],
                record_id=id,
                created_at="2026-03-02T07:30:00.000Z",
            )
            for side in on
        )
        return Entity(id=id, kind=kind, values=values, refs=refs, links=links, **more)

    return build


@pytest.fixture
def rule() -> Callable[..., RuleConfig]:
    """A rule about won projects with one expectation, ``that``."""

    def build(that: str = "subject.manager != null", **changes: Any) -> RuleConfig:
        expect = changes.pop("expect", [{"id": "kept", "that": that}])
        return RuleConfig.model_validate(
            {
                "id": "a-rule",
                "subject": "project",
                "when": 'subject.stage == "won"',
                "within": "2d",
                "starts": ["changed:stage"],
                "expect": expect,
            }
            | changes
        )

    return build
