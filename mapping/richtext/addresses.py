"""Web addresses in running text, as every service makes links of them by itself.

In the tree such an address is text: whether somebody's editor made a link of it or not says nothing. Only a link whose
text is no address of its own, or whose neighbours would make it another one, stays a link.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_ADDRESS: Final = re.compile(
    r"(?<![A-Za-z0-9_/])https?://(?=[^\W_])[^\s<>\"`|\\\[\]{}^“”‘’«»、。，；：！？（）【】《》「」]+", re.IGNORECASE
)
_AFTER: Final = "?!.,:;*_~'"
"""Signs that end a sentence or a mark, not an address."""


def addresses(text: str) -> Iterator[tuple[int, int]]:
    """From where to where the addresses in a text reach, in order."""
    if "://" not in text:
        return
    for found in _ADDRESS.finditer(text):
        address = found[0].rstrip(_AFTER)
        while address[-1:] == ")" and address.count(")") > address.count("("):
            address = address[:-1].rstrip(_AFTER)
        yield found.start(), found.start() + len(address)
