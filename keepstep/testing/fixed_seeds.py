"""Histories worth keeping: those that catch each wrong engine, and those on which the right one once failed."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 30
"""So many seeds may a list have."""

CATCHES: Final[dict[str, tuple[int, ...]]] = {
    "X1": (1014,),
    "X2": (6535,),
    "X3": (253,),
    "X4": (5210,),
    "X5": (2003,),
    "X6": (2003,),
    "X7": (4732,),
    "X21": (5353,),
}
"""Sabotage -> seeds of the world of memory sides, the surest first."""

FAILED: Final[tuple[int, ...]] = (500054, 9100009, 9100204, 9500316, 9700094, 9700260, 20000278, 20000455, 250469134)
"""Seeds of the company that once broke a promise, as ``company_steps.draw`` draws them now: they run first."""

COMPANY: Final = 2000
"""The first seed of the company that every run of the tests takes."""
