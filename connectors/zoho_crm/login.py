"""Signing in by hand: a code that a person generates in the API console, for a refresh token that lasts."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import SecretStr

from connectors.context import Context
from connectors.errors import AuthFailed, ScopeMissing
from connectors.login import Person, SignedIn
from connectors.zoho_crm.connector import ZohoCrm
from connectors.zoho_crm.described import modules_of
from connectors.zoho_crm.scopes import ORGANISATION, missing, needed, parsed
from connectors.zoho_crm.settings import DATA_CENTERS, Name, Settings
from connectors.zoho_crm.signin import CENTER, PATH, REFRESH, SCOPES, Exchange

CONSOLE = DATA_CENTERS["us"].console
"""Leads whoever is signed in to another data centre on to its own console."""


def login(settings: Settings, context: Context, person: Person) -> SignedIn:
    """Have a code generated, trade it, try what it gained, and return it to be kept. Raises ``ConnectorError``.

    A code works once and for minutes: if the answer to the exchange gets lost, signing in starts again.
    """
    center = settings.data_center or _center(person)
    wanted = needed(modules_of(settings), writing=context.access == "write", notified=settings.hook_url is not None)
    person.tell("zoho_generate_code", url=DATA_CENTERS[center].console, scopes=",".join(wanted))
    code = person.ask("zoho_code", secret=True).strip()
    token = Exchange(context, settings, center, "code").trade(grant_type="authorization_code", code=code)
    if not token.refresh_token:
        raise AuthFailed(f"POST {PATH}: the answer holds no refresh token; generate the code with a self client")
    granted = parsed(token.scope)
    lacking = missing(ORGANISATION, granted) if granted else {}
    if lacking:
        raise ScopeMissing(f"the code lacks the scope {', '.join(lacking)}: generate it with all that were listed")
    known = settings.model_copy(update={"data_center": center, "refresh_token": SecretStr(token.refresh_token)})
    # Scopes that are not told take the place of those that a former sign-in was told.
    kept = {REFRESH: token.refresh_token, CENTER: center, SCOPES: " ".join(granted)}
    return SignedIn(account=ZohoCrm(known, context).check(), secrets=kept, scopes=granted)


def _center(person: Person) -> Name:
    """The data centre whose console the person sees, by its address or its short name."""
    person.tell("zoho_console", url=CONSOLE)
    while True:
        answer = person.ask("zoho_console_address").strip().lower()
        host = _host(answer)
        for name, center in DATA_CENTERS.items():
            if answer == name or host == urlsplit(center.console).hostname:
                return name
        person.tell("zoho_no_console", answer=answer[:80], known=list(DATA_CENTERS))


def _host(answer: str) -> str | None:
    try:
        return urlsplit(answer if "//" in answer else f"//{answer}").hostname
    except ValueError:  # brackets that hold no address
        return None
