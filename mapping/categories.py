"""Document categories by the words that people use for them, in English, German and Chinese."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

CATEGORIES: dict[str, str] = {
    "plan": "plan",
    "plans": "plan",
    "planning": "plan",
    "project plan": "plan",
    "plane": "plan",
    "planung": "plan",
    "projektplan": "plan",
    "projektplanung": "plan",
    "项目计划": "plan",
    "计划": "plan",
    "requirement": "requirements",
    "requirements": "requirements",
    "anforderung": "requirements",
    "anforderungen": "requirements",
    "lastenheft": "requirements",
    "pflichtenheft": "requirements",
    "需求文档": "requirements",
    "需求": "requirements",
    "design": "design",
    "designs": "design",
    "entwurf": "design",
    "entwürfe": "design",
    "konzept": "design",
    "设计文档": "design",
    "设计": "design",
    "test": "test",
    "tests": "test",
    "testing": "test",
    "testdokumente": "test",
    "prüfung": "test",
    "测试文档": "test",
    "测试": "test",
    "report": "report",
    "reports": "report",
    "project report": "report",
    "bericht": "report",
    "berichte": "report",
    "projektbericht": "report",
    "abschlussbericht": "report",
    "项目报告": "report",
    "报告": "report",
}
"""Names of category folders, in lower case and without numbering, in English, German and Chinese."""

CHINESE = re.compile("[\u4e00-\u9fff]")
WORD = re.compile(r"[^\W\d_]+")


def category_of(name: str, values: Mapping[str, str] | None = None) -> str | None:
    """The category that a folder's name stands for; ``values`` are a configuration's own names, taken first."""
    own = unicodedata.normalize("NFKC", name).strip().casefold()
    for known, canonical in (values or {}).items():
        if unicodedata.normalize("NFKC", known).strip().casefold() == own:
            return canonical
    return CATEGORIES.get(re.sub(r"^[\d\s.)、_-]+", "", own).strip())


def categories_in(title: str) -> set[str]:
    """The categories that a document's title names; of one that names several nobody can say where it belongs."""
    own = unicodedata.normalize("NFKC", title).casefold()
    words = set(WORD.findall(own))
    return {
        category for name, category in CATEGORIES.items() if (name in own if CHINESE.search(name) else name in words)
    }
