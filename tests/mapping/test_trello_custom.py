"""Canonical fields that a configuration keeps in custom fields of Trello's boards."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import Abilities, Description, Field, Record, Stream
from mapping.fields import Mapper, Options, Unmappable
from mapping.model import Kind
from mapping.trello import MAPPING

B1, B2, B3 = "b1", "b2", "b3"
HIGH, LOW, HOCH = "1" * 24, "2" * 24, "3" * 24


def custom(name: str, label: str, kind: str, board: str, **options: str) -> Field:
    words = {id: text for text, id in options.items()}
    return Field(
        name=name, label=label, kind=kind, custom=True, scope=board, values=list(words) or None, called=words or None
    )


FIELDS = [
    custom("p1", "Priorität", "list", B1, High=HIGH, Low=LOW),
    custom("p2", "Priorität", "list", B2, Hoch=HOCH),
    custom("d1", "Abnahme", "date", B1),
    custom("t1", "Text", "text", B1),
    custom("c1", "Fertig", "checkbox", B1),
    custom("x1", "Doppelt", "text", B1),
    custom("x2", "Doppelt", "text", B1),
    custom("n1", "Zahl", "number", B1),
]


def cards(custom: dict[str, str], **more: Any) -> Mapper:
    boards = [Field(name=f"l-{board}", label="Do", kind=board, writable=False) for board in (B1, B2, B3)]
    streams = [
        Stream(name="cards", abilities=Abilities(), fields=FIELDS),
        Stream(name="lists", abilities=Abilities(), fields=boards),
    ]
    description = Description(system="trello", streams=streams, feeds=[])
    options = Options(custom={"cards": custom}, timezone="Europe/Berlin", **more)
    return MAPPING.build(options, description)["cards"]


def card(board: str = B1, **items: Any) -> dict[str, Any]:
    rows = [{"id": f"i{id}", "idCustomField": id, "value": None, "idValue": None, **item} for id, item in items.items()]
    return {"id": "c" * 24, "idBoard": board, "name": "n", "customFieldItems": rows}


def read(mapper: Mapper, payload: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str, Any]]]:
    mapped = mapper.canon(Record(stream="cards", id="c", payload=payload))
    losses = [(loss.field, loss.why, loss.value) for loss in mapped.losses if loss.field == "customFieldItems"]
    return mapped.values, losses


PRIORITY = {"priority": "Priorität"}
TABLE = {"priority": {"Low": "low", "Hoch": "high"}}


@pytest.mark.parametrize(
    ("configured", "items", "canonical"),
    [
        (PRIORITY, {"p1": {"idValue": HIGH}}, ("priority", "high")),
        (PRIORITY, {"p1": {"idValue": LOW}}, ("priority", "low")),
        ({"priority": "p1"}, {"p1": {"idValue": LOW}}, ("priority", "low")),
        (PRIORITY, {}, ("priority", None)),
        ({"actual_end": "Abnahme"}, {"d1": {"value": {"date": "2026-12-01T10:00:00.000Z"}}},
         ("actual_end", "2026-12-01T10:00:00.000Z")),
        ({"title": "Text"}, {"t1": {"value": {"text": "长 🧱"}}}, ("title", "长 🧱")),
        ({"description": "Text"}, {"t1": {"value": {"text": "**a**"}}}, ("description", "**a**")),
        ({"title": "Zahl"}, {"n1": {"value": {"number": "12.50"}}}, ("title", "12.50")),
        ({"archived": "Fertig"}, {"c1": {"value": {"checked": "true"}}}, ("archived", True)),
        ({"archived": "Fertig"}, {}, ("archived", False)),
        ({"priority": "Text"}, {"t1": {"value": {"text": "LOW"}}}, ("priority", "low")),
    ],
)  # fmt: skip
def test_a_value_is_read_and_written_back_as_it_was(
    configured: dict[str, str], items: dict[str, Any], canonical: tuple[str, Any]
) -> None:
    mapper = cards(configured, values=TABLE)
    name, value = canonical
    shown = card(**items)
    values, losses = read(mapper, shown)
    assert (values[name], losses) == (value, [])
    assert mapper.mode(Kind.TASK, name) == "both"
    written = mapper.unmap(Kind.TASK, {name: value}, shown)
    assert written.losses == []
    ids = [next(each.name for each in FIELDS if configured[name] in (each.name, each.label))]
    kept = {id: {"idValue": item["idValue"]} if "idValue" in item else item for id, item in items.items()}
    sent = written.values["customFieldItems"]
    if name == "title" and "n1" in sent:
        assert sent == {"n1": {"value": {"number": "12.5"}}}
    elif configured == {"priority": "Text"}:
        assert sent == {"t1": {"value": {"text": "Low"}}}
    else:
        assert sent == (kept or dict.fromkeys(ids))
    if value is not None:
        assert mapper.normalise(Kind.TASK, name, value) == value


def test_the_same_name_on_two_boards_is_one_field() -> None:
    mapper = cards(PRIORITY, values=TABLE)
    assert read(mapper, card(B2, p2={"idValue": HOCH}))[0]["priority"] == "high"
    assert mapper.unmap(Kind.TASK, {"priority": "high"}, card(B2)).values == {
        "customFieldItems": {"p2": {"idValue": HOCH}}
    }
    assert mapper.unmap(Kind.TASK, {"priority": "high"}).values == {
        "customFieldItems": {"p1": {"idValue": HIGH}, "p2": {"idValue": HOCH}}
    }
    moved = mapper.unmap(Kind.TASK, {"priority": "high", "project": {"stream": "boards", "id": B2}}, card(B1))
    assert moved.values["customFieldItems"] == {"p2": {"idValue": HOCH}}


def test_a_board_without_the_field_says_nothing_and_a_write_to_it_is_a_loss() -> None:
    mapper = cards(PRIORITY)
    values, losses = read(mapper, card(B3))
    assert ("priority" in values, losses) == (False, [])
    written = mapper.unmap(Kind.TASK, {"priority": "high"}, card(B3))
    assert "customFieldItems" not in written.values
    assert [(loss.field, loss.why) for loss in written.losses] == [("priority", "no_such_field")]


def test_two_fields_of_one_name_on_one_board_are_never_guessed_between() -> None:
    mapper = cards({"title": "Doppelt"})
    assert mapper.mode(Kind.TASK, "title") == "absent"
    assert "title" not in read(mapper, card(x1={"value": {"text": "a"}}))[0]
    assert cards({"title": "x2"}).mode(Kind.TASK, "title") == "both"


@pytest.mark.parametrize(
    ("configured", "items", "why"),
    [
        (PRIORITY, {"p1": {"idValue": "9" * 24}}, "unknown_value"),
        ({"due_date": "Text"}, {"t1": {"value": {"text": "soon"}}}, "other_type"),
        ({"priority": "Text"}, {"t1": {"value": {"text": "soon"}}}, "unknown_value"),
        ({"actual_end": "Abnahme"}, {"d1": {"value": {"date": "soon"}}}, "unreadable"),
    ],
)
def test_what_cannot_be_read_is_a_loss(configured: dict[str, str], items: dict[str, Any], why: str) -> None:
    (name,) = configured
    values, losses = read(cards(configured), card(**items))
    assert name not in values
    assert [loss[1] for loss in losses] == [why]


@pytest.mark.parametrize(
    ("configured", "value", "why"),
    [
        (PRIORITY, "medium", "no_such_value"),
        ({"title": "Zahl"}, "twelve", "not_a_number"),
        ({"description": "Text"}, "a" * 16385, "too_long"),
        ({"due_date": "Text"}, "2026-12-01", "other_type"),
    ],
)
def test_what_cannot_be_written_is_a_loss_and_the_rest_is_written(
    configured: dict[str, str], value: str, why: str
) -> None:
    (name,) = configured
    written = cards(configured).unmap(Kind.TASK, {name: value, "archived": True}, card())
    assert [(loss.field, loss.why) for loss in written.losses] == [(name, why)]
    assert written.values == {"closed": True}


def test_a_day_keeps_the_clock_time_that_the_field_shows() -> None:
    mapper = cards({"due_date": "Abnahme"})
    shown = card(d1={"value": {"date": "2026-12-01T08:30:00.000Z"}})
    assert mapper.unmap(Kind.TASK, {"due_date": "2026-12-03"}, shown).values == {
        "customFieldItems": {"d1": {"value": {"date": "2026-12-03T08:30:00.000Z"}}}
    }
    assert mapper.unmap(Kind.TASK, {"due_date": "2026-12-03"}, card()).values == {
        "customFieldItems": {"d1": {"value": {"date": "2026-12-03T16:00:00.000Z"}}}
    }


def test_a_person_has_no_place_in_a_custom_field() -> None:
    with pytest.raises(ValueError, match="cannot be kept"):
        cards({"assignee": "Text"})
    with pytest.raises(Unmappable):
        cards(PRIORITY).normalise(Kind.TASK, "priority", "medium-rare")


def test_a_status_kept_in_a_custom_field_leaves_the_list_alone() -> None:
    mapper = cards({"status": "Priorität"}, values={"status": {"High": "doing", "Low": "done"}})
    shown = card(p1={"idValue": HIGH})
    assert read(mapper, shown)[0]["status"] == "doing"
    written = mapper.unmap(Kind.TASK, {"status": "done"}, shown)
    assert (written.values, written.losses) == ({"customFieldItems": {"p1": {"idValue": LOW}}}, [])
    assert mapper.unmap(Kind.TASK, {"status": None}, shown).values == {"customFieldItems": {"p1": None}}
