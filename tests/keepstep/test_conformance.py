"""The suite against a service as a user would run it: all that can be tried holds, and nothing stays behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from click.testing import CliRunner

from connectors.base import Connector, Write
from connectors.context import Context
from connectors.memory import CONNECTOR as MEMORY
from connectors.memory import Memory
from connectors.memory_service import STREAM, MemoryService, Traits
from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.faults import Fault
from connectors.sandbox.hosting import SandboxTransport
from keepstep.cli import main
from keepstep.cli.session import Session
from keepstep.registry import Registry
from keepstep.runtime import Runtime
from keepstep.secrets import HeldTokens
from keepstep.testing.contract import ConnectorContract
from keepstep.testing.live import NEEDS, Conformance, Occupied
from keepstep.testing.live.run import OF_CONNECTION, TRIED, every_promise
from tests.keepstep import plugins
from tests.keepstep.office import Office
from tests.keepstep.test_contract_suite import (
    ForgetsDeletes,
    ForgetsMarkers,
    IgnoresVersions,
    LeavesOutUnknown,
    SendsEverything,
    SwallowsOutcomes,
    WritesAnyway,
)

PERSON = "Ada Lovelace"


@dataclass
class Ground:
    """A stand-in with a throwaway place beside one that people use."""

    core: Any
    clock: VirtualClock
    connect: Callable[[Literal["read", "write"]], Connector]
    proving: Any
    place: str
    people: tuple[tuple[str, str], ...] = ()
    """Streams and ids of records that people made elsewhere."""

    def conformance(self) -> Conformance:
        return Conformance(self.connect, self.proving, self.place, self.clock, Runtime.of(self.clock, 1).ids)

    def others(self) -> list[Any]:
        return [self.core.records(stream)[id] for stream, id in self.people]


def memory(connector: type[Memory] = Memory, **traits: Any) -> Ground:
    clock = VirtualClock()
    service = MemoryService(clock, traits=Traits(**traits))
    return Ground(
        service, clock, lambda access: connector(service, read_only=access == "read"), MEMORY.proving, "anywhere"
    )


def served(system: str) -> Ground:
    clock, registry = VirtualClock(), Registry.installed()
    plugin, sandbox = registry.connector(system), registry.sandbox(system)
    core: Any = sandbox.build(clock, 1)
    place, people = PLACES[system](core)
    settings = plugin.proving.confine(plugin.settings(**sandbox.settings(core, "https://service.test")), place)

    def connect(access: Literal["read", "write"]) -> Connector:
        return plugin.build(
            settings, Context("scratch", clock, HeldTokens(), access=access, transport=SandboxTransport(core))
        )

    return Ground(core, clock, connect, plugin.proving, place, people)


def jira(core: Any) -> Any:
    core.add_project("OTHER", "Other")
    return "ACME", (("issues", core.create(PERSON, "issues", {"summary": "Hers", "project": {"key": "OTHER"}})),)


def trello(core: Any) -> Any:
    board, other = (core.create(PERSON, "boards", {"name": name}) for name in ("Scratch", "Work"))
    for each in (board, other):
        core.join(core.us, each)
    todo = core.create(PERSON, "lists", {"name": "Todo", "idBoard": other})
    return board, (("cards", core.create(PERSON, "cards", {"name": "Hers", "idList": todo})), ("lists", todo))


def drive(core: Any) -> Any:
    scratch, other = (core.create(PERSON, "client_folders", {"name": name}) for name in ("Scratch", "Customer"))
    return scratch, (("client_folders", other),)


def zoho(core: Any) -> Any:
    return "60011223344", ()


PLACES: dict[str, Callable[[Any], Any]] = {"jira": jira, "trello": trello, "google_drive": drive, "zoho_crm": zoho}


def fails(work: Conformance) -> list[tuple[str, str, str]]:
    return [(each.stream, each.promise, each.detail) for each in work.report.of("fails")]


# -- what is tried


def test_every_promise_of_the_suite_is_tried_or_named_with_what_it_takes() -> None:
    suite = {name.removeprefix("test_") for name in dir(ConnectorContract) if name.startswith("test_")}
    assert set(every_promise()) == suite
    assert not set(NEEDS) & set(TRIED)


def test_it_needs_no_pytest() -> None:
    code = "import sys; import keepstep.testing.live; assert 'pytest' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603


@pytest.mark.parametrize(
    "traits",
    [
        {"guarded": True, "history": True, "marker": "unique_field"},
        {"marker": "reserved_id", "returns_record": False},
        {"marker": "fingerprint", "deletes": False, "versioned": False},
        {"marker": "none"},
        {"lag": 40.0},
    ],
    ids=["guarded", "reserved", "fingerprint", "unmarked", "late"],
)
def test_all_that_can_be_tried_holds_and_nothing_stays(traits: dict[str, Any]) -> None:
    ground = memory(**traits)
    work = ground.conformance()
    work.run()
    assert fails(work) == []
    assert work.report.count("holds") >= 25
    assert work.clear() == work.clear() == []
    assert ground.core.records(STREAM) == {}


@pytest.mark.parametrize("system", sorted(PLACES))
def test_it_holds_on_each_stand_in_and_other_places_are_not_touched(system: str) -> None:
    ground = served(system)
    before = ground.others()
    work = ground.conformance()
    work.place.must_be_empty()
    work.run()
    assert fails(work) == []
    assert work.report.count("holds") >= 90
    reasons = {each.reason for each in work.report.of("not_tried")}
    assert not reasons & {"trouble", "not_quiet", "no_record", "no_feed"}
    left = work.clear()
    assert {(each.stream, each.why) for each in left} == ({("lists", "archived")} if system == "trello" else set())
    work.place.must_be_empty()
    assert ground.others() == before
    touched = {entry.id for entry in ground.core.truth.writes()}
    assert not touched & {id for _, id in ground.people}


@pytest.mark.parametrize(
    ("connector", "promise"),
    [
        (ForgetsDeletes, "a_delete_is_seen"),
        (LeavesOutUnknown, "get_gives_one_record_for_each_distinct_id"),
        (SwallowsOutcomes, "each_write_has_one_outcome_in_order_and_one_bad_record_stops_no_other"),
        (SendsEverything, "an_update_sends_only_what_changed"),
        (ForgetsMarkers, "a_marker_is_on_the_record_and_not_in_its_payload"),
        (WritesAnyway, "access_read_refuses_every_write_before_it_is_sent"),
        (IgnoresVersions, "a_stale_guarded_update_is_refused_and_changes_nothing"),
    ],
)
def test_a_broken_promise_is_seen(connector: type[Memory], promise: str) -> None:
    work = memory(connector, guarded=True).conformance()
    work.run()
    assert promise in {name for _, name, _ in fails(work)}
    assert work.clear() == []


def test_a_connector_that_loses_records_stops_no_other_promise() -> None:
    class Forgetful(Memory):
        def get(self, stream: str, ids: Sequence[str]) -> Any:
            return iter(())

    work = memory(Forgetful).conformance()
    work.run()
    assert {"a_create_is_done_and_reads_back", "get_gives_one_record_for_each_distinct_id"} <= {
        name for _, name, _ in fails(work)
    }
    assert {each.promise for each in work.report.results} == set(every_promise())
    assert work.clear() == []


def test_a_feed_that_costs_more_than_it_says_is_seen() -> None:
    class AsksTwice(Memory):
        def pull(self, feed: str, cursor: str | None = None) -> Any:
            list(self.ids(feed))
            return super().pull(feed, cursor)

    work = memory(AsksTwice).conformance()
    work.run()
    (failed,) = [each for each in fails(work) if "costs" in each[1]]
    assert failed[2] == "calls=2, declared=1"


# -- what stays behind


@pytest.mark.parametrize("step", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("system", ["trello", "jira"])
def test_an_interruption_leaves_nothing_behind(system: str, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ground = served(system)
    work = ground.conformance()
    waits = iter(range(1, 100))
    wait = ground.clock.wait

    def interrupted(seconds: float) -> None:
        if next(waits) == step:
            raise KeyboardInterrupt
        wait(seconds)

    monkeypatch.setattr(ground.clock, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        work.run()
    assert ground.core.truth.writes()
    assert {each.why for each in work.clear()} <= {"archived"}
    work.place.must_be_empty()
    assert work.report.results


@pytest.mark.parametrize("marker", ["in_create", "reserved_id", "fingerprint"])
def test_a_create_without_an_answer_is_found_and_taken_away(marker: Any) -> None:
    ground = memory(marker=marker)
    work = ground.conformance()
    ground.core.faults.switch_on(Fault("lost_after", match="write/create", times=2))
    work.run()
    assert ("items", "a_create_is_done_and_reads_back", "status=unknown, code=, field=None") in fails(work)
    assert len(ground.core.records(STREAM)) >= 2
    assert work.clear() == []
    assert ground.core.records(STREAM) == {}


def test_what_cannot_be_taken_away_is_told_with_its_address() -> None:
    class Sticky(Memory):
        def push(self, stream: str, writes: Sequence[Write], gate: Any) -> Any:
            yield from super().push(stream, [each for each in writes if each.kind != "delete"], gate)
            for write in writes:
                if write.kind == "delete":
                    yield from super().push(stream, [Write(intent=write.intent, kind="archive", id=write.id)], gate)

    ground = memory(Sticky)
    work = ground.conformance()
    work.run()
    left = work.clear()
    assert {each.where for each in left} == set(ground.core.records(STREAM))
    assert {each.why for each in left} == {"refused"}
    assert work.report.left == len(left) > 0


def test_a_place_that_is_not_empty_is_refused() -> None:
    ground = memory()
    ground.core.create("Ann", STREAM, {"title": "hers"})
    with pytest.raises(Occupied, match="1"):
        ground.conformance().place.must_be_empty()


# -- the command


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """``board`` sees the board that is kept in step; ``trial``, the same account, takes part in nothing."""
    office = Office(tmp_path)
    scratch = office.board.create(PERSON, "boards", {"name": "Private name"})
    office.board.join(office.board.us, scratch)
    office.connections["trial"] = dict(office.connections["board"])
    office.connections["board"]["boards"] = [office.place]
    office.cores["trial"] = office.board
    office.scratch = scratch  # type: ignore[attr-defined]
    return office


def test_the_command_asks_tries_and_reports(office: Any) -> None:
    result = office.keep("conformance", "trial", "--in", office.scratch, answer="y\n")
    assert result.exit_code == 3, result.output  # its lists are archived, since nobody can delete a list
    assert "records will be made, changed and deleted in" in result.stderr
    assert "not tried: " in result.stdout
    assert "it takes faults that can be switched on" in result.stdout
    assert "could not be taken away: lists" in result.stderr
    assert "does not hold" not in result.stdout
    assert office.cards() == {}
    assert not [each for each in office.board.truth.writes() if each.stream == "boards"]
    again = office.keep("conformance", "trial", "--in", office.scratch, "--yes", "--lang", "zh-CN")
    assert "未检验" in again.stdout
    assert "需要能够人为制造故障" in again.stdout


def test_a_report_holds_nothing_private(office: Any, tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    document = office.document("conformance", "trial", "--in", office.scratch, "--yes", "-o", str(out), code=3)
    assert json.loads(out.read_text(encoding="utf-8")) == document
    assert document["system"] == "trello"
    assert document["counts"]["fails"] == 0
    assert document["left"] > 0
    assert {each["promise"] for each in document["results"]} == set(every_promise())
    assert {each["promise"] for each in document["results"] if each["stream"] == "-"} == set(OF_CONNECTION)
    text = out.read_text(encoding="utf-8")
    account = office.connections["trial"]
    private = [
        office.scratch,
        office.place,
        "Private name",
        account["key"],
        account["token"],
        office.board.us.member,
        PERSON,
    ]
    private += [entry.id for entry in office.board.truth.entries]
    assert not [each for each in private if each in text]


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_without_a_word_nothing_is_made(office: Any, answer: str) -> None:
    assert office.keep("conformance", "trial", "--in", office.scratch, answer=answer).exit_code == 3
    assert office.writes() == []


def test_what_is_no_throwaway_place_is_refused(office: Any) -> None:
    card = office.card("hers")
    used = office.keep("conformance", "trial", "--in", office.place, "--yes")
    assert used.exit_code == 2
    assert "is seen by the sync `tasks` through board" in used.stderr
    office.connections["board"]["boards"] = []
    everything = office.keep("conformance", "trial", "--in", office.scratch, "--yes")
    assert everything.exit_code == 2
    office.connections["board"]["boards"] = [office.place]
    todo = office.board.create(PERSON, "lists", {"name": "Todo", "idBoard": office.scratch})
    office.board.create(PERSON, "cards", {"name": "His", "idList": todo})
    full = office.keep("conformance", "trial", "--in", office.scratch, "--yes")
    assert full.exit_code == 2
    assert "is not empty: 1 record lies there" in full.stderr
    assert office.writes() == []
    assert card in office.cards()


def test_a_reader_is_refused(office: Any) -> None:
    office.connections["trial"]["access"] = "read"
    result = office.keep("conformance", "trial", "--in", office.scratch, "--yes")
    assert result.exit_code == 2
    assert "`access: read`" in result.stderr


def test_a_report_that_cannot_be_written_is_told_after_it_was_shown(office: Any, tmp_path: Path) -> None:
    out = str(tmp_path / "no" / "report.json")
    result = office.keep("conformance", "trial", "--in", office.scratch, "--yes", "-o", out)
    assert result.exit_code == 1
    assert "not tried: " in result.stdout
    assert "report.json cannot be written" in result.stderr


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("my sandbox", "it must be the id of the organisation"),
        ("123", "sand does not sign in to 123"),
        ("60011223344", "is seen by the sync `tasks` through crm"),
    ],
)
def test_an_organisation_must_be_named_and_in_no_sync(office: Any, place: str, words: str) -> None:
    office.connections["sand"] = dict(office.connections["crm"])
    office.cores["sand"] = office.crm
    result = office.keep("conformance", "sand", "--in", place, "--yes")
    assert result.exit_code == 2
    assert words in result.stderr
    assert office.writes() == []


def test_a_system_that_offers_no_trial_says_so(tmp_path: Path) -> None:
    path = tmp_path / "keepstep.yaml"
    path.write_text("version: 1\nconnections: {board: {system: board, url: 'https://board.test', token: t-o-k-e-n}}\n")
    session = Session(plugins.registry(), Runtime.of(VirtualClock(), 1, {"LANG": "C"}))
    result = CliRunner().invoke(main, ["conformance", "board", "--in", "x", "--config", str(path)], obj=session)
    assert result.exit_code == 2
    assert "no way yet to try its promises" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_clears_up_and_says_so(
    office: Any, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    wait, waits = office.clock.wait, iter(range(1, 1000))
    former = signal.getsignal(signal.SIGTERM)

    def interrupted(seconds: float) -> None:
        if next(waits) == 4:
            signal.raise_signal(number)
        wait(seconds)

    monkeypatch.setattr(office.clock, "wait", interrupted)
    result = office.keep("conformance", "trial", "--in", office.scratch, "--yes", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["interrupted"] is True
    assert "taking away what was made" in result.stderr
    assert "could not be taken away: lists" in result.stderr
    assert office.cards() == {}
    assert signal.getsignal(signal.SIGTERM) is former
