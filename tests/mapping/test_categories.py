"""What a document's title says of where it belongs."""

from __future__ import annotations

import pytest

from mapping.categories import categories_in


@pytest.mark.parametrize(
    ("title", "named"),
    [
        ("Requirements v2.docx", {"requirements"}),
        ("2026-11_Anforderungen_final", {"requirements"}),
        ("需求文档-最终版", {"requirements"}),
        ("Bericht Oktober", {"report"}),
        ("REPORT", {"report"}),
        ("Test plan", {"test", "plan"}),
        ("测试计划", {"test", "plan"}),
        ("Planet Express", set()),
        ("Contest rules", set()),
        ("Roadmap 🚀", set()),
        ("", set()),
    ],
)
def test_a_title_names_the_categories_whose_words_stand_in_it(title: str, named: set[str]) -> None:
    assert categories_in(title) == named
