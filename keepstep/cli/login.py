"""``keepstep login``."""

from __future__ import annotations

import click

from connectors.login import SignedIn
from keepstep.cli.session import WRONG, Session, Trouble, talking_to
from keepstep.cli.terminal import Terminal
from keepstep.config import Connection
from keepstep.problems import Problem
from keepstep.secrets import keys
from keepstep.store import tables as t


@click.command(help="Sign in to a connection by hand. What is gained is kept sealed in the store, never in the file.")
@click.argument("connection")
@click.option("--browser/--no-browser", default=True, help="Whether to open pages here; else addresses are printed.")
@click.pass_context
def login(ctx: click.Context, connection: str, browser: bool) -> None:
    session: Session = ctx.obj
    output = session.output
    gained = sign_in(session, session.connection(connection), browser=browser)
    keep(session, connection, gained)
    account = gained.account
    if output.as_json:
        about = {"connection": connection, "account": account.name, "id": account.id, "site": account.site}
        output.document(about | {"expires_at": gained.expires_at, "scopes": sorted(gained.scopes)})
    output.line(session.say("connection_good", connection=connection, site=account.site, account=account.name))
    if gained.expires_at:
        output.line(session.say("login_expires", at=gained.expires_at))


def sign_in(session: Session, connection: Connection, *, browser: bool) -> SignedIn:
    """Let the person at the terminal sign in. Nothing is kept yet. Raises ``Trouble``, ``SecretError``."""
    act = session.registry.connector(connection.system).login
    if act is None:
        params = {"connection": connection.name, "system": connection.system}
        raise Trouble(Problem("login_not_needed", params), WRONG)
    keys(session.key or "")  # before anything is asked: without a key nothing could be kept
    with talking_to(connection.name):
        gained: SignedIn = act(
            connection.settings, session.context(connection, "write"), Terminal(session, browser=browser)
        )
    session.redaction.add(*gained.secrets.values())
    return gained


def keep(session: Session, connection: str, gained: SignedIn) -> None:
    """Keep what signing in gained, sealed, and when it ends. Raises ``SecretError``, ``StoreError``."""
    with session.store() as store:
        tokens = session.sealed(store, connection)
        for name, secret in gained.secrets.items():
            tokens.save(name, secret)
        kept = {"at": store.now(), "expires_at": gained.expires_at, "scopes": sorted(gained.scopes)}
        with store.write() as tx:
            tx.upsert(t.setting, [{"name": f"signed_in:{connection}", "value": kept}])
