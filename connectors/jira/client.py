"""Jira's endpoints for issues and what hangs on them, as plain methods: paths, parameters, pages. No records here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from connectors.answer import Answer, Streamed
from connectors.base import Content, Gate, Unreadable
from connectors.errors import EffectUnknown, Malformed
from connectors.jira.models import (
    BulkHistories,
    BulkProgress,
    ChangedWorklogs,
    CommentList,
    CommentPage,
    Count,
    Created,
    History,
    HistoryPage,
    IssueHistory,
    Json,
    OddPage,
    SearchPage,
    SentPage,
    Submitted,
    Transition,
    Transitions,
    all_opened,
    histories,
    opened,
)
from connectors.jira.site import API, PAGE, Site
from connectors.multipart import Multipart
from connectors.rows import each_row, id_of, identified, made_of, typed

SEARCH_PAGE = 100
FETCH_BATCH = 100
CREATE_BATCH = 50
MOVE_BATCH = 1000
HISTORY_BATCH = 1000
COMMENT_BATCH = 1000
WORKLOG_BATCH = 1000

PROPERTY = "keepstep"
"""Entity property of an issue or comment that holds our marker."""

# Everything but what changes by looking, and long lists with endpoints of their own.
FIELDS = ["*all", "-worklog", "-lastViewed", "-watches", "-votes", "-issuerestriction"]


class Client(Site):
    """Requests of one connection. Reads are repeated after transient trouble, writes are sent once."""

    # -- reading issues

    def search(
        self,
        jql: str,
        *,
        fields: Sequence[str] = FIELDS,
        token: str | None = None,
        size: int = SEARCH_PAGE,
        reconcile: Sequence[int] = (),
    ) -> SearchPage:
        """One page of a search. A token that Jira no longer knows raises ``Refused`` with status 400."""
        return search_page(self.search_answer(jql, fields=fields, token=token, size=size, reconcile=reconcile))

    def search_answer(
        self,
        jql: str,
        *,
        fields: Sequence[str] = FIELDS,
        token: str | None = None,
        size: int = SEARCH_PAGE,
        reconcile: Sequence[int] = (),
    ) -> Answer:
        """As ``search``, before it is decoded: ``search_page`` does that."""
        body: Json = {"jql": jql, "maxResults": size, "fields": list(fields)}
        if "*all" in fields:
            body["properties"] = [PROPERTY]
        if token is not None:
            body["nextPageToken"] = token
        if reconcile:
            body["reconcileIssues"] = list(reconcile)
        return self._ask("/search/jql", body)

    def approximate_count(self, jql: str) -> int:
        """How many issues a search would find, as far as the index knows."""
        return self._ask("/search/approximate-count", {"jql": jql}).decode(Count).count

    def search_all(self, jql: str, **options: Any) -> Iterator[list[Json]]:
        """All pages of a search."""
        seen: set[str] = set()
        token: str | None = None
        while True:
            page = self.search(jql, token=token, **options)
            if page.issues:
                yield page.issues
            token = page.nextPageToken
            if token is None or page.isLast:
                return
            if token in seen:
                raise Malformed(f"POST {API}/search/jql: the same page token came twice")
            seen.add(token)

    def bulk_fetch(self, ids: Sequence[str], fields: Sequence[str] = FIELDS) -> list[Json]:
        """At most 100 issues by id, without those that are gone, hidden, or no issues at all."""
        body: Json = {"issueIdsOrKeys": list(ids), "fields": list(fields)}
        if "*all" in fields:
            body["properties"] = [PROPERTY]
        return search_page(self._ask("/issue/bulkfetch", body)).issues

    def issue(self, id: str, fields: Sequence[str] = FIELDS) -> Json:
        """Raises ``NoRecord`` for an answer that is no issue."""
        answer = self._get(f"/issue/{id}", fields=",".join(fields), properties=PROPERTY)
        return made_of(_issue, answer.decode(msgspec.Raw, in_part=True))

    def histories(self, ids: Sequence[str]) -> Iterator[IssueHistory]:
        """Changelogs of at most 1000 issues; an issue may come in several parts."""
        token: str | None = None
        seen: set[str] = set()
        while True:
            body: Json = {"issueIdsOrKeys": list(ids), "maxResults": 1000}
            if token is not None:
                body["nextPageToken"] = token
            page = self._ask("/changelog/bulkfetch", body).decode(BulkHistories)
            yield from each_row("changelogs", page.issueChangeLogs, _issue_history, [])
            token = page.nextPageToken
            if token is None:
                return
            if token in seen:
                raise Malformed(f"POST {API}/changelog/bulkfetch: the same page token came twice")
            seen.add(token)

    def history(self, id: str) -> Iterator[History]:
        """The changelog of one issue, oldest first."""
        start = 0
        while True:
            page = self._get(f"/issue/{id}/changelog", startAt=start, maxResults=PAGE).decode(HistoryPage)
            yield from histories(page.values)
            start += len(page.values)
            if not page.values or start >= page.total:
                return

    # -- comments and links

    def comments(self, issue: str, start: int = 0) -> Iterator[Any]:
        """The comments of an issue from the ``start``-th, oldest first."""
        while True:
            path = f"/issue/{issue}/comment"
            page = self._get(path, startAt=start, maxResults=PAGE, orderBy="created").decode(CommentPage)
            yield from page.comments
            start += len(page.comments)
            if not page.comments or start >= page.total:
                return

    def comments_by_id(self, ids: Sequence[int]) -> list[Json]:
        """At most 1000 comments, their properties with them."""
        sent = self._ask("/comment/list", {"ids": list(ids)}, expand="properties").decode(CommentList)
        return identified("comments", sent.values, [])

    def worklogs_updated(self, since: int) -> ChangedWorklogs:
        """Worklogs booked or edited after a time (epoch milliseconds), but for the last minute."""
        return self._get("/worklog/updated", since=since).decode(ChangedWorklogs)

    def worklogs_deleted(self, since: int) -> ChangedWorklogs:
        return self._get("/worklog/deleted", since=since).decode(ChangedWorklogs)

    def worklogs(self, ids: Sequence[int]) -> list[Json]:
        """At most 1000 worklogs; those that are gone or hidden are left out."""
        return identified("worklogs", self._ask("/worklog/list", {"ids": list(ids)}).decode(list[Any]), [])

    def links(self, issue: str) -> list[Any]:
        return self._get(f"/issue/{issue}/remotelink").decode(list[Any])

    def link(self, issue: str, id: str) -> Json:
        return self._get(f"/issue/{issue}/remotelink/{id}").decode(dict[str, Any])

    # -- writing

    def create_issues(self, bodies: Sequence[Json], gate: Gate) -> Created:
        answer = self.http.write("POST", f"{API}/issue/bulk", json={"issueUpdates": list(bodies)}, gate=gate)
        return answer.decode(Created)

    def create_version(self, body: Json, gate: Gate) -> Json:
        return self.http.write("POST", f"{API}/version", json=body, gate=gate).decode(dict[str, Any])

    def edit_version(self, id: str, body: Json, gate: Gate) -> Json:
        """What the body leaves out stays as it is."""
        return self.http.write("PUT", f"{API}/version/{id}", json=body, gate=gate).decode(dict[str, Any])

    def delete_version(self, id: str, gate: Gate) -> None:
        """Issues that name it lose the name."""
        _done(self.http.write("DELETE", f"{API}/version/{id}", gate=gate))

    def edit_issue(self, id: str, body: Json, gate: Gate, *, quiet: bool) -> None:
        params = {"notifyUsers": "false"} if quiet else None
        _done(self.http.write("PUT", f"{API}/issue/{id}", json=body, params=params, gate=gate))

    def delete_property(self, place: str, name: str, gate: Gate) -> None:
        """Of an issue or a comment (``issue/10001``)."""
        _done(self.http.write("DELETE", f"{API}/{place}/properties/{name}", gate=gate))

    def delete_issue_link(self, id: str, gate: Gate) -> None:
        """A link between two issues."""
        _done(self.http.write("DELETE", f"{API}/issueLink/{id}", gate=gate))

    def delete_issue(self, id: str, gate: Gate) -> None:
        _done(self.http.write("DELETE", f"{API}/issue/{id}", gate=gate))

    def transitions(self, id: str) -> list[Transition]:
        """What is possible from the present status, with the fields that each screen asks for."""
        return self._get(f"/issue/{id}/transitions", expand="transitions.fields").decode(Transitions).transitions

    def transit(self, id: str, transition: str, fields: Mapping[str, Any], gate: Gate) -> None:
        body: Json = {"transition": {"id": transition}}
        if fields:
            body["fields"] = dict(fields)
        _done(self.http.write("POST", f"{API}/issue/{id}/transitions", json=body, gate=gate))

    def transit_all(self, steps: Sequence[tuple[str, Sequence[str]]], gate: Gate) -> str:
        """Take each transition with its issues, ``MOVE_BATCH`` of them in all, without mail; the id of Jira's task.

        Issues of one transition must share their workflow. No field can be given along. Raises ``Forbidden`` without
        the global right to make bulk changes.
        """
        body: Json = {
            "bulkTransitionInputs": [
                {"transitionId": step, "selectedIssueIdsOrKeys": list(ids)} for step, ids in steps
            ],
            "sendBulkNotification": False,
        }
        answer = self.http.write("POST", f"{API}/bulk/issues/transition", json=body, gate=gate)
        return answer.decode(Submitted).taskId

    def bulk_progress(self, task: str) -> BulkProgress:
        """How far a bulk operation is. Jira forgets them after 14 days."""
        return self._get(f"/bulk/queue/{task}").decode(BulkProgress)

    def add_comment(self, issue: str, body: Json, gate: Gate) -> Json:
        answer = self.http.write("POST", f"{API}/issue/{issue}/comment", json=body, gate=gate)
        return answer.decode(dict[str, Any])

    def edit_comment(self, issue: str, id: str, body: Json, gate: Gate, *, quiet: bool) -> Json:
        params = {"notifyUsers": "false"} if quiet else None
        path = f"{API}/issue/{issue}/comment/{id}"
        return self.http.write("PUT", path, json=body, params=params, gate=gate).decode(dict[str, Any])

    def delete_comment(self, issue: str, id: str, gate: Gate) -> None:
        _done(self.http.write("DELETE", f"{API}/issue/{issue}/comment/{id}", gate=gate))

    def add_attachment(self, issue: str, content: Content, gate: Gate) -> Json:
        """One file onto an issue, in one request that leaves in parts. Jira answers with a list."""
        path = f"{API}/issue/{issue}/attachments"
        with content.path.open("rb") as file:
            form = Multipart(file, content)
            # Without the first header Jira takes the form for a forged one.
            headers = {
                "X-Atlassian-Token": "no-check",
                "Content-Type": f"multipart/form-data; boundary={form.boundary}",
            }
            answer = self.http.write("POST", path, data=form, headers=headers, gate=gate)
        made = answer.decode(list[dict[str, Any]])
        if len(made) != 1:
            raise EffectUnknown(f"POST {path}: {len(made)} attachments in the answer to one file", status=answer.status)
        return made[0]

    def content(self, id: str) -> Streamed:
        """The bytes of an attachment, from Jira itself instead of the address that it would lead to."""
        return self.http.stream(f"{API}/attachment/content/{id}?redirect=false")

    def delete_attachment(self, id: str, gate: Gate) -> None:
        _done(self.http.write("DELETE", f"{API}/attachment/{id}", gate=gate))

    def put_link(self, issue: str, body: Json, gate: Gate) -> Json:
        """Create the link, or replace the one with the same ``globalId``."""
        answer = self.http.write("POST", f"{API}/issue/{issue}/remotelink", json=body, gate=gate)
        return answer.decode(dict[str, Any])

    def edit_link(self, issue: str, id: str, body: Json, gate: Gate) -> None:
        _done(self.http.write("PUT", f"{API}/issue/{issue}/remotelink/{id}", json=body, gate=gate))

    def delete_link(self, issue: str, id: str, gate: Gate) -> None:
        _done(self.http.write("DELETE", f"{API}/issue/{issue}/remotelink/{id}", gate=gate))


def search_page(answer: Answer) -> SearchPage:
    """The page that an answer to a search holds. Raises ``Malformed``."""
    sent: SentPage | OddPage
    try:
        sent = answer.decode(SentPage, in_part=True)
    except Malformed:
        sent = answer.decode(OddPage, in_part=True)
    aside: list[Unreadable] = []
    return SearchPage(all_opened(sent.issues, aside), sent.nextPageToken, sent.isLast, aside)


def _issue_history(row: Any) -> IssueHistory:
    return typed(row, IssueHistory)


def _issue(sent: msgspec.Raw) -> Json:
    issue: Json = opened(sent)
    id_of(issue)
    return issue


def _done(answer: Answer) -> None:
    """An empty 204 is success; anything else must at least be JSON, or a login page would pass for it."""
    if answer.status != 204:
        answer.decode(msgspec.Raw)
