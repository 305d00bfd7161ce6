"""Webhooks: the vendor's vector, every recorded body, and what is refused."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from connectors.hooks import Hint, Hooked, HookRefused
from tests.connectors.jira.test_recorded import SHARED, of

SECRET = "under-the-doormat"


def signed(body, secret=SECRET, **more):
    return {"X-Hub-Signature": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(), **more}


@pytest.fixture
def jira(desk):
    return desk.connect(hook_secret=SECRET)


def parsed(jira, event, **more):
    body = json.dumps(event).encode()
    return jira.parse_hook(signed(body, **more), body)


@pytest.mark.parametrize("entry", of("signature-vectors"))
def test_the_recorded_vector_is_proven(desk, entry):
    [vector] = json.loads((SHARED / "recorded" / entry["file"]).read_text())
    jira = desk.connect(hook_secret=vector["secret"])
    with pytest.raises(HookRefused) as caught:  # proven, and then no event: the body is a greeting
        jira.parse_hook(vector["headers"], vector["body"].encode())
    assert caught.value.code == "malformed"
    with pytest.raises(HookRefused) as caught:
        jira.parse_hook(vector["headers"], b"Hello, World!")
    assert caught.value.code == "forged"


@pytest.mark.parametrize("entry", of("webhook"))
def test_every_recorded_body_hints_at_its_issue(jira, entry):
    body = (SHARED / "recorded" / entry["file"]).read_bytes()
    event = json.loads(body)
    delivery = jira.parse_hook(signed(body), body)
    issue = event["issue"]["id"] if "issue" in event else None
    hints = [Hint("issues", str(issue))] if issue else []
    if issue and "comment" in event:
        hints.append(Hint("comments", f"{issue}-{event['comment']['id']}"))
    assert delivery.hints == hints
    assert delivery.feeds == ["issues"]
    assert delivery.at is None or delivery.at.endswith("Z")
    assert issue or event["webhookEvent"].startswith("comment")


@pytest.mark.parametrize(
    ("event", "hints", "feeds"),
    [
        (
            {
                "webhookEvent": "jira:issue_updated",
                "issue": {"id": "7", "fields": {"issuetype": {"hierarchyLevel": 1}}},
            },
            [Hint("epics", "7")],
            ["issues"],
        ),
        (
            {
                "webhookEvent": "jira:issue_updated",
                "issue": {"id": "7", "fields": {"issuetype": {"hierarchyLevel": 2}}},
            },
            [],
            ["issues"],
        ),
        (
            {"webhookEvent": "worklog_updated", "worklog": {"id": "1", "issueId": "7"}},
            [Hint("worklogs", "1"), Hint("issues", "7")],
            ["issues", "worklogs"],
        ),
        (
            # As some sites send it, without the worklog itself.
            {"webhookEvent": "jira:worklog_updated", "issue": {"id": "7", "fields": {"summary": "a"}}},
            [Hint("issues", "7")],
            ["issues", "worklogs"],
        ),
        (
            {"webhookEvent": "attachment_created", "attachment": {"id": "5", "filename": "测试.pdf", "size": 1}},
            [],
            ["issues", "attachments"],
        ),
        (
            {"webhookEvent": "issuelink_created", "issueLink": {"sourceIssueId": 7, "destinationIssueId": 8}},
            [Hint("issues", "7"), Hint("issues", "8")],
            ["issues"],
        ),
        ({"webhookEvent": "jira:version_released", "version": {"id": "3"}}, [Hint("versions", "3")], ["versions"]),
        ({"webhookEvent": "user_created", "user": {"accountId": "a"}}, [Hint("users", "a")], ["users"]),
        ({"webhookEvent": "board_created", "board": {"id": 1}}, [], []),
    ],
)
def test_each_kind_of_event_says_where_to_look(jira, event, hints, feeds):
    delivery = parsed(jira, event)
    assert (delivery.hints, delivery.feeds) == (hints, feeds)


def test_a_retry_has_the_key_of_the_first_delivery(jira):
    event = {"webhookEvent": "board_created", "timestamp": 1550286678321}
    named = parsed(jira, event, **{"x-atlassian-webhook-identifier": "w-1"})
    assert (named.key, named.at) == ("w-1", "2019-02-16T03:11:18.321Z")
    assert parsed(jira, event).key == parsed(jira, event).key != named.key


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "unsigned"),
        ({"X-Hub-Signature": "sha256="}, "unsigned"),
        ({"X-Hub-Signature": "sha256=" + "0" * 64}, "forged"),
        ({"X-Hub-Signature": "sha1=" + "0" * 40}, "forged"),
        ({"X-Hub-Signature": "sha256=\u00e9"}, "forged"),
        (signed(b'{"webhookEvent":"x"}', "another"), "forged"),
    ],
)
def test_what_is_not_proven_is_refused(jira, headers, code):
    with pytest.raises(HookRefused) as caught:
        jira.parse_hook(headers, b'{"webhookEvent":"x"}')
    assert caught.value.code == code
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"webhookEvent": 1}',
        b'{"webhookEvent": "x", "issue": "7"}',
        b'{"webhookEvent": "x", "timestamp": "soon"}',
    ],
)
def test_a_body_that_jira_does_not_send_is_refused_though_it_is_signed(jira, body):
    with pytest.raises(HookRefused) as caught:
        jira.parse_hook(signed(body), body)
    assert caught.value.code == "malformed"


def test_without_a_secret_nothing_is_proven(desk):
    assert isinstance(desk.jira, Hooked)
    body = b'{"webhookEvent":"x"}'
    with pytest.raises(HookRefused) as caught:
        desk.jira.parse_hook(signed(body), body)
    assert caught.value.code == "unsigned"
    assert desk.sandbox.traffic == []
