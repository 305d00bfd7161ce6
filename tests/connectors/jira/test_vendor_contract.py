"""One scripted session, judged by the vendor's own contract: requests as it stands, answers with its known errors
loosened in memory (times without a colon, closed schemas, nulls, empty answers)."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest

from connectors.base import Content, Write
from connectors.jira.answers import Refused
from connectors.jira.links import LINKS
from tests.connectors.jira.test_push import DOC, edit, link, new
from tests.connectors.jira.test_recorded import SHARED

SPEC = SHARED / "specs" / "jira-cloud-v3.openapi.json"


@pytest.fixture(scope="module")
def contracts():
    if not SPEC.exists():
        pytest.skip("KEEPSTEP_SHARED has no contracts")
    from openapi_core import OpenAPI

    strict = json.loads(SPEC.read_text())
    return OpenAPI.from_dict(strict), OpenAPI.from_dict(for_answers(copy.deepcopy(strict)))


def for_answers(contract):
    """The contract by which answers are judged; what it says of security stays."""
    contract["paths"] = loosened(contract["paths"])
    contract["components"]["schemas"] = loosened(contract["components"]["schemas"])
    return contract


def loosened(part):
    if isinstance(part, list):
        return [loosened(each) for each in part]
    if not isinstance(part, dict):
        return part
    if part.get("additionalProperties") is False:
        del part["additionalProperties"]
    if isinstance(part.get("format"), str):
        del part["format"]
    if isinstance(part.get("type"), str):
        part["nullable"] = True
    if "responses" in part and isinstance(part["responses"], dict):
        part["responses"].get("204", {}).pop("content", None)
        part["responses"].setdefault("default", {"description": "error"})
    return {name: loosened(value) for name, value in part.items()}


def session(desk):
    """A bit of everything that the connector can send."""
    desk.jira.check()
    desk.jira.describe()
    desk.sandbox.require_on_transition("Done", "resolution")
    desk.connect(projects=["ACME"]).check()
    [epic] = desk.push("epics", new("e", "me", description=DOC, duedate="2026-12-01"))
    outcomes = desk.push("issues", new("a", "ma", parent={"id": epic.id}), new("b", "mb", summary=""))
    task = outcomes[0].id
    desk.push("issues", new("c", "mc", summary=""))
    person = desk.sandbox.person("Bo").id
    desk.push("issues", edit(task, labels=["x"], assignee={"accountId": person}, description=DOC, priority={"id": "1"}))
    desk.push("issues", edit(task, status={"name": "Done"}, resolution={"name": "Done"}), edit(task, duedate="soon"))
    comment = {"issue": {"id": task}, "body": DOC}
    [said] = desk.push("comments", Write(intent="d", kind="create", marker="mc", values=comment))
    desk.push("comments", Write(intent="e", kind="update", id=said.id, values={"body": {**DOC, "content": []}}))
    [linked] = desk.push("remote_links", link(task))
    desk.push("remote_links", link(task))
    desk.push("remote_links", Write(intent="f", kind="update", id=linked.id, values={"object": {"title": "C"}}))
    desk.settled()
    for _ in range(120):
        desk.issue()
    desk.settled()
    for feed in ("issues", "remote_links", "users"):
        _, last = desk.pull(feed)
        desk.pull(feed, last.cursor)
    for stream, id in (("issues", task), ("comments", said.id), ("remote_links", linked.id), ("users", person)):
        list(desk.jira.get(stream, [id]))
        list(desk.jira.ids(stream))
    list(desk.jira.get("issues", ["99999"]))
    list(desk.jira.history("issues", [task], "2026-11-01T00:00:00.000Z"))
    list(desk.jira._client.history(task))
    for stream, marker in (("issues", "ma"), ("comments", "mc"), ("remote_links", "l1")):
        assert desk.jira.find(stream, marker)
    list(desk.jira.made_since("issues", None, "2026-11-01T00:00:00.000Z"))
    moved(desk)
    released(desk)
    booked(desk, task)
    filed(desk, task)
    joined(desk, task)
    parted(desk, task)
    desk.jira.examine()
    desk.jira.misplaced("issues", {"project": "NOPE"})
    for stream, id in (("issues", task), ("comments", said.id)):
        desk.jira.unmark(stream, [id], lambda: None)
    desk.push("remote_links", Write(intent="g", kind="delete", id=linked.id))
    desk.push("comments", Write(intent="h", kind="delete", id=said.id))
    desk.push("issues", Write(intent="i", kind="delete", id=task))


def moved(desk):
    """Many together: a way of several steps, one that the task cannot move, one that is gone; and without the right."""
    ids = [desk.issue() for _ in range(8)]
    desk.sandbox.stubborn[ids[0]] = "A validator said no."
    writes = [edit(id, f"m{id}", status={"name": "In Review"}) for id in ids]
    desk.sandbox.bulk_delay, delay = 2.0, desk.sandbox.bulk_delay  # asked for while it waits, runs and has ended
    desk.sandbox.bulk_pace, pace = 0.5, desk.sandbox.bulk_pace
    assert {outcome.status for outcome in desk.push("issues", *writes)} == {"done"}
    desk.sandbox.bulk_delay, desk.sandbox.bulk_pace = delay, pace
    desk.sandbox.lacks.add("BULK_CHANGE")
    back = [edit(id, f"n{id}", status={"name": "In Progress"}) for id in ids]
    assert {outcome.status for outcome in desk.push("issues", *back)} == {"done"}
    desk.sandbox.lacks.discard("BULK_CHANGE")
    with pytest.raises(Refused):
        desk.jira._client.bulk_progress("99999")


def booked(desk, task):
    ids = [desk.sandbox.create("Ann", "worklogs", {"issueId": task, "comment": DOC}) for _ in range(2)]
    desk.clock.advance(61)
    _, last = desk.pull("worklogs")
    desk.sandbox.delete("Ann", "worklogs", ids[0])
    desk.clock.advance(61)
    records, _ = desk.pull("worklogs", last.cursor)
    assert [(record.id, record.deleted) for record in records] == [(ids[0], True)]
    list(desk.jira.get("worklogs", ids))
    list(desk.jira.ids("worklogs"))


def joined(desk, task):
    kind = next(iter(next(each for each in desk.jira.describe().stream("issues").fields if each.name == LINKS).called))
    other = {"type": {"id": kind}, "inwardIssue": {"id": task}}
    [made] = desk.push("issues", new("j1", "mj", **{LINKS: {"add": [other], "remove": []}}))
    [record] = desk.jira.get("issues", [made.id])
    [shown] = record.payload["fields"][LINKS]
    assert shown["inwardIssue"]["id"] == task
    desk.push("issues", edit(made.id, **{LINKS: {"add": [], "remove": [shown["id"], "99999"]}}))
    desk.push("issues", edit(made.id, **{LINKS: {"add": [other], "remove": []}}))


def parted(desk, task):
    for name in ("Cables", "Docks"):
        desk.sandbox.create("Ann", "components", {"name": name, "description": "All of them"})
        desk.sandbox.create("Ann", "versions", {"name": name, "releaseDate": "2026-12-01"})
    desk.jira.describe()
    names = [{"name": "Docks"}, {"name": "Cables"}]
    [made] = desk.push("issues", new("p1", "mp", components=names[:1], fixVersions=names, versions=names))
    assert made.status == "done"
    desk.push("issues", edit(made.id, components=names, fixVersions=[]), edit(task, "p3", components=[{"name": "?"}]))
    [record] = desk.jira.get("issues", [made.id])
    assert [each["name"] for each in record.payload["fields"]["components"]] == ["Cables", "Docks"]
    assert [c.field for c in desk.jira.history("issues", [made.id], "2026-11-01T00:00:00.000Z")] == [
        "components",
        "fixVersions",
    ]


def filed(desk, task):
    with NamedTemporaryFile(suffix=".pdf") as file:
        file.write(b"%PDF")
        file.flush()
        content = Content(Path(file.name), "plan.pdf", "application/pdf", 4, hashlib.sha256(b"%PDF").hexdigest())
        values = {"issue": {"id": task}, "filename": "plan.pdf"}
        [made] = desk.push("attachments", Write(intent="f1", kind="create", values=values, content=content))
    _, last = desk.pull("attachments")
    desk.pull("attachments", last.cursor)
    assert b"".join(desk.jira.download("attachments", made.id).chunks) == b"%PDF"
    list(desk.jira.get("attachments", [made.id, f"{task}-99999"]))
    list(desk.jira.ids("attachments"))
    list(desk.jira.made_since("attachments", None, "2026-11-01T00:00:00.000Z"))
    desk.push("attachments", Write(intent="f2", kind="delete", id=made.id))
    desk.push("attachments", Write(intent="f3", kind="delete", id=made.id))


def released(desk):
    values = {"project": "ACME", "name": "Go live", "description": "All", "releaseDate": "2026-12-01"}
    [made] = desk.push("versions", Write(intent="v1", kind="create", marker="mv", values=values))
    desk.push("versions", Write(intent="v2", kind="create", values={"project": "ACME", "name": "Go live"}))
    changed = {"description": None, "releaseDate": "2026-12-02", "startDate": "2026-11-30", "released": True}
    desk.push("versions", Write(intent="v3", kind="update", id=made.id, values=changed))
    _, last = desk.pull("versions")
    assert desk.pull("versions", last.cursor)[0] == []
    assert desk.jira.find("versions", "mv")
    list(desk.jira.get("versions", [made.id, "99999"]))
    list(desk.jira.ids("versions"))
    desk.push("versions", Write(intent="v4", kind="archive", id=made.id))
    desk.push("versions", Write(intent="v5", kind="delete", id=made.id))


def test_every_request_and_answer_of_a_session_keeps_the_vendors_contract(desk, contracts):
    from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse
    from openapi_core.validation.request.exceptions import InvalidRequestBody
    from requests import Request as Asked
    from requests import Response as Answered

    strict, loose = contracts
    session(desk)
    seen, forms = set(), set()
    for sent, answer in desk.sandbox.traffic:
        asked = Asked(
            sent.method,
            "https://your-domain.atlassian.net" + sent.path,
            params=sent.query,
            headers=sent.headers,
            data=sent.body or None,
        ).prepare()
        answered = Answered()
        answered.status_code = answer.status
        answered._content = answer.body
        answered.headers.update(answer.headers)
        line = f"{sent.method} {sent.path} {sent.query} {answer.status}"
        request = RequestsOpenAPIRequest(asked)
        if sent.headers.get("content-type", "").startswith("multipart/form-data"):
            # The contract says in words that it is a form, and in its schema that the whole of it is a list.
            with pytest.raises(InvalidRequestBody):
                strict.validate_request(request)
            forms.add(("POST", sent.path.rpartition("/")[2], *sent.form(), sent.headers["x-atlassian-token"]))
        else:
            try:
                strict.validate_request(request)
            except Exception as error:
                raise AssertionError(f"{line}: request: {error}: {error.__cause__}: {sent.body[:300]!r}") from error
        try:
            loose.validate_response(request, RequestsOpenAPIResponse(answered))
        except Exception as error:
            raise AssertionError(f"{line}: answer: {error}: {error.__cause__}: {answer.body[:300]!r}") from error
        seen.add((sent.method, sent.path.replace("/rest/api/3", "").split("/")[1], answer.status))
    assert forms == {("POST", "attachments", "file", "no-check")}
    assert {("POST", "issue", 201), ("POST", "issue", 400), ("PUT", "issue", 204), ("DELETE", "issue", 204)} <= seen
    assert {("GET", "issueLinkType", 200), ("DELETE", "issueLink", 204), ("DELETE", "issueLink", 404)} <= seen
    assert {("POST", "bulk", 201), ("POST", "bulk", 403), ("GET", "bulk", 200), ("GET", "bulk", 400)} <= seen
    assert {("POST", "search", 200), ("POST", "changelog", 200), ("GET", "issue", 404), ("POST", "issue", 200)} <= seen


def test_the_contract_does_refuse_what_is_wrong(contracts):
    from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse
    from openapi_core.exceptions import OpenAPIError
    from requests import Request as Asked
    from requests import Response as Answered

    strict, loose = contracts
    address = "https://your-domain.atlassian.net/rest/api/3/search/jql"
    sign = ("a@b.example", "t")
    with pytest.raises(OpenAPIError):
        strict.validate_request(RequestsOpenAPIRequest(Asked("POST", address, json={"page": 2}, auth=sign).prepare()))
    good = RequestsOpenAPIRequest(Asked("POST", address, json={"jql": "updated >= 1"}, auth=sign).prepare())
    strict.validate_request(good)
    answered = Answered()
    answered.status_code = 200
    answered.headers["Content-Type"] = "application/json"
    answered._content = b'{"issues": {"id": "1"}}'
    with pytest.raises(OpenAPIError):
        loose.validate_response(good, RequestsOpenAPIResponse(answered))
