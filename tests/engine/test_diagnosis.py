"""What only the hub can see: schedules beyond a quota, names of packages, values without a meaning."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from connectors.base import Abilities, Account, Description, Feed, Field, Quota, Stream
from connectors.errors import AuthFailed, Misconfigured, Unreachable
from connectors.examining import Symptom
from connectors.sandbox.clock import VirtualClock
from keepstep.config import Connection
from keepstep.config.schema import Sync
from keepstep.engine.diagnosis import fit, installation, together
from keepstep.engine.diagnosis.look import Looked, look
from mapping.fields import FieldMap, Options, StreamMapping
from mapping.model import Form, Kind, Model, OwnField
from mapping.pairs import choice, text


class Settings(BaseModel):
    """None."""


def connection(name: str = "crm", **options: Any) -> Connection:
    return Connection(name, "thing", "write", Options(**options), Settings())


def described(*fields: Field, cost: int = 2, quota: Quota | None = None) -> Description:
    stream = Stream(name="Tasks", abilities=Abilities(update=True), fields=list(fields))
    return Description(
        system="thing", streams=[stream], feeds=[Feed(name="f", streams=["Tasks"], cost=cost)], quota=quota
    )


def sync(*sides: str, every: str = "5m") -> Sync:
    return Sync.model_validate({"entity": "task", "sides": list(sides), "every": every})


@pytest.mark.parametrize(
    ("every", "amount", "severity"),
    [("1m", 10_000, None), ("1m", 5_000, "warning"), ("1m", 2_000, "error"), ("1d", 3, "warning"), ("1d", 4, None)],
)
def test_polling_beside_what_is_allowed(every: str, amount: int, severity: str | None) -> None:
    quota = Quota(unit="credits", amount=amount, seconds=86_400)
    looked = Looked(connection(), description=described(quota=quota))
    together.of_connections({"tasks": sync("crm.Tasks", every=every), "other": sync("board.cards")}, {"crm": looked})
    assert [(each.code, each.severity) for each in looked.symptoms] == ([("quota_near", severity)] if severity else [])
    if severity and every == "1m":
        assert looked.symptoms[0].params["needed"] == 2880
        assert looked.symptoms[0].params["syncs"] == ["tasks"]


def test_one_account_is_told_at_the_later_connection_and_other_sites_are_others() -> None:
    def account(site: str) -> Account:
        return Account(id="u1", name="Bot", site=site)

    looked = {
        name: Looked(connection(name), account=account(site)) for name, site in (("a", "x"), ("b", "y"), ("c", "x"))
    }
    looked["d"] = Looked(connection("d"))
    together.of_connections({}, looked)
    assert {name: [dict(each.params) for each in one.symptoms] for name, one in looked.items()} == {
        "a": [],
        "b": [],
        "c": [{"other": "a", "site": "x"}],
        "d": [],
    }


def test_values_and_fields_without_a_meaning() -> None:
    rows = [
        FieldMap("title", "Subject", *text()),
        FieldMap("description", "Text", *text()),
        FieldMap("created", "Created", lambda value, _: value, mode="read"),
        FieldMap("status", "Status", *choice({"New": "todo", "1": "doing"})),
    ]
    status = Field(name="Status", values=["New", "1", "2"], called={"2": "Stalled"})
    looked = Looked(connection(), description=described(Field(name="Subject"), status))
    looked.mappers = {"Tasks": StreamMapping({Kind.TASK: [row for row in rows if row.canonical != "created"]})}
    fit.of_connections({"tasks": sync("crm.Tasks")}, {"crm": looked})
    assert [(each.code, dict(each.params)) for each in looked.symptoms] == [
        ("field_missing", {"stream": "Tasks", "field": "Text"}),
        ("value_unmapped", {"stream": "Tasks", "field": "Status", "value": "Stalled"}),
    ]
    examined = Looked(looked.connection, None, looked.description, looked.mappers, examined=True)
    fit.of_connections({"tasks": sync("crm.Tasks")}, {"crm": examined})
    assert [each.code for each in examined.symptoms] == ["field_missing"]


@pytest.mark.parametrize(
    ("wanted", "verbatim", "found"),
    [("Budget", False, []), ("Budget", True, ["Budget"]), ("f1", True, []), ("Bugdet", False, ["Bugdet"])],
)
def test_a_configured_field_is_known_by_what_the_mapping_knows_it_by(
    wanted: str, verbatim: bool, found: list[str]
) -> None:
    looked = Looked(connection(custom={"Tasks": {"title": wanted}}))
    looked.description = described(Field(name="f1", label="Budget"))
    rows = [FieldMap("title", wanted if verbatim else "items", *text())]
    looked.mappers = {"Tasks": StreamMapping({Kind.TASK: rows})}
    fit.of_connections({}, {"crm": looked})
    assert [each.params["field"] for each in looked.symptoms] == found


class Service:
    """A connector whose parts fail as told."""

    calls = 0

    def __init__(self, check: Exception | None = None, examine: Exception | list[Symptom] | None = None) -> None:
        self._check, self._examined = check, examine if examine is not None else []

    def check(self) -> Account:
        if self._check is not None:
            raise self._check
        return Account(id="u", name="Bot", site="s")

    def describe(self) -> Description:
        return described()

    def examine(self) -> list[Symptom]:
        if isinstance(self._examined, Exception):
            raise self._examined
        return self._examined


CLOUDLESS = Symptom(code="not_cloud", severity="error", params={"kind": "Server"})


@pytest.mark.parametrize(
    ("service", "codes"),
    [
        (Service(), []),
        (Service(examine=Unreachable("gone")), ["not_examined"]),
        (Service(check=Misconfigured("a Server"), examine=[CLOUDLESS]), ["not_cloud"]),
        (Service(check=AuthFailed("401"), examine=[CLOUDLESS]), ["not_cloud", "connection_failed_auth"]),
        (Service(check=AuthFailed("401"), examine=AuthFailed("401")), ["connection_failed_auth"]),
    ],
    ids=["good", "half", "explained", "not explained", "down"],
)
def test_trouble_is_told_once_in_the_best_words(service: Any, codes: list[str]) -> None:
    looked = look(connection(), lambda: service, lambda _: {}, VirtualClock())
    assert [each.code for each in looked.symptoms] == codes


@pytest.mark.parametrize(("at", "seconds"), [(10, None), (31, None), (75, 35), (-40, -40)])
def test_a_clock_is_compared_with_the_time_that_the_answer_took(at: float, seconds: int | None) -> None:
    clock = VirtualClock()
    start = clock.now()

    class Slow(Service):
        def check(self) -> Account:
            clock.advance(40)
            moment = (start + timedelta(seconds=at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            return Account(id="u", name="Bot", site="s", server_time=moment)

    slow: Any = Slow()
    looked = look(connection(), lambda: slow, lambda _: {}, clock)
    assert [each.params["seconds"] for each in looked.symptoms] == ([seconds] if seconds else [])


def test_packages_that_claim_our_names_are_told() -> None:
    owners = {"connectors": ["keepstep", "airbyte-connectors"], "mapping": ["Keepstep"], "numpy": ["numpy"]}
    assert [(each.code, dict(each.params)) for each in installation.of_packages(owners)] == [
        ("package_name_taken", {"name": "connectors", "package": "airbyte-connectors"})
    ]


def test_what_stands_in_front_of_ours_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "mapping" / "__init__.py"
    other.parent.mkdir()
    other.touch()
    real = installation.util.find_spec

    def find(name: str) -> Any:
        found = real(name)
        if name == "mapping" and found is not None:
            found.origin = str(other)
        return found

    spec = real("mapping")
    assert spec is not None
    monkeypatch.setattr(installation.util, "find_spec", find)
    origin = spec.origin
    try:
        (symptom,) = installation.of_packages({})
    finally:
        spec.origin = origin
    assert (symptom.code, symptom.params["path"]) == ("package_elsewhere", str(tmp_path))


def test_what_concerns_an_unused_stream_is_good_to_know() -> None:
    symptoms = [
        Symptom(code="field_required", severity="error", params={"stream": "Cases", "field": "Origin"}),
        Symptom(code="field_required", severity="error", params={"stream": "Tasks", "field": "Subject"}),
        Symptom(code="scope_missing", severity="error", params={"scope": "ALL"}),
    ]
    looked = {name: Looked(connection(name), symptoms=list(symptoms)) for name in ("crm", "new")}
    together.calm({"crm": {"Tasks"}, "other": {"x"}}, looked)
    assert [each.severity for each in looked["crm"].symptoms] == ["info", "error", "error"]
    assert [each.severity for each in looked["new"].symptoms] == ["error", "error", "error"]


def test_a_field_of_ones_own_that_goes_nowhere_is_told_where_it_could_be_carried() -> None:
    own = {name: OwnField(form=Form.TEXT) for name in ("here", "there", "both")}
    model = Model({Kind.TASK: own, Kind.PROJECT: {"afar": OwnField(form=Form.TEXT)}})
    looked = {}
    for name, fields in (("crm", ("here", "both")), ("board", ("both",))):
        looked[name] = Looked(connection(name, model=model), description=described(*(Field(name=f) for f in fields)))
        rows = [FieldMap(each, each, *text()) for each in fields]
        looked[name].mappers = {"Tasks": StreamMapping({Kind.TASK: rows}, model=model)}
    fit.of_connections({"tasks": sync("crm.Tasks", "board.Tasks")}, looked)
    told = [(name, each.code, dict(each.params)) for name, one in looked.items() for each in one.symptoms]
    assert told == [
        ("crm", "field_carried_by_one", {"field": "here", "side": "crm.Tasks"}),
        ("crm", "field_carried_nowhere", {"field": "there", "entity": "task"}),
    ]
