"""Names that a person would take for one thing, and names that only look it."""

from __future__ import annotations

import random
import string

import pytest

from mapping.similarity import THRESHOLD, Likely, best_pairs
from mapping.titles import SIMPLIFIED, TRADITIONAL, likeness, title_of


def alike(a: str, b: str) -> float:
    score = likeness(title_of(a), title_of(b))
    assert score == likeness(title_of(b), title_of(a))
    return score


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme GmbH", "ACME"),
        ("Acme GmbH & Co. KG", "Acme"),
        ("Telefonica S.A.", "Telefónica SA"),
        ("Müller Maschinenbau AG", "Muller Maschinenbau"),
        ("Widget, Inc.", "Widget Ltd"),
        ("Gdańsk Stal Sp. z o.o.", "Gdansk Stal"),
        ("上海光学科技有限公司", "上海光学"),
        ("上海光学股份有限公司", "上海光學有限公司"),
        ("Ａｃｍｅ　有限公司", "acme"),
        ("上海光学 (Shanghai Optics Co., Ltd.)", "Shanghai Optics"),
        ("上海光学 (Shanghai Optics Co., Ltd.)", "上海光学有限公司"),
        ("Relaunch of the website", "Website: relaunch of the"),
        ("Phase 2: Design", "Phase 2 - Design"),
        ("Optik Berger", "Optik Bergen"),
    ],
)
def test_names_of_one_thing_are_alike(one: str, other: str) -> None:
    assert alike(one, other) >= THRESHOLD


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Website Berlin", "Website Bremen"),
        ("Phase 1", "Phase 2"),
        ("Release 2026.1", "Release 2026.2"),
        ("上海光学有限公司", "上海电力有限公司"),
        ("有限公司", "股份有限公司"),
        ("Acme GmbH", "Globex GmbH"),
        ("GmbH", "AG"),
        ("", "Acme"),
        ("!!!", "???"),
    ],
)
def test_names_of_two_things_are_not(one: str, other: str) -> None:
    assert alike(one, other) < THRESHOLD


def test_the_table_of_characters_is_one_to_one() -> None:
    assert len(TRADITIONAL) == len(SIMPLIFIED)
    assert not set(TRADITIONAL) & set(SIMPLIFIED)
    assert all(a != b for a, b in zip(TRADITIONAL, SIMPLIFIED, strict=True))


def pairs(left: list[str], right: list[str], **options: object) -> list[tuple[str, str]]:
    found = best_pairs({name: title_of(name) for name in left}, {name: title_of(name) for name in right}, **options)  # type: ignore[arg-type]
    return [(each.left, each.right) for each in found]


def test_each_is_proposed_once_with_its_best() -> None:
    left = ["Acme GmbH", "Acme Holding GmbH", "Globex"]
    right = ["ACME", "Acme Holding", "Initech"]
    assert pairs(left, right) == [("Acme GmbH", "ACME"), ("Acme Holding GmbH", "Acme Holding")]


def test_who_has_a_better_counterpart_is_not_proposed_to_another() -> None:
    assert pairs(["Optik Bergen", "Optik Berger"], ["Optik Berger AG"]) == [("Optik Berger", "Optik Berger AG")]


def test_of_equals_the_first_is_taken_whatever_the_order() -> None:
    assert pairs(["Acme GmbH", "Acme AG"], ["Acme"]) == pairs(["Acme AG", "Acme GmbH"], ["Acme"])
    assert len(pairs(["Acme GmbH", "Acme AG"], ["Acme"])) == 1


def test_what_is_known_to_be_apart_is_not_proposed_and_the_next_best_is() -> None:
    left, right = ["Optik Berger"], ["Optik Berger AG", "Optik Bergen"]
    assert pairs(left, right, allowed=lambda a, b: b != "Optik Berger AG") == [("Optik Berger", "Optik Bergen")]


def test_words_that_all_titles_share_do_not_hide_a_counterpart() -> None:
    left = [f"Project kickoff {word}" for word in words(300)]
    right = [f"Kickoff project: {name.removeprefix('Project kickoff ')}" for name in left]
    assert len(pairs(left, right)) == 300


def test_a_title_of_nothing_but_frequent_words_still_finds_its_like() -> None:
    crowd = [f"Kickoff {word}" for word in words(300)]
    assert ("Kickoff", "kickoff") in pairs(["Kickoff"], ["kickoff", *crowd])


def words(count: int) -> list[str]:
    rng = random.Random(7)
    return sorted({"".join(rng.choices(string.ascii_lowercase, k=9)) for _ in range(count)})


def test_a_pair_says_how_alike_it_is() -> None:
    (found,) = best_pairs({"a": title_of("Acme GmbH")}, {"b": title_of("Acme")})
    assert found == Likely("a", "b", 100.0)
