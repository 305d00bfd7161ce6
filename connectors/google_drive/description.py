"""What Drive's streams and feeds are, and what can be done with them."""

from __future__ import annotations

from typing import Final

from msgspec import structs

from connectors.base import Abilities, Costs, Description, Feed, Field, Price, Quota, Stream
from connectors.google_drive.batch import SIZE
from connectors.google_drive.client import RATE
from connectors.google_drive.models import FOLDER, SHORTCUT
from connectors.google_drive.tree import BY_DEPTH, FOLDER_STREAMS, STREAMS
from connectors.google_drive.uploads import MOST

SEARCH_LAG: Final = 10.0
"""Seconds until a query by a private property surely finds a new file; lists of a folder are quicker."""

EVERY_STREAM: Final = (*STREAMS, "comments", "permissions", "revisions", "drives")

READ_ONLY = Abilities(costs=Costs(read_units=1))


def _writable(depth: int) -> Abilities:
    """What can be done with things that have so many folders between the root and themselves: each look and each
    write reads these as well."""
    return Abilities(
        create=True,
        update=True,
        delete=True,
        hides=True,
        versioned=True,
        returns_record=True,
        marker="reserved_id",
        search_lag=SEARCH_LAG,
        costs=Costs(
            get=(Price(1 + depth, SIZE),),
            create=(Price(2 if depth else 1),),
            update=(Price(2),),
            delete=(Price(2),),
            read_units=1 + depth,
        ),
    )


def describe() -> Description:
    return Description(
        system="google_drive",
        quota=Quota(unit="requests", amount=RATE.calls, seconds=RATE.seconds),
        streams=[
            *(
                Stream(name=name, abilities=_writable(depth), fields=_file_fields(name), parent=parent)
                for depth, (name, parent) in enumerate(
                    zip(FOLDER_STREAMS, (None, "client_folders", "project_folders", None), strict=True)
                )
            ),
            Stream(
                name="files",
                abilities=structs.replace(_writable(len(BY_DEPTH)), content=MOST),
                fields=_file_fields("files"),
            ),
            Stream(name="shortcuts", abilities=_writable(len(BY_DEPTH)), fields=_file_fields("shortcuts")),
            Stream(
                name="comments",
                abilities=Abilities(versioned=True, audience="client"),
                fields=[
                    Field(name="content", kind="string", writable=False),
                    Field(name="author", kind="User", writable=False),
                    Field(name="resolved", kind="boolean", writable=False),
                    Field(name="createdTime", kind="date-time", writable=False),
                    Field(name="modifiedTime", kind="date-time", writable=False),
                    Field(name="fileId", kind="id", writable=False, required=True),
                ],
                parent="files",
            ),
            Stream(
                name="permissions",
                abilities=READ_ONLY,
                fields=[
                    Field(name="type", kind="string", writable=False, values=["user", "group", "domain", "anyone"]),
                    Field(
                        name="role",
                        kind="string",
                        writable=False,
                        values=["owner", "organizer", "fileOrganizer", "writer", "commenter", "reader"],
                    ),
                    Field(name="emailAddress", kind="string", writable=False),
                    Field(name="fileId", kind="id", writable=False, required=True),
                ],
            ),
            Stream(
                name="revisions",
                abilities=READ_ONLY,
                fields=[
                    Field(name="mimeType", kind="string", writable=False),
                    Field(name="modifiedTime", kind="date-time", writable=False),
                    Field(name="lastModifyingUser", kind="User", writable=False),
                    Field(name="originalFilename", kind="string", writable=False),
                    Field(name="md5Checksum", kind="string", writable=False),
                    Field(name="size", kind="int64", writable=False),
                    Field(name="keepForever", kind="boolean", writable=False),
                    Field(name="fileId", kind="id", writable=False, required=True),
                ],
                parent="files",
            ),
            Stream(
                name="drives",
                abilities=READ_ONLY,
                fields=[Field(name="name", kind="string", writable=False)],
            ),
        ],
        feeds=[
            Feed(name="files", streams=list(STREAMS), cost=1),
            # One for the changes, one for the next hundred files, up to five to place them, one or two to read them.
            Feed(name="comments", streams=["comments"], cost=9),
            Feed(name="permissions", streams=["permissions"], cost=9, deletes=False),
            Feed(name="revisions", streams=["revisions"], cost=9, deletes=False),
            Feed(name="drives", streams=["drives"], cost=1),
        ],
        limits={
            "queries": "12,000 a minute for the project, and for each user; each call in a batch counts",
            "batch": "100 calls",
            "export": "10 MB of a document in Google's own formats",
            "page": "1,000 files or changes; 100 comments, permissions or drives",
            "appProperties": "124 bytes for key and value, 30 private ones a file",
            "uploads": "750 GB a day for each user; 5 TB a file",
        },
    )


def _file_fields(stream: str) -> list[Field]:
    mime = FOLDER if stream in FOLDER_STREAMS else SHORTCUT if stream == "shortcuts" else None
    fields = [
        Field(name="name", kind="string", required=True),
        Field(name="description", kind="string"),
        Field(name="parents", kind="id", required=stream != "client_folders", writable=stream != "shortcuts"),
        Field(name="mimeType", kind="string", writable=mime is None, values=[mime] if mime else None),
        Field(name="appProperties", kind="object"),
        Field(name="webViewLink", kind="string", writable=False),
        Field(name="createdTime", kind="date-time", writable=False),
        Field(name="modifiedTime", kind="date-time", writable=False),
        Field(name="lastModifyingUser", kind="User", writable=False),
    ]
    if stream == "files":
        fields += [
            Field(name="md5Checksum", kind="string", writable=False),
            Field(name="size", kind="int64", writable=False),
        ]
    if stream == "shortcuts":
        fields.append(Field(name="shortcutDetails", kind="object", required=True))
    return fields
