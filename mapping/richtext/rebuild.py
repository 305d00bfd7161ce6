"""Writing edited Markdown back over the document it came from: what nobody edited stays node for node.

Blocks are aligned by their Markdown. A block that was edited keeps what its node says beyond Markdown as far as that
can still be placed: a panel stays a panel, an untouched item or cell stays as it was, a mention stays a mention.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, Final

from mapping.richtext.adf_in import AdfReader
from mapping.richtext.adf_out import inline, nodes
from mapping.richtext.rebuild_inline import inline_over
from mapping.richtext.tree import STRONG, Block, Code, Heading, Listing, Para, Quote, Span, Table, plain, tidy
from mapping.richtext.writer import render

Node = dict[str, Any]

_MANY: Final = 1000
"""From so many changed blocks on, repeated ones are not aligned one by one."""


def rebuilt(blocks: Sequence[Block], base: Sequence[Any], place: str = "doc") -> list[Any]:
    """Nodes that say ``blocks``, taken from ``base`` where they can be. Nodes of ``base`` are shared, not copied.

    A node that shows nothing (an empty paragraph) stays with the node before it.
    """
    lead: list[Any] = []
    owners: list[tuple[list[Any], int]] = []
    old: list[str] = []
    last: list[Any] = lead
    for node in base:
        shown = [render([block]) for block in AdfReader().blocks([node])]
        if not shown:
            last.append(node)
            continue
        last = [node]
        for index, text in enumerate(shown):
            owners.append((last, index if len(shown) > 1 else -1))
            old.append(text)
    out = lead
    for tag, low, high, start, end in _aligned(old, [render([block]) for block in blocks]):
        if tag == "equal":
            out += _kept(owners, low, high, blocks[start:end], place)
        else:
            out += _changed(owners[low:high], old[low:high], blocks[start:end], place)
    return out


def _aligned(old: list[str], new: list[str]) -> list[tuple[str, int, int, int, int]]:
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    middle = old[head : len(old) - tail], new[head : len(new) - tail]
    matcher = SequenceMatcher(None, *middle, autojunk=max(map(len, middle)) > _MANY)
    steps: list[tuple[str, int, int, int, int]] = [
        (tag, low + head, high + head, start + head, end + head) for tag, low, high, start, end in matcher.get_opcodes()
    ]
    if head:
        steps.insert(0, ("equal", 0, head, 0, head))
    if tail:
        steps.append(("equal", len(old) - tail, len(old), len(new) - tail, len(new)))
    return steps


def _kept(owners: list[tuple[list[Any], int]], low: int, high: int, blocks: Sequence[Block], place: str) -> list[Any]:
    """The nodes of a stretch that reads the same; one that reads as several blocks only if all of them are there."""
    out: list[Any] = []
    at = low
    while at < high:
        unit, index = owners[at]
        size = 1
        while at + size < len(owners) and owners[at + size][0] is unit:
            size += 1
        if index in (-1, 0) and at + size <= high:
            out += unit
        else:
            size = min(size, high - at)
            out += nodes(blocks[at - low : at - low + size], place)
        at += size
    return out


def _changed(
    owners: Sequence[tuple[list[Any], int]], old: Sequence[str], blocks: Sequence[Block], place: str
) -> list[Any]:
    out: list[Any] = []
    next_old = 0
    for number, block in enumerate(blocks):
        found = None
        for at in range(next_old, min(len(owners), next_old + 50)):
            unit, index = owners[at]
            if index != -1 or not _alike(unit[0], block):
                continue
            if len(owners) == len(blocks) and at != number:
                continue
            if len(owners) == len(blocks) or _similar(old[at], render([block])):
                found = at
                break
        if found is None:
            out += nodes([block], place)
            continue
        next_old = found + 1
        unit = owners[found][0]
        out += [*_sound(_over(unit[0], block, place), block, place), *unit[1:]]
    return out


def _sound(made: list[Any], block: Block, place: str) -> list[Any]:
    """Nodes if they say what the block says, as far as the place allows; else the block built anew."""
    text = render(AdfReader().blocks(made))
    if text == render([block]):
        return made
    fresh = nodes([block], place)
    return made if text == render(AdfReader().blocks(fresh)) else fresh


def _similar(one: str, two: str) -> bool:
    matcher = SequenceMatcher(None, one[:500], two[:500], autojunk=False)
    return matcher.real_quick_ratio() > 0.5 and matcher.quick_ratio() > 0.5 and matcher.ratio() > 0.5


_QUOTES: Final = frozenset({"panel", "blockquote", "expand", "nestedExpand"})
_LISTS: Final = frozenset({"bulletList", "orderedList"})


def _alike(node: Mapping[str, Any], block: Block) -> bool:
    kind = node["type"]
    if isinstance(block, Para):
        return bool(kind == "paragraph")
    if isinstance(block, Heading):
        return bool(kind == "heading")
    if isinstance(block, Code):
        return bool(kind == "codeBlock")
    if isinstance(block, Quote):
        return kind in _QUOTES
    if isinstance(block, Listing):
        return bool(kind == ("bulletList" if block.start is None else "orderedList")) or (
            kind == "taskList" and _tasks(block) is not None
        )
    return isinstance(block, Table) and bool(kind == "table")


def _over(node: Mapping[str, Any], block: Block, place: str) -> list[Any]:
    """A block as an edited form of the node that it is like."""
    content = _content(node)
    if isinstance(block, Para):
        made = nodes([block], place)
        if len(made) != 1 or made[0]["type"] != "paragraph":
            return made
        return [{**node, "content": inline_over(block.spans, content)}]
    if isinstance(block, Heading):
        attrs = {**_attrs(node), "level": block.level}
        return [{**node, "attrs": attrs, "content": inline_over(block.spans, content)}]
    if isinstance(block, Code):
        made = nodes([block], place)
        attrs = {key: value for key, value in _attrs(node).items() if key != "language"} | made[0].get("attrs", {})
        return [{**node, "content": made[0]["content"]} | ({"attrs": attrs} if attrs else {})]
    if isinstance(block, Quote):
        return [_quote(node, block, content)]
    if isinstance(block, Listing):
        if node["type"] == "taskList":
            return [{**node, "content": _task_items(block, content)}]
        attrs = {**_attrs(node), "order": block.start} if block.start is not None else _attrs(node)
        return [{**node, "content": _items(block, content)} | ({"attrs": attrs} if attrs else {})]
    if isinstance(block, Table):
        return [{**node, "content": _table_rows(block, content)}]
    return nodes([block], place)


def _quote(node: Mapping[str, Any], block: Quote, content: list[Any]) -> Node:
    blocks = block.blocks
    made = dict(node)
    if node["type"] in ("expand", "nestedExpand"):
        first = blocks[0]
        titled = isinstance(first, Para) and all(span[1] == STRONG and span[2] is None for span in first.spans)
        title = plain(first.spans) if titled and isinstance(first, Para) else ""
        made["attrs"] = {**_attrs(node), "title": title.replace("\n", " ")}
        blocks = blocks[1:] if titled else blocks
    made["content"] = rebuilt(blocks, content, "quote") or [{"type": "paragraph", "content": []}]
    return made


def _items(block: Listing, content: list[Any]) -> list[Any]:
    """The items of a list; those that read the same stay, those in their places are edited."""
    old = [item for item in content if isinstance(item, Mapping) and item.get("type") == "listItem"]
    fresh = _content(nodes([block])[0])
    texts = [render(AdfReader().blocks(_content(item))) for item in old]
    out: list[Any] = []
    for tag, low, high, start, end in _aligned(texts, [render(item) for item in block.items]):
        if tag == "equal":
            out += old[low:high]
        elif high - low == end - start:
            for item, blocks, new in zip(old[low:high], block.items[start:end], fresh[start:end], strict=True):
                inner = rebuilt(blocks, _content(item), "item")
                fits = inner and inner[0].get("type") in ("paragraph", "codeBlock", "mediaSingle")
                out.append({**item, "content": inner} if fits else new)
        else:
            out += fresh[start:end]
    return out


def _tasks(block: Listing) -> list[tuple[str, list[Span], list[Listing]]] | None:
    """State, text and nested tasks of each item; None if the list is not made of tasks alone."""
    found: list[tuple[str, list[Span], list[Listing]]] = []
    for item in block.items:
        first = item[0] if item else None
        if not isinstance(first, Para) or not first.spans or first.spans[0][1] or first.spans[0][2] is not None:
            return None
        box, text = first.spans[0][0][:3], first.spans[0][0][3:]
        if box not in ("[ ]", "[x]", "[X]") or (text and not text.startswith(" ")):
            return None
        nested = [each for each in item[1:] if isinstance(each, Listing) and _tasks(each) is not None]
        if len(nested) != len(item) - 1:
            return None
        spans = [(text, 0, None), *first.spans[1:]]
        found.append(("TODO" if box == "[ ]" else "DONE", tidy(spans), nested))
    return found


def _task_items(block: Listing, content: list[Any], prefix: str = "task") -> list[Any]:
    """Tasks with the identity of those before them: by their text, else by their place."""
    old = [item for item in content if isinstance(item, Mapping) and item.get("type") == "taskItem"]
    lists = [item for item in content if isinstance(item, Mapping) and item.get("type") == "taskList"]
    tasks = _tasks(block) or []
    reader = AdfReader()
    before = [render([Para(tidy(reader.spans(_content(item), 0)))]) for item in old]
    after = [render([Para(spans)]) for _, spans, _ in tasks]
    origin: dict[int, Mapping[str, Any]] = {}
    for tag, low, high, start, end in _aligned(before, after):
        if tag == "equal" or high - low == end - start:
            origin.update(zip(range(start, end), old[low:high], strict=True))
    out: list[Any] = []
    nested_seen = 0
    for number, (state, spans, nested) in enumerate(tasks):
        item = origin.get(number)
        if item is None:
            attrs: dict[str, Any] = {"localId": f"{prefix}-{number + 1}"}
            out.append({"type": "taskItem", "attrs": {**attrs, "state": state}, "content": inline(spans)})
        else:
            inner = _content(item) if before[old.index(item)] == after[number] else inline_over(spans, _content(item))
            out.append({**item, "attrs": {**_attrs(item), "state": state}, "content": inner})
        for each in nested:
            like = lists[nested_seen] if nested_seen < len(lists) else {}
            nested_seen += 1
            name = f"{prefix}-{number + 1}-{nested_seen}"
            inner = _task_items(each, _content(like), name)
            out.append({"type": "taskList", "attrs": {"localId": name}, **like, "content": inner})
    return out


def _table_rows(block: Table, content: list[Any]) -> list[Any]:
    """Rows and cells that read the same stay; edited cells keep their attributes."""
    fresh = _content(nodes([block])[0])
    rows = [row for row in block.rows if any(row)] if len(fresh) < len(block.rows) else block.rows
    old = [row for row in content if isinstance(row, Mapping)]
    if len(rows) != len(fresh):
        return fresh
    width = len(_content(fresh[0])) if fresh else 0
    texts = [_row(row) for row in old]
    out: list[Any] = []
    for tag, low, high, start, end in _aligned(texts, [_row(row) for row in fresh]):
        for number in range(start, end):
            row = old[low + number - start] if tag == "equal" or high - low == end - start else None
            if row is None or len(_content(row)) != width:
                out.append(row if row is not None and tag == "equal" else fresh[number])
                continue
            out.append(row if tag == "equal" else {**row, "content": _cells(_content(row), _content(fresh[number]))})
    return out


def _cells(old: list[Any], fresh: list[Any]) -> list[Any]:
    return [
        cell if _row({"content": [cell]}) == _row({"content": [new]}) else {**cell, "content": new["content"]}
        for cell, new in zip(old, fresh, strict=True)
    ]


def _row(row: Mapping[str, Any]) -> str:
    return render(AdfReader().blocks([{"type": "table", "content": [row]}]))


def _content(node: Mapping[str, Any]) -> list[Any]:
    content = node.get("content")
    return list(content) if isinstance(content, list | tuple) else []


def _attrs(node: Mapping[str, Any]) -> dict[str, Any]:
    attrs = node.get("attrs")
    return dict(attrs) if isinstance(attrs, Mapping) else {}
