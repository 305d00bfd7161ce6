"""The key sets of Trello's payloads, as the live service showed them in 2026."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from connectors.base import utc

Raw = dict[str, Any]

FREE = ("additionalBoardBackgrounds", "additionalStickers", "customEmoji", "plugins")
PAID = (*FREE, "advancedChecklists", "isPremium", "largeAttachments", "paidCorePlugins")
LIMITS: Raw = {
    "cards": {"openPerBoard": {"status": "ok", "disableAt": 5000, "warnAt": 4000}},
    "labels": {"perBoard": {"status": "ok", "disableAt": 1000, "warnAt": 800}},
    "lists": {"openPerBoard": {"status": "ok", "disableAt": 500, "warnAt": 400}},
}
COLORS = ("green", "yellow", "orange", "red", "purple", "blue", "sky", "lime", "pink", "black")
FIRST_LABELS = COLORS[:6]
NOT_FOUND = "The requested resource was not found."


def slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def board(id: str, short: str, values: Raw, organization: str) -> Raw:
    name = values["name"]
    return {
        "id": id,
        "name": name,
        "desc": values.get("desc") or "",
        "descData": {"emoji": {}},
        "closed": False,
        "idOrganization": values.get("idOrganization") or organization,
        "idEnterprise": None,
        "pinned": False,
        "url": f"https://trello.com/b/{short}/{slug(name)}",
        "shortUrl": f"https://trello.com/b/{short}",
        "shortLink": short,
        "prefs": {
            "permissionLevel": values.get("prefs_permissionLevel") or "private",
            "hideVotes": False,
            "voting": "disabled",
            "comments": "members",
            "invitations": "members",
            "selfJoin": True,
            "cardCovers": True,
            "isTemplate": False,
            "cardAging": "regular",
            "calendarFeedEnabled": False,
            "background": "blue",
            "backgroundColor": "#0079BF",
            "backgroundImage": None,
            "canInvite": True,
        },
        "labelNames": dict.fromkeys(COLORS, ""),
    }


def listing_of_board(raw: Raw, at: str, members: list[str]) -> Raw:
    """A board in a member's list of boards, which shows more than the board read alone."""
    return raw | {
        "nodeId": f"ari:cloud:trello::board/workspace/{raw['idOrganization']}/{raw['id']}",
        "dateClosed": None,
        "limits": {},
        "starred": False,
        "subscribed": False,
        "powerUps": [],
        "dateLastActivity": at,
        "dateLastView": at,
        "idTags": [],
        "ixUpdate": "1",
        "enterpriseOwned": False,
        "memberships": [
            {"id": member, "idMember": member, "memberType": "normal", "unconfirmed": False, "deactivated": False}
            for member in members
        ],
    }


def list_(id: str, values: Raw, pos: float) -> Raw:
    return {
        "id": id,
        "name": values["name"],
        "closed": False,
        "color": None,
        "idBoard": values["idBoard"],
        "pos": pos,
        "type": None,
        "datasource": {"filter": False},
    }


def card(id: str, short: str, number: int, values: Raw, board: str, pos: float, at: str) -> Raw:
    name = values["name"]
    return {
        "id": id,
        "agent": None,
        "badges": {},
        "checkItemStates": [],
        "closed": False,
        "dueComplete": bool(values.get("dueComplete")),
        "dateLastActivity": at,
        "desc": values.get("desc") or "",
        "descData": {"emoji": {}},
        "due": values.get("due"),
        "dueReminder": None,
        "email": None,
        "idBoard": board,
        "idChecklists": [],
        "idList": values["idList"],
        "idMembers": list(values.get("idMembers") or ()),
        "idMembersVoted": [],
        "idShort": number,
        "idAttachmentCover": None,
        "labels": [],
        "idLabels": list(values.get("idLabels") or ()),
        "manualCoverAttachment": False,
        "name": name,
        "nodeId": f"ari:cloud:trello::card/workspace/0/{id}",
        "pinned": False,
        "pos": pos,
        "shortLink": short,
        "shortUrl": f"https://trello.com/c/{short}",
        "start": values.get("start"),
        "subscribed": False,
        "url": f"https://trello.com/c/{short}/{number}-{slug(name)}",
        "cover": {
            "idAttachment": None,
            "color": None,
            "idUploadedBackground": None,
            "size": "normal",
            "brightness": "dark",
            "yPosition": 0.5,
            "idPlugin": None,
        },
        "isTemplate": False,
        "cardRole": None,
        "mirrorSourceId": None,
    }


def badges(raw: Raw, items: list[Raw], attachments: int, comments: int) -> Raw:
    return {
        "attachments": attachments,
        "fogbugz": "",
        "checkItems": len(items),
        "checkItemsChecked": sum(item["state"] == "complete" for item in items),
        "checkItemsEarliestDue": None,
        "comments": comments,
        "description": bool(raw["desc"]),
        "due": raw["due"],
        "dueComplete": raw["dueComplete"],
        "lastUpdatedByAi": False,
        "start": raw["start"],
        "externalSource": None,
        "attachmentsByType": {"trello": {"board": 0, "card": 0}},
        "location": False,
        "votes": 0,
        "maliciousAttachments": 0,
        "viewingMemberVoted": False,
        "subscribed": False,
    }


def check_item(id: str, checklist: str, name: str, state: str, pos: float) -> Raw:
    return {
        "id": id,
        "name": name,
        "nameData": {"emoji": {}},
        "pos": pos,
        "state": state,
        "due": None,
        "dueReminder": None,
        "idMember": None,
        "idChecklist": checklist,
    }


def custom_field(id: str, board: str, name: str, kind: str, pos: float) -> Raw:
    return {
        "id": id,
        "idModel": board,
        "modelType": "board",
        "fieldGroup": f"{id}{id[::-1]}",
        "display": {"cardFront": True},
        "name": name,
        "pos": pos,
        "type": kind,
    }


def attachment(id: str, url: str, name: str, member: str, pos: float, at: str) -> Raw:
    return {
        "id": id,
        "bytes": None,
        "date": at,
        "edgeColor": None,
        "idMember": member,
        "isMalicious": False,
        "isUpload": False,
        "mimeType": "",
        "name": name or url,
        "previews": [],
        "sourceView": None,
        "url": url,
        "pos": pos,
        "fileName": "",
    }


def file(id: str, card: str, name: str, kind: str, size: int, member: str, pos: float, at: str) -> Raw:
    own = quote(name, safe="")
    return attachment(
        id, f"https://trello.com/1/cards/{card}/attachments/{id}/download/{own}", name, member, pos, at
    ) | {
        "bytes": size,
        "isUpload": True,
        "mimeType": kind,
        "fileName": own,
    }


def member(id: str, name: str, username: str) -> Raw:
    return {
        "id": id,
        "activityBlocked": False,
        "avatarHash": None,
        "avatarUrl": None,
        "bio": "",
        "confirmed": True,
        "fullName": name,
        "idMemberReferrer": None,
        "initials": "".join(word[0] for word in name.split())[:4],
        "memberType": "normal",
        "nonPublic": {},
        "nonPublicAvailable": True,
        "url": f"https://trello.com/{username}",
        "username": username,
    }


def token(id: str, member: str, scopes: list[str], expires: str | None, made: str) -> Raw:
    may = {"read": "read" in scopes, "write": "write" in scopes}
    return {
        "id": id,
        "identifier": "Keepstep",
        "idMember": member,
        "dateCreated": made,
        "dateExpires": expires,
        "permissions": [
            {"idModel": member, "modelType": "Member", **may},
            {"idModel": "*", "modelType": "Board", **may},
            {"idModel": "*", "modelType": "Organization", **may},
        ],
    }


def creator(raw: Raw) -> Raw:
    names = (
        "id",
        "activityBlocked",
        "avatarHash",
        "avatarUrl",
        "fullName",
        "idMemberReferrer",
        "initials",
        "nonPublic",
    )
    return {name: raw[name] for name in (*names, "nonPublicAvailable", "username")}


def display(action: Raw) -> Raw:
    card = action["data"].get("card") or {}
    who = action["memberCreator"]
    return {
        "translationKey": "action_comment_on_card",
        "entities": {
            "card": {"type": "card", "hideIfContext": True, "id": card.get("id"), "text": card.get("name")},
            "comment": {"type": "comment", "text": action["data"].get("text")},
            "memberCreator": {"type": "member", "id": who["id"], "username": who["username"], "text": who["fullName"]},
        },
    }


def second_of(id: str) -> str:
    return utc(datetime.fromtimestamp(int(id[:8], 16), UTC))
