"""From what Jira sends to records: streams by hierarchy level, markers stripped, versions that sort as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from connectors.base import Ignored, Record
from connectors.jira.client import PROPERTY
from connectors.jira.models import NOBODY, Account, Json, Numbered, Rank, count
from connectors.rows import id_of
from connectors.undecoded import Pick, Undecoded

MARKER_LABEL = "keepstep-"
GLOBAL_ID = "keepstep:"

OUTSIDE = Pick(
    {
        "issuetype": Rank | None,
        "labels": Any,
        "created": Any,
        "updated": Any,
        "project": Numbered | None,
        "creator": Account | None,
        "comment": Any,
    }
)
"""What a record says outside of its payload, and the comments, which are records of their own."""


class Opened(NamedTuple):
    """An issue as a record, and the comments that came within it."""

    record: Record | Ignored
    comments: list[Any]
    complete: bool
    """These are all of its comments."""


STREAM_OF_LEVEL = {1: "epics", 0: "issues", -1: "issues"}


def moment(text: Any) -> str | None:
    """One of Jira's times (offset without a colon, or a number of seconds or milliseconds) in UTC; None for what is
    no time, or one that no calendar holds."""
    try:
        if isinstance(text, int | float):
            stamp = datetime.fromtimestamp(text / 1000 if text > 10**11 else text, UTC)
        elif isinstance(text, str):
            stamp = datetime.fromisoformat(text)
            if text[23:] == "+0000":
                return text[:23] + "Z"
            if stamp.tzinfo is None:
                stamp = stamp.replace(tzinfo=UTC)
            stamp = stamp.astimezone(UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return stamp.isoformat(timespec="milliseconds")[:23] + "Z"


def milliseconds(text: str) -> int:
    """A time of this project's form as Jira's epoch milliseconds."""
    stamp = datetime.fromisoformat(text)
    return int(stamp.replace(microsecond=0).timestamp()) * 1000 + stamp.microsecond // 1000


def level(issue: Json) -> int:
    """Hierarchy level of an issue; older answers only say whether it is a subtask."""
    return _level(issue.get("fields"))


def _level(fields: Any) -> int:
    kind = fields.get("issuetype") if isinstance(fields, Mapping) else None
    if not isinstance(kind, Mapping):
        return 0
    known = kind.get("hierarchyLevel")
    if isinstance(known, int):
        return known
    return -1 if kind.get("subtask") else 0


def is_ours(label: Any) -> bool:
    """Whether a label is a marker of ours."""
    return isinstance(label, str) and label.startswith(MARKER_LABEL)


def account_of(person: Any) -> str | None:
    """Id of a user as Jira shows one; a server's user has a name or key instead."""
    if not isinstance(person, dict):
        return None
    found = person.get("accountId") or person.get("key") or person.get("name")
    return str(found) if found and found != NOBODY else None


def name_of(person: Any) -> str | None:
    """What Jira calls a user."""
    found = person.get("displayName") if isinstance(person, dict) else None
    return found if isinstance(found, str) and found else None


def child_id(issue: str, child: Any) -> str:
    """Id of a comment or link: Jira's addresses for both start with the issue. Raises ``NoRecord`` for one without."""
    return f"{issue}-{id_of(child)}"


def split_id(id: str) -> tuple[str, str]:
    """Issue and own id. Raises ValueError for an id that is not ours."""
    issue, dash, own = id.partition("-")
    if not dash or not issue or not own:
        raise ValueError(f"not an id of a comment or link: {id}")
    return issue, own


def is_child_id(id: str) -> bool:
    """Whether a comment or link could have that id: two of Jira's numbers."""
    issue, _, own = id.partition("-")
    return all(part.isascii() and part.isdecimal() for part in (issue, own))


@dataclass(frozen=True, slots=True)
class Reader:
    """Builds records for one connection: it knows the site's address and our own account."""

    site: str
    me: str | None = None

    def issue(self, issue: Json) -> Record | Ignored:
        """An issue or epic, without its comments; one above the epics is ignored."""
        return self.opened(issue).record

    def opened(self, issue: Json) -> Opened:
        """As ``issue``, together with its comments as Jira sent them."""
        sent = issue.get("fields")
        if not isinstance(sent, Mapping):
            sent = {}
        seen = OUTSIDE(sent)
        return Opened(self._issue(issue, sent, seen), *_comments(seen.get("comment")))

    def _issue(self, issue: Json, fields: Mapping[str, Any], seen: Mapping[str, Any]) -> Record | Ignored:
        id = id_of(issue)
        rank = _level(seen)
        stream = STREAM_OF_LEVEL.get(rank)
        if stream is None:
            return Ignored(f"issue of hierarchy level {rank}", id)
        if "comment" in seen:
            fields = _apart(fields)
        marker = None
        labels = seen.get("labels")
        if isinstance(labels, list):
            kept = [label for label in labels if not is_ours(label)]
            if len(kept) < len(labels):
                marker = next(label for label in labels if is_ours(label))[len(MARKER_LABEL) :]
                fields = _with_labels(fields, kept)
        payload = {**issue, "fields": fields}
        properties = payload.pop("properties", None)
        if marker is None:
            marker = _marker(properties)
        made, updated = moment(seen.get("created")), moment(seen.get("updated"))
        key = issue.get("key")
        project = seen.get("project")
        return Record(
            stream=stream,
            id=id,
            payload=payload,
            version=updated,
            marker=marker,
            ours=self.me is not None and account_of(seen.get("creator")) == self.me,
            scope=str(project["id"]) if isinstance(project, dict) and project.get("id") else None,
            url=f"{self.site}/browse/{key}" if key else None,
            created_at=made,
            modified_at=updated,
        )

    def comment(self, comment: Json, issue: str, stream: str = "issues", key: str | None = None) -> Record:
        """A comment; ``issue`` in the payload says under what it stands."""
        id = child_id(issue, comment)
        payload = {**comment, "issue": {"id": issue, "stream": stream}}
        properties = payload.pop("properties", None)
        updated = moment(comment.get("updated"))
        author = account_of(comment.get("author"))
        return Record(
            stream="comments",
            id=id,
            payload=payload,
            version=updated,
            marker=_marker(properties),
            ours=self.me is not None and author == self.me,
            scope=issue,
            url=f"{self.site}/browse/{key}?focusedCommentId={comment['id']}" if key else None,
            created_at=moment(comment.get("created")),
            modified_at=updated,
            modified_by=account_of(comment.get("updateAuthor")),
            modified_by_name=name_of(comment.get("updateAuthor")),
        )

    def link(self, link: Json, issue: str, stream: str = "issues") -> Record:
        """A remote link; Jira tells neither its author nor its times."""
        id = child_id(issue, link)
        payload = {**link, "issue": {"id": issue, "stream": stream}}
        marker = None
        global_id = payload.get("globalId")
        if isinstance(global_id, str) and global_id.startswith(GLOBAL_ID):
            marker = global_id[len(GLOBAL_ID) :]
            del payload["globalId"]
        target = link.get("object")
        url = target.get("url") if isinstance(target, dict) else None
        return Record(
            stream="remote_links",
            id=id,
            payload=payload,
            marker=marker,
            ours=marker is not None,
            scope=issue,
            url=url if isinstance(url, str) else None,
        )

    def user(self, user: Json) -> Record:
        return Record(stream="users", id=account_of(user) or id_of(user, "self"), payload=user, url=None)


def embedded_comments(issue: Json) -> tuple[list[Any], bool]:
    """The comments that came within an issue, and whether these are all of them."""
    fields = issue.get("fields")
    return _comments(fields.get("comment") if isinstance(fields, Mapping) else None)


def _comments(field: Any) -> tuple[list[Any], bool]:
    if isinstance(field, list):
        return field, True
    if not isinstance(field, dict):
        return [], True
    comments = field.get("comments")
    if not isinstance(comments, list):
        comments = []
    return comments, len(comments) >= count(field.get("total"))


def issue_and_comments(reader: Reader, issue: Json) -> Iterator[Record | Ignored]:
    """An issue and the comments that came with it."""
    record, comments, _ = reader.opened(issue)
    yield record
    if isinstance(record, Record):
        for comment in comments:
            yield reader.comment(comment, record.id, record.stream, issue.get("key"))


def _apart(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """An issue's fields without its comments, which are records of their own."""
    if isinstance(fields, Undecoded):
        return fields.without("comment")
    return {name: value for name, value in fields.items() if name != "comment"}


def _with_labels(fields: Mapping[str, Any], labels: list[str]) -> Mapping[str, Any]:
    return fields.replaced("labels", labels) if isinstance(fields, Undecoded) else {**fields, "labels": labels}


def _marker(properties: Any) -> str | None:
    """Our marker among the properties: an object on issues, a list of pairs on comments."""
    if isinstance(properties, list):
        properties = {str(pair.get("key")): pair.get("value") for pair in properties if isinstance(pair, dict)}
    if not isinstance(properties, dict):
        return None
    ours = properties.get(PROPERTY)
    return str(ours["marker"]) if isinstance(ours, dict) and ours.get("marker") else None
