"""The story of the day: in order, of one project with all that lies under it, and of single runs."""

from __future__ import annotations

import sqlalchemy as sa

from keepstep.engine.timeline import Scope, timeline, within
from keepstep.store import tables as t
from mapping.model import Kind
from tests.demo.conftest import Played


def test_all_of_the_day_is_told_in_order(played: Played) -> None:
    with played.hub.store.read() as tx:
        told = list(timeline(tx, Scope()))
        lines = tx.scalar(sa.select(sa.func.count()).select_from(t.audit))
    assert [each.at for each in told] == sorted(each.at for each in told)
    kinds = {each.code for each in told}
    assert kinds >= {"seen", "agreed", "let_through", "write_done", "conflict", "decided", "finding_opened", "ran"}
    beside = {"seen", "finding_opened", "finding_closed", "proposal_accepted", "proposal_rejected", "write_sent", "ran"}
    assert sum(each.code not in beside for each in told) == lines


def test_a_projects_story_is_that_of_all_that_lies_under_it(played: Played) -> None:
    with played.hub.store.read() as tx:
        projects = tx.all(sa.select(t.entity.c.id).where(t.entity.c.kind == Kind.PROJECT.value))
        largest = max((within(tx, row["id"]) for row in projects), key=len)
        kinds = {row["kind"] for row in tx.all(sa.select(t.entity.c.kind).where(t.entity.c.id.in_(largest)))}
        told = list(timeline(tx, Scope(entities=largest)))
    assert kinds >= {"project", "folder", "task"}
    assert {each.entity for each in told} == set(largest)


def test_a_runs_story_is_what_it_wrote(played: Played) -> None:
    with played.hub.store.read() as tx:
        run = tx.all(sa.select(t.intent.c.run).where(t.intent.c.state == "done").limit(1))[0]["run"]
        intents = tx.all(sa.select(t.intent.c.id).where(t.intent.c.run == run))
        told = list(timeline(tx, Scope(run=run)))
    assert {each.run for each in told} == {run}
    assert len([each for each in told if each.code.startswith("write_")]) == len(intents)
