"""First linking from the command line: links by pointers, proposals as a file, decisions and taking them back."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from keepstep.cli.match_file import as_written, harmless
from tests.databases import Databases
from tests.keepstep.office import Office


@pytest.fixture
def office(tmp_path: Path, databases: Databases) -> Office:
    return Office(tmp_path, databases.url())


def card_url(office: Office, card: str) -> str:
    return str(office.board.records("cards")[card]["url"])


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


def edited(path: Path, *decisions: str, delimiter: str = ",") -> None:
    """Fill in the column, row by row, as a spreadsheet saves it."""
    table = rows(path)
    for row, word in zip(table, decisions, strict=False):
        row["decision"] = word
    text = io.StringIO()
    writer = csv.DictWriter(text, list(table[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(table)
    path.write_text(text.getvalue(), encoding="utf-8-sig")


@pytest.fixture
def alike(office: Office) -> Office:
    """Two pairs whose names are alike, and one that stands alone."""
    for one, other in (
        ("Relaunch of the website", "Website relaunch of the"),
        ("=Kick-off, Berlin", "Kick off Berlin"),
    ):
        office.task(one)
        office.card(other)
    office.task("Invoices")
    return office


@pytest.mark.parametrize("way", ["description", "attachment", "other way"])
def test_what_one_record_names_of_the_other_links_them(office: Office, way: str) -> None:
    card = office.card("Design the landing page")
    task = office.task("LP", Description=card_url(office, card) if way == "description" else "")
    if way == "attachment":
        office.board.create(
            "Ada", "attachments", {"idCard": card, "url": f"https://crm.zoho.eu/crm/org1/tab/Tasks/{task}"}
        )
    if way == "other way":
        office.board.edit("Ada", "cards", card, {"desc": f"CRM: {task}"})
    data = office.document("match")["syncs"][0]
    assert [(each["evidence"], each["records"]) for each in data["links"]] == [
        ("pointer", {"board.cards": card, "crm.Tasks": task})
    ]
    assert data["proposals"] == []
    assert office.writes() == []


@pytest.mark.parametrize(("text", "kind"), [("{}", "pointer"), ("blocked by {}", None)])
def test_what_comes_later_is_linked_by_a_field_and_asked_about_by_a_mention(
    office: Office, text: str, kind: str | None
) -> None:
    card = office.card("Design the landing page")
    office.sync["create"] = {}
    office.keep("match")
    office.task("LP", Description=text.format(card_url(office, card)))
    data = office.document("match", code=0 if kind else 3)["syncs"][0]
    assert [each["evidence"] for each in data["links"]] == ([kind] if kind else [])
    assert [each["evidence"] for each in data["proposals"]] == ([] if kind else ["pointer"])


def test_one_that_several_name_is_a_question(office: Office) -> None:
    card = office.card("Design the landing page")
    for subject in ("LP", "Newsletter"):
        office.task(subject, Description=f"see {card_url(office, card)}")
    result = office.keep("match")
    assert result.exit_code == 3
    assert result.stdout.count("one mentions the other") == 2
    assert office.document("match", code=3)["syncs"][0]["links"] == []


def test_one_that_many_mention_is_only_mentioned(office: Office) -> None:
    card = office.card("Team rules")
    for number in range(5):
        office.task(f"Task {'ABCDE'[number]}", Description=f"see {card_url(office, card)}")
    data = office.document("match")["syncs"][0]
    assert (data["links"], data["proposals"]) == ([], [])


def test_the_file_says_what_is_asked_and_nothing_in_it_is_a_formula(alike: Office) -> None:
    path = alike.folder / "match.csv"
    result = alike.keep("match", "--export", str(path))
    assert result.exit_code == 3
    assert "2 rows written to" in result.stdout
    first, second = sorted(rows(path), key=lambda row: row["title"] + row["other_title"])
    assert {row["evidence"] for row in (first, second)} == {"likeness"}
    assert all(88 <= float(row["score"]) <= 100 for row in (first, second))
    cells = [cell for row in rows(path) for cell in row.values()]
    assert "'=Kick-off, Berlin" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_an_edited_file_is_carried_out(alike: Office, delimiter: str) -> None:
    path = alike.folder / "match.csv"
    alike.keep("match", "--export", str(path))
    edited(path, "Accept", "拒绝", delimiter=delimiter)
    data = alike.document("match", "--import", str(path))
    assert [each["accepted"] for each in data["decided"]] == [True, False]
    assert [each["evidence"] for each in data["syncs"][0]["links"]] == ["accepted"]
    assert data["syncs"][0]["proposals"] == []


def test_a_file_may_name_another_record(alike: Office) -> None:
    path = alike.folder / "match.csv"
    alike.keep("match", "--export", str(path))
    row = rows(path)[0]
    side = "board.cards" if row["records"].startswith("crm") else "crm.Tasks"
    ids = list(alike.cards()) if side == "board.cards" else list(alike.crm.records("Tasks"))
    other = next(id for id in ids if f"{side}:{id}" not in row["other_records"])
    edited(path, other)
    data = alike.document("match", "--import", str(path))
    (link,) = data["syncs"][0]["links"]
    assert f"{side}:{other}" in [f"{side}:{record}" for side, record in link["records"].items()]
    assert row["records"] in [f"{side}:{record}" for side, record in link["records"].items()]
    assert data["syncs"][0]["proposals"] == []  # the other question was about the record that was named


def test_a_file_with_mistakes_decides_nothing_and_names_every_line(alike: Office) -> None:
    path = alike.folder / "match.csv"
    alike.keep("match", "--export", str(path))
    table = rows(path)
    header = ["decision", "id", "title"]
    lines = [
        ["accept", table[0]["id"], "two\nlines"],
        ["perhaps", table[1]["id"], ""],
        ["accept", "nonsense", ""],
        ["accept", table[0]["id"], ""],
    ]
    text = io.StringIO()
    csv.writer(text).writerows([header, *lines])
    path.write_text(text.getvalue(), encoding="utf-8")
    result = alike.keep("match", "--import", str(path))
    assert result.exit_code == 2
    said = result.stderr.splitlines()
    assert [line.removeprefix(f"{path}:").split(":")[0] for line in said[:3]] == ["4", "5", "6"]
    assert "`perhaps` is no decision; write accept, reject" in said[0]
    assert "3 mistakes; nothing was decided" in said[3]
    document = alike.document("match", "--import", str(path), code=2)
    assert [(each["code"], each["line"]) for each in document["problems"]] == [
        ("decision_unknown", 4),
        ("proposal_over", 5),
        ("decision_twice", 6),
    ]
    assert len(alike.document("match", code=3)["syncs"][0]["proposals"]) == 2


def test_what_contradicts_itself_in_a_file_is_named_and_decides_nothing(office: Office) -> None:
    office.task("Sign")
    office.card("Sign")
    office.card("Sign")
    path = office.folder / "match.csv"
    office.keep("match", "--export", str(path))
    edited(path, "accept", "accept")
    result = office.keep("match", "--import", str(path))
    assert result.exit_code == 2
    assert f"{path}:3:" in result.stderr
    assert len(office.document("match", code=3)["syncs"][0]["proposals"]) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,b\r\n1,2\r\n", "lacks columns: decision, id"),
        (b"", "lacks columns"),
        (b"\xff\xfe", "cannot be read"),
        (b'decision,id\r\n"accept', "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_what_is_no_such_file_is_wrong_usage(office: Office, content: bytes | None, words: str) -> None:
    path = office.folder / "x.csv"
    if content is not None:
        path.write_bytes(content)
    result = office.keep("match", "--import", str(path))
    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.parametrize("rule", ["likeness", "88", "100"])
def test_all_of_one_kind_are_accepted_at_once(alike: Office, rule: str) -> None:
    data = alike.document("match", "--accept-rule", rule)
    assert len(data["decided"]) == 2
    assert {each["evidence"] for each in data["syncs"][0]["links"]} == {"accepted"}


def test_a_rule_that_nothing_keeps_accepts_nothing(alike: Office) -> None:
    assert alike.document("match", "--accept-rule", "key", code=3)["decided"] == []
    for rule in ("nonsense", "-1", "101", "nan"):
        result = alike.keep("match", "--accept-rule", rule)
        assert (result.exit_code, "is no rule" in result.stderr) == (2, True)
    assert alike.keep("match", "--accept-rule", "90", "--undo", "x").exit_code == 2


def test_a_pair_is_parted_again(alike: Office) -> None:
    id = alike.document("match", code=3)["syncs"][0]["proposals"][0]["id"]
    accepted = alike.keep("match", "--accept", id)
    assert f"keepstep match --undo {id}" in accepted.stdout
    data = alike.document("match", "--undo", id, code=3)
    assert data["reopened"] == [{"id": id, "parted": True}]
    assert data["syncs"][0]["links"] == []
    assert id in [each["id"] for each in data["syncs"][0]["proposals"]]
    result = alike.keep("match", "--undo", id)
    assert (result.exit_code, "nobody answered a proposal" in result.stderr) == (2, True)
    assert f"{id}: they are one" in alike.keep("match", "--accept", id).stdout
    assert f"{id}: parted again, and asked about again" in alike.keep("match", "--undo", id).stdout


def test_a_rejection_is_taken_back(alike: Office) -> None:
    id = alike.document("match", code=3)["syncs"][0]["proposals"][0]["id"]
    alike.keep("match", "--reject", id)
    assert f"(proposal {id})" in alike.keep("timeline").stdout
    result = alike.keep("match", "--undo", id)
    assert (result.exit_code, f"{id}: asked about again" in result.stdout) == (3, True)
    assert id in [each["id"] for each in alike.document("match", code=3)["syncs"][0]["proposals"]]
    told = alike.keep("timeline", "--all").stdout
    assert "took an answer back" in told


def test_a_pair_that_was_written_to_is_not_parted(alike: Office) -> None:
    id = alike.document("match", code=3)["syncs"][0]["proposals"][0]["id"]
    alike.keep("match", "--accept", id)
    (link,) = alike.document("match", code=3)["syncs"][0]["links"]
    alike.crm.edit("Bo", "Tasks", link["records"]["crm.Tasks"], {"Due_Date": "2026-12-24"})
    alike.keep("apply", "--yes")
    assert ("board", "update", link["records"]["board.cards"]) in alike.writes()
    result = alike.keep("match", "--undo", id)
    assert result.exit_code == 1
    assert "board.cards was written to since" in result.stderr


@pytest.mark.parametrize(
    ("first", "words"), [("ask", "a person decides"), ("owner", "crm.Tasks is the owner and holds")]
)
def test_differing_values_are_one_table_with_what_becomes_of_them(office: Office, first: str, words: str) -> None:
    office.task("Sign", Due_Date="2026-12-01")
    office.card("Sign", due="2026-12-09T09:00:00.000Z")
    office.sync["first"] = first
    if first == "owner":
        office.sync["owner"] = "crm"
    (each,) = [each for each in office.document("match")["syncs"][0]["differences"] if each["field"] == "due_date"]
    assert (each["title"], each["first"], set(each["values"])) == ("Sign", first, {"board.cards", "crm.Tasks"})
    path = office.folder / "match.csv"
    said = office.keep("match", "--export", str(path)).stdout
    assert words in said
    (row,) = [row for row in rows(path) if row["field"]]
    assert (row["what"], row["then"]) == ("difference", words)
    assert "Dec 1, 2026" in row["values"]


def test_long_lists_are_cut_where_people_read_and_whole_where_programs_do(office: Office) -> None:
    for number in range(25):
        office.task(f"Task {number}")
        office.card(f"Task {number}")
    assert "    5 more; --json has all" in office.keep("match").stdout
    assert len(office.document("match")["syncs"][0]["links"]) == 25


def test_a_stream_that_two_syncs_share_keeps_the_keys_of_both(office: Office) -> None:
    card = office.card("Sign")
    other = {"entity": "feedback", "mode": "observe", "sides": ["crm.Notes", "board.cards"]}
    office.rest = {"syncs": {"tasks": office.sync, "feedback": other}}
    office.keep("match")
    task = office.task("Sign")
    links = office.document("match")["syncs"][0]["links"]
    assert [(each["evidence"], each["records"]) for each in links] == [
        ("key", {"board.cards": card, "crm.Tasks": task})
    ]


def test_the_first_plan_shows_the_linking_that_letting_it_through_accepts(alike: Office) -> None:
    alike.task("Sign")
    alike.card("Sign")
    data = alike.document("plan", code=3)["syncs"][0]
    assert data["linking"] == {"linked": 1, "proposals": 2, "creates": 1, "by": {"key": 1}}
    said = alike.keep("plan").stdout
    assert "first linking: 1 linked (1 by key), 2 to be decided, 1 to be created" in said
    assert "放行这份计划即表示接受这些关联" in alike.keep("--lang", "zh-CN", "plan").stdout
    alike.keep("apply", "--yes", "--as", "Mei")
    assert sorted(alike.cards().values()) == ["Invoices", "Kick off Berlin", "Sign", "Website relaunch of the"]
    assert "first linking" not in alike.keep("plan").stdout


def test_keys_that_are_not_unique_are_told_until_they_are(office: Office) -> None:
    first, _ = office.card("Sign"), office.card("Sign")
    office.keep("match")
    (found,) = office.document("findings", "--code", "key_not_unique", code=3)["findings"]
    assert "title is not unique in board.cards: 2 records share 1 value: Sign (" in found["message"]
    office.board.edit("Ada", "cards", first, {"name": "Sign it"})
    office.keep("match")
    assert office.document("findings", "--code", "key_not_unique")["findings"] == []


@pytest.mark.parametrize(
    "cell", ["=1+1", "+49", "-1", "@x", "\tx", "\rx", "'=x", "''=x", "'x", "plain", "", "'", "a=b", "'-", "“=x”"]
)
def test_a_cell_comes_back_as_it_was(cell: str) -> None:
    written = harmless(cell)
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert as_written(written) == cell
