"""The bytes of files: as they are, exported where Google's own editors hold them, or of an earlier revision."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

from connectors.answer import Streamed
from connectors.content import Download
from connectors.errors import Malformed, RecordRefused
from connectors.google_drive.client import Client
from connectors.google_drive.models import FOLDER, GOOGLE, REVISION, SHORTCUT, File
from connectors.google_drive.tree import Tree, stream_of

OFFICE: Final = "application/vnd.openxmlformats-officedocument."
EXPORTS: Final[dict[str, tuple[str, str]]] = {
    f"{GOOGLE}document": (f"{OFFICE}wordprocessingml.document", ".docx"),
    f"{GOOGLE}spreadsheet": (f"{OFFICE}spreadsheetml.sheet", ".xlsx"),
    f"{GOOGLE}presentation": (f"{OFFICE}presentationml.presentation", ".pptx"),
    f"{GOOGLE}drawing": ("application/pdf", ".pdf"),
    f"{GOOGLE}script": (f"{GOOGLE}script+json", ".json"),
}
"""Type -> the format that others can edit, and what its name ends with
(developers.google.com/workspace/drive/api/guides/ref-export-formats)."""

NO_BYTES: Final = "no_content"


def download(client: Client, tree: Tree, id: str) -> Download:
    """A file below the root. At most 10 MB can be exported; what is only stored has no such limit."""
    seen = tree.look([id])[id]
    if isinstance(seen, Exception):
        raise seen
    file = seen.file
    if file.mimeType in (FOLDER, SHORTCUT):
        raise RecordRefused(f"{id} is a {file.mimeType.removeprefix(GOOGLE)}: it has no bytes", code=NO_BYTES)
    if stream_of(file.mimeType, seen.way) != "files":
        raise RecordRefused(f"{id} lies outside the root", code="elsewhere")
    if not file.mimeType.startswith(GOOGLE):
        return _stored(client.content(id), file.name, file.mimeType, file.size, file.md5Checksum)
    if file.mimeType not in EXPORTS:
        raise RecordRefused(f"{id} is a {file.mimeType}, which cannot be exported", code=NO_BYTES)
    media_type, ending = EXPORTS[file.mimeType]
    got = client.export(id, media_type)
    _not_a_page(got, media_type, id)
    name = file.name if file.name.lower().endswith(ending) else file.name + ending
    return Download(name=name, media_type=media_type, chunks=got.chunks(), size=got.size)


def download_revision(client: Client, tree: Tree, id: str) -> Download:
    """What a file held before, ``FILE/REVISION``. Only stored bytes are kept so, and only for some time."""
    own, _, number = id.partition("/")
    seen = tree.look([own])[own]
    if isinstance(seen, Exception):
        raise seen
    if stream_of(seen.file.mimeType, seen.way) != "files":
        raise RecordRefused(f"{own} lies outside the root", code="elsewhere")
    revision = client.revision(own, number, REVISION)
    kind = str(revision.get("mimeType") or seen.file.mimeType)
    if kind.startswith(GOOGLE):
        raise RecordRefused(f"{id} is of a {kind}: its earlier states hold no bytes", code=NO_BYTES)
    name = str(revision.get("originalFilename") or seen.file.name)
    return _stored(client.revision_content(own, number), name, kind, revision.get("size"), revision.get("md5Checksum"))


def _stored(got: Streamed, name: str, media_type: str, size: str | int | None, md5: str | None) -> Download:
    _not_a_page(got, media_type, name)
    told = got.size if got.size is not None else int(size) if size is not None and str(size).isdecimal() else None
    return Download(name=name, media_type=media_type, chunks=_checked(got.chunks(), md5, name), size=told)


def _not_a_page(got: Streamed, media_type: str, what: str) -> None:
    """A sign-in page of something in between comes with status 200 as well."""
    if got.headers.get("Content-Type", "").startswith("text/html") and not media_type.startswith("text/html"):
        got.close()
        raise Malformed(f"GET the bytes of {what}: a page instead of the file")


def _checked(chunks: Iterator[bytes], md5: str | None, what: str) -> Iterator[bytes]:
    """The same chunks. Raises ``Malformed`` at their end if together they are not what Drive said."""
    digest = hashlib.md5(usedforsecurity=False)
    for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if md5 is not None and digest.hexdigest() != md5.lower():
        raise Malformed(f"GET the bytes of {what}: damaged on the way, or changed meanwhile")


def is_what_was_sent(file: File, sha256: str) -> bool:
    """Whether a file shows the bytes of that hash, as far as it tells."""
    return file.sha256Checksum is None or file.sha256Checksum.lower() == sha256.lower()
