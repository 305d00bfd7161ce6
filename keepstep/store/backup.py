"""Copies of a store in a SQLite file: consistent ones while work goes on, and putting one back in its place.

A copy says of itself, in a setting that the store does not have, when it was taken: by it a store that was put back,
in whatever way, is known to have gone back in time.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sqlalchemy.engine import make_url

from keepstep.store.databases import sqlite_trouble
from keepstep.store.errors import StoreError

COPY = "store:copy"
"""The setting by which a copy is known: when it was taken."""

MAGIC = b"SQLite format 3\0"
KEPT = 3
"""Copies from before migrations that stay; older ones go."""

WAIT = 1.0
"""Seconds to wait for whoever has the file open, before it counts as in use."""


@dataclass(frozen=True, slots=True)
class Copy:
    """What a file says of itself. ``taken_at``: None for a store's own file, which is no copy."""

    file: Path
    revision: str
    taken_at: str | None
    identity: str | None
    """Of the store that it was taken from, where that had one by then."""
    last_run: str | None
    """When that store last brought something about."""


@dataclass(frozen=True, slots=True)
class InFile:
    """A store in a SQLite file, as what copies are put in place of; ``dump.Server`` is the same for a server."""

    file: Path

    @property
    def shown(self) -> str:
        return str(self.file)

    def broken(self) -> bool:
        """Something is there, if ``store`` could not tell what."""
        return self.file.exists()

    def store(self) -> Copy | None:
        """What the store says of itself; None if there is none."""
        return inspect(self.file) if self.file.exists() else None

    def inspect(self, copied: Path) -> Copy:
        return inspect(copied)

    def check_idle(self, now: str) -> None:
        check_idle(self.file, now)

    def put_back(self, copied: Path, now: str) -> Path | None:
        return put_back(self.file, copied, now)


def place(url: str) -> Path | None:
    """The file that a store is in; None for one in memory or on a database server."""
    parsed = make_url(url)
    name = parsed.database or ":memory:"
    if not parsed.drivername.startswith("sqlite") or name == ":memory:":
        return None
    return Path(unquote(name.removeprefix("file:").partition("?")[0])) if name.startswith("file:") else Path(name)


def copy(source: Path, target: Path, now: str) -> Copy:
    """Write a consistent copy, while others read and write the source. Readable by its owner alone; either whole or
    not there. Raises ``StoreError`` over another file, or if it cannot be written or the source is damaged."""
    if target.exists():
        raise StoreError("store_copy_there", url=str(target))
    part = target.with_name(f".{target.name}.part")
    with _errors(target), _removed(part):
        with _copied(source, part) as here:
            _check(here, target)
            about = json.dumps({"taken_at": now})
            here.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", (COPY, about))
        part.replace(target)
        _to_disk(target.parent)
    return inspect(target)


def inspect(file: Path) -> Copy:
    """What a store's file or a copy says of itself. Raises ``StoreError`` for what is neither, or is damaged."""
    with _errors(file):
        if not _is_sqlite(file):
            raise StoreError("store_no_copy", url=str(file))
        with closing(_open(file)) as here:
            tables = {row[0] for row in here.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not {"alembic_version", "setting", "run"} <= tables:
                raise StoreError("store_no_copy", url=str(file))
            _check(here, file)
            [revision] = here.execute("SELECT version_num FROM alembic_version").fetchone()
            settings = dict(
                here.execute("SELECT name, value FROM setting WHERE name IN (?, 'store:identity')", (COPY,))
            )
            [last] = here.execute("SELECT max(coalesce(ended_at, started_at)) FROM run").fetchone()
    taken = json.loads(settings[COPY])["taken_at"] if COPY in settings else None
    identity = json.loads(settings["store:identity"]) if "store:identity" in settings else None
    return Copy(file, revision, taken, identity, last)


def before_migration(file: Path, revision: str, now: str) -> Path:
    """A copy beside the store's file, named with its revision and the time; the oldest of several go."""
    stamp = now[:19].replace("-", "").replace(":", "") + "Z"
    target = file.with_name(f"{file.name}.{revision}-{stamp}.backup")
    if not target.exists():  # else another process is at the same migration
        copy(file, target, now)
    # Named by revision and time, and thus by age.
    former = sorted(file.parent.glob(f"{_literal(file.name)}.[0-9]*-*Z.backup"))
    for old in former[:-KEPT]:
        old.unlink(missing_ok=True)
    return target


def copies_beside(file: Path) -> list[Path]:
    """Copies that Keepstep itself has put beside the store: from before migrations, and stores that were replaced."""
    name = _literal(file.name)
    return sorted(each for kind in ("[0-9]*-*Z.backup", "replaced-*") for each in file.parent.glob(f"{name}.{kind}"))


def check_idle(file: Path, now: str) -> None:
    """Raises ``StoreError`` if somebody has the store open, or somebody's right to work on it has not ended yet."""
    _alone(file, now)


def put_back(file: Path, copied: Path, now: str) -> Path | None:
    """Put a copy in place of the store's file. Returns where the former file is now, beside it; None if none was there.

    Tokens stay those of the former store, where they can still be read: services void a token once it was renewed.
    Raises ``StoreError`` while another process has the store open. The copy itself stays as it is; at every moment
    either the former store or the copy is in place, whole.
    """
    part = file.with_name(f".{file.name}.part")
    with _errors(file), _removed(part):
        with _copied(copied, part) as here:
            # A store's own file that was copied by hand is older than the store as well.
            about = json.dumps({"taken_at": inspect(copied).last_run or now})
            here.execute("INSERT OR IGNORE INTO setting (name, value) VALUES (?, ?)", (COPY, about))
            sealed = _alone(file, now)
            here.executemany("INSERT OR REPLACE INTO sealed (name, secret) VALUES (?, ?)", sealed)
        beside = _set_aside(file, now) if file.exists() else None
        part.replace(file)
        _to_disk(file.parent)
    return beside


def _alone(file: Path, now: str) -> list[tuple[str, bytes]]:
    """Make sure that nobody else has the store open, and that all it holds is in its one file. Its sealed tokens.

    In this journal mode whoever has the file open holds a lock on it, even while doing nothing.
    """
    if not file.exists() or not _is_sqlite(file):
        return []  # SQLite would throw away the journal beside what it cannot read
    with closing(_open(file)) as there:
        try:
            [mode] = there.execute("PRAGMA journal_mode=DELETE").fetchone()
            until = datetime.fromisoformat(now).timestamp()
            held = there.execute("SELECT 1 FROM lease WHERE until > ? AND holder <> '' LIMIT 1", (until,)).fetchone()
            if mode == "delete" and held is None:
                return list(there.execute("SELECT name, secret FROM sealed"))
        except sqlite3.DatabaseError as error:
            if "locked" not in str(error):
                return []  # a broken store: what a copy is there for
    raise StoreError("store_in_use", url=str(file))


def _set_aside(file: Path, now: str) -> Path:
    stamp = now[:19].replace("-", "").replace(":", "") + "Z"
    beside = file.with_name(f"{file.name}.replaced-{stamp}")
    for tail in ("-wal", "-shm"):  # left by a broken store: beside another file they would be taken for its own
        journal = file.with_name(file.name + tail)
        if journal.exists():
            journal.replace(beside.with_name(beside.name + tail))
    try:
        os.link(file, beside)
    except OSError:  # a file system without links
        shutil.copy2(file, beside)
    return beside


@contextmanager
def _copied(source: Path, part: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a private copy of the source as it is now, on the disk with what is done within."""
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(_open(source)) as there, closing(_open(part)) as here:
        there.backup(here)
        here.execute("PRAGMA journal_mode=DELETE")  # one file, that nothing beside it belongs to
        yield here
        here.commit()
    _to_disk(part)


def _is_sqlite(file: Path) -> bool:
    with file.open("rb") as raw:
        return raw.read(len(MAGIC)) == MAGIC


def _open(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode=rw", uri=True, timeout=WAIT)


def _check(connection: sqlite3.Connection, file: Path) -> None:
    [found] = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise StoreError("store_broken", url=str(file), detail=found)


def _to_disk(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _literal(name: str) -> str:
    """A file's name as a pattern that means only itself."""
    return "".join(f"[{each}]" if each in "*?[" else each for each in name)


@contextmanager
def _removed(part: Path) -> Iterator[None]:
    """Within, what is half done has this name; afterwards nothing has."""
    try:
        yield
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _errors(file: Path) -> Iterator[None]:
    def trouble(error: Exception) -> dict[str, Any]:
        return {"url": str(file), "detail": getattr(error, "strerror", None) or str(error)}

    try:
        yield
    except sqlite3.Error as error:
        code = sqlite_trouble(error)
        raise StoreError(code if code in ("store_full", "store_disk") else "store_broken", **trouble(error)) from error
    except OSError as error:
        raise StoreError("store_not_written", **trouble(error)) from error
