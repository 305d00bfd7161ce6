"""A person is forgotten: no row of any table names them, nothing is written, and the systems may bring them back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.memory_service import STREAM
from connectors.sandbox.faults import Fault
from keepstep.engine.decisions import resolve
from keepstep.engine.forget import Busy, Forgotten, forget, known_people, preview
from keepstep.engine.guard import let_through
from keepstep.engine.handoffs.verdict import Waiver
from keepstep.engine.news import OPEN
from keepstep.engine.people import ALIASES
from keepstep.engine.preparing import attach, detach
from keepstep.engine.traces import STRUCK, Traces
from keepstep.engine.waivers import waive, waivers
from keepstep.store import tables as t
from keepstep.testing.worlds import PAST_DOUBT, Bench

QUUX = "zebediah.quux@acme.test"


def everything(bench: Bench) -> str:
    return bench.content().decode()


def lived_in(**options: Any) -> Bench:
    """Records of which one is Quux's in every way: as owner, in its texts, in what happened to it."""
    bench = Bench(**options)
    mine = bench.make("a", title="Ask the customer", notes=f"Call {QUUX} first", owner=QUUX, due="2026-11-30")
    bench.make("a", title="Send the offer", owner="bo@acme.test", notes="No names")
    for owner in (QUUX, "bo@acme.test"):  # each has an account on both sides
        bench.make("b", title=f"Mine {len(owner)}", owner=owner)
    bench.settle()
    bench.edit("a", mine, notes=f"Call {QUUX.upper()} twice")
    bench.settle()
    return bench


def erase(bench: Bench, text: str = QUUX) -> Forgotten:
    people = known_people(bench.ports, text)
    assert len(people) <= 1
    return forget(bench.ports, text, people[0] if people else None, ["tasks"], "Ann")


def test_no_row_of_any_table_names_them_and_nothing_is_written() -> None:
    bench = lived_in()
    assert everything(bench).casefold().count(QUUX) > 10
    writes = bench.writes()
    done = erase(bench)
    assert QUUX not in everything(bench).casefold()
    assert {"record", "link", "entity", "person", "intent", "audit"} <= done.rows.keys()
    assert done.places == {"a.items": 2, "b.items": 2}
    for _ in range(3):
        assert bench.round().planned == 0
    assert bench.writes() == writes
    assert "bo@acme.test" in everything(bench)
    assert "Send the offer" in everything(bench)
    [line] = bench.rows(t.audit, t.audit.c.code == "person_forgotten")
    assert line["params"]["by"] == "Ann"


def test_the_other_fields_go_on_flowing() -> None:
    bench = lived_in()
    mine = bench.only_titled("a", "Ask the customer")
    erase(bench)
    bench.edit("a", bench.only_titled("a", "Send the offer"), title="Send the big offer")
    bench.settle()
    assert bench.only_titled("b", "Send the big offer")
    bench.edit("a", mine, due="2026-12-24")
    bench.settle()
    there = bench.services["b"].records(STREAM)[bench.only_titled("b", "Ask the customer")]
    assert there["due"] == "2026-12-24"


def test_it_returns_with_the_record_that_a_system_still_holds_and_changes_nothing_there() -> None:
    bench = lived_in()
    mine = bench.only_titled("a", "Ask the customer")
    before = [bench.shown(name) for name in "ab"]
    erase(bench)
    bench.edit("a", mine, due="2026-12-24")
    bench.settle()
    assert QUUX in everything(bench)
    for shown, former in zip([bench.shown(name) for name in "ab"], before, strict=True):
        kept = [{name: value for name, value in each.items() if name != "due"} for each in shown]
        assert kept == [{name: value for name, value in each.items() if name != "due"} for each in former]
    assert bench.rows(t.conflict) == []
    bench.edit("b", bench.only_titled("b", "Ask the customer"), owner="bo@acme.test", notes="Nobody")
    bench.settle()
    assert bench.services["a"].records(STREAM)[mine]["owner"] == "bo@acme.test"
    erase(bench)
    assert QUUX not in everything(bench).casefold()


def test_what_is_read_anew_as_a_whole_is_compared_and_agreed_again() -> None:
    bench = lived_in()
    before = [bench.shown(name) for name in "ab"]
    erase(bench)
    bench.fingerprint = "two"
    bench.restart()
    bench.settle()
    assert [bench.shown(name) for name in "ab"] == before
    assert bench.rows(t.conflict) == []


def test_a_conflict_about_them_is_erased_and_asked_again_once_the_records_are_read() -> None:
    bench = lived_in()
    a, b = (bench.only_titled(name, "Ask the customer") for name in "ab")
    bench.edit("a", a, notes=f"{QUUX} says yes")
    bench.edit("b", b, notes=f"{QUUX} says no")
    bench.round()
    assert bench.open_findings() == ["conflict"]
    erase(bench)
    assert QUUX not in everything(bench).casefold()
    assert (bench.rows(t.conflict), bench.open_findings()) == ([], [])
    bench.edit("a", a, due="2026-12-24")
    bench.edit("b", b, due="2026-12-24")
    bench.round()
    [row] = bench.rows(t.conflict)
    assert row["field"] == "description"


def test_what_is_owed_is_never_written_in_a_struck_form() -> None:
    bench = lived_in()
    bench.services["b"].faults.switch_on(Fault("lost_before", "write"))
    mine = bench.only_titled("a", "Ask the customer")
    bench.edit("a", mine, notes=f"{QUUX} is away")
    bench.make("a", title=f"Visit {QUUX}")
    bench.round()
    with pytest.raises(Busy):
        erase(bench)
    assert QUUX in everything(bench), "nothing is erased while a write with it may still take effect"
    bench.clock.advance(PAST_DOUBT)
    bench.services["b"].faults.clear()
    bench.settle(PAST_DOUBT)
    erase(bench)
    bench.settle()
    assert STRUCK not in str([bench.shown(name) for name in "ab"])


def test_what_was_owed_and_not_yet_sent_waits_until_it_is_read_again() -> None:
    bench = Bench(mode="propose")
    bench.make("a", title=f"Visit {QUUX}")
    bench.round()
    assert any(row["owing"] for row in bench.rows(t.entity))
    erase(bench)
    bench.sync = replace(bench.sync, mode="write")
    bench.settle()
    assert bench.shown("b") == []
    bench.edit("a", bench.only("a"), due="2026-12-24")
    bench.settle()
    assert [each["title"] for each in bench.shown("b")] == [f"Visit {QUUX}"]


def test_a_preview_counts_the_same_and_changes_nothing() -> None:
    bench = lived_in()
    before = bench.content()
    [who] = known_people(bench.ports, QUUX)
    shown = preview(bench.ports, QUUX, who)
    assert bench.content() == before
    assert erase(bench) == shown
    assert erase(bench) == Forgotten(), "the second time there is nothing left"


def test_a_sync_that_is_at_work_is_not_disturbed() -> None:
    bench = lived_in()
    lease = bench.store.acquire("sync:tasks", "another", 60)
    assert lease is not None
    with pytest.raises(Busy, match="tasks"):
        erase(bench)
    assert QUUX in everything(bench)
    bench.store.release(lease)
    erase(bench)


def test_former_ids_of_a_person_go_as_well() -> None:
    bench = lived_in()
    [who] = known_people(bench.ports, QUUX)
    with bench.store.write() as tx:
        aliases = {"a:old": who.id, "a:x": "a:y"}
        tx.upsert(t.setting, [{"name": ALIASES, "value": aliases}])
        tx.insert(t.audit, [{"at": "x", "code": "y", "params": {"value": "a:old"}}])
    erase(bench)
    [row] = bench.rows(t.setting, t.setting.c.name == ALIASES)
    assert row["value"] == {"a:x": "a:y"}
    assert bench.rows(t.audit, t.audit.c.code == "y")[0]["params"] == {"value": STRUCK}


def test_one_who_is_called_like_another_keeps_that_ones_texts() -> None:
    bench = lived_in()
    with bench.store.write() as tx:
        seen = {"name": "Ann Lee", "email": None, "active": True}
        tx.insert(t.person, [{"account": f"a:{n}", "person": f"a:{n}", "seen": seen} for n in (17, 18)])
        tx.insert(
            t.audit, [{"at": "x", "code": "said", "params": {"text": "Ann Lee called", "by": "17"}, "side": "a.x"}]
        )
    assert len(known_people(bench.ports, "ann  LEE")) == 2
    [who] = known_people(bench.ports, "17")
    done = forget(bench.ports, "17", who, ["tasks"], "Bo")
    assert done.shared == ["Ann Lee"]
    [line] = bench.rows(t.audit, t.audit.c.code == "said")
    assert line["params"] == {"text": "Ann Lee called", "by": STRUCK}
    assert [row["account"] for row in bench.rows(t.person, t.person.c.account.in_(["a:17", "a:18"]))] == ["a:18"]


def test_nothing_struck_is_left_for_those_who_read_the_audit_to_write_again() -> None:
    bench = lived_in()
    own = {"rule": "r", "subject": "s", "edits": [], "written": f"{QUUX} moved the date"}
    with bench.store.write() as tx:
        tx.upsert(t.setting, [{"name": OPEN, "value": {"task": own, "other": own | {"written": "The date moved"}}}])
    agreed = len(bench.rows(t.audit, t.audit.c.code == "agreed", t.audit.c.field == "description"))
    erase(bench)
    lines = bench.rows(t.audit, t.audit.c.field == "description")
    assert {line["code"] for line in lines} >= {"forgotten"}
    assert [line["params"] for line in lines if line["code"] == "forgotten"] == [{}] * (agreed - 1)
    assert not any(STRUCK in str(line["params"]) for line in lines)
    [row] = bench.rows(t.setting, t.setting.c.name == OPEN)
    assert list(row["value"]) == ["other"]


def test_a_contact_is_erased_as_a_whole() -> None:
    bench = lived_in()
    record: dict[str, Any] = bench.rows(t.record)[0] | {"side": "crm.Contacts", "kind": "contact", "entity": "c"}
    shown = {"name": "Zebediah Quux", "email": QUUX, "phone": "+49 123", "role": "Buyer"}
    agreed = {name: {"value": value, "n": 0, "source": "crm.Contacts", "at": ""} for name, value in shown.items()}
    entity = bench.rows(t.entity)[0] | {"id": "c", "kind": "contact", "sync": "contacts", "agreed": agreed}
    with bench.store.write() as tx:
        tx.insert(t.record, [record | {"shown": shown, "match_key": "zebediah quux"}])
        tx.insert(t.entity, [entity])
        tx.insert(
            t.link,
            [{"entity": "c", "side": "crm.Contacts", "record": record["id"], "state": "live", "linked_at": "x",
              "fields": {name: [value, 0, -1] for name, value in shown.items()}}],
        )  # fmt: skip
        tx.insert(t.audit, [{"at": "x", "code": "agreed", "entity": "c", "params": {"to": "+49 123"}}])
    erase(bench)
    content = everything(bench)
    assert not any(word in content for word in ("+49 123", "Buyer", "Quux", "quux"))
    [link] = bench.rows(t.link, t.link.c.entity == "c")
    assert (link["fields"], link["record"]) == ({}, record["id"]), "its place stays taken: it is not made anew"


def test_every_column_of_every_table_is_gone_through() -> None:
    """Whatever table is added: a row that names the person in any of its texts no longer does."""
    bench = Bench()
    left: dict[str, list[str]] = {}
    for table in t.metadata.sorted_tables:
        row: dict[str, Any] = {}
        for column in table.columns:
            if isinstance(column.type, t.Json):
                row[column.name] = {"x": [f"to {QUUX}"], QUUX: 1}
            elif isinstance(column.type, sa.String) and column.name not in ("id", "record", "entity", "other", "side"):
                row[column.name] = f"{QUUX} {table.name}"
            elif isinstance(column.type, sa.String):
                row[column.name] = table.name
            elif isinstance(column.type, sa.LargeBinary):
                row[column.name] = b""
            else:
                row[column.name] = 1
        if table is t.intent:
            row["closed_at"] = "x"
        if table is t.entity:
            row["agreed"] = {"x": {"value": [f"to {QUUX}"]}, "y": {"value": 1, "source": QUUX}}
        with bench.store.write() as tx:
            tx.insert(table, [row])
    erase(bench)
    for table in t.metadata.sorted_tables:
        left[table.name] = [name for row in bench.rows(table) for name, value in row.items() if QUUX in str(value)]
    assert {name: columns for name, columns in left.items() if columns} == {}


def test_what_they_decided_stands_and_not_that_they_did(tmp_path: Path) -> None:
    """Everything that a person can be the author of here: an answer, a permission, a waiver, leaving a connection."""
    file = tmp_path / "keep.db"
    name = "Zebediah Quux"
    bench = Bench(store=f"sqlite:///{file}")
    made = bench.make("a", title="Ask", notes="yes")
    bench.settle()
    other = bench.only("b")
    for who, field in ((QUUX, "one"), (name, "two")):
        bench.edit("a", made, notes=f"no {field}")
        bench.edit("b", other, notes=f"perhaps {field}")
        bench.round()
        [conflict] = bench.rows(t.conflict)
        resolve(bench.ports, "tasks", conflict["entity"], "description", "a.items", conflict["state"]["rev"], who)
        bench.settle()
    with bench.store.write() as tx:
        tx.insert(t.hold, [{"sync": "tasks", "reason": "first_plan", "params": {}, "state": "open", "at": "x"}])
        let_through(tx, bench.ports, "tasks", QUUX)
        about = {"rule": "won-deal-starts", "expectation": "kickoff"}
        row = {"key": "handoff:k", "id": "f", "code": "handoff_due", "severity": "warning", "params": about}
        tx.insert(t.finding, [row | {"state": "open", "opened_at": "x", "seen_at": "x", "entity": conflict["entity"]}])
        waive(tx, bench.ports, row | {"entity": conflict["entity"]}, QUUX, f"{name} knows why", None)
        tx.upsert(t.person, [{"account": "a:9", "person": "a:9", "seen": {"name": name, "email": QUUX}}])
    detach(bench.ports, "b", ["tasks"], name)
    attach(bench.ports, "b", ["tasks"], QUUX)
    bench.store.settle_journal()
    whole = file.read_bytes()
    assert QUUX.encode() in whole
    assert name.encode() in whole
    agreed = [row["agreed"]["description"]["value"] for row in bench.rows(t.entity)]

    erase(bench)
    assert [row["agreed"]["description"]["value"] for row in bench.rows(t.entity)] == agreed == ["no two"]
    [given] = _waivers(bench)
    assert (given.by, given.reason, given.rule) == (STRUCK, f"{STRUCK} knows why", "won-deal-starts")
    assert {row["side"] for row in bench.rows(t.audit, t.audit.c.code == "decided")} == {STRUCK}
    bench.store.close()
    left = b"".join(each.read_bytes() for each in tmp_path.iterdir()).lower()
    for trace in (QUUX, name, "quux"):
        assert trace.lower().encode() not in left


def test_who_decided_under_a_plain_name_is_struck_and_a_connection_of_that_name_stays() -> None:
    bench = lived_in()
    mine = bench.only_titled("a", "Ask the customer")
    theirs = bench.only_titled("b", "Ask the customer")
    bench.edit("a", mine, title="Ask him")
    bench.edit("b", theirs, title="Ask her")
    bench.round()
    [conflict] = bench.rows(t.conflict)
    resolve(bench.ports, "tasks", conflict["entity"], "title", "a.items", conflict["state"]["rev"], "paula")
    bench.settle()
    assert "paula" in everything(bench)
    forget(bench.ports, "paula", None, ["tasks"], "Ann")
    assert "paula" not in everything(bench)
    sides = {row["side"] for row in bench.rows(t.audit, t.audit.c.code == "agreed")}
    before = {row["side"] for row in bench.rows(t.link)}
    forget(bench.ports, "a", None, ["tasks"], "Ann")
    assert {row["side"] for row in bench.rows(t.link)} == before
    assert {row["side"] for row in bench.rows(t.audit, t.audit.c.code == "agreed")} == sides


def _waivers(bench: Bench) -> list[Waiver]:
    with bench.store.read() as tx:
        return waivers(tx)


def test_nothing_stays_readable_in_the_file_itself(tmp_path: Path) -> None:
    file = tmp_path / "keep.db"
    bench = lived_in(store=f"sqlite:///{file}")
    bench.store.settle_journal()
    assert QUUX.encode() in file.read_bytes()
    erase(bench)
    bench.store.close()
    assert QUUX.encode() not in b"".join(each.read_bytes() for each in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("value", "held"),
    [
        ("Call Ann Lee now", True),
        ("call ANN LEE", True),
        ("Joann Leeds", False),
        ("ann@acme.test", True),
        ("joann@acme.test", False),
        ("mailto%3Aann%40acme.test", True),
        ("<ann@acme.test>", True),
        ("请联系王伟先生", True),
        ("557058:0a1b2c3d-long", True),
        ("[~accountid:557058:0a1b2c3d-long]", True),
        ("17", False),
        ({"account": "17"}, True),
        ({"crm.Tasks": {"by": "17"}}, True),
        ({"board.cards": {"by": "17"}}, False),
        ({"side": "board.cards", "by": "17"}, False),
        ([{"candidates": [{"side": "crm.Tasks", "by": "17"}]}], True),
        ("crm:17", True),
        ("crm:170", False),
        (None, False),
        (17, False),
    ],
)
def test_what_names_a_person(value: Any, held: bool) -> None:
    found = Traces(
        frozenset({"Ann Lee", "ann@acme.test", "王伟"}),
        frozenset({"crm:17"}),
        frozenset({("crm", "17"), ("tracker", "557058:0a1b2c3d-long")}),
    )
    assert found.holds(value) is held
    assert not found.holds(found.struck(value))
    if not held:
        assert found.struck(value) == value


def test_one_plain_word_is_an_account_and_nothing_else() -> None:
    bench = lived_in()
    assert forget(bench.ports, "offer", None, ["tasks"], "Ann").rows == {}
    assert forget(bench.ports, "Send the offer", None, ["tasks"], "Ann").rows.keys() >= {"record", "entity"}
