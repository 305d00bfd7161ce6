"""What an action log says has changed: ids to read again, never values to believe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connectors.base import Ignored
from connectors.trello.models import Action, attachment_id

CARD_ACTIONS = frozenset(
    {
        "createCard",
        "copyCard",
        "emailCard",
        "convertToCardFromCheckItem",
        "updateCard",
        "deleteCard",
        "moveCardToBoard",
        "moveCardFromBoard",
        "addMemberToCard",
        "removeMemberFromCard",
        "addLabelToCard",
        "removeLabelFromCard",
        "addChecklistToCard",
        "removeChecklistFromCard",
        "updateChecklist",
        "copyChecklist",
        "createCheckItem",
        "updateCheckItem",
        "deleteCheckItem",
        "updateCheckItemStateOnCard",
        "addAttachmentToCard",
        "deleteAttachmentFromCard",
        "updateCustomFieldItem",
        "voteOnCard",
        "commentCard",
        "copyCommentCard",
        "updateComment",
        "deleteComment",
    }
)
LIST_ACTIONS = frozenset({"createList", "updateList", "moveListToBoard", "moveListFromBoard"})
BOARD_ACTIONS = frozenset(
    {
        "createBoard",
        "copyBoard",
        "updateBoard",
        "addToOrganizationBoard",
        "removeFromOrganizationBoard",
        "addMemberToBoard",
        "removeMemberFromBoard",
        "makeNormalMemberOfBoard",
        "makeAdminOfBoard",
        "makeObserverOfBoard",
        "addAdminToBoard",
        "removeAdminFromBoard",
        "deactivatedMemberInBoard",
        "reactivatedMemberInBoard",
        "createBoardInvitation",
        "deleteBoardInvitation",
        "unconfirmedBoardInvitation",
        "createBoardPreference",
        "createLabel",
        "updateLabel",
        "deleteLabel",
        "enablePlugin",
        "enablePowerUp",
        "disablePlugin",
        "disablePowerUp",
        "createCustomField",
        "updateCustomField",
        "deleteCustomField",
    }
)
CUSTOM_FIELD_ACTIONS = frozenset({"updateCustomField", "deleteCustomField", "disablePlugin", "disablePowerUp"})
"""A field or an option of it that goes takes its values off all cards, without a word about each; so does the power-up
that fields come with."""


@dataclass(slots=True)
class Touched:
    """Ids by stream, in the order in which they are looked up."""

    ids: dict[str, set[str]] = field(
        default_factory=lambda: {
            stream: set()
            for stream in ("boards", "lists", "labels", "members", "checklists", "cards", "comments", "attachments")
        }
    )
    newest: dict[str, Action] = field(default_factory=dict)
    """card id -> the last entry about it that has an author."""
    whole_lists: set[str] = field(default_factory=set)
    """Lists that moved between boards, went into the archive or came back: their cards went along without an action of
    their own."""
    every_card: bool = False
    ignored: list[Ignored] = field(default_factory=list)


def read_log(log: Sequence[Action], board: str) -> Touched:
    """Gather what the entries, newest first, are about. What one of an unknown type names is looked at too."""
    touched = Touched()
    for action in log:
        if action.type in CARD_ACTIONS:
            _card(action, touched)
        elif action.type in LIST_ACTIONS:
            _add(touched, "lists", action.at("list", "id"))
            id, old = action.at("list", "id"), action.at("old")
            archived = action.type == "updateList" and isinstance(old, Mapping) and "closed" in old
            if (archived or action.type.startswith("moveList")) and isinstance(id, str) and id:
                touched.whole_lists.add(id)
        elif action.type in BOARD_ACTIONS:
            touched.ids["boards"].add(board)
            _add(touched, "labels", action.at("label", "id"))
            touched.every_card = touched.every_card or action.type in CUSTOM_FIELD_ACTIONS
        else:
            # Whatever it means, what it names may have changed.
            _add(touched, "cards", action.at("card", "id"))
            _add(touched, "lists", action.at("list", "id"))
            touched.ignored.append(Ignored(f"action {action.type[:60]}", action.id))
    return touched


def _card(action: Action, touched: Touched) -> None:
    card = action.at("card", "id")
    _add(touched, "cards", card)
    if isinstance(card, str) and card and action.idMemberCreator:
        touched.newest.setdefault(card, action)
    _add(touched, "checklists", action.at("checklist", "id"))
    if action.type == "convertToCardFromCheckItem":
        _add(touched, "cards", action.at("cardSource", "id"))
    if action.type in ("commentCard", "copyCommentCard"):
        _add(touched, "comments", action.id)
    if action.type in ("updateComment", "deleteComment"):
        _add(touched, "comments", action.at("action", "id"))
    if action.type == "deleteAttachmentFromCard" and card and action.at("attachment", "id"):
        _add(touched, "attachments", attachment_id(card, action.at("attachment", "id")))


def _add(touched: Touched, stream: str, id: object) -> None:
    if isinstance(id, str) and id:
        touched.ids[stream].add(id)
