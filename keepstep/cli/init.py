"""``keepstep init``: from nothing to a first plan, with a handful of answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import click
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from connectors.context import ConnectorPlugin
from connectors.login import SignedIn
from keepstep.cli import login
from keepstep.cli.first_file import Drawn, compose, save, variable
from keepstep.cli.session import WRONG, Session, Trouble
from keepstep.cli.terminal import asked
from keepstep.config import Connection
from keepstep.config.source import read
from keepstep.language import LANGUAGES
from keepstep.problems import ConfigurationError, Problem, nearest
from keepstep.registry import BrokenPlugin

FURTHER = 6
"""So many further settings may be asked for, until a system is content."""


@click.command(help="Ask a few questions and write a first keepstep.yaml, in which nothing is allowed to write yet.")
@click.option(
    "--from",
    "source",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Take the connections from this file, such as one that `keepstep sandbox` prints.",
)
@click.option(
    "--answers",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Answers from a YAML file; asks nothing.",
)
@click.pass_context
def init(ctx: click.Context, source: Path | None, answers: Path | None) -> None:
    session: Session = ctx.obj
    if session.path.exists():
        raise Trouble(Problem("already_there", {"file": str(session.path)}), WRONG)
    session.logs()  # the accounts are asked what they hold before there is a configuration
    asking = Asking(session, _read(answers) if answers else None)
    language = asking.choice("language", list(LANGUAGES), session.language)
    session.options["keepstep.lang"] = session.options.get("keepstep.lang") or language
    drawn = Drawn(language=language, timezone=asking.zone())
    if source is not None:
        _taken(session, drawn, source)
    else:
        for system in asking.systems():
            drawn.connections[system] = {"system": system} | asking.settings(system)
    secrets = drawn.secrets(session.registry)
    in_file = bool(secrets) and asking.yes("secrets_in_file", default=False)
    environ = dict(session.runtime.environ)
    if not in_file:
        for connection, key in secrets:
            environ.setdefault(variable(connection, key), drawn.connections[connection][key])
    gained: dict[str, SignedIn] = {}

    def sign_in(connection: Connection) -> Mapping[str, str]:
        if not asking.login(connection):
            return {}
        try:
            gained[connection.name] = login.sign_in(session, connection, browser=True)
        except Trouble as trouble:
            session.output.warn(session.words(trouble.problem))  # the other answers are not lost by it
            return {}
        return gained[connection.name].secrets

    text, config = compose(session, drawn, environ, sign_in, secrets_in_file=in_file)
    save(session.path, text)
    session.runtime = replace(session.runtime, environ=environ)
    session.take(config)
    for name, signed_in in gained.items():
        login.keep(session, name, signed_in)
    _told(session, drawn, [] if in_file else secrets)
    if not session.output.as_json:
        # Whoever signed in just now wants to know whether that works: no further question.
        codes = [_run(ctx, "check") if gained else _offered(ctx, asking, "check")]
        ctx.exit(max([*codes, *([_offered(ctx, asking, "plan")] if config.syncs else [])]))


def _told(session: Session, drawn: Drawn, secrets: list[tuple[str, str]]) -> None:
    output = session.output
    variables = [variable(connection, key) for connection, key in secrets]
    if output.as_json:
        output.document({"file": str(session.path), "syncs": sorted(drawn.syncs), "variables": variables})
        return
    output.line(session.say("init_written", file=str(session.path)))
    for name in drawn.syncs:
        output.line("  " + session.say("sync_line", sync=name, text=session.listed(drawn.syncs[name]["sides"])))
    if variables:
        output.line(session.say("init_variables"))
        for name in variables:
            output.line(f"{name}=")


def _offered(ctx: click.Context, asking: Asking, name: str) -> int:
    """Run a command if it is wanted; its exit code."""
    return _run(ctx, name) if asking.yes(f"run_{name}", default=True) else 0


def _run(ctx: click.Context, name: str) -> int:
    """Run a command; its exit code."""
    group = ctx.find_root().command
    command = group.get_command(ctx, name) if isinstance(group, click.Group) else None
    if command is None:
        return 0
    try:
        ctx.invoke(command, **({"online": True} if name == "check" else {"sync": (), "out": None, "limit": None}))
    except click.exceptions.Exit as exit:
        return exit.exit_code
    return 0


def _taken(session: Session, drawn: Drawn, source: Path) -> None:
    """The connections of a file as they stand there, with the fields of one's own that they may name."""
    data = _read(source)
    connections = data.get("connections")
    if not isinstance(connections, dict) or not connections:
        raise Trouble(Problem("no_connections_there", {"file": str(source)}), WRONG)
    for name, keys in connections.items():
        if not isinstance(keys, dict) or not isinstance(keys.get("system"), str):
            raise Trouble(Problem("no_connections_there", {"file": str(source)}), WRONG)
        session.registry.connector(keys["system"])
        drawn.connections[str(name)] = dict(keys)
    fields = data.get("fields")
    drawn.fields = fields if isinstance(fields, dict) else {}


def _read(path: Path) -> dict[str, Any]:
    """What a file holds that was named. One that is not there, or empty, is no configuration that `init` would cure."""
    try:
        return dict(read(path).data)
    except ConfigurationError as error:
        code = {"file_missing": "given_missing", "file_empty": "given_empty"}.get(error.problems[0].code)
        if code is None:
            raise
        raise Trouble(Problem(code, {"file": str(path)}), WRONG) from None


class Asking:
    """Asks a person, or a file of answers."""

    def __init__(self, session: Session, answers: dict[str, Any] | None) -> None:
        self._session = session
        self._answers = answers

    def choice(self, name: str, known: list[str], default: str) -> str:
        """One of several words."""
        return str(self._ask(name, default, lambda value: self._one_of(name, str(value), known), known=known))

    def zone(self) -> str:
        """The name of a time zone."""
        return str(self._ask("timezone", "UTC", self._zone))

    def systems(self) -> list[str]:
        """Which of the installed systems to connect."""
        known = []
        for each in self._session.registry.systems():
            try:
                self._session.registry.connector(each.name)
            except BrokenPlugin:
                continue
            if each.mapping and each.name != "memory":
                known.append(each.name)

        def parsed(value: Any) -> list[str]:
            parts = value if isinstance(value, list) else str(value).split(",")
            names = [str(part).strip() for part in parts if str(part).strip()]
            if not names:
                raise click.BadParameter(self._session.say("not_one_of_these", value="", nearest=None, known=known))
            return list(dict.fromkeys(self._one_of("systems", name, known) for name in names))

        found: list[str] = self._ask("systems", None, parsed, known=known)
        return found

    def settings(self, system: str) -> dict[str, Any]:
        """What the system must know, asked one by one; then what else it wants, until it is content."""
        plugin = self._session.registry.connector(system)
        found = {}
        for name, field in plugin.settings.model_fields.items():
            key = field.alias or name
            ready = _secret(field) and self._session.runtime.environ.get(variable(system, key))
            if field.is_required() or ready:
                found[key] = self._setting(system, key, field)
        if self._answers is not None:
            return found | dict(self._given(system))
        for _ in range(FURTHER):
            complaint = _complaint(plugin, found)
            if complaint is None:
                break
            self._session.output.warn(complaint)
            fields = {field.alias or name: field for name, field in plugin.settings.model_fields.items()}
            key = self.choice("which_setting", list(fields), next(iter(fields)))
            found[key] = self._setting(system, key, fields[key])
        return found

    def _given(self, system: str) -> dict[str, Any]:
        connections = (self._answers or {}).get("connections")
        given = connections.get(system) if isinstance(connections, dict) else None
        return given if isinstance(given, dict) else {}

    def _setting(self, system: str, key: str, field: FieldInfo) -> Any:
        ready = self._session.runtime.environ.get(variable(system, key))
        if self._answers is not None:
            given = self._given(system)
            if key not in given and ready is None:
                raise Trouble(Problem("answer_missing", {"name": f"connections.{system}.{key}"}), WRONG)
            return given.get(key, ready)
        if ready:
            return ready
        text = self._session.say("ask_setting", system=system, key=key, about=field.description or key)
        return asked(self._session, text, secret=_secret(field))

    def login(self, connection: Connection) -> bool:
        """Whether the person wants to sign in to a connection now. Not asked where nothing could be kept."""
        able = self._session.registry.connector(connection.system).login is not None
        if not able or not self._session.key or self._answers is not None:
            return False
        text = self._session.say("ask_run_login", connection=connection.name)
        return click.confirm(text, default=True, err=True)

    def yes(self, name: str, *, default: bool) -> bool:
        """Yes or no."""
        if self._answers is not None:
            return bool(self._answers.get(name, False))
        return click.confirm(self._session.say(f"ask_{name}"), default=default, err=True)

    def _ask(self, name: str, default: Any, parse: Any, **params: Any) -> Any:
        if self._answers is None:
            text = self._session.say(f"ask_{name}", **params)
            if default is not None:
                return click.prompt(text, default=default, value_proc=parse, err=True)
            while True:
                try:
                    return parse(asked(self._session, text))
                except click.BadParameter as error:
                    self._session.output.warn(error.message)
        if name not in self._answers and default is None:
            raise Trouble(Problem("answer_missing", {"name": name}), WRONG)
        try:
            return parse(self._answers.get(name, default))
        except click.BadParameter as error:
            raise Trouble(Problem("answer_wrong", {"name": name, "reason": error.message}), WRONG) from None

    def _one_of(self, name: str, value: str, known: list[str]) -> str:
        if value not in known:
            params = {"value": value, "nearest": nearest(value, known), "known": known}
            raise click.BadParameter(self._session.say("not_one_of_these", **params))
        return value

    def _zone(self, value: Any) -> str:
        try:
            return ZoneInfo(str(value)).key
        except (KeyError, ValueError, OSError):
            near = nearest(str(value), available_timezones())
            raise click.BadParameter(self._session.say("bad_zone", value=str(value), nearest=near)) from None


def _secret(field: FieldInfo) -> bool:
    return field.annotation is SecretStr or SecretStr in getattr(field.annotation, "__args__", ())


def _complaint(plugin: ConnectorPlugin, settings: dict[str, Any]) -> str | None:
    try:
        plugin.settings.model_validate(settings)
    except ValidationError as error:
        return "; ".join(str(each["msg"]) for each in error.errors(include_input=False, include_context=False))
    return None
