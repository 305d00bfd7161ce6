"""Copies of a store on PostgreSQL, made and put back by PostgreSQL's own tools."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from connectors.base import utc
from keepstep.store import tables as t
from keepstep.store.backup import COPY, Copy
from keepstep.store.errors import StoreError

MAGIC = b"PGDMP"
TABLES = ("alembic_version", *t.metadata.tables)


@dataclass(frozen=True, slots=True)
class Server:
    """A store on a database server, and the environment in which its tools run."""

    url: str
    environ: Mapping[str, str]

    @property
    def shown(self) -> str:
        return _shown(self.url)

    def broken(self) -> bool:
        """A server says itself what is wrong with a database."""
        return False

    def store(self) -> Copy | None:
        """What the store says of itself; None if there is none."""
        engine = sa.create_engine(self.url)
        try:
            with engine.connect() as connection:
                if not sa.inspect(connection).has_table("alembic_version"):
                    return None
                revision = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()
                known = sa.select(t.setting.c.value).where(t.setting.c.name == "store:identity")
                last = connection.execute(sa.select(sa.func.max(t.run.c.started_at))).scalar()
                return Copy(Path(), revision, None, connection.execute(known).scalar(), last)
        except sa.exc.OperationalError as error:
            raise StoreError("store_unreachable", url=self.shown, detail=str(error.orig).strip()) from error
        except sa.exc.ProgrammingError as error:
            raise StoreError("store_foreign", url=self.shown) from error
        finally:
            engine.dispose()

    def copy(self, target: Path) -> Copy:
        """Write a dump of one moment, while others read and write. Readable by its owner alone; whole or not there.

        Raises ``StoreError`` over another file, if the tools are missing, or if they fail.
        """
        if target.exists():
            raise StoreError("store_copy_there", url=str(target))
        part = target.with_name(f".{target.name}.part")
        try:
            part.unlink(missing_ok=True)
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            wanted = [f"--table={name}" for name in TABLES]
            self._run(
                self.url,
                ["pg_dump", "--format=custom", "--no-owner", "--no-acl", *wanted, f"--file={part}", _named(self.url)],
            )
            part.replace(target)
        except OSError as error:
            raise StoreError("store_not_written", url=str(target), detail=error.strerror or str(error)) from error
        finally:
            part.unlink(missing_ok=True)
        return self.inspect(target)

    def inspect(self, file: Path) -> Copy:
        """What a dump says of itself. Raises ``StoreError`` for what is no dump of a store."""
        try:
            with file.open("rb") as raw:
                ours = raw.read(len(MAGIC)) == MAGIC
        except OSError as error:
            raise StoreError("store_not_written", url=str(file), detail=error.strerror or str(error)) from error
        listed = self._run(str(file), ["pg_restore", "--list", str(file)]) if ours else ""
        if _schema(listed) is None:
            raise StoreError("store_no_copy", url=str(file))
        made = re.search(r"Archive created at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", listed)
        taken = utc(datetime.fromisoformat(made[1]).replace(tzinfo=UTC)) if made else None
        [revision] = self._rows(file, "alembic_version")
        settings = dict(row.split("\t", 1) for row in self._rows(file, "setting"))
        identity = settings.get("store:identity")
        return Copy(file, revision, taken, msgspec.json.decode(identity) if identity else None, None)

    def check_idle(self, now: str) -> None:
        """Raises ``StoreError`` if another program is connected, or somebody's right to work has not ended yet."""
        others = sa.text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        )
        until = datetime.fromisoformat(now).timestamp()
        held = sa.select(sa.func.count()).select_from(t.lease).where(t.lease.c.until > until, t.lease.c.holder != "")
        engine = sa.create_engine(self.url)
        try:
            with engine.connect() as connection:
                busy = connection.execute(others).scalar()
                if not busy and sa.inspect(connection).has_table(t.lease.name):
                    busy = connection.execute(held).scalar()
        except sa.exc.OperationalError as error:
            raise StoreError("store_unreachable", url=_shown(self.url), detail=str(error.orig).strip()) from error
        finally:
            engine.dispose()
        if busy:
            raise StoreError("store_in_use", url=_shown(self.url))

    def put_back(self, copied: Path, now: str) -> Path | None:
        """Put a dump in place of the store's tables, in one transaction. Returns the dump of what was there, beside
        the one put back; None if nothing was. Tokens stay those of the former store, as in ``backup.put_back``."""
        self.check_idle(now)
        kept = self.inspect(copied)
        sealed = self._sealed()
        beside = None
        if sealed is not None:
            stamp = now[:19].replace("-", "").replace(":", "") + "Z"
            beside = copied.with_name(f"{copied.name}.replaced-{stamp}")
            self.copy(beside)
        schema = _schema(self._run(str(copied), ["pg_restore", "--list", str(copied)]))
        with tempfile.TemporaryDirectory(prefix="keepstep-") as folder:
            script = Path(folder) / "restore.sql"
            options = ["--clean", "--if-exists", "--no-owner", "--no-acl", f"--file={script}"]
            self._run(str(copied), ["pg_restore", *options, str(copied)])
            value = msgspec.json.encode({"taken_at": kept.taken_at or now}).decode()
            # In the tools' own transaction: a store that was put back and does not say so would be taken for the store.
            rows = [("setting", "name, value", _text(COPY), _text(value))]
            rows += [("sealed", "name, secret", _text(name), f"'\\x{secret.hex()}'") for name, secret in sealed or ()]
            with script.open("a", encoding="utf-8") as more:
                for table, columns, key, kept_value in rows:
                    more.write(f"DELETE FROM {schema}.{table} WHERE name = {key};\n")  # noqa: S608  (quoted)
                    more.write(f"INSERT INTO {schema}.{table} ({columns}) VALUES ({key}, {kept_value});\n")  # noqa: S608
            quiet = ["psql", "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
            self._run(self.url, [*quiet, f"--dbname={_named(self.url)}", f"--file={script}"])
        return beside

    def _sealed(self) -> list[tuple[str, bytes]] | None:
        """The sealed tokens of the store that is there; None if none is."""
        engine = sa.create_engine(self.url)
        try:
            with closing(engine.connect()) as connection:
                if not sa.inspect(connection).has_table(t.sealed.name):
                    return None
                return [(name, bytes(secret)) for name, secret in connection.execute(sa.select(t.sealed))]
        finally:
            engine.dispose()

    def _rows(self, file: Path, table: str) -> list[str]:
        """The rows of a small table in a dump, columns parted by tabs."""
        said = self._run(str(file), ["pg_restore", "--data-only", f"--table={table}", "--file=-", str(file)])
        found = re.search(r"^COPY [^\n]*FROM stdin;\n(.*?)^\\\.$", said, re.S | re.M)
        return found[1].splitlines() if found else []

    def _run(self, about: str, command: Sequence[str]) -> str:
        """What a tool answers. ``about``: the store that it talks to, or the file that it reads."""
        tool = shutil.which(command[0])
        shown = _shown(about) if about == self.url else about
        if tool is None:
            raise StoreError("store_tools_missing", url=shown, detail=command[0])
        password = make_url(self.url).password
        environ = {**self.environ, "TZ": "UTC", **({"PGPASSWORD": password} if password else {})}
        done = subprocess.run([tool, *command[1:]], env=environ, capture_output=True, check=False)  # noqa: S603
        if done.returncode:
            words = done.stderr.decode("utf-8", "replace").strip()
            raise StoreError("store_tools_failed", url=shown, detail=f"{command[0]}: {words[:500]}")
        return done.stdout.decode("utf-8", "replace")


def _schema(listed: str) -> str | None:
    """The schema of a store's tables, from a dump's table of contents; None if it holds no store."""
    there = {match[2]: match[1] for match in re.finditer(r" TABLE (\S+) (\S+) ", listed)}
    return there.get("setting") if {"alembic_version", "setting", "record"} <= there.keys() else None


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _named(url: str) -> str:
    """The address without its password, which goes by the environment: arguments can be seen by everybody."""
    return make_url(url).set(drivername="postgresql", password=None).render_as_string(hide_password=False)


def _shown(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)
