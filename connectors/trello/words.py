"""What a list's name says about the work in it, in English, German and Chinese.

The rule: a name is compared without case, signs, spaces and emoji. Equal to a known name: that class. Else no class:
``In review?`` or ``Ideas`` stay without one, and a person or the configuration (``values: status``) says what they
are. The position is used in one case only: on a board with exactly one list before and one behind a list known as
*doing*, those two, if their own names are unknown, are *todo* and *done*.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from connectors.trello.models import Raw, pos

_NAMES = {
    "todo": "to do, todo, to-do, todos, backlog, product backlog, sprint backlog, open, new, next, up next, "
    "inbox, planned, ready, not started, zu erledigen, offen, neu, geplant, als nächstes, aufgaben, anstehend, "
    "待办, 待办事项, 待處理, 待处理, 待辦, 待辦事項, 未开始, 未開始, 待开始, 计划中, 計劃中, 需求池, 新建",
    "doing": "doing, in progress, wip, work in progress, in work, ongoing, started, active, "
    "in review, review, testing, in arbeit, in bearbeitung, laufend, begonnen, aktiv, in prüfung, im test, "
    "进行中, 進行中, 处理中, 處理中, 开发中, 開發中, 正在进行, 测试中, 測試中, 评审中, 審查中",
    "done": "done, completed, complete, finished, closed, shipped, delivered, resolved, released, "
    "erledigt, fertig, abgeschlossen, geschlossen, beendet, geliefert, "
    "已完成, 完成, 已结束, 已結束, 已交付, 已关闭, 已關閉, 已上线, 已上線, 已发布",
}


def _plain(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\W_]+", "", folded)


CLASS_OF = {_plain(name): kind for kind, names in _NAMES.items() for name in names.split(", ")}


def classes(lists: Sequence[Raw]) -> dict[str, str]:
    """List id -> todo, doing or done, for the lists of one board whose class is beyond guessing."""
    names = {each["id"]: _plain(str(each.get("name") or "")) for each in lists}
    known = {id: CLASS_OF[name] for id, name in names.items() if name in CLASS_OF}
    row = sorted((each for each in lists if not each.get("closed")), key=pos)
    if len(row) == 3 and known.get(row[1]["id"]) == "doing":
        known.setdefault(row[0]["id"], "todo")
        known.setdefault(row[2]["id"], "done")
    return known
