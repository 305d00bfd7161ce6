"""Texts as people leave them in the systems: documents with panels, mentions and emoji."""

from __future__ import annotations

from typing import Any

from mapping.richtext import markdown_to_adf

GOOGLE_DOC = "application/vnd.google-apps.document"


def document(text: str, asked: tuple[str, str] | None = None) -> dict[str, Any]:
    """Markdown as a document. ``asked``: account and name of somebody who is called in, in a panel below."""
    made: dict[str, Any] = markdown_to_adf(text)
    if asked is not None:
        account, name = asked
        mention = {"type": "mention", "attrs": {"id": account, "text": f"@{name}", "accessLevel": ""}}
        emoji = {"type": "emoji", "attrs": {"shortName": ":memo:", "id": "1f4dd", "text": "📝"}}
        line = {"type": "paragraph", "content": [mention, {"type": "text", "text": " "}, emoji]}
        made["content"].append({"type": "panel", "attrs": {"panelType": "info"}, "content": [line]})
    return made
