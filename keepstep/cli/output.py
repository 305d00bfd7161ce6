"""Printing: results on standard output, everything else on standard error, and nothing that could steer a terminal."""

from __future__ import annotations

import codecs
import errno
import io
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from shutil import get_terminal_size
from typing import Any, TextIO

import click

from keepstep.problems import Problem

STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control characters and marks that turn the reading direction; tab and line end are dealt with apart."""


def clean(text: str) -> str:
    """Text from outside, safe for a terminal: steering characters are dropped."""
    return STEERING.sub("", re.sub(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)", "", text))


def cell(text: str) -> str:
    """The same on one line."""
    return re.sub(r"\s*[\n\t]\s*", " ", clean(text))


def encoded(data: Any, *, ascii_only: bool = False) -> str:
    """JSON on one line. What could steer a terminal is escaped, so that nothing is lost."""
    text = json.dumps(data, ensure_ascii=ascii_only, separators=(",", ":"), default=str)
    return STEERING.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def folded(text: str, width: int, hang: int | None = None) -> str:
    """Each line of the text in as many as it needs, broken between words where there are any."""
    return "\n".join(_folded(line, width, hang) for line in text.split("\n"))


def _folded(line: str, width: int, hang: int | None) -> str:
    if 2 * len(line) <= width:
        return line  # however wide its characters are
    from rich.cells import cell_len
    from rich.console import Console
    from rich.text import Text

    if hang is None:
        hang = len(line) - len(line.lstrip()) + 2
    if cell_len(line) <= width or width < 2 * hang:
        return line
    console = Console(width=width)
    parts = Text(line[hang:]).wrap(console, width - cell_len(line[:hang]))
    return line[:hang] + ("\n" + " " * hang).join(part.plain.rstrip() for part in parts)


class ProgressLine:
    """What a terminal shows below everything while something goes on: what it is, or for how long it rests."""

    def __init__(self) -> None:
        self._show: Callable[[str], None] | None = None
        self._text = ""
        self._notes: list[str] = []
        self._lock = threading.Lock()

    @contextmanager
    def on(self, text: str, show: Callable[[str], None]) -> Iterator[None]:
        """Within, there is such a line, and ``show`` changes it."""
        self._text, self._show = text, show
        try:
            yield
        finally:
            self._show = None

    @contextmanager
    def noted(self, text: str) -> Iterator[bool]:
        """Within, the line says this instead. False: there is no such line."""
        shown = self._change(self._notes.append, text)
        try:
            yield shown
        finally:
            self._change(self._notes.remove, text)

    def _change(self, change: Callable[[str], None], text: str) -> bool:
        with self._lock:
            change(text)
            show = self._show
            if show is not None:
                show("\n".join(self._notes) or self._text)
            return show is not None


class Unwritten(Exception):
    """Standard output takes nothing more, for this reason: its disk is full, say."""


@contextmanager
def _telling() -> Iterator[None]:
    """Within, what cannot be written raises ``Unwritten``. A reader who went away is no trouble: click ends quietly."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        raise Unwritten(error.strerror or str(error)) from error


def says_everything(stream: TextIO | None) -> bool:
    """Whether a stream's encoding has every character."""
    return stream is None or codecs.lookup(stream.encoding).name.startswith("utf")


def say_what_can_be_said() -> None:
    """From now on this process's output escapes the characters that its encoding lacks, in place of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not says_everything(stream):
            stream.reconfigure(errors="backslashreplace")


def on_terminal(stream: TextIO | None) -> bool:
    """Whether a person reads it. None: whoever started us closed it."""
    return stream is not None and stream.isatty()


class Output:
    def __init__(self, *, as_json: bool, environ: Mapping[str, str], progress_line: ProgressLine) -> None:
        self.as_json = as_json
        self._environ = environ
        self._progress_line = progress_line

    def document(self, data: Any) -> None:
        """The whole result of a command, with ``--json``; also one line of a result in lines."""
        with _telling():
            click.echo(encoded(data, ascii_only=not says_everything(sys.stdout)))

    def line(self, text: str, hang: int | None = None) -> None:
        """A line of the result. Says nothing with ``--json``.

        On a terminal that is too narrow for it, it goes on below itself, ``hang`` columns from the left; by default a
        little further in than it began. Elsewhere a line stays one line.
        """
        if self.as_json:
            return
        shown = clean(text)
        with _telling():
            click.echo(folded(shown, get_terminal_size().columns, hang) if on_terminal(sys.stdout) else shown)

    def warn(self, text: str) -> None:
        """A line beside the result."""
        click.echo(clean(text), err=True)

    def failure(self, problem: Problem, text: str) -> None:
        """Why the command cannot go on."""
        if self.as_json:
            self.document({"error": {"code": problem.code, "message": text}})
        else:
            self.warn(text)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> None:
        """A table of the result. Says nothing with ``--json``. Never shortened where it is not a terminal."""
        if self.as_json:
            return
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        console = Console(_environ=self._environ, highlight=False, soft_wrap=False)
        if not console.is_terminal:
            console.width = 10_000
        table = Table(
            box=None, title=title and Text(cell(title)), title_justify="left", pad_edge=False, header_style="bold"
        )
        for column in columns:
            table.add_column(cell(column), overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell(each)) for each in row))
        with _telling():
            console.print(table)

    @contextmanager
    def progress(self, text: str) -> Iterator[None]:
        """Say on a terminal what is going on, for as long as it goes on."""
        if self.as_json or not on_terminal(sys.stderr):
            yield
            return
        from rich.console import Console
        from rich.text import Text

        console = Console(stderr=True, _environ=self._environ)
        with (
            console.status(Text(cell(text))) as status,
            self._progress_line.on(text, lambda text: status.update(Text(clean(text)))),
        ):
            yield

    @contextmanager
    def note(self, text: str) -> Iterator[None]:
        """Say what it is that holds things up, for as long as it does: in the progress line, else beside the result."""
        with self._progress_line.noted(text) as shown:
            if not shown:
                self.warn(text)
            yield
