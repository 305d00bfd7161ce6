"""Streams, feeds, fields and limits, as the service tells them to this account.

Besides the fields of its payload, the stream ``lists`` has one ``Field`` for every list, and ``labels`` one for every
label: ``name`` the id, ``label`` what people call it, ``kind`` the id of its board; ``members`` has one for
every person. They are the directory by which a mapping chooses a list or label on the board where a card lies.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from connectors.base import Abilities, Costs, Description, Extra, Feed, Field, Price, Quota, Stream
from connectors.errors import Forbidden, NotFound
from connectors.trello.cards import label_word
from connectors.trello.client import BATCH, PAGE, Failure, TrelloClient, objects, route
from connectors.trello.content import most
from connectors.trello.custom import option_words
from connectors.trello.models import STREAMS, Raw, pos
from connectors.trello.words import classes

LOOK = (Price(1, BATCH),)
LOOK_BESIDE = (*LOOK, Price(1, BATCH))
"""With the custom fields of their boards, which are ten a request at most."""
PLAIN = Costs(get=LOOK)
CARDS = Costs(
    get=LOOK,
    # A card's log and its members, in one batch.
    history=(Price(1, BATCH // 2),),
    # Names of labels are found on the list's board; what does not fit into the create follows item by item.
    # At most each item has a checklist of its own, which is made with it.
    created={"labels": Extra(2), "closed": Extra(1), "checklists": Extra(0, 2), "customFieldItems": Extra(1, 1)},
    # Sets and items are written part by part, after a look at the card, labels at the board's as well.
    updated={
        "labels": Extra(2, 1),
        "idLabels": Extra(2, 1),
        "idMembers": Extra(1, 1),
        "checklists": Extra(1, 2),
        "customFieldItems": Extra(1, 1),
    },
)
QUOTA = Quota(unit="requests", amount=100, seconds=10.0)
"""What a token may ask; a key has three times as much for all of its tokens."""

ABILITIES = {
    "boards": Abilities(
        create=True,
        update=True,
        archive=True,
        returns_record=True,
        marker="in_create",
        costs=Costs(get=LOOK, updated={"desc": Extra(1)}),
    ),
    "lists": Abilities(
        create=True,
        update=True,
        archive=True,
        returns_record=True,
        marker="fingerprint",
        costs=Costs(get=LOOK, created={"closed": Extra(1)}),
    ),
    "cards": Abilities(
        create=True, update=True, delete=True, archive=True, history=True, marker="in_create", costs=CARDS
    ),
    "checklists": Abilities(
        create=True,
        update=True,
        delete=True,
        returns_record=True,
        marker="fingerprint",
        costs=Costs(get=LOOK, created={"checkItems": Extra(0, 1)}, updated={"checkItems": Extra(1, 1)}),
    ),
    # Nothing tells who made a label, so nothing tells ours from a person's.
    "labels": Abilities(create=True, update=True, delete=True, returns_record=True, costs=PLAIN),
    "members": Abilities(costs=PLAIN),
    "comments": Abilities(
        create=True, update=True, delete=True, returns_record=True, marker="fingerprint", costs=PLAIN
    ),
    "attachments": Abilities(create=True, delete=True, returns_record=True, marker="fingerprint", costs=PLAIN),
}
ON_SEVERAL_BOARDS: dict[str, Any] = {
    "after_create": frozenset({"idList"}),
    "costs": msgspec.structs.replace(CARDS, created={**CARDS.created, "idList": Extra(2)}),
}
"""Which list stands for a status is known once a card is on its board. Until then it lies where it was made."""
PARENT = {"checklists": "cards", "comments": "cards", "attachments": "cards", "cards": "lists", "lists": "boards"}
LIMITS = {
    "requests per token": "100 in 10 s",
    "requests per key": "300 in 10 s",
    "actions per page": str(PAGE),
    "requests per batch": "10, reading only",
}


def describe(
    client: TrelloClient, boards: Sequence[str], named: Collection[str] = (), *, own_fields: bool = False
) -> Description:
    """One batch for two boards. A board that is gone has no feed any more, unless the configuration names it: a pull
    then says what is wrong, as it does of one that our account may not see, and the others go on.

    ``named``: the boards that the configuration names. ``own_fields``: as ``Reader`` has it.
    """
    parts = ("lists", "labels", "members", "customFields")
    asked: dict[str, dict[str, Any]] = {"lists": {"filter": "all"}, "labels": {"limit": PAGE}}
    routes = []
    for board in boards:
        routes += [route(f"/boards/{board}/{part}", asked.get(part)) for part in parts]
        routes.append(route(f"/boards/{board}", {"fields": "name,premiumFeatures,prefs"}))
    answers = iter(client.batch(routes))
    found: dict[str, list[Raw]] = {part: [] for part in parts}
    feeds, kinds, features = [], {}, []
    public = False
    for board in boards:
        got = dict(zip(parts, [next(answers) for _ in parts], strict=True))
        plan = next(answers)
        called = ""
        if isinstance(plan, dict):
            called = str(plan.get("name") or "")
            known, prefs = plan.get("premiumFeatures"), plan.get("prefs")
            features.append(list(known) if isinstance(known, list) else [])
            public = public or (isinstance(prefs, dict) and prefs.get("permissionLevel") == "public")
        feed = Feed(name=f"board:{board}", streams=list(STREAMS), cost=1, place=called)
        if isinstance(got["lists"], Failure):
            error = got["lists"].error
            if isinstance(error, Forbidden) or (isinstance(error, NotFound) and board in named):
                feeds.append(feed)
            elif not isinstance(error, NotFound):
                raise error
            continue
        for part, answer in got.items():
            if isinstance(answer, Failure):
                if isinstance(answer.error, NotFound):
                    continue
                raise answer.error
            for each in objects(answer, f"GET /boards/{board}/{part}"):
                found[part].append({"idBoard": board, **each})
        kinds.update(classes(objects(got["lists"], "lists")))
        feeds.append(feed)
    carried = msgspec.structs.replace(ABILITIES["attachments"], content=most(features))
    able = {**ABILITIES, "attachments": carried}
    if len(feeds) > 1:
        able["cards"] = msgspec.structs.replace(ABILITIES["cards"], **ON_SEVERAL_BOARDS)
    if own_fields:
        able["cards"] = msgspec.structs.replace(
            able["cards"], costs=msgspec.structs.replace(able["cards"].costs, get=LOOK_BESIDE)
        )
    if public:
        # Whoever has the address of a public board reads what is said there.
        able |= {name: msgspec.structs.replace(able[name], audience="client") for name in ("comments", "attachments")}
    return Description(
        system="trello",
        streams=[
            Stream(name=name, abilities=able[name], fields=_fields(name, found, kinds), parent=PARENT.get(name))
            for name in STREAMS
        ],
        feeds=feeds,
        limits={**LIMITS, "bytes per file": str(carried.content)},
        quota=QUOTA,
    )


def _fields(stream: str, found: dict[str, list[Raw]], kinds: dict[str, str]) -> list[Field]:
    match stream:
        case "cards":
            return _card_fields(found, kinds)
        case "boards":
            return [Field(name="name", required=True), Field(name="desc"), Field(name="closed", kind="boolean")]
        case "lists":
            own = [
                Field(name="name", required=True),
                Field(name="closed", kind="boolean"),
                Field(name="pos", kind="number"),
            ]
            rows = sorted(found["lists"], key=pos)
            return own + [_entry(each, str(each.get("name") or ""), kinds.get(each["id"])) for each in rows]
        case "labels":
            own = [Field(name="name"), Field(name="color", kind="color")]
            return own + [_entry(each, label_word(each), None) for each in found["labels"]]
        case "checklists":
            return [
                Field(name="name", required=True),
                Field(name="pos", kind="number"),
                Field(name="checkItems", kind="items"),
            ]
        case "comments":
            return [Field(name="text", required=True), Field(name="idCard", kind="card", required=True)]
        case "attachments":
            return [
                Field(name="url", kind="url"),
                Field(name="name"),
                Field(name="mimeType", writable=False),
                Field(name="bytes", kind="number", writable=False),
                Field(name="idCard", kind="card", required=True),
            ]
        case _:
            own = [Field(name="fullName", writable=False), Field(name="username", writable=False)]
            people = {each["id"]: each for each in found["members"]}
            return own + [_entry(each, each.get("fullName") or "", None) for each in people.values()]


def _entry(raw: Raw, called: str, kind: str | None) -> Field:
    return Field(
        name=raw["id"],
        label=called,
        kind=raw["idBoard"],
        writable=False,
        classes={raw["id"]: kind} if kind else None,
    )


def _card_fields(found: dict[str, list[Raw]], kinds: dict[str, str]) -> list[Field]:
    lists = sorted(found["lists"], key=pos)
    members = list(dict.fromkeys(each["id"] for each in found["members"]))
    return [
        Field(name="name", label="Title", required=True),
        Field(name="desc", label="Description", kind="markdown"),
        Field(name="due", kind="date-time"),
        Field(name="start", kind="date-time"),
        Field(name="dueComplete", kind="boolean"),
        Field(name="closed", label="Archived", kind="boolean"),
        Field(name="pos", kind="number"),
        Field(name="idBoard", kind="board"),
        Field(
            name="idList",
            label="List",
            kind="list",
            required=True,
            # A card may lie on an archived list, where nobody sees it; none is put there.
            values=[each["id"] for each in lists if not each.get("closed")],
            called={each["id"]: str(each.get("name") or "") for each in lists},
            classes=kinds,
        ),
        Field(name="idLabels", label="Labels", kind="labels", values=[each["id"] for each in found["labels"]]),
        Field(
            name="labels",
            label="Labels",
            kind="label names",
            values=sorted({label_word(each) for each in found["labels"]}),
        ),
        Field(name="idMembers", label="Members", kind="members", values=members),
        Field(name="checklists", kind="checklists"),
        *(
            Field(
                name=each["id"],
                label=each.get("name") or "",
                kind=each.get("type") or "text",
                custom=True,
                values=list(called) if (called := option_words(each)) else None,
                called=called or None,
                scope=each["idBoard"],
            )
            for each in found["customFields"]
        ),
    ]
