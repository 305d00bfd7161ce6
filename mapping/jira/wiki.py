"""Jira's old wiki markup as Markdown: changelogs and payloads of the older API keep rich text in it."""

from __future__ import annotations

import re

from mapping.fields import Approximate
from mapping.richtext import normal_markdown

FENCE = re.compile(r"^\{(code|noformat)(?::([\w+-]+)[^}]*)?\}\n?(.*?)\n?\{\1\}", re.DOTALL | re.MULTILINE)
QUOTE = re.compile(r"\{quote\}(.*?)\{quote\}", re.DOTALL)
HEADING = re.compile(r"^h([1-6])\.\s+", re.MULTILINE)
ITEM = re.compile(r"^([*#-]+)[^\S\n]+(?=\S)", re.MULTILINE)
RULE = re.compile(r"^-{4,}\s*$", re.MULTILINE)
LINK = re.compile(r"\[([^|\]\n]+)\|([^|\]\s]+)(?:\|[^\]]*)?\]")
BARE_LINK = re.compile(r"\[((?:https?|mailto):[^|\]\s]+)\]")
CODE = re.compile(r"\{\{(.+?)\}\}")
# A mark stands at the edge of a word: 3*4 and snake_case are none.
MARKS = [
    (re.compile(r"(?<![\w*\\])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])"), r"**\1**"),
    (re.compile(r"(?<![\w_\\])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])"), r"*\1*"),
    (re.compile(r"(?<![\w\\-])-(?=\S)([^\n-]+?)(?<=\S)-(?![\w-])"), r"~~\1~~"),
]
KEPT = re.compile("\x00(\\d+)\x00")
ADDRESS = re.compile(r"(?<![\w|\[(<])https?://[^\s|\]>)]+")
BRACED = re.compile(r"\{([*_-])\}(?=\S)(.+?)(?<=\S)\{\1\}")
"""A mark that does not stand at the edge of a word, or that Jira writes so for safety."""
MARK = {"*": "**", "_": "*", "-": "~~"}
COLOUR = re.compile(r"\{color(?::[^}\n]*)?\}")
ODD = re.compile(
    r"""(?<!\\)(?:
    \{ | \}                                    # a macro, a panel
    | \[[~^]                                   # a mention, a file
    | \[[^\]\n]*$                              # a link that is none
    | ![^\s!][^!\n]*!                          # an image
    | ^\s*\|                                   # a table
    | ^\s*bq\.\s
    | (?<!\w)[+^~](?=\S)                     # underlined, raised, lowered
    | \?\?
    | \\\\                                     # a line break
    | \((?:[/x!?+*ynbi-]|on|off|\*[rgby]|flag|flagoff)\)
    | [:;][)(DPp|]
    )""",
    re.VERBOSE | re.MULTILINE,
)
"""What says more than Markdown can, or says it in Jira's own way: a picture in place of a sign, a name in place of an
account."""


def wiki_to_markdown(text: str) -> str | None:
    """The common constructs; anything rarer stays as it is written, and the whole is ``Approximate``."""
    kept: list[str] = []

    def keep(piece: str) -> str:
        kept.append(piece)
        return f"\x00{len(kept) - 1}\x00"

    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    text = FENCE.sub(lambda found: keep(f"```{found[2] or ''}\n{found[3]}\n```"), text)
    text = CODE.sub(lambda found: keep(f"`{found[1]}`"), text)
    text = LINK.sub(lambda found: keep(f"[{found[1]}]({found[2]})"), text)
    text = BARE_LINK.sub(lambda found: keep(f"<{found[1]}>"), text)
    text = ADDRESS.sub(lambda found: keep(re.sub(r"([*_~])", r"\\\1", found[0])), text)
    text = COLOUR.sub("", text)
    text = BRACED.sub(lambda found: keep(MARK[found[1]]) + found[2] + keep(MARK[found[1]]), text)
    text = QUOTE.sub(lambda found: "\n".join(f"> {line}" for line in found[1].strip().split("\n")), text)
    odd = ODD.search(text) is not None
    text = RULE.sub(lambda found: keep("---"), text)
    text = ITEM.sub(lambda found: keep(_item(found[1])), text)
    for pattern, markdown in MARKS:
        text = pattern.sub(markdown, text)
    text = HEADING.sub(lambda found: "#" * int(found[1]) + " ", text)
    while KEPT.search(text):
        text = KEPT.sub(lambda found: kept[int(found[1])], text)
    said = normal_markdown(text)
    return Approximate(said) if odd and said is not None else said


def _item(signs: str) -> str:
    """A list item's sign; the deeper ones are indented under both kinds of sign above them."""
    return "   " * (len(signs) - 1) + ("1. " if signs[-1] == "#" else "- ")
