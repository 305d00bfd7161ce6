"""``doctor``: each connection's own symptoms beside what only the hub can see, each with a cure; nothing is written."""

from __future__ import annotations

import re
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from connectors.examining import Symptom
from connectors.jira import examine as jira_examine
from connectors.jira.sandbox import SANDBOX as JIRA
from keepstep.cli.doctor import words
from keepstep.cli.session import Session
from keepstep.language import LANGUAGES, codes
from keepstep.registry import Registry
from keepstep.runtime import Runtime
from keepstep.store.peek import peek
from tests.keepstep.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    for name in ("Doing", "Done"):
        office.board.create("Ada", "lists", {"name": name, "idBoard": office.place})
    return office


def tracker(office: Office, **settings: Any) -> Any:
    """A Jira beside the others; its account has no right that it does not need."""
    core: Any = JIRA.build(office.clock, 3)
    core.lacks |= {"ADMINISTER", "SYSTEM_ADMIN"}
    office.cores["tracker"] = core
    office.connections["tracker"] = {"system": "jira", **JIRA.settings(core, "https://jira.test"), **settings}
    return core


def told(document: Any, connection: str) -> list[tuple[str, str]]:
    """Code and severity of what is wrong with a connection; what is only good to know is left out."""
    (found,) = [each for each in document["connections"] if each["connection"] == connection]
    return [(each["code"], each["severity"]) for each in found["symptoms"] if each["severity"] != "info"]


def test_where_nothing_is_wrong_it_says_so(office: Office) -> None:
    tracker(office)
    result = office.keep("doctor")
    assert result.exit_code == 0, result.output
    assert "crm: signed in to 60011223344 as Keepstep Hub" in result.stdout
    assert "nothing is in the way" in result.stdout
    assert "errors: 0, warnings: 0, good to know: " in result.stdout
    lines = [line for line in result.stdout.splitlines() if "neither a precondition nor a history" in line]
    assert len(lines) <= len(office.cores)  # one line a system, not one a stream
    assert any("comments, remote_links, versions: " in line for line in lines)


def test_nothing_is_written_anywhere(office: Office) -> None:
    core = tracker(office)
    office.keep("plan")
    before = {path.name: path.read_bytes() for path in office.folder.iterdir() if "-" not in path.name}
    sent = {name: len(each.requests) for name, each in office.cores.items()}
    office.keep("doctor")
    assert {path.name: path.read_bytes() for path in office.folder.iterdir() if "-" not in path.name} == before
    assert office.writes() == []
    requests = [line for name, each in office.cores.items() for line in each.requests[sent[name] :]]
    assert [line for line in requests if not line.startswith("GET ")] == [], "the plan has signed in already"
    assert core.truth.writes() == []


def test_a_store_that_is_not_there_is_not_made(office: Office) -> None:
    assert office.keep("doctor").exit_code == 0
    assert [path.name for path in office.folder.iterdir()] == ["keepstep.yaml"]


def test_symptoms_of_several_systems_stand_side_by_side_errors_first(office: Office) -> None:
    core = tracker(office)
    core.lacks.add("TRANSITION_ISSUES")
    core.add_user("Unito for Jira", kind="app")
    office.board.skew = timedelta(seconds=-95)
    document = office.document("doctor", code=1)
    assert told(document, "tracker") == [("scope_missing", "error"), ("other_tool", "warning")]
    assert told(document, "board") == [("clock_skew", "warning")]
    assert told(document, "crm") == []
    assert {name: document["counts"][name] for name in ("error", "warning")} == {"error": 1, "warning": 2}
    result = office.keep("doctor", "--lang", "zh-CN")
    assert "TRANSITION_ISSUES" in result.stdout
    assert "请为 Keepstep 登录所用的帐号授予该权限" in result.stdout
    assert "相差 2分钟" in result.stdout
    only = office.document("doctor", "board", code=3)
    assert [each["connection"] for each in only["connections"]] == ["board"]


def test_a_data_center_is_told_once_and_as_what_it_is(office: Office) -> None:
    tracker(office).deployment = "Server"
    document = office.document("doctor", code=1)
    assert told(document, "tracker") == [("not_cloud", "error")]
    assert document["connections"][2]["account"] is None


def test_a_service_that_is_down_stops_no_other(office: Office) -> None:
    office.connections["board"]["token"] = "wrong"
    document = office.document("doctor", code=1)
    assert told(document, "board") == [("connection_failed_auth", "error")]
    assert told(document, "crm") == []
    assert "not signed in" in office.keep("doctor").stdout


def test_a_clock_that_differs_is_told_where_the_connector_does_not_look(office: Office) -> None:
    real = office.session

    def late() -> Session:
        session = real()
        clock = office.clock.__class__(office.clock.now() + timedelta(seconds=90))
        session.runtime = Runtime.of(clock, 1, office.environ)
        return session

    office.session = late  # type: ignore[method-assign]
    document = office.document("doctor", "crm", code=3)
    assert told(document, "crm") == [("clock_skew", "warning")]
    assert document["connections"][0]["symptoms"][0]["params"] == {"seconds": -90}


def test_fields_that_the_configuration_names_are_looked_for(office: Office) -> None:
    office.connections["crm"]["custom"] = {"Tasks": {"due_date": "Finished_By"}}
    document = office.document("doctor", code=1)
    assert ("field_missing", "error") in told(document, "crm")
    missing = [each["params"] for each in document["connections"][0]["symptoms"] if each["code"] == "field_missing"]
    assert {"stream": "Tasks", "field": "Finished_By"} in missing


def test_values_that_the_other_side_cannot_show_are_told(office: Office) -> None:
    office.board.create("Ada", "lists", {"name": "Später 🧊", "idBoard": office.place})
    office.connections["crm"]["values"] = {"status": {"Completed": "cancelled"}}
    document = office.document("doctor", code=3)
    assert ("value_without_counterpart", "warning") in told(document, "crm")
    (symptom,) = [
        each for each in document["connections"][0]["symptoms"] if each["code"] == "value_without_counterpart"
    ]
    assert symptom["params"] == {
        "side": "crm.Tasks",
        "field": "status",
        "values": ["cancelled"],
        "other": "board.cards",
    }
    assert ("value_unmapped", "warning") in told(document, "board")


def test_a_place_for_new_records_that_is_not_there_is_told(office: Office) -> None:
    office.sync["create"] = {"board.cards": {"list": "Dooing"}}
    found = told(office.document("doctor", code=1), "board")
    assert ("place_missing", "error") in found
    office.sync["create"] = {"board.cards": {"list": "Doing"}}
    assert "place_missing" not in [code for code, _ in told(office.document("doctor"), "board")]


def test_two_connections_on_one_account_are_told(office: Office) -> None:
    office.connections["second"] = dict(office.connections["board"])
    office.cores["second"] = office.board
    document = office.document("doctor", code=3)
    assert told(document, "board") == []
    assert told(document, "second") == [("same_account", "warning")]


def test_sign_ins_that_nobody_can_open_are_told(office: Office) -> None:
    office.keep("plan")
    with sqlite3.connect(office.folder / "keep.db") as store:
        sealed = Fernet(Fernet.generate_key()).encrypt(b"{}")
        store.execute("INSERT INTO sealed (name, secret) VALUES (?, ?)", ("board:token", sealed))
    (symptom,) = office.document("doctor", "crm", code=1)["installation"]
    assert (symptom["code"], symptom["params"]["connections"]) == ("sealed_without_key", ["board"])
    office.environ["KEEPSTEP_KEY"] = Fernet.generate_key().decode()
    del office.connections["board"]["token"]
    document = office.document("doctor", code=1)
    assert document["installation"] == []
    assert told(document, "board") == [("token_unreadable", "error")]


def test_a_sign_in_that_ends_soon_is_told(office: Office) -> None:
    office.keep("plan")
    with sqlite3.connect(office.folder / "keep.db") as store:
        kept = '{"at":"2026-11-01T00:00:00.000Z","expires_at":"2026-11-20T00:00:00.000Z","scopes":[]}'
        store.execute("INSERT INTO setting (name, value) VALUES ('signed_in:crm', ?)", (kept,))
    assert told(office.document("doctor", code=3), "crm") == [("expires", "warning")]


@pytest.mark.parametrize(
    ("revision", "code", "severity"), [("0001", "store_older", "warning"), ("9999", "store_newer", "error")]
)
def test_a_store_of_another_age_is_told_and_left_as_it_is(
    office: Office, revision: str, code: str, severity: str
) -> None:
    office.keep("plan")
    with sqlite3.connect(office.folder / "keep.db") as store:
        store.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    (symptom,) = office.document("doctor", code=1 if severity == "error" else 3)["installation"]
    assert (symptom["code"], symptom["severity"]) == (code, severity)
    with sqlite3.connect(office.folder / "keep.db") as store:
        assert store.execute("SELECT version_num FROM alembic_version").fetchall() == [(revision,)]


def test_a_store_that_may_not_be_written_to_is_told_before_the_first_write(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.keep("plan")
    monkeypatch.setattr("os.access", lambda place, mode: Path(place) != office.folder)
    (symptom,) = office.document("doctor", code=1)["installation"]
    assert (symptom["code"], symptom["params"]["place"]) == ("store_barred", str(office.folder))


def test_peeking_shows_what_a_database_is(tmp_path: Path) -> None:
    assert peek(f"sqlite:///{tmp_path / 'none.db'}").revision is None
    assert list(tmp_path.iterdir()) == []
    with sqlite3.connect(tmp_path / "empty.db") as raw:
        raw.execute("PRAGMA journal_mode=WAL")  # a header, and no tables yet
    assert not peek(f"sqlite:///{tmp_path / 'empty.db'}").older


# -- in words

SAMPLE: dict[str, Any] = {
    "scope": "Edit issues",
    "stream": "issues",
    "field": "due",
    "value": "Later",
    "from": "*",
    "to": "done",
    "place": "ACME",
    "seconds": -95,
    "tool": "Unito",
    "where": "apps",
    "kind": "Server",
    "what": "token",
    "at": "2026-11-20T00:00:00.000Z",
    "most": 1000,
    "count": 2,
    "names": ["Plan", "Offer"],
}


def named() -> list[str]:
    """The codes that the contract of ``Symptom`` names."""
    text = re.sub(r"\([^)]*\)", "", Symptom.__doc__ or "")
    found = re.findall(r"``(\w+)``", text)
    assert len(found) >= 15
    return found


@pytest.mark.parametrize("code", named())
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_symptom_that_a_connector_may_tell_is_a_sentence(code: str, language: str) -> None:
    assert f"symptom.{code}" in codes()
    session = Session(Registry(), Runtime.real(), options={"keepstep.lang": language})
    for more in ({}, dict.fromkeys(("where", "place", "needed_for"))):
        said = words(session, "board", Symptom(code=code, params={**SAMPLE, **more}))
        assert "{" not in said
        assert "None" not in said


def test_what_a_right_is_needed_for_is_said_in_words() -> None:
    uses = {*jira_examine.READS.values(), *jira_examine.WRITES.values(), *filter(None, jira_examine.EXCESS.values())}
    assert {f"need.{use}" for use in uses} <= codes()


def test_a_symptom_of_tomorrow_is_named_with_what_is_known() -> None:
    session = Session(Registry(), Runtime.real(), options={"keepstep.lang": "en"})
    assert "moon_phase" in words(session, "board", Symptom(code="moon_phase", params={"phase": "full"}))
    assert "clock_skew" in words(session, "board", Symptom(code="clock_skew", params={"minutes": 2}))
