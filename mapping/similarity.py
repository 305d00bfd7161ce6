"""Which of many titles on two sides are each other's best likeness, without comparing all with all. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from heapq import nsmallest
from math import log

from mapping.titles import Title, likeness

THRESHOLD = 88.0
"""Likeness from which on a person is asked. Two wrong letters in sixteen still pass (`Optik Berger`, `Optik Bergen`);
titles that differ by one whole word (`Website Berlin`, `Website Bremen`) do not."""

NEAREST = 20
"""Candidates that are compared letter by letter: those that share the rarest words."""

FREQUENT = 100
"""Titles that may share a word before it says too little to look by, unless a title has no rarer one."""


@dataclass(frozen=True, slots=True, order=True)
class Likely:
    """Two titles, each the other's best. ``score``: 0 to 100."""

    left: str
    right: str
    score: float


def best_pairs(
    left: Mapping[str, Title],
    right: Mapping[str, Title],
    allowed: Callable[[str, str], bool] = lambda left, right: True,
    threshold: float = THRESHOLD,
) -> list[Likely]:
    """One-to-one pairs at or above the threshold, where neither has a better counterpart that is allowed.

    Of equally good ones the first by key is taken, so that the order of what is given in makes no difference.
    """
    found: list[Likely] = []
    index = _index(right)
    for key in sorted(left):
        title = left[key]
        for other in _near(title, index, len(right)):
            score = likeness(title, right[other])
            if score >= threshold and allowed(key, other):
                found.append(Likely(key, other, score))
    best_left: dict[str, float] = defaultdict(float)
    best_right: dict[str, float] = defaultdict(float)
    for each in found:
        best_left[each.left] = max(best_left[each.left], each.score)
        best_right[each.right] = max(best_right[each.right], each.score)
    pairs: list[Likely] = []
    used_left: set[str] = set()
    used_right: set[str] = set()
    for each in sorted(found, key=lambda one: (-one.score, one.left, one.right)):
        best = each.score == best_left[each.left] == best_right[each.right]
        if best and each.left not in used_left and each.right not in used_right:
            used_left.add(each.left)
            used_right.add(each.right)
            pairs.append(each)
    return sorted(pairs)


def _index(titles: Mapping[str, Title]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for key in sorted(titles):
        for token in titles[key].tokens():
            found[token].append(key)
    return found


def _near(title: Title, index: Mapping[str, list[str]], count: int) -> list[str]:
    tokens = sorted((len(index[token]), token) for token in title.tokens() if token in index)
    rare = [token for frequency, token in tokens if frequency <= FREQUENT]
    weights: dict[str, float] = defaultdict(float)
    for token in rare or [token for _, token in tokens[:1]]:
        keys = index[token]
        weight = 1.0 + log(count / len(keys))
        for key in keys[:FREQUENT]:
            weights[key] += weight
    return nsmallest(NEAREST, weights, key=lambda key: (-weights[key], key))
