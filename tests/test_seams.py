"""Time, randomness, ids and the environment are handed in: no engine, connector or mapping reaches for them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = ("connectors", "mapping", "keepstep/engine", "keepstep/store")
FORBIDDEN = {
    "time.time": "a clock is handed in",
    "time.monotonic": "a clock is handed in",
    "time.sleep": "a clock is handed in",
    "datetime.now": "a clock is handed in",
    "datetime.utcnow": "a clock is handed in",
    "datetime.today": "a clock is handed in",
    "date.today": "a clock is handed in",
    "uuid.uuid4": "ids are handed in",
    "uuid.uuid1": "ids are handed in",
    "os.environ": "the configuration reads the environment",
    "os.getenv": "the configuration reads the environment",
    "os.urandom": "randomness is handed in",
}
RANDOM_ALLOWED = {"Random"}
"""A seeded generator of one's own; never the module's."""


def offences(source: str, name: str) -> Iterator[str]:
    """Each place in a file that reaches for what should be handed in."""
    tree = ast.parse(source)
    renamed: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            renamed |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            renamed |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute | ast.Name):
            continue
        head, _, rest = ast.unparse(node).partition(".")
        words = f"{renamed.get(head, head)}.{rest}".rstrip(".").replace("datetime.datetime", "datetime")
        words = words.replace("datetime.date.", "date.")
        for forbidden, why in FORBIDDEN.items():
            if words == forbidden:
                yield f"{name}:{node.lineno}: {forbidden}: {why}"
        module, _, function = words.partition(".")
        if module == "random" and function and function.split(".")[0] not in RANDOM_ALLOWED:
            yield f"{name}:{node.lineno}: random.{function}: randomness is handed in"


def files() -> list[Path]:
    return sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))


def test_nothing_below_the_runtime_reaches_for_time_chance_or_environment() -> None:
    paths = files()
    assert len(paths) > 40
    found = [each for path in paths for each in offences(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "import time\ntime.time()",
        "from time import sleep\nsleep(1)",
        "import time as clock\nclock.sleep(1)",
        "from datetime import datetime\ndatetime.now()",
        "import datetime\ndatetime.datetime.now()",
        "from datetime import date\ndate.today()",
        "import random\nrandom.random()",
        "from random import choice\nchoice([1])",
        "import uuid\nuuid.uuid4()",
        "from uuid import uuid4\nuuid4()",
        "import os\nos.environ['X']",
        "from os import environ\nenviron['X']",
    ],
)
def test_the_test_sees(line: str) -> None:
    assert list(offences(line, "x.py"))


@pytest.mark.parametrize(
    "line",
    [
        "import random\nrandom.Random(1)",
        "def f(rng: random.Random) -> float:\n    return rng.random()",
        "from datetime import datetime\ndatetime.fromisoformat('2026-11-02')",
        "clock.now()",
    ],
)
def test_the_test_lets_pass(line: str) -> None:
    assert list(offences(line, "x.py")) == []


def test_structlog_is_drawn_in_by_the_log_alone() -> None:
    """Whoever imports it by itself makes every process pay for it, and writes past what is configured later."""
    users = []
    for floor in ("connectors", "mapping", "keepstep", "pipelines"):
        for path in sorted((ROOT / floor).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                if any(name.partition(".")[0] == "structlog" for name in names):
                    users.append(str(path.relative_to(ROOT)))
    assert users == ["connectors/log.py", "keepstep/logs.py"]
