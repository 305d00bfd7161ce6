"""A checklist in a text field of several lines: the tasks that people tick there, in order.

The field is named by the configuration and is the checklist's own. Whatever else people write into it stays, and so
does the markup of an item whose text nobody edits elsewhere. A heading is what the tasks below it stand under; one that
is not there is put at the end, with its tasks. Tasks in a description are part of that text, and are never taken for a
checklist.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from mapping.fields import FieldMap, Unmappable
from mapping.items import UNDER, Fresh, homes
from mapping.jira.values import LONGEST, Section
from mapping.model import Loss
from mapping.richtext import adf_to_markdown, cleaned, markdown_to_adf, markdown_to_plain, plain_to_markdown

LIST_ID = "checklist"
"""Of a list that is made here; a service that gives ids of its own may change it."""
LEVEL = 3
"""Of a heading that is made here."""

TASKS: Final = ("taskItem", "blockTaskItem")
"""A task holds words, or paragraphs."""

Node = Mapping[str, Any]
Named = tuple[str, Node]
"""A task's id, and the task."""


def checklist_row(canonical: str, system: str) -> FieldMap:
    """The row of a field of that type. A history tells the field as text, which is no checklist: ``Unmappable``."""

    def write(value: Any, section: Section) -> Any:
        return _written(value or [], section.get(system))

    return FieldMap(canonical, system, lambda value, _: _read(value)[0], write, shown=_shown, lossy=_read)


def _shown(value: Any) -> Any:
    return [{**each, "text": _line(each["text"])} for each in value or ()] or None


def _read(value: Any) -> tuple[Any, list[Loss]]:
    if value is None:
        return None, []
    if not isinstance(value, Mapping):
        raise Unmappable("not_a_checklist")
    items: list[dict[str, Any]] = []
    losses: list[Loss] = []
    blocks = _blocks(value)
    called = _called(blocks)
    for number, node in _tasks(blocks):
        markdown, lost = adf_to_markdown(_document(node))
        text = _line(markdown_to_plain(markdown) or "")
        losses += lost
        if (plain_to_markdown(text) or "") != (markdown or ""):
            losses.append(Loss("text", "markup_dropped"))
        item = {"id": _id(node, items), "text": text, "done": _attributes(node).get("state") == "DONE"}
        items.append({**item, UNDER: called[number]} if called[number] is not None else item)
    return items or None, losses


def _written(items: list[dict[str, Any]], base: Any) -> Any:
    """The document with these items and all that is none. None: there is nothing in it."""
    doc = base if isinstance(base, Mapping) and base.get("type") == "doc" else {"type": "doc", "version": 1}
    blocks = _blocks(doc)
    called = _called(blocks)
    known: dict[str, Node] = {}
    stood: dict[str, tuple[int, int]] = {}
    for number, node in _tasks(blocks):
        id = _id(node, [{"id": id} for id in known])
        known[id], stood[id] = node, (len(stood), number)
    texts = {each["id"]: each["text"] for each in _read(doc)[0] or ()}
    first = next(iter(called), Fresh(None))
    lists: dict[Any, list[Named]] = {number: [] for number in called}
    for each, home in zip(items, homes(items, [stood.get(each["id"]) for each in items], called, first), strict=True):
        node = _item(each, known.get(each["id"]), texts.get(each["id"]))
        lists.setdefault(home, []).append((each["id"], node))
    rest: list[Any] = []
    for number, block in enumerate(blocks):
        if number not in called:
            rest.append(block)
        elif content := _arranged(block, [id for id, (_, home) in stood.items() if home == number], lists[number]):
            rest.append({**block, "content": content})
    fresh = [(home.name, nodes) for home, nodes in lists.items() if isinstance(home, Fresh)]
    for name, nodes in sorted(fresh, key=lambda each: each[0] is not None):
        _add_list(rest, name, [node for _, node in nodes])
    written = {**doc, "version": 1, "content": rest}
    if len(str(written)) > LONGEST:
        raise Unmappable("too_long", LONGEST)
    return written if rest else None


def _arranged(block: Node, names: Sequence[str], wanted: Sequence[Named]) -> list[Any]:
    """A list's content with these tasks: each as deep as it stood, and what is new behind the task before it. Where
    tasks change places they come one below the other, since nobody can say which of them belongs under which.

    ``names``: the ids of the tasks that stand there, in order.
    """
    order = {id: at for at, id in enumerate(names)}
    kept = [order[id] for id, _ in wanted if id in order]
    if kept != sorted(kept):
        return [*(node for _, node in wanted), *_no_tasks(block)]
    now: dict[str, list[Node]] = {"": []}
    last = ""
    for id, node in wanted:
        if id in order:
            last = id
            now[last] = []
        now[last].append(node)
    left = iter(names)

    def filled(node: Node) -> list[Any]:
        out: list[Any] = []
        for each in _content(node):
            kind = each.get("type") if isinstance(each, Mapping) else None
            if kind in TASKS:
                out += now.get(next(left), ())
            elif kind != "taskList":
                out.append(each)
            elif within := filled(each):
                # No list begins with another: where the task above is gone, those below it move up.
                out += [{**each, "content": within}] if out else within
        return out

    return [*now[""], *filled(block)]


def _no_tasks(node: Node) -> Iterator[Any]:
    """What else stands in a list, or in those within it."""
    for each in _content(node):
        kind = each.get("type") if isinstance(each, Mapping) else None
        if kind == "taskList":
            yield from _no_tasks(each)
        elif kind not in TASKS:
            yield each


def _add_list(blocks: list[Any], name: str | None, nodes: list[Node]) -> None:
    """A list of tasks at the end, or below the heading of that name, which may have lost its list."""
    taken = {_attributes(each).get("localId") for each in blocks}
    id = next(id for count in range(len(blocks) + 1) if (id := f"{LIST_ID}-{count}" if count else LIST_ID) not in taken)
    at = len(blocks)
    if name is not None:
        headings = [number for number, each in enumerate(blocks) if _heading(each) == _line(name)]
        if not headings:
            said = [{"type": "text", "text": _line(name)}]
            blocks.append({"type": "heading", "attrs": {"level": LEVEL}, "content": said})
        at = headings[0] + 1 if headings else len(blocks)
    blocks.insert(at, {"type": "taskList", "attrs": {"localId": id}, "content": nodes})


def _item(item: Mapping[str, Any], node: Node | None, text: str | None) -> dict[str, Any]:
    state = "DONE" if item["done"] else "TODO"
    if node is not None and text == _line(item["text"]):
        return {**node, "attrs": {**_attributes(node), "state": state}}
    [*paragraphs] = markdown_to_adf(plain_to_markdown(_line(item["text"])) or "")["content"]
    content = paragraphs[0].get("content", []) if paragraphs else []
    return {"type": "taskItem", "attrs": {"localId": item["id"], "state": state}, "content": content}


def _blocks(doc: Node) -> list[Node]:
    return [each for each in _content(doc) if isinstance(each, Mapping)]


def _called(blocks: Sequence[Node]) -> dict[int, str | None]:
    """The lists on top, by their numbers among the blocks -> the heading above; None where there is none."""
    found: dict[int, str | None] = {}
    heading = None
    for number, each in enumerate(blocks):
        if each.get("type") == "heading":
            heading = _heading(each)
        elif each.get("type") == "taskList":
            found[number] = heading
    return found


def _heading(block: Node) -> str | None:
    """What a heading says; None for an empty one, and for anything else."""
    if block.get("type") != "heading":
        return None
    return _line(markdown_to_plain(adf_to_markdown(_paragraph(block))[0]) or "") or None


def _tasks(blocks: Sequence[Node]) -> Iterator[tuple[int, Node]]:
    """The tasks of the lists on top, in order, each with its list's number; those of a list within a list come after
    the task above them."""
    for number, each in enumerate(blocks):
        if each.get("type") == "taskList":
            yield from ((number, node) for node in _items(each))


def _items(node: Node) -> Iterator[Node]:
    for each in _content(node):
        if isinstance(each, Mapping):
            if each.get("type") in TASKS:
                yield each
            elif each.get("type") == "taskList":
                yield from _items(each)


def _id(node: Node, before: list[dict[str, Any]]) -> str:
    """The task's own id; a copied one has that of the task that it was copied from, and is told apart by its place."""
    id = str(_attributes(node).get("localId") or "")
    return id if id and id not in {each["id"] for each in before} else f"{id}#{len(before)}"


def _content(node: Node) -> Sequence[Any]:
    found = node.get("content")
    return found if isinstance(found, list | tuple) else ()


def _attributes(node: Node) -> Mapping[str, Any]:
    found = node.get("attrs")
    return found if isinstance(found, Mapping) else {}


def _document(task: Node) -> dict[str, Any]:
    if task.get("type") == "taskItem":
        return _paragraph(task)
    return {"type": "doc", "version": 1, "content": list(_content(task))}


def _paragraph(node: Node) -> dict[str, Any]:
    content = [each for each in _content(node) if isinstance(each, Mapping)]
    return {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": content}]}


def _line(text: str) -> str:
    return " ".join((cleaned(text) or "").split())
