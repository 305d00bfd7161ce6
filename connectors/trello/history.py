"""A card's history, told from its actions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from connectors.base import Change, Unreadable, chunks
from connectors.rows import stamp
from connectors.trello.client import PAGE, Failure, TrelloClient, actions, objects, route
from connectors.trello.models import Action, Raw

TOLD = "updateCard,addMemberToCard,removeMemberFromCard,moveCardToBoard"
QUIET = ("pos", "cover", "idAttachmentCover", "dueReminder", "manualCoverAttachment")


class CardHistory:
    """Old and new value, time and author of each change that the service's log still holds.

    Not told: items of checklists and custom fields (the log has no old value), and the first change of a card's labels
    (there ``data.old`` repeats the new value; later ones are told from the entry before).
    """

    def __init__(self, client: TrelloClient, me: Callable[[], str]) -> None:
        self._client = client
        self._me = me

    def changes(self, ids: Sequence[str], since: str) -> Iterator[Change]:
        """Oldest first within a card. A card that is gone or hidden has no history to tell."""
        me = self._me()
        for part in chunks(list(dict.fromkeys(ids)), 5):
            routes = []
            for id in part:
                routes += [
                    route(f"/cards/{id}/actions", {"filter": TOLD, "limit": PAGE}),
                    route(f"/cards/{id}", {"fields": "idMembers"}),
                ]
            answers = iter(self._client.batch(routes))
            for id, log, card in zip(part, answers, answers, strict=True):
                if isinstance(log, Failure) or isinstance(card, Failure):
                    continue
                entries = self._whole(id, log, since)
                members = card.get("idMembers") if isinstance(card, dict) else None
                told = _told(id, entries, list(members) if isinstance(members, list) else [], me)
                yield from (change for change in told if change.at >= since)

    def _whole(self, id: str, first: Any, since: str) -> list[Action]:
        path = f"/cards/{id}/actions"
        odd: list[Unreadable] = []
        log = objects(first, f"GET {path}", odd)
        entries = actions(log)
        if entries and len(log) + len(odd) >= PAGE and entries[-1].date >= since:
            for page in self._client.action_pages(path, since=since, before=log[-1]["id"], kinds=TOLD):
                entries += actions(page.rows)
        return entries


def _told(card: str, log: list[Action], members: list[str], me: str) -> list[Change]:
    """The log, newest first, as changes, oldest first. ``members`` are those on the card now: walking back from them
    gives the whole set at every change."""
    found: list[Change] = []
    for action in log:
        if action.type == "updateCard":
            found += [
                _change(card, action, name, old, action.at("card", name), me)
                for name, old in _old(action).items()
                if name not in QUIET and name != "idLabels"
            ]
        elif action.type == "moveCardToBoard":
            found.append(_change(card, action, "idBoard", action.at("boardSource", "id"), action.at("board", "id"), me))
        else:
            member = action.at("idMember") or action.at("member", "id")
            if not isinstance(member, str):
                continue
            before = [each for each in members if each != member]
            if action.type == "removeMemberFromCard":
                before = sorted({*members, member}, key=_joined(log, action))
            found.append(_change(card, action, "idMembers", before, members, me))
            members = before
    found.reverse()
    found += _labels(card, [action for action in reversed(log) if "idLabels" in _old(action)], me)
    return sorted(found, key=lambda change: change.at)


def _old(action: Action) -> Raw:
    old = action.at("old")
    return old if isinstance(old, dict) else {}


def _joined(log: list[Action], until: Action) -> Callable[[str], tuple[str, str]]:
    """Sorts members as a card does, by when they joined; those from before the log come first."""
    joined: dict[str, str] = {}
    for action in reversed(log[log.index(until) :]):
        if action.type == "addMemberToCard":
            joined[str(action.at("idMember") or action.at("member", "id"))] = action.date
    return lambda member: (joined.get(member, ""), member)


def _labels(card: str, log: list[Action], me: str) -> Iterator[Change]:
    """Label changes, oldest first, each against the entry before it."""
    for before, action in pairwise(log):
        old, new = before.at("card", "idLabels"), action.at("card", "idLabels")
        if old != new:
            yield _change(card, action, "idLabels", old, new, me)


def _change(card: str, action: Action, field: str, old: Any, new: Any, me: str) -> Change:
    return Change(
        id=card,
        field=field,
        old=old,
        new=new,
        at=stamp(action.date) or action.date,
        by=action.idMemberCreator,
        by_name=action.author,
        ours=action.by(me),
    )
