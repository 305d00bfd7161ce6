"""The command line. Commands are found by name and imported only when one of them runs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from keepstep import __version__
from keepstep.loading import loading

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("keepstep.cli.init:init", "Ask a few questions and write a first keepstep.yaml."),
    "connectors": ("keepstep.cli.connectors:connectors", "List the systems that are installed, and what each needs."),
    "login": ("keepstep.cli.login:login", "Sign in to a connection by hand."),
    "check": ("keepstep.cli.check:check", "Find every mistake in the configuration, then sign in everywhere."),
    "doctor": (
        "keepstep.cli.doctor:doctor",
        "Look everything over before the first write, with a cure for each symptom.",
    ),
    "setup": ("keepstep.cli.setup:setup", "Show what is added to each system, and add it if you say yes."),
    "detach": ("keepstep.cli.detach:detach", "Take away what was added to a system, and write there no more."),
    "describe": ("keepstep.cli.describe:describe", "Show a connection's streams, feeds, fields and limits."),
    "pull": ("keepstep.cli.pull:pull", "Write a stream's records to standard output, as JSON lines."),
    "demo": ("pipelines.demo:demo", "A company in stand-ins of all four systems, and a day that is kept in step."),
    "sandbox": ("keepstep.cli.sandbox:sandbox", "Serve stand-ins of all four systems with a lived-in company."),
    "match": ("keepstep.cli.match:match", "Link what belongs together, and decide what is doubtful."),
    "plan": ("keepstep.cli.plan:plan", "Show what would be written, and why."),
    "apply": ("keepstep.cli.apply:apply", "Carry out what is owed, or exactly what a plan file says."),
    "sync": ("keepstep.cli.sync:sync", "Run one round of every sync."),
    "status": ("keepstep.cli.status:status", "Show how each sync stands, and how fresh it is."),
    "findings": ("keepstep.cli.findings:findings", "List what a person must see."),
    "resolve": ("keepstep.cli.resolve:resolve", "Decide a conflict."),
    "waive": ("keepstep.cli.waive:waive", "Say that a handoff need not be kept, and why."),
    "explain": ("keepstep.cli.explain:explain", "Tell why a field is what it is."),
    "timeline": ("keepstep.cli.timeline:command", "Tell what happened, in order."),
    "undo": ("keepstep.cli.undo:undo", "Take back what one run wrote."),
    "verify": ("keepstep.cli.verify:verify", "Read everything anew, and prove that all sides are in step."),
    "forget": ("keepstep.cli.forget:forget", "Erase what the store holds of a person."),
    "backup": ("keepstep.cli.backup:backup", "Copy the store into a file, while work goes on."),
    "restore": ("keepstep.cli.restore:restore", "Put a copy of the store back in its place."),
    "move": ("keepstep.cli.move:move", "Move the store to another database."),
    "simulate": ("keepstep.cli.simulate:simulate", "Try whole histories against stand-ins in memory."),
    "conformance": (
        "keepstep.cli.conformance:conformance",
        "Try a connector's promises in a throwaway place of yours.",
    ),
    "serve": ("pipelines.serve:serve", "Run the syncs on their schedules, with Prefect, until stopped."),
}
"""Name -> where the command is, and its line in the help."""


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if param.name and ctx.get_parameter_source(param.name) is not click.core.ParameterSource.DEFAULT:
        ctx.meta[f"keepstep.{param.name}"] = value  # shared between a command and the group above it


def _shared() -> list[click.Option]:
    """Options that every command takes, before its name or after it."""
    return [
        click.Option(
            ["--config"],
            type=click.Path(dir_okay=False),
            envvar="KEEPSTEP_CONFIG",
            help="The configuration; keepstep.yaml if not said.",
            callback=_keep,
            expose_value=False,
        ),
        click.Option(["--json"], is_flag=True, help="One JSON document as result.", callback=_keep, expose_value=False),
        click.Option(
            ["--lang"], type=click.Choice(["en", "zh-CN"]), help="Language.", callback=_keep, expose_value=False
        ),
        click.Option(["-v", "--verbose"], is_flag=True, help="Log each request.", callback=_keep, expose_value=False),
    ]


class Commands(click.Group):
    """A group that knows its commands by name, and turns the project's errors into words and exit codes.

    0 done, 1 failed, 2 wrong usage or configuration, 3 done and something needs a person.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        with loading():
            command: click.Command = getattr(import_module(module), name)
        if not any(param.name == "json" for param in command.params):
            command.params.extend(_shared())
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from keepstep.problems import nearest

            near = nearest(args[0], COMMANDS)
            hint = f" Did you mean '{near}'?" if near else ""
            ctx.fail(f"No such command '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        with loading():
            from keepstep.cli.session import Session, failing

        if ctx.obj is None:
            ctx.obj = Session.real()
        ctx.obj.attach(ctx.meta)
        with failing(ctx):
            return super().invoke(ctx)


main = Commands(
    name="keepstep",
    help="Keep client projects in step across CRM, tracker and documents.",
    params=[*_shared()],
    context_settings={"help_option_names": ["-h", "--help"]},
)
click.version_option(__version__, "--version", prog_name="keepstep")(main)
