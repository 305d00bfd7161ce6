"""The stand-in's front: sign-in, limits, metadata, people, and the control verbs."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal
from urllib.parse import parse_qsl

from connectors.base import Clock
from connectors.sandbox.core import SandboxCore, route
from connectors.sandbox.exchange import Refusal, Request, Response
from connectors.zoho_crm.sandbox.ledger import HUB, Ledger, Stored
from connectors.zoho_crm.sandbox.metadata import DISPLAY, described
from connectors.zoho_crm.sandbox.modules import FieldDef
from connectors.zoho_crm.sandbox.rules import Refused

CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN = "1000.SANDBOXCLIENT", "sandbox-secret", "1000.sandbox.refresh"
TOKEN_LIFETIME = 3600.0
DAY = 86400.0
ORG_ID = "4876876000000020001"


def trouble(status: int, code: str, message: str, **details: Any) -> Refusal:
    return Refusal(status, {"code": code, "details": details, "message": message, "status": "error"})


class ZohoFront(SandboxCore):
    """Everything that is not a record. ``credits`` is what a day allows; ``search_lag`` is in seconds."""

    system = "zoho_crm"

    def __init__(self, clock: Clock, seed: int = 1) -> None:
        super().__init__(clock, seed)
        self.ledger = Ledger(clock, self.truth)
        self.users_paid = 10
        self.credits = 50_000 + 1_000 * self.users_paid
        self.license = {"paid": True, "paid_type": "enterprise", "users_license_purchased": self.users_paid}
        self.search_lag = 0.0
        self.scopes_missing: set[str] = set()
        """First parts of paths below ``/crm/v8`` that the token may not touch."""
        self.editions_lack: set[str] = set()
        """Modules that this organisation's edition does not have."""
        self.refused_to_us: dict[str, set[str]] = {}
        """Module -> flags of its metadata that our profile does not have: ``viewable``, ``creatable`` ..."""
        self._used: deque[float] = deque()
        self.lists_converted_as_deleted = False
        """Whether the deleted list names converted leads, which no page of the vendor says."""
        self.tells_scopes = True
        """Whether token answers name the scopes; the vendor's pages show both."""
        self._tokens: dict[str, float] = {}
        self._codes: dict[str, tuple[float, str]] = {}
        self._refresh_tokens = {REFRESH_TOKEN: ""}
        self._refreshes: deque[float] = deque()

    # -- the frame of every answer

    def _serve(self, request: Request) -> Response:
        answer = super()._serve(request)
        answer.headers.setdefault("Date", format_datetime(self.clock.now(), usegmt=True))
        if not request.path.startswith("/oauth/"):
            answer.headers["X-RATELIMIT-LIMIT"] = str(self.credits)
            answer.headers["X-RATELIMIT-REMAINING"] = str(max(0, self.credits - len(self._used)))
            answer.headers["X-RATELIMIT-RESET"] = str(int(self.clock.now().timestamp() + 60) * 1000)
        return answer

    def admit(self, request: Request) -> None:
        if request.path.startswith("/oauth/"):
            return
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Zoho-oauthtoken" or self._tokens.get(token, -1.0) <= self.clock.monotonic():
            raise trouble(401, "INVALID_TOKEN", "invalid oauth token")
        part = request.path.removeprefix("/crm/v8/").split("/")[0]
        if part in self.scopes_missing:
            raise trouble(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL")
        now = self.clock.monotonic()
        while self._used and self._used[0] <= now - DAY:
            self._used.popleft()
        if len(self._used) >= self.credits:
            raise Refusal(429, self._limited())
        self._used.append(now)

    @staticmethod
    def _limited() -> dict[str, Any]:
        message = "You have exceeded the number of requests allowed. Please try again after some time."
        return {"code": "TOO_MANY_REQUESTS", "details": {}, "message": message, "status": "error"}

    def refuse(self, kind: str) -> Response:
        if kind == "rate_limited":
            return Response.json(self._limited(), 429)
        self._tokens.clear()
        return Response.json(
            {"code": "INVALID_TOKEN", "details": {}, "message": "invalid oauth token", "status": "error"}, 401
        )

    def no_route(self, request: Request, allowed: list[str]) -> Response:
        if allowed:
            raise trouble(400, "INVALID_REQUEST_METHOD", "The http request method type is not a valid one")
        raise trouble(404, "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one")

    # -- sign-in

    @route("POST", "/oauth/v2/token")
    def token(self, request: Request) -> Response:
        form = dict(parse_qsl(request.body.decode())) | dict(request.query)
        now = self.clock.monotonic()
        if form.get("grant_type") not in ("refresh_token", "authorization_code"):
            return Response.json({"error": "unsupported_grant_type"}, 400)
        if form.get("client_id") != CLIENT_ID:
            return Response.json({"error": "invalid_client"})
        if form.get("client_secret") != CLIENT_SECRET:
            return Response.json({"error": "invalid_client_secret"})
        if form["grant_type"] == "authorization_code":
            return self._traded(form.get("code", ""), now)
        scope = self._refresh_tokens.get(form.get("refresh_token", ""))
        if scope is None:
            return Response.json({"error": "invalid_code"})
        while self._refreshes and self._refreshes[0] <= now - 600:
            self._refreshes.popleft()
        if len(self._refreshes) >= 10:
            words = "You have made too many requests continuously. Please try again after some time."
            return Response.json({"error": "Access Denied", "error_description": words, "status": "failure"}, 400)
        self._refreshes.append(now)
        return self._granted(scope, now)

    def _traded(self, code: str, now: float) -> Response:
        ends, scope = self._codes.pop(code, (-1.0, ""))
        if ends <= now:
            return Response.json({"error": "invalid_code"})
        refresh = f"1000.{self.rng.getrandbits(128):032x}"
        self._refresh_tokens[refresh] = scope
        return self._granted(scope, now, refresh_token=refresh)

    def _granted(self, scope: str, now: float, **more: str) -> Response:
        token = f"1000.{self.rng.getrandbits(128):032x}"
        self._tokens[token] = now + TOKEN_LIFETIME
        told: dict[str, Any] = {"scope": scope} if self.tells_scopes and scope else {}
        rest = {"api_domain": "https://www.zohoapis.com", "token_type": "Bearer", "expires_in": int(TOKEN_LIFETIME)}
        return Response.json({"access_token": token, **more, **told, **rest})

    def generate_code(self, scopes: Iterable[str], minutes: float = 3) -> str:
        """What the console gives a person who asks for these scopes. It works once."""
        code = f"1000.{self.rng.getrandbits(128):032x}"
        self._codes[code] = (self.clock.monotonic() + minutes * 60, " ".join(scopes))
        return code

    # -- organisation, people, metadata

    @route("GET", "/crm/v8/org")
    def org(self, request: Request) -> Response:
        ledger = self.ledger
        organization = {
            "id": ORG_ID,
            "zgid": "60011223344",
            "company_name": "上海示例科技" if ledger.language.startswith("zh") else "Example GmbH",
            "time_zone": ledger.time_zone,
            "iso_code": ledger.currency,
            "currency": ledger.currency,
            "currency_symbol": ledger.currency,
            "currency_locale": ledger.language,
            "country_code": "CN" if ledger.language.startswith("zh") else "DE",
            "domain_name": "org60011223344",
            "primary_email": ledger.users[ledger.hub]["email"],
            "type": "Production",
            "max_per_page": 200,
            "license_details": {
                "paid_expiry": ledger.text(ledger.now() + timedelta(days=200)),
                "trial_type": None,
                "trial_expiry": None,
                "trial_action": "",
                **self.license,
            },
        }
        return Response.json({"org": [organization]})

    @route("GET", "/crm/v8/users")
    def users(self, request: Request) -> Response:
        users = list(self.ledger.users.values())
        if request.arg("type") == "CurrentUser":
            users = [self.ledger.users[self.ledger.hub]]
        since = self.since(request)
        if since is not None:
            users = [user for user in users if self.parsed(user["Modified_Time"]) > since]
            if not users:
                return Response(304)
        page, size = self.paging(request)
        cut = users[(page - 1) * size : page * size]
        if not cut:
            return Response(204)
        info = {"per_page": size, "count": len(cut), "page": page, "more_records": len(users) > page * size}
        return Response.json({"users": cut, "info": info})

    @route("GET", "/crm/v8/users/{id}")
    def user(self, request: Request, id: str) -> Response:
        if id not in self.ledger.users:
            return Response(204)
        return Response.json({"users": [self.ledger.users[id]]})

    @route("GET", "/crm/v8/settings/modules")
    def settings_modules(self, request: Request) -> Response:
        own = (name for name in self.ledger.modules if name not in DISPLAY)
        numbers = {name: f"CustomModule{number}" for number, name in enumerate(own, 1)}
        shown = [
            {
                "id": self.module_id(module),
                "api_name": module,
                "module_name": numbers.get(module, "Potentials" if module == "Deals" else module),
                "singular_label": module.rstrip("s"),
                "plural_label": module,
                "api_supported": True,
                "visible": True,
                "generated_type": "custom" if module in numbers else "default",
                "profiles": [{"name": "Administrator", "id": "4876876000000026011"}],
                **{
                    flag: flag not in self.refused_to_us.get(module, ())
                    for flag in ("viewable", "creatable", "editable", "deletable")
                },
            }
            for module in self.ledger.modules
            if module not in self.editions_lack
        ]
        return Response.json({"modules": shown})

    @route("GET", "/crm/v8/settings/fields")
    def settings_fields(self, request: Request) -> Response:
        fields = self.ledger.modules[self.module(request.arg("module"))]
        return Response.json({"fields": [described(one) for one in fields.values()]})

    @route("GET", "/crm/v8/settings/tags")
    def settings_tags(self, request: Request) -> Response:
        module = self.module(request.arg("module"))
        tags: dict[str, dict[str, Any]] = {}
        for stored in self.ledger.live[module].values():
            for tag in stored.values.get("Tag") or ():
                tags[tag["name"]] = tag
        return Response.json({"tags": list(tags.values()), "info": {"count": len(tags), "allowed_count": 100}})

    # -- reading a request

    def module(self, name: str | None) -> str:
        if name is None:
            raise trouble(
                400, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", param_name="module"
            )
        if name not in self.ledger.modules or name in self.editions_lack:
            raise trouble(400, "INVALID_MODULE", "the module name given seems to be invalid", resource_path_index=0)
        return name

    def module_id(self, name: str) -> str:
        return f"48768760000000021{list(self.ledger.modules).index(name):02d}"

    def paging(self, request: Request) -> tuple[int, int]:
        try:
            page, size = int(request.arg("page") or 1), int(request.arg("per_page") or 200)
        except ValueError:
            raise trouble(400, "INVALID_DATA", "invalid data", param_name="page") from None
        if not 1 <= size <= 200 or page < 1:
            raise trouble(400, "INVALID_DATA", "invalid data", param_name="per_page", limit=200)
        return page, size

    def since(self, request: Request, header: str = "if-modified-since") -> datetime | None:
        text = request.headers.get(header)
        return self.parsed(text) if text else None

    def parsed(self, text: str) -> datetime:
        moment = None
        with contextlib.suppress(ValueError):
            moment = datetime.fromisoformat(text)
        if moment is None or moment.tzinfo is None:
            raise trouble(400, "INVALID_DATA", "invalid data", expected_data_type="datetime")
        return moment

    # -- the control API

    def localise(self, language: Literal["zh"]) -> None:
        """Turn the organisation into a Chinese one: values, time zone, currency. Classes in the metadata stay."""
        self.ledger.localise(language)

    def add_module(self, name: str, *fields: FieldDef) -> None:
        """A module that the customer made, with a ``Name`` and these fields."""
        self.ledger.add_module(name, list(fields))

    def convert(self, person: str, id: str) -> dict[str, str]:
        """Convert a lead. The records that it became, by module."""
        with self._lock:
            return self.ledger.convert(id, self._actor(person))

    def remove_marker_field(self, module: str, name: str = "Keepstep_Key") -> None:
        """An organisation whose administrator has not added our field."""
        del self.ledger.modules[module][name]

    def withhold(self, module: str, name: str) -> None:
        """A field that the hub's profile shows and may not edit."""
        self.ledger.modules[module][name].withheld = True

    def hire(self, person: str) -> str:
        """The id of the user of that name, made if needed: for ``{"Owner": {"id": ...}}``."""
        return self.ledger.person(person)

    def forbid(self, stream: str, id: str) -> None:
        """Take the hub's right to see one record."""
        self.ledger.forbidden.add(id)

    def create(self, person: str, stream: str, values: Mapping[str, Any]) -> str:
        with self._lock:
            try:
                return self.ledger.create(stream, values, self._actor(person), ours=person == HUB).id
            except Refused as refused:
                raise Refusal(400, {"data": [refused.row]}) from refused

    def edit(self, person: str, stream: str, id: str, values: Mapping[str, Any]) -> None:
        with self._lock:
            stored = self._stored(stream, id)
            try:
                self.ledger.update(stream, stored, values, self._actor(person), True, ours=person == HUB)
            except Refused as refused:
                raise Refusal(400, {"data": [refused.row]}) from refused

    def delete(self, person: str, stream: str, id: str) -> None:
        with self._lock:
            self._stored(stream, id)
            self.ledger.delete(stream, id, self._actor(person), ours=person == HUB)

    def restore(self, person: str, stream: str, id: str) -> None:
        with self._lock:
            if id not in self.ledger.bin[stream]:
                raise trouble(400, "INVALID_DATA", "the id given seems to be invalid", id=id)
            try:
                self.ledger.restore(stream, id, self._actor(person))
            except Refused as refused:
                raise Refusal(400, {"data": [refused.row]}) from refused

    def records(self, stream: str) -> dict[str, dict[str, Any]]:
        if stream == "users":
            return {id: dict(user) for id, user in self.ledger.users.items()}
        return {id: self.ledger.whole(stream, stored) for id, stored in self.ledger.live[stream].items()}

    def _stored(self, module: str, id: str) -> Stored:
        if id not in self.ledger.live[module]:
            raise trouble(400, "INVALID_DATA", "the id given seems to be invalid", id=id)
        return self.ledger.live[module][id]

    def _actor(self, person: str) -> str:
        return self.ledger.person(person)
