"""The life of a finding: open, resolved, open again, and never told twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from connectors.sandbox.clock import VirtualClock
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Store
from tests.databases import Databases


@pytest.fixture
def store(databases: Databases) -> Store:
    return databases.fresh(VirtualClock())


@pytest.fixture
def new_id() -> Callable[[], str]:
    made = iter(range(100))
    return lambda: f"f{next(made)}"


def trouble(key: str, entity: str | None = None, **params: object) -> Finding:
    return Finding(key=key, code="gone", entity=entity, params=params)


def row(store: Store, key: str) -> dict[str, object]:
    with store.read() as tx:
        found = tx.one(sa.select(t.finding).where(t.finding.c.key == key))
    assert found is not None
    return found


def test_the_same_trouble_is_told_once(store: Store, new_id: Callable[[], str]) -> None:
    with store.write() as tx:
        assert [f.key for f in findings.report(tx, [trouble("a"), trouble("a")], "1", new_id)] == ["a"]
        assert findings.report(tx, [trouble("a")], "2", new_id) == []
    assert row(store, "a")["times"] == 1
    assert row(store, "a")["opened_at"] == "1"


def test_trouble_that_looks_different_now_is_updated_but_not_told_again(
    store: Store, new_id: Callable[[], str]
) -> None:
    with store.write() as tx:
        findings.report(tx, [trouble("a", n=1)], "1", new_id)
        assert findings.report(tx, [trouble("a", n=2)], "2", new_id) == []
    assert (row(store, "a")["params"], row(store, "a")["seen_at"]) == ({"n": 2}, "2")


def test_trouble_that_returns_is_open_again_under_its_old_id(store: Store, new_id: Callable[[], str]) -> None:
    with store.write() as tx:
        findings.report(tx, [trouble("a")], "1", new_id)
        findings.close(tx, ["a"], "2")
    assert (row(store, "a")["state"], row(store, "a")["closed_at"]) == ("resolved", "2")
    with store.write() as tx:
        assert len(findings.report(tx, [trouble("a")], "3", new_id)) == 1
    again = row(store, "a")
    assert (again["state"], again["closed_at"], again["times"], again["id"]) == ("open", None, 2, "f0")


@pytest.mark.parametrize("state", ["acknowledged", "waived"])
def test_what_a_person_put_aside_is_not_told_again_and_ends_with_its_trouble(
    store: Store, new_id: Callable[[], str], state: str
) -> None:
    with store.write() as tx:
        findings.report(tx, [trouble("a")], "1", new_id)
        tx.execute(sa.update(t.finding).values(state=state))
        assert findings.report(tx, [trouble("a")], "2", new_id) == []
    assert row(store, "a")["state"] == state
    with store.write() as tx:
        findings.close(tx, ["a"], "3")
    assert row(store, "a")["state"] == "resolved"


def test_reconciling_ends_what_is_not_there_any_more_of_those_entities_and_that_prefix_alone(
    store: Store, new_id: Callable[[], str]
) -> None:
    with store.write() as tx:
        every = [trouble("x:1", "e1"), trouble("x:2", "e1"), trouble("x:3", "e2"), trouble("y:1", "e1")]
        findings.report(tx, every, "1", new_id)
        fresh = findings.reconcile(tx, ["e1"], "x:", [trouble("x:2", "e1"), trouble("x:4", "e1")], "2", new_id)
    assert [finding.key for finding in fresh] == ["x:4"]
    with store.read() as tx:
        states = {each["key"]: each["state"] for each in tx.all(sa.select(t.finding))}
    assert states == {"x:1": "resolved", "x:2": "open", "x:3": "open", "x:4": "open", "y:1": "open"}


def test_a_prefix_is_those_very_characters(store: Store, new_id: Callable[[], str]) -> None:
    with store.write() as tx:
        findings.report(tx, [trouble(key, "e1") for key in ("a_b:1", "aXb:1", "A_B:1", "a%:1")], "1", new_id)
        findings.reconcile(tx, ["e1"], "a_b:", [], "2", new_id)
        findings.reconcile(tx, ["e1"], "a%:", [], "2", new_id)
    with store.read() as tx:
        still = {each["key"] for each in tx.all(sa.select(t.finding).where(t.finding.c.state == "open"))}
    assert still == {"aXb:1", "A_B:1"}
