"""Rich text: Markdown is the canonical form; Atlassian's document format and plain text are views of it.

A line break inside a paragraph is a line break, soft or hard, spelled ``\\n``: so Trello and Jira show it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mapping.model import Loss
from mapping.richtext.adf_in import AdfReader
from mapping.richtext.adf_out import document
from mapping.richtext.adf_plain import plain_document
from mapping.richtext.parsing import parse
from mapping.richtext.plain import cleaned, markdown_to_plain, plain_to_markdown
from mapping.richtext.rebuild import rebuilt
from mapping.richtext.tree import clean_text
from mapping.richtext.writer import render

__all__ = [
    "adf_to_markdown",
    "cleaned",
    "markdown_to_adf",
    "markdown_to_plain",
    "normal_markdown",
    "plain_to_markdown",
]


def adf_to_markdown(doc: Mapping[str, Any] | str | None) -> tuple[str | None, list[Loss]]:
    """A document as Markdown, and what Markdown cannot say. Never raises; equal documents give equal texts.

    A loss names the node or mark in ``field``. A string (older payloads) is taken as it is.
    """
    if doc is None:
        return None, []
    if isinstance(doc, str):
        return clean_text(doc).strip() or None, []
    if not isinstance(doc, Mapping):
        return None, [Loss("doc", "malformed", type(doc).__name__)]
    doc = _headed(doc)
    if doc.get("type") == "doc":
        quick = plain_document(doc.get("content"))
        if quick is not None:
            return quick or None, []
    reader = AdfReader()
    blocks = reader.blocks(doc.get("content")) if doc.get("type") == "doc" else reader.blocks([doc])
    return render(blocks) or None, reader.losses


def markdown_to_adf(text: str, base: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A valid document that says ``text``.

    With ``base``, the document as last seen, what reads the same is taken over node for node (shared, not copied), and
    edited blocks keep what can still be placed: panels, mentions, colours, tasks. If nothing reads differently the
    answer equals ``base``.
    """
    base = _headed(base) if isinstance(base, Mapping) else {}
    if base.get("type") != "doc":
        return document(parse(text))
    seen = adf_to_markdown(base)[0]
    if text == (seen or "") or normal_markdown(text) == seen:
        return {**base, "version": base.get("version", 1)}
    content = base.get("content")
    nodes = rebuilt(parse(text), content if isinstance(content, list | tuple) else [])
    return {**base, "version": 1, "content": nodes}


def _headed(doc: Mapping[str, Any]) -> Mapping[str, Any]:
    """A document that was copied about without its head, with it."""
    return {**doc, "type": "doc"} if doc.get("type") is None and isinstance(doc.get("content"), list) else doc


def normal_markdown(text: str | None) -> str | None:
    """The one spelling of a Markdown text, by which two texts are compared. Idempotent."""
    if text is None:
        return None
    return render(parse(text)) or None
