"""One scripted session, every request and answer held against the vendor's contract and the recorded key sets."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from openapi_schema_validator import OAS30Validator
from werkzeug.datastructures import Headers, ImmutableMultiDict

from connectors.base import Content, Write
from connectors.sandbox.exchange import Request, Response
from mapping.model import Form, Kind, Model, OwnField

from .conftest import World, one

HOST = "https://api.trello.com"
NESTED = {
    "labels",
    "checkItemStates",
    "previews",
    "memberships",
    "powerUps",
    "idTags",
    "descData",
    "softLimit",
    "bytes",
}
WRONG = NESTED | {"dueReminder", "ixUpdate", "messagesDismissed", "idUploadedBackground", "idChecklists", "idLabels"}
# A token's idModel is an id or "*": without patterns both forms of its oneOf fit every id.
WRONG = WRONG | {"idModel"}
COMPONENT = {
    "cards": "Card",
    "lists": "TrelloList",
    "labels": "Label",
    "checklists": "Checklist",
    "actions": "Action",
    "attachments": "Attachment",
}
BYTES = "/download/"
"""In the path of a download. Where that is told: the end of ``EXCEPTIONS``."""

EXCEPTIONS = {
    "due is no date": "the contract says date; recorded requests and answers carry date-times (KNOWN-DISAGREEMENTS)",
    "idMembers is no id": "the contract's text says comma-separated list, its schema one id",
    "idLabels is no id": "the contract's text says comma-separated list, its schema one id",
    "pos is no number": "a number inside oneOf, which openapi-core reads as text; the recorded form is the same",
    "attachments is no true": "a boolean inside a string's oneOf: no text can satisfy it",
    "text is missing": "long text goes into a JSON body, which works live (KNOWN-DISAGREEMENTS)",
    "a custom value fits both forms": "each form of the contract's oneOf lets what the other asks for pass",
    "an empty custom value fits no form": "the vendor's guide to custom fields takes values away by empty strings",
    "color is missing": "a label without a colour: null goes into a JSON body, which works live",
    "a download has no path": "community.developer.atlassian.com/t/update-authenticated-access-to-s3/43681",
}


class Exchange:
    """A request, as openapi-core wants to see it."""

    def __init__(self, sent: Request) -> None:
        self.host_url = HOST
        self.path = sent.path
        self.method = sent.method.lower()
        self.body = sent.body or None
        self.content_type = sent.headers.get("content-type", "application/json")
        self.parameters = RequestParameters(query=ImmutableMultiDict(sent.query), header=Headers(sent.headers))

    @property
    def full_url_pattern(self) -> str:
        return HOST + self.path


class Answered:
    def __init__(self, answer: Response) -> None:
        self.data = answer.body
        self.status_code = answer.status
        self.content_type = answer.headers.get("Content-Type", "application/json").split(";")[0]
        self.headers = Headers(answer.headers)


def loosened(spec: dict[str, Any]) -> dict[str, Any]:
    """By the rules of KNOWN-DISAGREEMENTS: nullable; no format, pattern, enum; wrong-typed properties free."""

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(each) for each in node]
        if not isinstance(node, dict):
            return node
        node = {name: walk(value) for name, value in node.items() if name not in ("format", "pattern", "enum")}
        if isinstance(node.get("type"), str):
            node["nullable"] = True
        properties = node.get("properties")
        if isinstance(properties, dict):
            node["properties"] = {name: {} if name in WRONG else value for name, value in properties.items()}
        return node

    loose = dict(copy.deepcopy(spec))
    loose["components"] = {**spec["components"], "schemas": walk(spec["components"]["schemas"])}
    for path, operations in loose["paths"].items():
        for verb, operation in operations.items():
            if verb == "parameters":
                continue
            good = operation["responses"]["200"].get("content", {}).get("application/json")
            if good and "attachments" in path and not (verb == "get" and path.endswith("attachments")):
                good["schema"] = {"$ref": "#/components/schemas/Attachment"}
            operation["responses"]["default"] = {
                "description": "error",
                "content": {"text/plain": {}, "application/json": {}},
            }
    return loose


@pytest.fixture(scope="module")
def spec(shared: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((shared / "specs" / "trello-v1.openapi.json").read_text())
    return told


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Request, Response]]:
    """What went over the wire while a board was read, written, edited and read again."""
    world, traffic = World(), []
    serve = world.sandbox.handle

    def handle(request: Request) -> Response:
        answer = serve(request)
        traffic.append((request, answer))
        return answer

    world.sandbox.handle = handle  # type: ignore[method-assign]
    connector = world.connector(labels={"milestone": "milestone"})
    label = world.make("labels", idBoard=world.board, name="feedback", color="red")
    world.sandbox.plugins[world.board] = [{"id": "1" * 24, "name": "Unito"}]
    world.make("labels", idBoard=world.board, name="bug", color="blue")
    fields = [world.make("customFields", idModel=world.board, name=kind, type=kind) for kind in ("text", "number")]
    fields.append(world.make("customFields", idModel=world.board, name="list", type="list", options=["高"]))
    option = world.sandbox.records("customFields")[fields[2]]["options"][0]["id"]
    connector.check()
    connector.describe()
    cursor = world.crawl(connector)
    card = one(connector, "cards", "create", marker="m", idList=world.todo, name="n", labels=["feedback"]).id
    one(connector, "cards", "update", card, due="2026-12-01T10:00:00.000Z", dueComplete=True)
    one(connector, "cards", "update", card, start=None, pos=1.5)
    typed = ({"value": {"text": "t"}}, {"value": {"number": "1.5"}}, {"idValue": option})
    one(connector, "cards", "update", card, customFieldItems=dict(zip(fields, typed, strict=True)))
    one(connector, "cards", "update", card, customFieldItems={fields[0]: None})
    one(connector, "cards", "update", card, idMembers=[world.sandbox.hub], idLabels={"remove": [label]})
    person = one(
        connector,
        "cards",
        "create",
        idList=world.todo,
        name="p",
        idMembers=[world.sandbox.hub, *world.sandbox.on_board[world.board][:1]],
    ).id
    one(connector, "cards", "create", idList=world.todo, name="two labels", labels=["feedback", "bug"])
    two = world.sandbox.records("cards")[person]["idMembers"]
    one(connector, "cards", "update", person, idMembers={"add": [], "remove": [], "first": two[-1]})
    one(connector, "cards", "update", card, checklists={"add": [{"name": "a"}]})
    item = world.sandbox.records("cards")[card]["checklists"][0]["checkItems"][0]["id"]
    one(connector, "cards", "update", card, checklists={"set": [{"id": item, "state": "complete"}]})
    one(connector, "cards", "update", card, checklists={"remove": [item]}, idMembers={"remove": [world.sandbox.hub]})
    checklist = one(connector, "checklists", "create", idCard=card, name="c").id
    one(connector, "checklists", "update", checklist, name="d")
    one(connector, "checklists", "delete", checklist)
    comment = one(connector, "comments", "create", idCard=card, text="t").id
    one(connector, "comments", "update", comment, text="u")
    one(connector, "comments", "delete", comment)
    one(connector, "comments", "create", idCard=card, text="长" * 3000)
    link = one(connector, "attachments", "create", idCard=card, url="https://example.com/", name="l").id
    one(connector, "attachments", "delete", link)
    place = tmp_path_factory.mktemp("content") / "plan"
    place.write_bytes(b"plan")
    carried = Content(place, "plan.txt", "text/plain", 4, hashlib.sha256(b"plan").hexdigest())
    write = Write(intent="i", kind="create", values={"idCard": card}, content=carried)
    (uploaded,) = connector.push("attachments", [write], lambda: None)
    assert b"".join(connector.download("attachments", str(uploaded.id)).chunks) == b"plan"
    for values in ({"name": "l", "color": "red"}, {"name": "m", "color": None}):
        made = one(connector, "labels", "create", idBoard=world.board, **values).id
        one(connector, "labels", "update", made, name="x")
        one(connector, "labels", "delete", made)
    lane = one(connector, "lists", "create", idBoard=world.board, name="L").id
    one(connector, "lists", "update", lane, name="M", pos="top")
    one(connector, "lists", "archive", lane)
    board = one(connector, "boards", "create", marker="b", name="B").id
    one(connector, "boards", "update", board, desc="d")
    one(connector, "boards", "archive", board)
    for stream in ("cards", "comments", "lists", "checklists", "attachments", "labels"):
        list(connector.made_since(stream, card, "2026-01-01T00:00:00.000Z"))
        list(connector.ids(stream))
    connector.find("cards", "m")
    connector.examine()
    connector.misplaced("cards", {"idBoard": board, "idList": lane})
    prepared = [each.id for each in connector.additions() if not each.present]
    for id in prepared:
        connector.add(id, lambda: None)
        connector.remove(id, lambda: None)
    level = OwnField(form=Form.CHOICE, classes=("silver", "gold"))
    wide = world.connector(Model({Kind.TASK: {"level": level}}), custom={"cards": {"level": "Level"}})
    for each in wide.additions():
        wide.add(each.id, lambda: None)
    assert all(each.present for each in wide.additions())
    connector.unmark("cards", [card], lambda: None)
    connector.unmark("boards", [board], lambda: None)
    connector.find("boards", "b")
    list(connector.history("cards", [card], "2026-01-01T00:00:00.000Z"))
    list(connector.pull(world.feed, cursor))
    world.sandbox.edit("王芳", "lists", world.todo, {"closed": True})
    assert {each.payload.get("listClosed") for each in connector.get("cards", [card])} == {True}
    list(connector.pull(world.feed, cursor))
    one(connector, "cards", "archive", card)
    one(connector, "cards", "delete", card)
    one(connector, "cards", "delete", card)
    return traffic


def complaint(error: OpenAPIError) -> str:
    """What the contract refused, in the words of the list of exceptions."""
    text, cause = str(error), error.__cause__
    while cause is not None:
        text, cause = f"{text} {cause}", cause.__cause__
    name = re.search(r"parameter: (\w+)", text)
    field = name[1] if name else text
    if "Request body" in text:
        return "an empty custom value fits no form" if "under any" in text else "a custom value fits both forms"
    if "Path not found" in text and BYTES in text:
        return "a download has no path"
    if "Missing" in text:
        return f"{field} is missing"
    form = {"due": "date", "pos": "number", "attachments": "true"}.get(field, "id")
    return f"{field} is no {form}"


def test_every_request_keeps_the_contract_and_the_exceptions_are_exactly_these(
    spec: dict[str, Any], session: list[tuple[Request, Response]]
) -> None:
    contract = OpenAPI.from_dict(spec)
    complaints = set()
    for sent, _ in session:
        try:
            contract.validate_request(Exchange(sent))
        except OpenAPIError as error:
            complaints.add(complaint(error))
    assert complaints == set(EXCEPTIONS)


def test_every_answer_keeps_the_loosened_contract(
    spec: dict[str, Any], session: list[tuple[Request, Response]]
) -> None:
    contract = OpenAPI.from_dict(loosened(spec))
    for sent, answer in session:
        if BYTES in sent.path:
            continue
        contract.validate_response(Exchange(sent), Answered(answer))
    assert {answer.status for _, answer in session} == {200, 404}


def test_answers_without_a_declared_body_keep_the_component_and_the_recorded_keys(
    spec: dict[str, Any], session: list[tuple[Request, Response]], shared: Path
) -> None:
    components = loosened(spec)["components"]
    recorded = {stream: keys(shared, stream) for stream in COMPONENT}
    judged = set()
    for sent, answer in session:
        stream = next((part for part in reversed(sent.path.split("/")) if part in COMPONENT), None)
        if (
            sent.method != "GET"
            or stream is None
            or BYTES in sent.path
            or answer.status != 200
            or "fields" in dict(sent.query)
        ):
            continue
        schema = {"$ref": f"#/components/schemas/{COMPONENT[stream]}", "components": components}
        told = json.loads(answer.body)
        for raw in told if isinstance(told, list) else [told]:
            OAS30Validator(schema).validate(raw)
            assert set(raw) <= recorded[stream], (stream, set(raw) - recorded[stream])
            judged.add(stream)
    assert judged == set(COMPONENT)


def keys(shared: Path, stream: str) -> set[str]:
    """All keys ever recorded on records of a stream."""
    found: set[str] = {"checklists", "customFieldItems", "attachments", "list"} if stream == "cards" else set()
    for path in (shared / "recorded" / "trello").glob("**/*.json"):
        content = json.loads(path.read_text())
        rows = content.get(stream, []) if isinstance(content, dict) else []
        for exchange in content.get("exchanges", []) if isinstance(content, dict) else []:
            place = (exchange.get("endpoint") or exchange["uri"]).split("?")[0].split("/")
            told = exchange["response"]
            if stream in (place[-1], place[-2]) and "id" in json.dumps(told):
                rows = rows + [raw for raw in (told if isinstance(told, list) else [told]) if isinstance(raw, dict)]
        for raw in rows:
            found |= set(raw)
    return found


def test_routes_inside_a_batch_keep_the_contract_too(
    spec: dict[str, Any], session: list[tuple[Request, Response]]
) -> None:
    contract = OpenAPI.from_dict(spec)
    seen, complaints = set(), set()
    for sent, _ in session:
        if sent.path != "/1/batch":
            continue
        for address in str(sent.arg("urls")).split(","):
            path, _, query = address.partition("?")
            inner = Request("GET", f"/1{path}", [*parse_qsl(query), ("key", "k"), ("token", "t")])
            try:
                contract.validate_request(Exchange(inner))
            except OpenAPIError as error:
                complaints.add(complaint(error))
            seen.add(re.sub(r"[0-9a-f]{24}", "ID", path))
    assert complaints == {"attachments is no true"}
    assert len(seen) >= 8
