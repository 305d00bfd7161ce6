"""Texts as people leave them in the systems: documents with panels, mentions and emoji."""

from __future__ import annotations

from typing import Any

GOOGLE_DOC = "application/vnd.google-apps.document"


def document(text: str, account: str, name: str) -> dict[str, Any]:
    """A rich text: a paragraph for each part, a mention of somebody, an emoji, and a panel around the last part."""
    parts = [part for part in text.split("\n\n") if part]
    blocks: list[dict[str, Any]] = [_paragraph(_text(part)) for part in parts]
    mention = {"type": "mention", "attrs": {"id": account, "text": f"@{name}", "accessLevel": ""}}
    emoji = {"type": "emoji", "attrs": {"shortName": ":memo:", "id": "1f4dd", "text": "📝"}}
    blocks.append(
        {
            "type": "panel",
            "attrs": {"panelType": "info"},
            "content": [_paragraph(mention, _text(" "), emoji)],
        }
    )
    return {"type": "doc", "version": 1, "content": blocks}


def _paragraph(*inline: dict[str, Any]) -> dict[str, Any]:
    return {"type": "paragraph", "content": list(inline)}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}
