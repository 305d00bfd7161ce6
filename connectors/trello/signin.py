"""Signing in by hand: the printed link, the token pasted, and what the service says of it."""

from __future__ import annotations

from urllib.parse import urlencode

from pydantic import SecretStr

from connectors.context import Context
from connectors.errors import ScopeMissing
from connectors.login import Person, SignedIn
from connectors.rows import stamp
from connectors.trello.client import SLOT, TrelloClient
from connectors.trello.connector import TrelloConnector
from connectors.trello.settings import DEFAULT_BASE_URL, TrelloSettings
from connectors.trello.token import READ, WRITE, token_of

AUTHORIZE = "https://trello.com/1/authorize"


def link(settings: TrelloSettings, access: str) -> str:
    """The page that gives a token away. It shows the key, which is no secret, and asks for no more than is needed."""
    page = AUTHORIZE if settings.base_url == DEFAULT_BASE_URL else f"{settings.base_url.rstrip('/')}/authorize"
    asked = {
        "expiration": "never",
        "scope": READ if access == "read" else f"{READ},{WRITE}",
        "response_type": "token",
        "key": settings.key.get_secret_value(),
        "name": "Keepstep",
    }
    return f"{page}?{urlencode(asked, safe=',')}"


def login(settings: TrelloSettings, context: Context, person: Person) -> SignedIn:
    """Have a token made, look at it, and give it back for keeping. Raises ``ConnectorError``."""
    person.tell("trello_authorize", link=link(settings, context.access))
    pasted = person.ask("trello_token", secret=True).strip()
    known = settings.model_copy(update={"token": SecretStr(pasted)})
    token = token_of(TrelloClient(known, context))
    needed = [READ] if context.access == "read" else [READ, WRITE]
    missing = [scope for scope in needed if scope not in token.scopes]
    if missing:
        raise ScopeMissing(
            f"the token lacks the scope {', '.join(missing)}: open the link as it is and allow all of it"
        )
    return SignedIn(
        account=TrelloConnector(known, context).check(),
        secrets={SLOT: pasted},
        scopes=token.scopes,
        expires_at=stamp(token.dateExpires),
    )
