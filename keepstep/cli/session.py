"""What a command works with: options, configuration, registry, ports to the world, and a way to speak."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import click
from requests.adapters import BaseAdapter

from connectors.base import Connector
from connectors.context import Context, Wait
from connectors.errors import ConnectorError
from keepstep.cli.output import Output, ProgressLine, Unwritten, say_what_can_be_said
from keepstep.config import Config, ConfigurationError, Connection, load, with_riding
from keepstep.engine.failures import failure_code
from keepstep.language import listed, say
from keepstep.loading import loading
from keepstep.logs import configure
from keepstep.problems import Problem, nearest
from keepstep.redaction import Redaction
from keepstep.registry import PluginError, Registry
from keepstep.runtime import Runtime
from keepstep.secrets import VARIABLE, HeldTokens, SealedAccess, SealedTokens, SecretError
from keepstep.store.errors import CONFIGURED_WRONG, Fenced, StoreError

if TYPE_CHECKING:
    from keepstep.hub import Hub
    from keepstep.store.store import Store

FAILED, WRONG, NEEDS_A_PERSON = 1, 2, 3

SIGNED_IN = "the user signed in on this machine if not said. root is nobody in particular, and must say it."
"""Whose word a command takes that is not told by ``--as``."""

decider = click.option("--as", "name", help=f"Who decides; {SIGNED_IN}")


class Trouble(Exception):
    """A command cannot go on: what to say, and with which code to leave."""

    def __init__(self, problem: Problem, exit_code: int) -> None:
        super().__init__(problem.code)
        self.problem = problem
        self.exit_code = exit_code


class LaterTokens(HeldTokens):
    """Tokens that a connector gains are held for the length of the command; those it lacks are looked for in the
    store, if there is a key to open them with."""

    def __init__(self, session: Session, connection: str) -> None:
        super().__init__()
        self._session = session
        self._connection = connection

    def load(self, name: str) -> str | None:
        held = super().load(name)
        return held if held is not None or not self._session.key else self.stored(name)

    def stored(self, name: str) -> str | None:
        """The token that a former sign-in kept. Raises ``SecretError``, ``StoreError``."""
        with self._session.store() as store:
            return self._session.sealed(store, self._connection).load(name)

    def save(self, name: str, secret: str) -> None:
        """A token that was renewed is kept for the next command as well: the former one may be void."""
        super().save(name, secret)
        if self._session.key:
            with self._session.store() as store:
                self._session.sealed(store, self._connection).save(name, secret)


class LaterAccess:
    """Access tokens of the store, where one is there that this version made: for their sake none is made or brought up
    to date. What is wrong with a store is told by the commands that need it; these can sign in anew."""

    def __init__(self, session: Session, connection: str) -> None:
        self._session = session
        self._connection = connection

    def load(self, credential: str) -> str | None:
        return self._where_kept(lambda kept: kept.load(credential))

    def save(self, credential: str, granted: str) -> None:
        self._where_kept(lambda kept: kept.save(credential, granted))

    def _where_kept(self, act: Callable[[SealedAccess], str | None]) -> str | None:
        from keepstep.store.peek import peek
        from keepstep.store.secrets import StoredAccess

        try:
            if not peek(self._session.config().store.get_secret_value()).current:
                return None
            with self._session.store() as store:
                return act(SealedAccess(StoredAccess(store), self._connection))
        except StoreError:
            return None


@dataclass
class Session:
    """One run of the command line."""

    registry: Registry
    runtime: Runtime
    redaction: Redaction = field(default_factory=Redaction)
    options: MutableMapping[str, Any] = field(default_factory=dict)
    transports: Mapping[str, BaseAdapter] = field(default_factory=dict)
    """Connection -> what stands in for the network, in tests."""
    _config: Config | None = None
    _progress_line: ProgressLine = field(default_factory=ProgressLine)

    @classmethod
    def real(cls) -> Session:
        say_what_can_be_said()
        return cls(Registry.installed(), Runtime.real())

    def attach(self, options: MutableMapping[str, Any]) -> None:
        """Take the options of this run; those that stand after the command's name are still to come."""
        self.options = options

    @property
    def path(self) -> Path:
        return Path(self.options.get("keepstep.config") or "keepstep.yaml")

    @property
    def language(self) -> str:
        """As asked for, else as configured, else as this terminal is set."""
        asked = self.options.get("keepstep.lang")
        if asked:
            return str(asked)
        if self._config is not None:
            return self._config.language
        environ = self.runtime.environ
        local = environ.get("LC_ALL") or environ.get("LC_MESSAGES") or environ.get("LANG") or ""
        return "zh-CN" if local.startswith("zh") else "en"

    @property
    def output(self) -> Output:
        as_json = bool(self.options.get("keepstep.json"))
        return Output(as_json=as_json, environ=self.runtime.environ, progress_line=self._progress_line)

    @property
    def key(self) -> str | None:
        """What opens the store's tokens, if it is set."""
        return self.runtime.environ.get(VARIABLE)

    def logs(self) -> None:
        """Send logs to standard error, as much as was asked for. Whatever talks to a system or runs one comes after."""
        configure(self.redaction, verbose=bool(self.options.get("keepstep.verbose")))

    def say(self, code: str, /, **params: Any) -> str:
        if self._config is None:
            return self.redaction.text(say(code, params, self.language))
        called = self._config.model.called(self.language)
        return self.redaction.text(say(code, params, self.language, ZoneInfo(self._config.timezone), called))

    def listed(self, words: Iterable[str]) -> str:
        """As a list in the reader's language."""
        return self.redaction.text(listed(words, self.language))

    def words(self, problem: Problem) -> str:
        return self.say(problem.code, **problem.params)

    def waiting(self, wait: Wait) -> AbstractContextManager[None]:
        """Within, it is said that a connection waits, why, and until when."""
        return self.output.note(self.say(f"waits.{wait.limit}", connection=wait.connection, until=wait.until))

    def config(self) -> Config:
        """The configuration, read once; from then on no log shows its secrets. Raises ``ConfigurationError``."""
        if self._config is None:
            self.logs()
            self._config = load(self.path, self.runtime.environ, self.registry)
            self.redaction.add(*self._config.secrets())
        return self._config

    def take(self, config: Config) -> None:
        """Work with this configuration from now on."""
        self.redaction.add(*config.secrets())
        self._config = config

    def connection(self, name: str) -> Connection:
        """The connection of that name. Raises ``Trouble``."""
        known = self.config().connections
        if name not in known:
            params = {"name": name, "nearest": nearest(name, known), "known": sorted(known)}
            raise Trouble(Problem("no_such_connection", params), WRONG)
        return known[name]

    def connector(self, connection: Connection, access: Literal["read", "write"] = "read") -> Connector:
        """A connector that may write only if both the command and the configuration allow it."""
        return self.registry.build(connection, self.context(connection, access))

    def context(self, connection: Connection, access: Literal["read", "write"] = "read") -> Context:
        """What a connector of that connection is built with. Tokens of a former sign-in are read when asked for."""
        return Context(
            name=connection.name,
            clock=self.runtime.clock,
            tokens=LaterTokens(self, connection.name),
            access="write" if access == connection.access == "write" else "read",
            transport=self.transports.get(connection.name),
            jitter=self.runtime.rng.random,
            share=(connection.budget and connection.budget.share) or 1.0,
            model=self._config.model if self._config is not None else None,
            access_tokens=LaterAccess(self, connection.name),
            waiting=self.waiting,
        )

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The configured store, open. Raises ``StoreError``."""
        from keepstep.store.store import Store

        store = Store(self.config().store.get_secret_value(), self.runtime.clock).open()
        self._tell_copied(store)
        try:
            yield store
        finally:
            store.close()

    def _tell_copied(self, store: Store) -> None:
        """Where the store is as it was before its tables were changed, if they just were."""
        if store.copied is not None:
            self.output.warn(self.say("store_copied", file=str(store.copied)))

    def sealed(self, store: Store, connection: str) -> SealedTokens:
        """The tokens of a connection in that store. Raises ``SecretError`` once one is read or kept without a key."""
        from keepstep.store.secrets import StoredSecrets

        return SealedTokens(StoredSecrets(store), connection, self.key)

    @contextmanager
    def hub(self) -> Iterator[Hub]:
        """The application over this configuration, its store open. Connections sign in when first needed."""
        with loading():
            from keepstep.hub import Hub

        self._check_rules(self.config().handoffs.use)
        hub = Hub(self.config(), self.registry, self.runtime, self.transports, waiting=self.waiting)
        self._tell_copied(hub.store)
        try:
            yield hub
        finally:
            hub.close()

    def _check_rules(self, names: Sequence[str]) -> None:
        if not names:
            return
        from keepstep.engine.handoffs.shipped import SHIPPED  # brings the language of the rules with it

        for name in names:
            if name not in SHIPPED:
                params = {"name": name, "nearest": nearest(name, SHIPPED), "known": sorted(SHIPPED)}
                raise Trouble(Problem("no_such_rule", params), WRONG)

    def syncs(self, names: Sequence[str]) -> list[str]:
        """Those syncs, or all, each with what rides with it.

        Raises ``Trouble`` for a name that the file does not have, or if it has none.
        """
        syncs = self.config().syncs
        known = with_riding(syncs)
        for name in names:
            if name not in known:
                params = {"name": name, "nearest": nearest(name, known), "known": sorted(known)}
                raise Trouble(Problem("no_such_sync", params), WRONG)
        if not known:
            raise Trouble(Problem("no_syncs", {"file": str(self.path)}), WRONG)
        return with_riding(syncs, names or None)

    def agreed(self, code: str, *, yes: bool, **params: Any) -> bool:
        """Whether the person at the terminal says yes to that question; with ``--json`` only if the command said so."""
        if yes or self.output.as_json:
            return yes
        try:
            return click.confirm(self.say(code, **params), default=False, err=True)
        except click.Abort:
            self.output.line("")
            return False

    def person(self, name: str | None) -> str:
        """Who decides: as said, else who is signed in on this machine. Raises ``Trouble`` if nobody knows."""
        found = (name or self._signed_in()).strip()
        if not found:
            raise Trouble(Problem("name_needed"), WRONG)
        return found

    @property
    def who(self) -> str:
        """What a command that a person is told to run needs besides, so that somebody decides by it; often nothing."""
        return "" if self._signed_in().strip() else " --as NAME"

    def _signed_in(self) -> str:
        environ = self.runtime.environ
        said = environ.get("KEEPSTEP_USER")
        if said:
            return said
        found = next((environ[each] for each in ("USER", "USERNAME") if environ.get(each)), "")
        return "" if found == "root" else found  # several people are root, and an audit must name one


def failure(connection: str, error: ConnectorError) -> Problem:
    """What an error of a connection means to a person."""
    return Problem(failure_code(error), {"connection": connection, "reason": str(error)})


@contextmanager
def talking_to(connection: str) -> Iterator[None]:
    """Within, an error of that connection ends the command with exit code 1."""
    try:
        yield
    except ConnectorError as error:
        raise Trouble(failure(connection, error), FAILED) from error


@contextmanager
def failing(ctx: click.Context) -> Iterator[None]:
    """Within, the project's own errors become a message and an exit code."""
    session: Session = ctx.obj
    try:
        yield
    except ConfigurationError as error:
        located(session, error.problems, error.path)
        ctx.exit(WRONG)
    except (PluginError, SecretError) as error:
        session.output.failure(error.problem, session.words(error.problem))
        ctx.exit(WRONG)
    except StoreError as error:
        problem = Problem(error.code, error.params)
        session.output.failure(problem, session.words(problem))
        ctx.exit(WRONG if error.code in CONFIGURED_WRONG else FAILED)
    except Fenced as error:
        problem = Problem("fenced", {"name": str(error)})
        session.output.failure(problem, session.words(problem))
        ctx.exit(FAILED)
    except Unwritten as error:
        session.output.warn(session.say("output_unwritten", reason=str(error)))
        ctx.exit(FAILED)
    except Trouble as error:
        session.output.failure(error.problem, session.words(error.problem))
        ctx.exit(error.exit_code)


def located(session: Session, problems: list[Problem], path: str) -> None:
    """Say each mistake with its place, then how many there are."""
    output = session.output
    if output.as_json:
        output.document({"file": path, "problems": [as_data(session, problem) for problem in problems]})
        return
    for problem in problems:
        output.warn(placed(session, problem, path))
    output.warn(session.say("configuration_bad", count=len(problems)))


def placed(session: Session, problem: Problem, path: str) -> str:
    text = session.words(problem)
    if problem.line is None:
        return session.say("problem_in", file=path, text=text)
    return session.say("problem_at", file=path, line=problem.line, column=problem.column, text=text)


def as_data(session: Session, problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "message": session.words(problem),
        "line": problem.line,
        "column": problem.column,
        "params": session.redaction.value(dict(problem.params)),
    }
