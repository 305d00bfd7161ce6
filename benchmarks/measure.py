"""The rows of the table: each a figure of ours over one of the bare loop's, taken in the same run, in turns."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks import children, loops
from benchmarks.hubs import hub, said
from benchmarks.issues import stamp
from benchmarks.linked import edit, fill, pairs, written
from benchmarks.rows import Row, Took, took
from benchmarks.stub import running
from keepstep.hub import Hub
from keepstep.testing import postgres
from mapping.agreement import Agreed, Equality, Rule, View
from mapping.merge import merge

MEMORY = 130.0
MERGES = 30_000
TURNS = 3
COLD_TURNS = 9
QUIET = f"updated >= {stamp(200_000)} ORDER BY updated ASC, id ASC"


def best(turns: int, *works: Callable[[int], object]) -> list[Took]:
    """The least of several turns for each, taken one after the other so that a busy machine harms all alike."""
    return [min(found, key=lambda each: each.wall) for found in _turns(turns, *works)]


def least(turns: int, *works: Callable[[int], object]) -> list[Took]:
    """As ``best``, by processor time."""
    return [min(found, key=lambda each: each.cpu) for found in _turns(turns, *works)]


def _turns(turns: int, *works: Callable[[int], object]) -> list[list[Took]]:
    found = [[took(partial(work, turn)) for work in works] for turn in range(turns)]
    return [[turn[place] for turn in found] for place in range(len(works))]


def _signed_in(base: str, path: Path, **more: object) -> Hub:
    """A hub that knows its connections: what is measured begins with the first page."""
    one = hub(base, path, **more)
    assert one.engine.world.syncs
    return one


def full_pull(folder: Path, issues: int) -> Iterator[Row]:
    with running(issues) as base:
        loops.bare(base, folder / "warm.db")

        hubs = [_signed_in(base, folder / f"hub{turn}.db") for turn in range(TURNS)]

        def ours(turn: int) -> None:
            assert sum(each.changed for each in hubs[turn].observe()) == issues

        bare, mine, client = best(
            TURNS,
            lambda turn: loops.bare(base, folder / f"bare{turn}.db"),
            ours,
            lambda turn: loops.public_client(base, folder / f"client{turn}.db"),
        )
    yield Row(f"bare loop, {issues} issues", "", str(bare))
    yield Row(f"full pull, {issues} issues", str(mine), str(bare), mine.wall / bare.wall, 1.5)
    yield Row("full pull, beside the `jira` package", str(mine), str(client), mine.wall / client.wall)


def into_postgres(folder: Path, issues: int) -> Iterator[Row]:
    what = f"full pull into PostgreSQL, {issues} issues"
    try:
        with postgres.running(os.environ, durable=True) as server, running(issues) as base:
            urls = [server.empty() for _ in range(TURNS)]
            hubs = [_signed_in(base, folder / f"postgres{turn}", store=url) for turn, url in enumerate(urls)]

            def ours(turn: int) -> None:
                assert sum(each.changed for each in hubs[turn].observe()) == issues

            bare, mine = best(TURNS, lambda turn: loops.bare(base, folder / f"beside-postgres{turn}.db"), ours)
            for one, url in zip(hubs, urls, strict=True):
                one.close()
                server.drop(url)
    except postgres.NoServer as error:
        yield Row(what, f"skipped: {error}", "")
        return
    yield Row(f"{what}, beside the bare loop into SQLite", str(mine), str(bare), mine.wall / bare.wall, 2.0)


def far_away(folder: Path, issues: int) -> Iterator[Row]:
    with running(issues) as base:
        far = f"{base}/wait200"

        one = _signed_in(far, folder / "far-hub.db")
        bare, mine = best(1, lambda _: loops.bare(far, folder / "far-bare.db"), lambda _: one.observe())
    what = f"full pull, {issues} issues, 200 ms more per request"
    yield Row(what, str(mine), str(bare), mine.wall / bare.wall, 1 / 3)


def quiet(folder: Path, links: int) -> Iterator[Row]:
    rounds: dict[int, Took] = {}
    with running(200) as base:
        for count in (links, links * 10):
            path = folder / f"linked{count}.db"
            one = hub(base, path, ("tracker", "mirror"))
            for _ in range(2):
                one.round()
            fill(one, count)
            one.round()
            before, calls = written(one), sum(each.calls for each in one.observe())
            declared = sum(
                feed.cost for sync in one.engine.world.syncs.values() for _, feed in one.engine.world.feeds(sync)
            )
            bare, mine = best(
                TURNS * 5,
                lambda _: loops.bare(base, folder / "quiet.db", ("tracker", "mirror"), jql=QUIET),
                partial(_round, one),
            )
            rounds[count] = mine
            assert written(one) == before
            one.close()
            what = f"nothing changed, {count} links"
            if count == links:
                yield Row(what, str(mine), str(bare), mine.wall / bare.wall, 1.5)
                yield Row(
                    f"{what}: requests, beside the declared constant", f"{calls}", f"{declared}", calls / declared, 1.0
                )
    few, many = rounds[links], rounds[links * 10]
    yield Row(f"nothing changed, {links * 10} links beside {links}", str(many), str(few), many.cpu / few.cpu, 1.2)


def _round(one: Hub, _: int) -> None:
    one.round()


def cold(folder: Path, links: int) -> Iterator[Row]:
    """`keepstep sync` as a process of its own, beside the bare loop as one, and beside the packages that both the
    project and this round cannot do without. Compared by processor time: a busy machine stretches the rest."""
    with running(200) as base:
        path, config = folder / "cold-hub.db", folder / "keepstep.yaml"
        one = hub(base, path, ("tracker", "mirror"))
        for _ in range(2):
            one.round()
        fill(one, links)
        one.round()
        one.close()
        config.write_text(json.dumps(said(base, path, ("tracker", "mirror"))))
        environ = children.compiled()

        def python(*words: str) -> None:
            done = subprocess.run([sys.executable, *words], capture_output=True, env=environ)  # noqa: S603
            assert done.returncode in (0, 3), done.stderr  # 3: both sides show the same issues, which are proposed

        command = ("-c", "from keepstep.cli import main; main()", "sync", "--config", str(config))
        loop = ("-m", "benchmarks.children", "bare", base, str(folder / "cold.db"), QUIET)
        works = [partial(_alone, python, words) for words in (loop, ("-c", children.FIXED), command)]
        bare, fixed, mine = least(COLD_TURNS, *works)
    what = f"nothing changed, {links} links, cold `keepstep sync`"
    yield Row(what, str(mine), str(bare), mine.cpu / bare.cpu, 2.5)
    yield Row("the fixed packages imported, and nothing else", str(fixed), str(bare), fixed.cpu / bare.cpu)
    yield Row(f"{what}, beside the fixed packages", str(mine), str(fixed), mine.cpu / fixed.cpu, 1.5)


def _alone(python: Callable[..., None], words: Sequence[str], _: int) -> None:
    python(*words)


def memory(folder: Path, issues: int) -> Iterator[Row]:
    peaks = []
    for count in (issues, issues * 10):
        with running(count) as base:
            told = children.run("pull", base, folder / f"memory{count}.db")
        assert told["issues"] == count
        peaks.append(told["kib"] / 1024)
        yield Row(f"peak memory, {count} issues", f"{peaks[-1]:.0f} MiB", f"{MEMORY:.0f} MiB", peaks[-1] / MEMORY, 1.0)
    yield Row(
        f"peak memory, {issues * 10} issues beside {issues}",
        f"{peaks[1]:.0f} MiB",
        f"{peaks[0]:.0f} MiB",
        peaks[1] / peaks[0],
        1.1,
    )


def planning(folder: Path, few: int, changed: int) -> Iterator[Row]:
    """A plan follows what changed, not what there is: the same number of edits among few links and among many."""
    many = few * 100
    took_for: dict[int, Took] = {}
    peaks: dict[int, float] = {}
    with running(20) as base:
        for links in (few, many):
            path = folder / f"planned{links}.db"
            one = hub(base, path, ("tracker", "mirror"))
            for _ in range(2):
                one.round()
            pairs(one, links)
            found = []
            for turn in range(TURNS):
                edit(one, changed, links, f"Title {turn} of ")
                found.append(took(lambda one=one: _planned(one, changed)))
            took_for[links] = min(found, key=lambda each: each.cpu)
            edit(one, changed, links, "Title of ")
            one.close()
            told = children.run("planned", base, path)
            assert told["operations"] == changed
            peaks[links] = told["kib"] / 1024
            path.unlink()
    what = f"plan of {changed} changes among {many} links, beside {few}"
    yield Row(what, str(took_for[many]), str(took_for[few]), took_for[many].cpu / took_for[few].cpu, 1.5)
    ratio = peaks[many] / peaks[few]
    yield Row(f"{what}: peak memory", f"{peaks[many]:.0f} MiB", f"{peaks[few]:.0f} MiB", ratio, 1.1)


def _planned(one: Hub, changed: int) -> None:
    assert len(one.plan("tasks").operations) == changed


def beside_dlt(folder: Path, issues: int) -> Iterator[Row]:
    """All as processes of their own. Left out, by name, where dlt cannot be installed."""
    what = f"full pull, {issues} issues, a process, beside dlt into DuckDB"
    python = folder / "dlt" / "bin" / "python"
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder / "dlt")], check=True, capture_output=True)  # noqa: S603
        install = [str(python), "-m", "pip", "install", "--quiet", "dlt[duckdb]"]
        subprocess.run(install, check=True, capture_output=True, timeout=300)  # noqa: S603
    except (subprocess.SubprocessError, OSError) as error:
        yield Row(f"{what}: left out, dlt cannot be installed here ({type(error).__name__})", "", "")
        return
    told: dict[str, dict[str, int]] = {}
    script = str(Path(__file__).with_name("dlt_pull.py"))

    def theirs(how: str, turn: int) -> None:
        place = folder / f"dlt-{how}{turn}"
        place.mkdir()
        command = [str(python), script, how, base, str(place)]
        environ = {"PATH": os.environ["PATH"], "HOME": str(place), "RUNTIME__DLTHUB_TELEMETRY": "false"}
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environ)  # noqa: S603
        told[how] = json.loads(done.stdout.splitlines()[-1])

    def ours(turn: int) -> None:
        told["keepstep"] = children.run("pull", base, folder / f"beside{turn}.db")

    with running(issues) as base:
        loops.bare(base, folder / "warm-dlt.db")
        children.compiled()
        mine, least = best(TURNS, ours, partial(theirs, "least"))
        (usual,) = best(1, partial(theirs, "usual"))
    assert {each["issues"] for each in told.values()} == {issues}
    kept = told["keepstep"]["kib"] / 1024
    for way, how, their, limit in (
        ("as its own Jira source asks it", "usual", usual, 1 / 5),
        ("asked for the least", "least", least, None),
    ):
        spent = told[how]["kib"] / 1024
        yield Row(f"{what}, {way}", str(mine), str(their), mine.wall / their.wall, limit)
        yield Row(f"{what}, {way}: peak memory", f"{kept:.0f} MiB", f"{spent:.0f} MiB", kept / spent, 1 / 4)


def helping() -> Iterator[Row]:
    command = [sys.executable, "-c", "from keepstep.cli import main; main()", "--help"]
    bare, mine = best(
        TURNS * 2,
        lambda _: subprocess.run([sys.executable, "-c", "pass"], check=True),
        lambda _: subprocess.run(command, check=True, capture_output=True),  # noqa: S603
    )
    yield Row(
        "`keepstep --help`, beside 0.3 s",
        f"{mine.wall:.2f} s",
        f"0.30 s (bare Python {bare.wall:.2f} s)",
        mine.wall / 0.3,
        1.0,
    )


def merging(entities: int) -> Iterator[Row]:
    rng = random.Random(1)
    now, rule, equality = "2026-01-01T00:00:00.000Z", Rule(), Equality()

    def field(*shown: str) -> tuple[Agreed, list[View]]:
        views = [View(side=side, cur=cur, shadow="before", shows=3) for side, cur in zip("abc", shown, strict=True)]
        return Agreed("before", 3, "a"), views

    still = field("before", "before", "before")
    cases = {
        "one field changed on one side": [field("after", "before", "before")] + [still] * 11,
        "all in motion": [field(*rng.choices(("before", "after"), k=3)) for _ in range(12)],
    }
    for case, fields in cases.items():

        def work(_: int, fields: list[tuple[Agreed, list[View]]] = fields) -> None:
            for _ in range(entities):
                for agreed, views in fields:
                    merge(agreed, views, None, rule, equality, now)

        (mine,) = best(TURNS * 2, work)
        rate = entities / mine.cpu
        limit = 1.0 if case != "all in motion" else None
        what = f"pure merge, 12 fields on 3 sides, {case}"
        yield Row(what, f"{rate:,.0f} entities a second", f"{MERGES:,} entities a second", MERGES / rate, limit)
