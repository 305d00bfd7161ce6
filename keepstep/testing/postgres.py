"""A PostgreSQL server to try stores on: the one that ``KEEPSTEP_TEST_POSTGRES`` names, else a private one.

The private one is made of the programs that are installed here, listens on a socket in a folder of its own and
nowhere else, and ends with the process that started it.
"""

from __future__ import annotations

import os
import pwd
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

VARIABLE = "KEEPSTEP_TEST_POSTGRES"
PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
"""Where distributions keep the server's programs, which are not on the path of everybody."""
OWNER = "keepstep"
GUARDED = "guarded"
"""On a private server, a role that signs in with a password; the others need none."""
START_LIMIT = 60.0

SETTINGS = {"listen_addresses": "", "max_connections": "60", "shared_buffers": "64MB", "max_wal_size": "1GB"}
CARELESS = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
"""For what is thrown away anyway."""

# The other end of its standard input is ours alone: it closes with us, however we end.
FOLLOW = '"$@" & child=$!; cat > /dev/null; kill -INT "$child"; wait "$child"'


class NoServer(Exception):
    """There is no server and none can be made; the message says why, and what would help."""


@dataclass
class Server:
    """A server on which databases may be made. ``private``: it is ours alone."""

    url: sa.URL
    private: bool
    _made: int = 0
    _template: str | None = None

    def __post_init__(self) -> None:
        self._prefix = f"keepstep_{secrets.token_hex(4)}"
        self._engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)

    def execute(self, sql: str) -> None:
        with self._engine.connect() as connection:
            connection.exec_driver_sql(sql)

    def empty(self) -> str:
        """The address of a new database with nothing in it."""
        return self._create("")

    def copy(self, template: str) -> str:
        """The address of a new database like the one at that address, which nobody may be using."""
        # Files are copied, not logged: thrice as fast, and safe where nobody writes.
        return self._create(f' TEMPLATE "{sa.make_url(template).database}" STRATEGY file_copy')

    def drop(self, url: str) -> None:
        """Remove a database made here, with whoever uses it."""
        self.execute(f'DROP DATABASE IF EXISTS "{sa.make_url(url).database}" WITH (FORCE)')

    def _create(self, how: str) -> str:
        self._made += 1
        name = f"{self._prefix}_{self._made}"
        self.execute(f'CREATE DATABASE "{name}"{how}')
        return self.url.set(database=name).render_as_string(hide_password=False)


def programs() -> Path:
    """The folder with ``initdb`` and ``postgres``. Raises ``NoServer``."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    folders = [path for place in PLACES for path in Path("/").glob(place[1:]) if (path / "initdb").exists()]
    if not folders:
        raise NoServer(f"no PostgreSQL server here: install one (Debian: postgresql), or name one in {VARIABLE}")
    return max(folders, key=_version)


def _version(folder: Path) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", folder.parent.name)]


@contextmanager
def running(environ: Mapping[str, str], durable: bool = False) -> Iterator[Server]:
    """A server for as long as the block lasts. Raises ``NoServer``.

    ``durable``: a private one too has what is committed on the disk, as a real one would.
    """
    named = environ.get(VARIABLE)
    if named:
        yield Server(sa.make_url(named), private=False)
        return
    with _private(programs(), SETTINGS if durable else SETTINGS | CARELESS) as url:
        yield Server(url, private=True)


@contextmanager
def _private(folder: Path, settings: Mapping[str, str]) -> Iterator[sa.URL]:
    # A socket's path may have 107 characters: the tests' own folders are too deep.
    with tempfile.TemporaryDirectory(prefix="keepstep-pg-") as name:
        place = Path(name)
        user = _server_user(place)
        initdb = [
            str(folder / "initdb"), "-D", str(place / "data"), "-U", OWNER, "--auth=trust", "--no-sync", "-E", "UTF8",
            # A collation of people, not of bytes: what relies on the order of characters must show.
            "--locale=C", "--locale-provider=icu", "--icu-locale=en-US",
        ]  # fmt: skip
        environ = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}
        made = subprocess.run(initdb, env=environ, cwd=place, user=user, capture_output=True, text=True)  # noqa: S603
        if made.returncode:
            raise NoServer(f"initdb failed: {made.stderr.strip()[-400:]}")
        hba = place / "data" / "pg_hba.conf"
        hba.write_text(f"local all {GUARDED} scram-sha-256\nlocal all all trust\n")
        options = [f"-c{key}={value}" for key, value in settings.items()]
        command = [str(folder / "postgres"), "-D", str(place / "data"), "-k", str(place), *options]
        with (place / "log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603
                ["/bin/sh", "-c", FOLLOW, "sh", *command],
                env=environ,
                cwd=place,
                user=user,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        url = sa.URL.create("postgresql+psycopg", username=OWNER, database="postgres", query={"host": str(place)})
        try:
            _wait(url, process, place / "log")
            yield url
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(START_LIMIT)


def _server_user(place: Path) -> str | None:
    """PostgreSQL refuses to run as root: who runs it instead, and owns its folder. None: we do."""
    if os.getuid() != 0:
        return None
    known = {each.pw_name for each in pwd.getpwall()}
    user = next((name for name in ("postgres", "nobody") if name in known), None)
    if user is None:
        raise NoServer("PostgreSQL does not run as root, and there is neither `postgres` nor `nobody` here")
    shutil.chown(place, user)
    return user


def _wait(url: sa.URL, process: subprocess.Popen[bytes], log: Path) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    deadline = time.monotonic() + START_LIMIT
    while True:
        try:
            engine.connect().close()
            return
        except sa.exc.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise NoServer(f"the server did not start: {log.read_text(errors='replace')[-400:]}") from error
            time.sleep(0.05)
