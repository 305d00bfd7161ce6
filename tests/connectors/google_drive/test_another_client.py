"""Google's own client does its ordinary work against the stand-in, and gets what it expects of the service."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from connectors.google_drive.models import FOLDER
from connectors.google_drive.sandbox.core import GoogleDriveSandbox
from connectors.google_drive.sandbox.tokens import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from connectors.sandbox.exchange import Request

from .conftest import Office, connect

discovery = pytest.importorskip("googleapiclient.discovery")
from google.oauth2.credentials import Credentials  # noqa: E402
from googleapiclient.errors import HttpError  # noqa: E402
from googleapiclient.http import MediaFileUpload, MediaIoBaseDownload, MediaIoBaseUpload  # noqa: E402
from httplib2 import Response  # noqa: E402

BYTES = bytes(range(256)) * 3000
GRAIN = 256 * 1024
ALL = {"supportsAllDrives": True, "includeItemsFromAllDrives": True}


class Wire:
    """An ``httplib2.Http`` without a socket."""

    def __init__(self, core: GoogleDriveSandbox) -> None:
        self.core = core
        # Not called ``credentials``: the library would then refresh them itself, over the network.
        self.signer = Credentials(  # type: ignore[no-untyped-call]
            None,
            refresh_token=REFRESH_TOKEN,
            token_uri="https://oauth2.googleapis.com/token",
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
        )

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Any = None, **_: Any
    ) -> tuple[Response, bytes]:
        if not self.signer.token:
            self.signer.refresh(self._refresh)  # type: ignore[no-untyped-call]
        sent = dict(headers or {})
        self.signer.apply(sent)  # type: ignore[no-untyped-call]
        whole = body.read() if hasattr(body, "read") else body
        return self._send(method, uri, sent, whole)

    def _refresh(self, url: str, method: str = "GET", body: Any = None, headers: Any = None, **_: Any) -> Any:
        told, content = self._send(method, url, dict(headers or {}), body)
        told.data, told.headers = content, dict(told)
        return told

    def _send(self, method: str, uri: str, headers: dict[str, str], body: Any) -> tuple[Response, bytes]:
        answer = self.core.handle(Request.of(method, uri, headers, body))
        return Response({"status": str(answer.status), **answer.headers}), answer.body

    def close(self) -> None:
        """Nothing is held open."""


@pytest.fixture
def client(core: GoogleDriveSandbox) -> Any:
    return discovery.build("drive", "v3", http=Wire(core), static_discovery=True)


def reason(error: HttpError) -> str:
    return str(error.error_details[0]["reason"])


def test_it_lists_page_by_page_and_gets_by_id(client: Any, office: Office) -> None:
    for number in range(5):
        office.core.create("Ada", "files", {"name": f"f{number}", "parents": [office.plan]})
    asked = {"q": f"'{office.plan}' in parents", "pageSize": 2, "fields": "nextPageToken,files(id,name)", **ALL}
    request = client.files().list(corpora="drive", driveId=office.core.drive_id, orderBy="name", **asked)
    names = []
    while request is not None:
        page = request.execute()
        names += [row["name"] for row in page["files"]]
        request = client.files().list_next(request, page)
    assert names == ["f0", "f1", "f2", "f3", "f4", "plan.txt", "to the plan"]
    got = client.files().get(fileId=office.file, supportsAllDrives=True).execute()
    assert got == {"kind": "drive#file", "id": office.file, "name": "plan.txt", "mimeType": "text/plain"}
    with pytest.raises(HttpError) as caught:
        client.files().get(fileId="nowhere").execute()
    assert (caught.value.status_code, reason(caught.value)) == (404, "notFound")


def test_a_folder_lives_its_life(client: Any, office: Office) -> None:
    [id] = client.files().generateIds(count=1).execute()["ids"]
    body = {"id": id, "name": "Neu", "mimeType": FOLDER, "parents": [office.client], "appProperties": {"k": "v"}}
    made = client.files().create(body=body, supportsAllDrives=True, fields="id,parents,appProperties").execute()
    assert made == {"id": id, "parents": [office.client], "appProperties": {"k": "v"}}
    with pytest.raises(HttpError) as caught:
        client.files().create(body=body, supportsAllDrives=True).execute()
    assert (caught.value.status_code, reason(caught.value)) == (409, "fileIdInUse")
    moved = (
        client.files()
        .update(
            fileId=id,
            body={"name": "Neuer", "appProperties": {"k": None}},
            addParents=office.core.root_id,
            removeParents=office.client,
            supportsAllDrives=True,
            fields="name,parents,appProperties",
        )
        .execute()
    )
    assert moved == {"name": "Neuer", "parents": [office.core.root_id]}
    client.files().update(fileId=id, body={"trashed": True}, supportsAllDrives=True).execute()
    shown = client.files().get(fileId=id, supportsAllDrives=True, fields="trashed,explicitlyTrashed").execute()
    assert shown == {"trashed": True, "explicitlyTrashed": True}
    assert client.files().delete(fileId=id, supportsAllDrives=True).execute() == ""
    with pytest.raises(HttpError):
        client.files().get(fileId=id, supportsAllDrives=True).execute()


@pytest.mark.parametrize("way", ["at once", "in chunks", "in chunks of which some are kept in part"])
def test_bytes_go_up_and_come_down(client: Any, office: Office, tmp_path: Path, way: str) -> None:
    if way.endswith("part"):
        office.core.short_takes = [GRAIN, 0]
    place = tmp_path / "bytes"
    place.write_bytes(BYTES)
    media = MediaFileUpload(str(place), "application/pdf", chunksize=2 * GRAIN, resumable=way != "at once")
    body = {"name": "计划.pdf", "parents": [office.plan]}
    request = client.files().create(body=body, media_body=media, supportsAllDrives=True, fields="id,name,size,mimeType")
    if way == "at once":
        made = request.execute()
    else:
        made, progress = None, []
        while made is None:
            status, made = request.next_chunk()
            progress += [status.resumable_progress] if status else []
        assert progress == ([GRAIN, GRAIN] if way.endswith("part") else [2 * GRAIN])
    assert (made["name"], made["size"], made["mimeType"]) == ("计划.pdf", str(len(BYTES)), "application/pdf")
    got = io.BytesIO()
    download = MediaIoBaseDownload(got, client.files().get_media(fileId=made["id"], supportsAllDrives=True), 100_000)
    done, parts = False, 0
    while not done:
        _, done = download.next_chunk()
        parts += 1
    assert (got.getvalue(), parts) == (BYTES, 8)
    assert b"".join(connect(office.core).download("files", made["id"]).chunks) == BYTES


def test_new_bytes_make_a_revision_and_the_old_ones_stay(client: Any, office: Office) -> None:
    media = MediaIoBaseUpload(io.BytesIO(b"second"), "text/plain", resumable=True)
    shown = client.files().update(fileId=office.file, media_body=media, supportsAllDrives=True, fields="*").execute()
    listed = client.revisions().list(fileId=office.file, fields="revisions(id,size,lastModifyingUser/me)").execute()
    first, second = listed["revisions"]
    assert second["id"] == shown["headRevisionId"]
    assert (first["size"], second["lastModifyingUser"]) == ("5", {"me": True})
    assert client.revisions().get_media(fileId=office.file, revisionId=first["id"]).execute() == b"first"


def test_documents_are_exported_and_nothing_else_is(client: Any, office: Office) -> None:
    body = {"name": "d", "parents": [office.plan], "mimeType": "application/vnd.google-apps.document"}
    id = client.files().create(body=body, supportsAllDrives=True).execute()["id"]
    office.core.edit("Ada", "files", id, {"content": "written by Ada"})
    assert client.files().export(fileId=id, mimeType="text/plain").execute() == b"written by Ada"
    for request, code in (
        (client.files().get_media(fileId=id, supportsAllDrives=True), "fileNotDownloadable"),
        (client.files().export(fileId=office.file, mimeType="text/plain"), "fileNotExportable"),
        (client.files().export(fileId=id, mimeType="image/gif"), "badRequest"),
    ):
        with pytest.raises(HttpError) as caught:
            request.execute()
        assert reason(caught.value) == code


def test_the_log_of_changes(client: Any, office: Office) -> None:
    drive = {"driveId": office.core.drive_id, "supportsAllDrives": True}
    token = client.changes().getStartPageToken(**drive).execute()["startPageToken"]
    office.core.edit("Ada", "files", office.file, {"name": "renamed.txt"})
    office.core.destroy_item("Ada", office.shortcut)
    request = client.changes().list(pageToken=token, pageSize=1, includeItemsFromAllDrives=True, **drive)
    seen, last = [], None
    while request is not None:
        last = request.execute()
        seen += last["changes"]
        request = client.changes().list_next(request, last)
    assert [(each["fileId"], each["removed"]) for each in seen] == [(office.file, False), (office.shortcut, True)]
    assert seen[0]["file"]["name"] == "renamed.txt"
    assert last["newStartPageToken"] > token
    channel = {"id": "c", "type": "web_hook", "address": "https://hub.example/", "token": "t"}
    opened = client.changes().watch(pageToken=token, body=channel, **drive).execute()
    assert (opened["id"], opened["kind"]) == ("c", "api#channel")
    assert client.channels().stop(body={"id": "c", "resourceId": opened["resourceId"]}).execute() == ""


def test_comments_and_shares(client: Any, office: Office) -> None:
    fields = "id,content,author/displayName,resolved"
    said = client.comments().create(fileId=office.file, body={"content": "Why?"}, fields=fields).execute()
    assert (said["content"], said["author"]) == ("Why?", {"displayName": "Keepstep"})
    listed = client.comments().list(fileId=office.file, fields=f"comments({fields})").execute()
    assert [each["id"] for each in listed["comments"]] == [said["id"]]
    with pytest.raises(HttpError) as caught:
        client.comments().list(fileId=office.file).execute()
    assert reason(caught.value) == "required"
    right = {"type": "user", "role": "reader", "emailAddress": "c@client.example"}
    made = (
        client.permissions()
        .create(fileId=office.file, body=right, supportsAllDrives=True, sendNotificationEmail=False)
        .execute()
    )
    listed = client.permissions().list(fileId=office.file, supportsAllDrives=True).execute()
    assert [(each["id"], each["role"]) for each in listed["permissions"]] == [(made["id"], "reader")]
    client.permissions().delete(fileId=office.file, permissionId=made["id"], supportsAllDrives=True).execute()
    assert client.permissions().list(fileId=office.file, supportsAllDrives=True).execute()["permissions"] == []
    assert sum(entry.notified for entry in office.core.truth.entries) == 0


def test_several_calls_in_one_request(client: Any, office: Office) -> None:
    got: dict[str, Any] = {}
    batch = client.new_batch_http_request(callback=lambda name, answer, error: got.update({name: error or answer}))
    batch.add(client.files().get(fileId=office.file, supportsAllDrives=True), request_id="file")
    batch.add(client.files().get(fileId="nowhere"), request_id="none")
    renamed = client.files().update(fileId=office.plan, body={"name": "Plan"}, supportsAllDrives=True)
    batch.add(renamed, request_id="renamed")
    batch.execute()
    assert (got["file"]["name"], got["renamed"]["name"]) == ("plan.txt", "Plan")
    assert got["none"].status_code == 404
    assert office.core.requests.count("POST /batch/drive/v3") == 1


def test_about_and_drives(client: Any, office: Office) -> None:
    told = client.about().get(fields="user,storageQuota").execute()
    assert told["user"]["me"]
    assert int(told["storageQuota"]["usage"]) < int(told["storageQuota"]["limit"])
    [drive] = client.drives().list().execute()["drives"]
    assert (drive["id"], drive["name"]) == (office.core.drive_id, "Projects")
