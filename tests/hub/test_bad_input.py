"""Bad input: a clear finding, nothing lost, and the rest goes on."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import sqlalchemy as sa
from requests.adapters import BaseAdapter

from connectors.sandbox.faults import Fault
from keepstep.language import say
from keepstep.store import tables as t
from tests.hub.conftest import SYNCS, Company


class Nowhere(BaseAdapter):
    """A network in which no host answers."""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        raise requests.exceptions.ConnectTimeout("no route", request=request)

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    ("connection", "key"),
    [("crm", "refresh_token"), ("tracker", "token"), ("board", "token"), ("files", "refresh_token")],
)
def test_wrong_credentials_are_told_without_the_secret_and_the_others_go_on(
    company: Company, connection: str, key: str
) -> None:
    company.deal()
    company.settings[connection][key] = "canary-secret-0123456789"
    company.hub = company.build()
    company.rounds(2, let_through=False)
    with company.hub.store.read() as tx:
        rows = tx.all(sa.select(t.finding).where(t.finding.c.key == f"connection_down:{connection}"))
    assert [row["code"] for row in rows] == ["connection_failed_auth"]
    assert "canary-secret" not in str(rows)
    assert set(company.hub.engine.world.connections) == set(company.cores) - {connection}


def test_an_unreachable_host_is_told(company: Company) -> None:
    company.hub = company.build()
    company.hub.transports = {**company.hub.transports, "tracker": Nowhere()}
    company.rounds(1)
    assert "connection_failed_unreachable" in company.told()


@pytest.mark.parametrize("kind", ["html", "cut_off", "unavailable"])
def test_a_broken_answer_is_never_an_empty_list(company: Company, kind: Any) -> None:
    company.deal()
    company.rounds(5)
    before = company.written()
    for core in company.cores.values():
        core.faults.switch_on(Fault(kind))
    company.rounds(2)
    for core in company.cores.values():
        core.faults.clear()
    company.rounds(2)
    with company.hub.store.read() as tx:
        gone = tx.scalar(sa.select(sa.func.count()).select_from(t.link).where(t.link.c.state != "live"))
    assert gone == 0
    assert "gone" not in company.told()
    assert not [code for code in company.told() if code.startswith("connection_failed")]
    assert len(company.cores["tracker"].records("epics")) == 1
    assert company.written() == before


@pytest.mark.parametrize(
    "text",
    [
        "名前 😀 \u202eright to left\u202c e\u0301",
        "=1+1",
        "<script>alert(1)</script>",
        "tab\tand bell \x07 inside",
        "long " + "x " * 15_900,
    ],
    ids=["scripts", "formula", "markup", "control", "long"],
)
def test_every_text_is_carried_or_told(company: Company, text: str) -> None:
    _, deal = company.deal()
    company.rounds(4)
    company.cores["crm"].edit("Anna", "Deals", deal, {"Description": text})
    company.rounds(3)
    planned = [operation for sync in company.hub.syncs() for operation in company.hub.plan(sync.name).operations]
    told = [
        code for code in company.told() if code in ("record_refused", "unmapped_value", "value_too_long", "conflict")
    ]
    assert not planned or told, "an edit is either carried, or a finding says why not"


def test_a_text_too_long_for_the_other_side_is_told_and_kept(company: Company) -> None:
    _, deal = company.deal()
    company.rounds(4)
    tracker = company.cores["tracker"]
    epic = next(iter(tracker.records("epics")))
    tracker.edit("Bert", "epics", epic, {"description": "word " * 6_500})
    company.rounds(3)
    with company.hub.store.read() as tx:
        found = [row for row in tx.all(sa.select(t.finding)) if row["code"] == "value_too_long"]
    ((message, params),) = [(say(row["code"], row["params"], "en"), row["params"]) for row in found]
    assert (params["side"], params["field"], params["limit"]) == ("crm.Deals", "description", 32_000)
    assert "is too long for crm.Deals (at most 32,000 characters); shorten it" in message
    assert len(message) < 250
    assert "word word" in str(tracker.records("epics")[epic]["fields"]["description"])
    assert not company.cores["crm"].records("Deals")[deal].get("Description")


def test_read_access_refuses_every_write(company: Company) -> None:
    company.deal()
    for settings in company.settings.values():
        settings["access"] = "read"
    syncs = {name: {**sync, "create": {}} for name, sync in SYNCS.items()}
    company.hub = company.build(syncs=syncs, changes_to_tasks=None)
    company.rounds(4)
    assert not any(company.written().values())


def test_observe_writes_nothing_anywhere(company: Company) -> None:
    company.deal()
    company.hub = company.build(syncs={name: {**sync, "mode": "observe"} for name, sync in SYNCS.items()})
    company.rounds(4)
    assert not any(company.written().values())
