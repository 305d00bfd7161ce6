"""The command line: results, exit codes, and what it must not load or print."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from connectors.sandbox.clock import VirtualClock
from keepstep.cli import COMMANDS, main
from keepstep.cli.output import clean, encoded, folded
from keepstep.cli.session import Session
from keepstep.loading import loading
from keepstep.registry import Registry
from keepstep.runtime import Runtime
from tests.keepstep.plugins import BOARD, BOARD_MAPPING, Entry, built, registry

GOOD = """\
version: 1
connections:
  board: {system: board, url: 'https://board.test', token: '${TOKEN}'}
syncs: {tasks: {entity: task, sides: [board.cards], match: [title]}}
"""


@pytest.fixture
def run(tmp_path: Path):  # type: ignore[no-untyped-def]
    def call(*args: str, config: str = GOOD, known: Registry | None = None, secret: str = "good-token") -> Result:  # noqa: S107
        path = tmp_path / "keepstep.yaml"
        path.write_text(config, encoding="utf-8")
        built.clear()
        environ = {"TOKEN": secret, "LANG": "C"}
        session = Session(known or registry(), Runtime.of(VirtualClock(), 1, environ))
        return CliRunner().invoke(main, [*args, "--config", str(path)], obj=session)

    return call


def test_help_loads_nothing_heavy() -> None:
    heavy = "prefect sqlalchemy rich ruamel babel pydantic requests cel rapidfuzz structlog cryptography msgspec"
    program = (
        "import sys\nfrom keepstep.cli import main\nmain(['--help'], standalone_mode=False)\n"
        f"print('LOADED', [name for name in {heavy.split()!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.splitlines()[-1] == "LOADED []"
    assert all(name in done.stdout for name in COMMANDS)


def test_a_round_without_news_loads_nothing_that_it_does_not_need() -> None:
    needless = "alembic babel cel prompt_toolkit rich structlog rapidfuzz markdown_it holidays prefect"
    program = (
        "import sys\nimport keepstep.cli.sync, keepstep.hub\nfrom keepstep.language import say\n"
        "say('sync_line', {'sync': 'tasks', 'text': say('nothing_to_do', {}, 'en')}, 'en')\n"
        f"print('LOADED', [name for name in {needless.split()!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_nothing_is_collected_while_a_command_is_loaded_and_everything_after() -> None:
    frozen = gc.get_freeze_count()
    with loading():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() == frozen  # nothing was imported, so nothing is set aside
    with pytest.raises(ZeroDivisionError), loading():
        raise ZeroDivisionError
    assert gc.isenabled()
    gc.disable()
    try:
        with loading():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_table_of_commands_is_true(name: str) -> None:
    module, _, attribute = COMMANDS[name][0].partition(":")
    command = getattr(import_module(module), attribute)
    assert command.name == name
    assert command.help
    shown = CliRunner().invoke(main, [name, "--help"])
    assert shown.exit_code == 0
    assert all(option in shown.output for option in ("--config", "--json", "--lang"))


def test_an_unknown_command_is_wrong_usage_and_names_the_nearest() -> None:
    result = CliRunner().invoke(main, ["chek"])
    assert result.exit_code == 2
    assert "Did you mean 'check'?" in result.stderr


def test_connectors_lists_systems_and_names_the_broken(run: Any) -> None:
    result = run("connectors")
    assert result.exit_code == 3
    board = next(line for line in result.stdout.splitlines() if line.startswith("board"))
    assert "url, token" in board
    assert "boards, base_url, page" in board
    assert "lost" not in result.stdout
    assert "no module named 'lost'" in result.stderr
    good = Registry([Entry("board", "b:C", lambda: BOARD)], [Entry("board", "b:M", lambda: BOARD_MAPPING)])
    result = run("--json", "connectors", known=good)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "systems": [
            {
                "system": "board",
                "needs": ["url", "token"],
                "may_have": ["boards", "base_url", "page"],
                "mapping": True,
                "sandbox": False,
            }
        ],
        "broken": [],
    }


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_standard_output_that_takes_nothing_more_is_told(options: tuple[str, ...]) -> None:
    program = f"from keepstep.cli import main; main(['connectors', *{options!r}])"
    with Path("/dev/full").open("w") as full:
        ran = [sys.executable, "-c", program]
        done = subprocess.run(ran, stdout=full, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603
    assert done.returncode == 1
    assert done.stderr.startswith("the rest of the result cannot be written to standard output: ")


def test_standard_output_that_is_closed_ends_no_command() -> None:
    program = "import sys; sys.stdout = sys.stderr = None; from keepstep.cli import main; main(['connectors'])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stderr == b""  # noqa: S603


def test_check_signs_in_reading(run: Any) -> None:
    result = run("check")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "no mistakes found" in result.stdout
    assert "board: signed in to acme as Keep Bot" in result.stdout
    assert [board.context.access for board in built] == ["read"]


def test_check_offline_builds_no_connector(run: Any) -> None:
    result = run("check", "--offline")
    assert result.exit_code == 0
    assert built == []


@pytest.mark.parametrize("address", ["keepstep.db", "sqlite:///", "mysql://ann:hush-hush@host/db"])
def test_check_finds_an_address_at_which_no_store_can_be(run: Any, address: str) -> None:
    result = run("check", "--offline", config=f"store: '{address}'\n{GOOD}")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "`store`" in result.stderr
    assert "hush" not in result.stderr


def test_check_names_file_line_and_cure_in_the_readers_language(run: Any) -> None:
    wrong = GOOD.replace("syncs:", "snycs:")
    result = run("check", config=wrong)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "keepstep.yaml:4:1: `snycs` is not known here (did you mean `syncs`?)" in result.stderr
    assert result.stderr.splitlines()[-1] == "1 mistake found"
    result = run("check", "--lang", "zh-CN", config=wrong)
    assert "keepstep.yaml:4:1: 这里没有 `snycs` 这个键" in result.stderr
    result = run("check", "--json", config=wrong)
    assert result.exit_code == 2
    problem = json.loads(result.stdout)["problems"][0]
    assert (problem["code"], problem["line"], problem["column"]) == ("unknown_key", 4, 1)


@pytest.mark.parametrize("command", [("check",), ("describe", "board")])
def test_nothing_is_told_where_credentials_are_refused_and_none_is_shown(run: Any, command: tuple[str, ...]) -> None:
    result = run(*command, secret="wrong-token")
    assert result.exit_code == 1
    assert "board: the credentials are refused" in result.stderr
    assert "wrong-token" not in result.output


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("entity: task", "entity: milestone", "unmapped_kind"),
        ("board.cards", "board.notes", "unmapped_stream"),
    ],
)
def test_check_compares_sides_with_what_the_service_has(run: Any, before: str, after: str, code: str) -> None:
    result = run("--json", "check", config=GOOD.replace(before, after))
    assert result.exit_code == 2
    assert [problem["code"] for problem in json.loads(result.stdout)["problems"]] == [code]


def test_check_notes_a_field_that_a_side_lacks(run: Any) -> None:
    result = run("--json", "check", config=GOOD.replace("[title]", "[title, status]"))
    assert result.exit_code == 0
    assert [note["code"] for note in json.loads(result.stdout)["notes"]] == ["unmapped_field"]


def test_describe_shows_streams_feeds_fields_and_limits(run: Any) -> None:
    result = run("describe", "board")
    assert result.exit_code == 0
    for words in ("create, update, versioned, marker=in_create", "actions", "date", "text, required", "300 in 10 s"):
        assert words in result.stdout
    shown = json.loads(run("describe", "board", "--json").stdout)
    assert [stream["name"] for stream in shown["streams"]] == ["cards", "notes"]


def test_pull_writes_each_record_once_in_canonical_words(run: Any) -> None:
    result = run("pull", "board", "cards")
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(line["id"], line["state"], line["values"]) for line in lines] == [
        ("c1", "live", {"title": "Plan \x1b[31mred"}),
        ("c2", "live", {"title": "验收"}),
        ("c4", "deleted", {}),
        ("c3", "live", {"title": "fetched c3"}),
    ]
    assert (lines[1]["kind"], lines[1]["url"], lines[2]["kind"]) == ("task", "https://board.test/c2", None)
    assert result.stderr.splitlines() == [
        "4 records",
        "1 value could not be carried over",
        "board: a record of cards (c5) came in a form of which nothing can be made: no `name`",
        "board sent 1 item of a kind that is not read: enableCard",
    ]
    assert [board.context.access for board in built] == ["read"]


def test_pull_prints_nothing_that_steers_a_terminal(run: Any) -> None:
    result = run("pull", "board", "cards", "--losses", "--limit", "1")
    assert "\x1b" not in result.output
    assert len(result.stdout.splitlines()) == 1
    assert "c1: due (not readable): ValueError: not a day: soon" in result.stderr


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("pull", "board", "card"), 2, "did you mean `cards`?"),
        (("pull", "board", "notes"), 2, "`board` has no mapping"),
        (("pull", "bord", "cards"), 2, "did you mean `board`?"),
        (("describe", "crm"), 2, "there is no connection `crm`"),
        (("pull", "board"), 2, "Missing argument"),
    ],
)
def test_wrong_names_are_wrong_usage(run: Any, args: tuple[str, ...], code: int, words: str) -> None:
    result = run(*args)
    assert (result.exit_code, result.stdout) == (code, "")
    assert words in result.stderr


def test_errors_are_json_too(run: Any) -> None:
    result = run("describe", "crm", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"]["code"] == "no_such_connection"


def test_what_steers_a_terminal_is_dropped_from_text_and_escaped_in_json() -> None:
    hostile = "a\x1b]0;title\x07b\x1b[2Jc\x9b1md\u202ee\x00\tf\n"
    assert clean(hostile) == "abc1mde\tf\n"
    text = encoded({"x": hostile})
    assert json.loads(text) == {"x": hostile}
    assert not any(each in text for each in "\x1b\x9b\u202e\x00")


def test_the_program_runs_from_its_module(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from keepstep.cli import main; main()", "check"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "LANG": "zh_CN.UTF-8", "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 2
    assert "找不到文件 keepstep.yaml" in done.stderr


@pytest.mark.parametrize(
    ("text", "width", "hang", "shown"),
    [
        ("short", 10, None, "short"),
        ("  ! one two three", 12, None, "  ! one two\n    three"),
        ("  ! one two three", 12, 6, "  ! one two\n      three"),
        ("一二三四五六七八", 10, None, "一二三四五\n  六七八"),
        ("one\n\n  two three", 9, None, "one\n\n  two\n    three"),
        ("a line on a terminal of no width", 3, None, "a line on a terminal of no width"),
    ],
)
def test_a_long_line_goes_on_below_itself(text: str, width: int, hang: int | None, shown: str) -> None:
    assert folded(text, width, hang) == shown
