"""Values as services of other countries and other times send them."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.base import Description, Record
from mapping.fields import Options, Unmappable
from mapping.pairs import as_day, clean, decimal, decimal_text, instant, moment, number, texts, yes_or_no
from mapping.trello.values import day_or_instant
from mapping.zoho_crm import MAPPING

SHANGHAI, HONOLULU = ZoneInfo("Asia/Shanghai"), ZoneInfo("Pacific/Honolulu")


@pytest.mark.parametrize(
    ("sent", "at"),
    [
        ("2026-11-30T10:00:00Z", "2026-11-30T10:00:00.000Z"),
        ("2026-11-30T10:00:00.1Z", "2026-11-30T10:00:00.100Z"),
        ("2026-11-30T10:00:00+0545", "2026-11-30T04:15:00.000Z"),
        ("2026-11-30T10:00:00.000-0330", "2026-11-30T13:30:00.000Z"),
        ("2026-11-30T10:00:00+05:45", "2026-11-30T04:15:00.000Z"),
        ("2026-11-30T10:00:00", "2026-11-30T10:00:00.000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
        (None, None),
        ("", None),
    ],
)
def test_a_time_of_any_offset(sent: Any, at: str | None) -> None:
    assert moment(sent) == at


@pytest.mark.parametrize(
    ("value", "zone", "day"),
    [
        ("2026-11-30T20:00:00.000Z", SHANGHAI, "2026-12-01"),
        ("2026-11-30T02:00:00.000Z", HONOLULU, "2026-11-29"),
        ("9999-12-31T23:00:00.000Z", SHANGHAI, "9999-12-31"),
        ("0001-01-01T01:00:00.000Z", HONOLULU, "0001-01-01"),
        ("9999-12-31", SHANGHAI, "9999-12-31"),
        (None, SHANGHAI, None),
    ],
)
def test_a_day_in_any_zone_to_the_ends_of_the_calendar(value: str | None, zone: ZoneInfo, day: str | None) -> None:
    assert as_day(value, zone) == day


@pytest.mark.parametrize("section", [{}, {"due": "9999-12-31T23:00:00.000Z"}, {"due": "soon"}])
def test_an_hour_that_no_calendar_holds_is_not_written(section: dict[str, Any]) -> None:
    for write in (instant(HONOLULU)[1], day_or_instant("due", HONOLULU)[1]):
        assert write("2026-12-01", section).startswith("2026-12-0")
        with pytest.raises(Unmappable):
            write("9999-12-31", {})


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (1234.5, "1234.5"),
        ("1234.50", "1234.5"),
        ("1,234.50", "1234.5"),
        ("12,345,678", "12345678"),
        ("-1,234,567.89", "-1234567.89"),
        (1e22, "10000000000000000000000"),
        (2**70, "1180591620717411303424"),
        (-0.0, "0"),
        (" 5 ", "5"),
    ],
)
def test_an_amount_in_any_writing_that_means_one_thing(sent: Any, said: str) -> None:
    assert decimal_text(decimal(sent)) == said


@pytest.mark.parametrize("sent", ["1,234", "1.234,50", "1,23.4", "€ 5", "NaN", "Infinity", True, [], "twelve"])
def test_an_amount_that_may_mean_two_things_is_told_as_lost(sent: Any) -> None:
    with pytest.raises(Unmappable) as caught:
        decimal(sent)
    assert caught.value.why == "not_a_number"


@pytest.mark.parametrize(
    ("shown", "currency"),
    [
        ({"Currency": "CNY", "$currency_symbol": "¥"}, "CNY"),
        ({"$currency_symbol": "JPY"}, "JPY"),
        ({"$currency_symbol": "£"}, "GBP"),
        ({"$currency_symbol": "$"}, "EUR"),
        ({"Currency": None, "$currency_symbol": 7}, "EUR"),
        ({}, "EUR"),
    ],
)
def test_an_amount_is_of_the_currency_that_the_record_shows(shown: dict[str, Any], currency: str) -> None:
    deals = MAPPING.build(Options(), Description(system="zoho_crm", streams=[], feeds=[]))["Deals"]
    mapped = deals.canon(Record(stream="Deals", id="1", payload={"id": "1", "Amount": "1,234.50", **shown}))
    assert mapped.values["revenue"] == {"amount": "1234.5", "currency": currency}


@pytest.mark.parametrize(
    ("sent", "read"), [(7, 7), ("7", 7), ("9007199254740993", 2**53 + 1), ("1.5", 1.5), (None, None), ("", None)]
)
def test_a_number_that_is_sent_as_text_stays_exact(sent: Any, read: Any) -> None:
    assert number(sent, {}) == read


@pytest.mark.parametrize("sent", [True, "seven", [], {}, "NaN"])
def test_what_is_no_number_is_told_as_lost(sent: Any) -> None:
    with pytest.raises(Unmappable):
        number(sent, {})


def test_a_flag_is_not_whatever_is_not_empty() -> None:
    assert [yes_or_no(each, {}) for each in (True, False, None)] == [True, False, False]
    for odd in ("false", 0, []):
        with pytest.raises(Unmappable):
            yes_or_no(odd, {})


def test_the_letters_of_a_text_are_no_list() -> None:
    assert (texts(["b", "a", "b"]), texts(None)) == ({"a", "b"}, set())
    for odd in ("ab", [1], {"a": 1}):
        with pytest.raises(Unmappable):
            texts(odd)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("e\u0301", "é"),
        ("שלום \u202eעולם\u202c", "שלום \u202eעולם\u202c"),
        ("مرحبا\u200c", "مرحبا\u200c"),
        ("👩\u200d💻 上线", "👩\u200d💻 上线"),
        ("\u3000全角\u3000", "全角"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\x00b\x07", "a\x00b\x07"),
    ],
)
def test_a_text_of_any_script_is_carried_as_it_is(sent: str, read: str | None) -> None:
    assert clean(sent) == read
