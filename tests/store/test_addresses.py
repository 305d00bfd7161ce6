"""Addresses at which no store can be are told without a word of what stands in them."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from connectors.sandbox.clock import VirtualClock
from keepstep.language import say
from keepstep.store.databases import database
from keepstep.store.errors import CONFIGURED_WRONG, StoreError
from keepstep.store.store import Store


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("keepstep.db", "store_address_bad"),
        ("sqlite:///", "store_address_bad"),
        ("postgresql://ann:hush-hush@host:port/db", "store_address_bad"),
        pytest.param("postgresql://ann:a@hush-hush@host/db", "store_address_bad", id="an @ in the password"),
        ("mysql://ann:hush-hush@host/db", "store_kind_unknown"),
        ("postgresql+asyncpg://ann:hush-hush@host/db", "store_kind_unknown"),
        ("postgresql+psycopg2://ann:hush-hush@host/db", "store_kind_unknown"),
    ],
)
def test_an_address_at_which_no_store_can_be(url: str, code: str) -> None:
    with pytest.raises(StoreError) as error:
        Store(url, VirtualClock())
    assert error.value.code == code
    assert code in CONFIGURED_WRONG
    assert "hush" not in f"{error.value} {error.value.__cause__} {say(code, error.value.params, 'en')}"


@pytest.mark.parametrize("kind", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_postgresql_server_has_three_spellings_and_one_driver(kind: str) -> None:
    store = Store(f"{kind}://ann:hush-hush@host/db?sslpassword=hush-too", VirtualClock())
    assert store._engine.dialect.driver == "psycopg"
    assert store._shown() == "postgresql+psycopg://ann:***@host/db"


def test_a_driver_that_is_missing_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec

    def without(name: str, *more: Any) -> Any:
        return None if name == "psycopg" else find(name, *more)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    with pytest.raises(StoreError) as error:
        Store("postgresql://ann:hush-hush@host/db", VirtualClock())
    said = say(error.value.code, error.value.params, "en")
    assert "pip install 'keepstep[postgres]'" in said
    assert "hush" not in said


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("28P01", "store_denied"),
        ("3D000", "store_absent"),
        ("53100", "store_full"),
        ("55P03", "store_locked"),
        ("40P01", "store_locked"),
        ("25006", "store_read_only"),
        ("42501", "store_no_rights"),
        ("25P03", "store_frozen"),
        ("57P01", "store_unreachable"),
        ("08006", "store_unreachable"),
        ("XX001", "store_broken"),
    ],
)
def test_what_a_server_refuses_is_known_by_its_state_in_whatever_language_it_speaks(state: str, code: str) -> None:
    error = Exception("磁盘空间不足")
    error.sqlstate = state  # type: ignore[attr-defined]
    assert database("postgresql://host/db").trouble(error).code == code
