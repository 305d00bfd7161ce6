"""Looking an account and its boards over, without a write: two requests, and one for every two boards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from connectors.context import Context
from connectors.errors import Malformed, RecordRefused
from connectors.examining import Symptom
from connectors.rows import stamp
from connectors.trello.client import Failure, TrelloClient, objects, route
from connectors.trello.description import ABILITIES
from connectors.trello.models import HOLDS, Raw
from connectors.trello.settings import TrelloSettings
from connectors.trello.token import ACCOUNT, READ, WRITE, token_of
from connectors.trello.words import classes
from mapping.model import STANDARD, Model

SKEW = 30.0
"""Seconds by which clocks may differ: half of what the feed looks back."""
SOON = timedelta(days=30)
PARTS: dict[str, dict[str, str]] = {
    "": {"fields": "name,closed,limits"},
    "/lists": {"filter": "open"},
    "/customFields": {},
    "/plugins": {"filter": "enabled"},
}
SYNC_TOOLS = ("unito", "zapier", "ifttt", "placker", "jira", "make", "bridge24", "planyway", "exalate")
"""Words in the names of Power-Ups that change cards by themselves."""


def examine(client: TrelloClient, settings: TrelloSettings, context: Context, boards: Sequence[str]) -> list[Symptom]:
    """Raises ``ConnectorError`` where nothing can be seen at all; a board that cannot be seen is a symptom."""
    found = [*_account(client, context), *_boards(client, settings, boards, context.model or STANDARD)]
    if context.access == "write":
        found += [
            Symptom(code="window", severity="info", params={"stream": name})
            for name, able in ABILITIES.items()
            if able.update and not able.guarded and not able.history
        ]
    return found


def _account(client: TrelloClient, context: Context) -> Iterator[Symptom]:
    answer = client.http.read("GET", "/members/me", params={})
    now = context.clock.now()
    told = answer.headers.get("Date")
    if told:
        skew = (parsedate_to_datetime(told) - now).total_seconds()
        if abs(skew) > SKEW:
            yield Symptom(code="clock_skew", params={"seconds": round(skew)})
    token = token_of(client)
    needed = {READ: "pull"} | ({WRITE: "push"} if context.access == "write" else {})
    for scope, purpose in needed.items():
        if scope not in token.scopes:
            yield Symptom(code="scope_missing", severity="error", params={"scope": scope, "needed_for": purpose})
    # An address of the account's own is shown to tokens with the scope `account` alone.
    more = [ACCOUNT] if answer.decode(dict[str, Any]).get("email") else []
    for scope in [*token.scopes, *more]:
        if scope not in needed:
            yield Symptom(code="scope_excess", params={"scope": scope, "needed_for": None})
    ends = stamp(token.dateExpires)
    if ends is not None and datetime.fromisoformat(ends) < now + SOON:
        yield Symptom(code="expires", params={"what": "token", "at": ends})


def _boards(client: TrelloClient, settings: TrelloSettings, boards: Sequence[str], model: Model) -> Iterator[Symptom]:
    routes = [route(f"/boards/{board}{part}", asked) for board in boards for part, asked in PARTS.items()]
    answers = iter(client.batch(routes))
    fields: dict[str, list[Raw]] = {}
    for board in boards:
        whole, lists, customs, plugins = (next(answers) for _ in PARTS)
        if isinstance(whole, Failure):
            yield Symptom(code="place_missing", severity="error", params={"place": board})
            continue
        if not isinstance(whole, dict):
            raise Malformed(f"GET /boards/{board}: not a board")
        name = str(whole.get("name") or board)
        if whole.get("closed"):
            yield Symptom(code="place_closed", params={"place": name})
        if not isinstance(lists, Failure):
            yield from _lists(objects(lists, f"GET /boards/{board}/lists"), settings, name)
        if not isinstance(customs, Failure):
            fields[name] = objects(customs, f"GET /boards/{board}/customFields")
        if not isinstance(plugins, Failure):
            yield from _tools(objects(plugins, f"GET /boards/{board}/plugins"), name)
        yield from _limits(whole.get("limits"), name)
    yield from _custom(settings, fields, model)


def _lists(lists: list[Raw], settings: TrelloSettings, board: str) -> Iterator[Symptom]:
    chosen, known = settings.values.get("status", {}), classes(lists)
    for each in lists:
        if each["id"] not in known and each["id"] not in chosen and each.get("name") not in chosen:
            params = {"stream": "cards", "field": "idList", "value": each.get("name"), "where": board}
            yield Symptom(code="value_unmapped", params=params)
    for name, count in Counter(str(each.get("name")).strip().casefold() for each in lists).items():
        if count > 1:
            called = next(each["name"] for each in lists if str(each.get("name")).strip().casefold() == name)
            params = {"stream": "cards", "field": "idList", "value": called, "where": board}
            yield Symptom(code="value_ambiguous", params=params)


def _tools(plugins: list[Raw], board: str) -> Iterator[Symptom]:
    for each in plugins:
        listing = each.get("listing")
        name = str(each.get("name") or (listing.get("name") if isinstance(listing, dict) else "") or "")
        words = set(name.casefold().replace("-", " ").split())
        if words & set(SYNC_TOOLS):
            yield Symptom(code="other_tool", params={"tool": name, "where": board})


def _limits(limits: Any, board: str) -> Iterator[Symptom]:
    """``{"labels": {"perBoard": {"status": "warn", "warnAt": 800, "disableAt": 1000, "count": 812}}}``"""
    for what, scopes in limits.items() if isinstance(limits, dict) else ():
        for scope, told in scopes.items() if isinstance(scopes, dict) else ():
            if isinstance(told, dict) and told.get("status") not in (None, "ok"):
                params = {"what": f"{what}.{scope}", "where": board, "most": told.get("disableAt")}
                yield Symptom(code="limit_near", severity="warning", params=params)


def _custom(settings: TrelloSettings, fields: dict[str, list[Raw]], model: Model) -> Iterator[Symptom]:
    """Fields that the configuration names: on no board, twice on one, of a type that cannot hold what it should."""
    for canonical, wanted in settings.custom.get("cards", {}).items():
        on = {
            board: [each for each in rows if wanted in (each["id"], str(each.get("name")).strip())]
            for board, rows in fields.items()
        }
        kinds = {str(each.get("type")) for rows in on.values() for each in rows}
        form = model.form(canonical)
        wrong = sorted(kinds - set(HOLDS.get(form, ()))) if form is not None else []
        by_id = any(each["id"] == wanted for rows in on.values() for each in rows)
        about = {"stream": "cards", "field": wanted}
        if not kinds:
            yield Symptom(code="field_missing", severity="error", params=about)
        if wrong:
            yield Symptom(code="field_retyped", severity="error", params={**about, "kinds": wrong})
        for board, rows in on.items():
            if kinds and not rows and not by_id:
                yield Symptom(code="field_missing", severity="info", params={**about, "where": board})
            if len(rows) > 1:
                yield Symptom(code="field_ambiguous", params={**about, "where": board})


def misplaced(client: TrelloClient, place: Mapping[str, Any]) -> Iterator[Symptom]:
    """A list or board into which a configuration puts new cards, and that is not there or closed. One request each."""
    for key, path, word in (("idList", "lists", "list"), ("idBoard", "boards", "board")):
        wanted = place.get(key)
        if not isinstance(wanted, str):
            continue
        try:
            found = client.get(f"/{path}/{quote(wanted, safe='')}", {"fields": "name,closed"})
        except RecordRefused:
            yield Symptom(code="place_missing", severity="error", params={"place": f"{word} {wanted}"})
            continue
        if found.get("closed"):
            yield Symptom(code="place_closed", params={"place": f"{word} {found.get('name') or wanted}"})
