"""The feed ``files``: the crawl, the changes, trash against removed, leaving the root."""

from __future__ import annotations

import pytest

from connectors.errors import CursorLost, Malformed, Misconfigured
from connectors.google_drive.connector import GoogleDrive
from connectors.google_drive.sandbox import SANDBOX
from connectors.google_drive.sandbox.core import GoogleDriveSandbox
from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.faults import Fault

from .conftest import BASE, Office, connect, furnish, pages, places, records


@pytest.fixture(params=["the process that crawled", "a fresh process"])
def later(request: pytest.FixtureRequest, connector: GoogleDrive, core: GoogleDriveSandbox) -> GoogleDrive:
    """Who pulls the changes after ``connector`` crawled."""
    return connector if request.param == "the process that crawled" else connect(core)


def crawl(connector: GoogleDrive) -> str:
    return pages(connector)[-1].cursor


def test_a_crawl_tells_everything_below_the_root_once_parents_first(connector: GoogleDrive, office: Office) -> None:
    core = office.core
    deeper = core.create("Ada", "folders", {"name": "old", "parents": [office.plan]})
    deepest = core.create("Ada", "folders", {"name": "older", "parents": [deeper]})
    outside = core.create("Ada", "files", {"name": "other", "parents": [core.drive_id]})
    found = pages(connector)
    told = [(each.stream, each.id) for each in records(found)]
    assert told[:3] == [
        ("client_folders", office.client),
        ("project_folders", office.project),
        ("category_folders", office.plan),
    ]
    assert set(told[3:]) == {
        ("files", office.file),
        ("shortcuts", office.shortcut),
        ("folders", deeper),
        ("folders", deepest),
    }
    assert len(told) == 7
    assert outside not in {id for _, id in told}
    assert [page.complete for page in found] == [False] * (len(found) - 1) + [True]
    assert [page.last for page in found] == [False] * (len(found) - 1) + [True]
    file = next(each for each in records(found) if each.id == office.file)
    assert file.payload["ancestors"] == [office.client, office.project, office.plan]
    assert file.scope == office.plan
    assert file.version is not None
    assert len(file.version) == 20
    assert file.payload["version"] == str(int(file.version))
    assert file.modified_by == file.payload["lastModifyingUser"]["permissionId"]
    assert file.modified_by_name == file.payload["lastModifyingUser"]["displayName"]


def test_the_start_token_is_taken_before_the_listing(connector: GoogleDrive, office: Office) -> None:
    pulling = connector.pull("files")
    next(pulling)
    missed = office.core.create("Ada", "client_folders", {"name": "made during the crawl"})
    *_, last = pulling
    asked = office.core.requests
    assert asked.index("GET /drive/v3/changes/startPageToken") < asked.index("GET /drive/v3/files")
    assert ("client_folders", missed) in places(pages(connector, cursor=last.cursor))


def test_an_empty_root_is_one_complete_page(connector: GoogleDrive) -> None:
    found = pages(connector)
    assert records(found) == []
    assert found[-1].complete


def test_nothing_changed_costs_the_declared_one_request(later: GoogleDrive, connector: GoogleDrive) -> None:
    cursor = crawl(connector)
    later.get("files", [])
    before = later.calls
    [page] = pages(later, cursor=cursor)
    assert page.records == []
    assert page.last
    token = 1 if later is not connector else 0
    declared = next(feed.cost for feed in later.describe().feeds if feed.name == "files")
    assert later.calls - before == declared + token


def test_a_crawl_resumes_from_any_page(connector: GoogleDrive, office: Office) -> None:
    core = office.core
    for number in range(90):  # more folders than one query names
        client = core.create("Ada", "client_folders", {"name": f"client {number}"})
        core.create("Ada", "project_folders", {"name": "p", "parents": [client]})
    whole = pages(connector)
    everything = places(whole)
    assert len(everything) == 185
    told: set[tuple[str, str]] = set()
    for number, page in enumerate(whole[:-1]):
        told |= places([page])
        rest = pages(connect(core), cursor=page.cursor)
        assert told | places(rest) == everything, f"after page {number}"
        assert not rest[-1].complete
        assert rest[-1].cursor == whole[-1].cursor


def test_edits_come_as_the_newest_state_once(later: GoogleDrive, connector: GoogleDrive, office: Office) -> None:
    cursor = crawl(connector)
    before = next(iter(connector.get("files", [office.file])))
    office.core.edit("Ada", "files", office.file, {"name": "plan v2.txt"})
    office.core.edit("Bea", "files", office.file, {"content": "second"})
    [page] = pages(later, cursor=cursor)
    [record] = [each for each in page.records if each.stream == "files"]
    assert record.payload["name"] == "plan v2.txt"
    assert record.payload["lastModifyingUser"]["displayName"] == "Bea"
    assert record.payload["md5Checksum"] != before.payload["md5Checksum"]
    assert record.version is not None
    assert before.version is not None
    assert record.version > before.version
    assert pages(later, cursor=page.cursor)[0].records == []


def test_files_of_the_same_name_are_told_apart(later: GoogleDrive, connector: GoogleDrive, office: Office) -> None:
    cursor = crawl(connector)
    twin = office.core.create("Bea", "files", {"name": "plan.txt", "parents": [office.plan]})
    office.core.edit("Bea", "files", twin, {"content": "the twin's"})
    assert places(pages(later, cursor=cursor)) == {("files", twin)}
    assert {each.id for each in connector.get("files", [office.file, twin])} == {office.file, twin}
    assert {("files", office.file), ("files", twin)} <= places(pages(connector))


def test_trash_and_removal_are_deletes(later: GoogleDrive, connector: GoogleDrive, office: Office) -> None:
    removed = office.core.create("Ada", "files", {"name": "gone.txt", "parents": [office.plan]})
    cursor = crawl(connector)
    office.core.delete("Ada", "files", office.file)
    office.core.destroy_item("Ada", removed)
    found = [each for each in records(pages(later, cursor=cursor)) if each.stream == "files"]
    assert {(each.id, each.deleted) for each in found} == {(office.file, True), (removed, True)}
    trashed = next(each for each in found if each.id == office.file)
    assert trashed.payload["name"] == "plan.txt"
    assert trashed.payload["explicitlyTrashed"] is True


def test_what_lies_in_a_trashed_folder_is_deleted_and_comes_back_with_it(
    later: GoogleDrive, connector: GoogleDrive, office: Office
) -> None:
    cursor = crawl(connector)
    core = office.core
    everything = {
        ("project_folders", office.project),
        ("category_folders", office.plan),
        ("files", office.file),
        ("shortcuts", office.shortcut),
    }
    core.delete("Ada", "project_folders", office.project)
    found = pages(later, cursor=cursor)
    assert {(each.stream, each.id) for each in records(found) if each.deleted} >= everything
    assert places(found) == set()
    file = next(each for each in records(found) if (each.stream, each.id) == ("files", office.file))
    assert file.payload["explicitlyTrashed"] is False
    assert ("client_folders", office.client) not in {(each.stream, each.id) for each in records(found)}
    core.restore("Ada", "project_folders", office.project)
    assert places(pages(later, cursor=found[-1].cursor)) == everything


def test_leaving_the_root_is_a_change_of_place_and_no_delete(
    later: GoogleDrive, connector: GoogleDrive, office: Office
) -> None:
    cursor = crawl(connector)
    core = office.core
    core.edit("Ada", "category_folders", office.plan, {"parents": [core.drive_id]})
    found = pages(later, cursor=cursor)
    for stream, id in [("category_folders", office.plan), ("files", office.file), ("shortcuts", office.shortcut)]:
        [record] = [each for each in records(found) if (each.stream, each.id) == (stream, id)]
        assert record.forbidden
        assert not record.deleted
        assert record.scope is None
        assert record.payload == {"id": id, "place": "outside"}
    assert places(found) == set()
    core.edit("Ada", "category_folders", office.plan, {"parents": [office.project]})
    back = places(pages(later, cursor=found[-1].cursor))
    assert {("category_folders", office.plan), ("files", office.file)} <= back


def test_a_folder_moved_to_another_depth_changes_its_stream_and_that_of_all_below(
    later: GoogleDrive, connector: GoogleDrive, office: Office
) -> None:
    cursor = crawl(connector)
    office.core.edit("Ada", "project_folders", office.project, {"parents": [office.core.root_id]})
    found = pages(later, cursor=cursor)
    assert places(found) == {
        ("client_folders", office.project),
        ("project_folders", office.plan),
        ("files", office.file),
        ("shortcuts", office.shortcut),
    }
    left = {(each.stream, each.id): each.payload["place"] for each in records(found) if each.forbidden}
    assert left["project_folders", office.project] == "client_folders"
    assert left["category_folders", office.plan] == "project_folders"
    file = next(each for each in records(found) if each.id == office.file)
    assert file.payload["ancestors"] == [office.project, office.plan]


def test_a_move_to_another_drive_is_no_delete_though_the_log_says_removed(
    later: GoogleDrive, connector: GoogleDrive, office: Office
) -> None:
    cursor = crawl(connector)
    other = office.core.add_drive("Archive")
    office.core.edit("Ada", "files", office.file, {"parents": [other]})
    [record] = [each for each in records(pages(later, cursor=cursor)) if each.stream == "files"]
    assert record.id == office.file
    assert record.forbidden
    assert not record.deleted


def test_a_file_that_was_never_below_the_root_is_filtered(connector: GoogleDrive, office: Office) -> None:
    cursor = crawl(connector)
    core = office.core
    private = core.create("Ada", "files", {"name": "salaries.xlsx", "parents": [core.drive_id]})
    [page] = pages(connector, cursor=cursor)
    assert page.records == []
    # A fresh process cannot know that; it tells the id and nothing of the content.
    for record in records(pages(connect(core), cursor=cursor)):
        assert record.payload == {"id": private, "place": "outside"}
        assert record.forbidden


def test_a_page_that_was_not_taken_is_told_again(connector: GoogleDrive, office: Office) -> None:
    cursor = crawl(connector)
    office.core.edit("Ada", "category_folders", office.plan, {"parents": [office.core.drive_id]})
    pulling = connector.pull("files", cursor)
    first = next(pulling)
    pulling.close()  # type: ignore[attr-defined]
    again = pages(connector, cursor=cursor)
    assert {(each.stream, each.id) for each in first.records} == {(each.stream, each.id) for each in records(again)}
    assert ("files", office.file) in {(each.stream, each.id) for each in records(again)}


def test_my_drive_works_without_a_shared_drive(clock: VirtualClock) -> None:
    core = GoogleDriveSandbox(clock, 1, shared_drive=False)
    connector = connect(core)
    person = core.hub.name
    client = core.create(person, "client_folders", {"name": "Acme"})
    cursor = crawl(connector)
    core.create(person, "files", {"name": "private", "parents": [core.root_of(core.hub).id]})
    core.edit(person, "client_folders", client, {"name": "Acme AG"})
    assert places(pages(connector, cursor=cursor)) == {("client_folders", client)}
    core.destroy_item(person, client)
    assert [each.deleted for each in records(pages(connector, cursor=cursor))] == [True]


def test_access_lost_is_told_like_removal(clock: VirtualClock) -> None:
    core = GoogleDriveSandbox(clock, 1, shared_drive=False)
    connector = connect(core)
    file = core.create("Ada", "files", {"name": "Ada's", "parents": [core.root_id]})
    cursor = crawl(connector)
    core.create("Ada", "permissions", {"fileId": file, "emailAddress": core.hub.email, "role": "reader"})
    core.edit("Ada", "files", file, {"parents": [core.root_of(_person("Ada")).id]})
    found = records(pages(connector, cursor=cursor))
    assert [(each.forbidden, each.deleted) for each in found if each.id == file] == [(True, False)]
    core.delete("Ada", "permissions", f"{file}/{core.hub.permission_id}")
    found = records(pages(connector, cursor=cursor))
    assert [(each.forbidden, each.deleted) for each in found if each.id == file] == [(False, True)]


def _person(name: str):  # type: ignore[no-untyped-def]
    from connectors.google_drive.sandbox.people import person

    return person(name)


@pytest.mark.parametrize(
    "cursor",
    [
        pytest.param("2007", id="bare"),
        pytest.param('{"root": "another", "page": "1"}', id="another-root"),
        pytest.param("{}", id="empty"),
    ],
)
def test_a_cursor_that_is_not_ours_is_lost(connector: GoogleDrive, cursor: str) -> None:
    for feed in ("files", "comments", "permissions", "drives"):
        with pytest.raises(CursorLost):
            pages(connector, feed, cursor)


def test_a_page_token_that_the_service_forgot_is_a_lost_cursor_and_a_new_crawl_works(
    connector: GoogleDrive, office: Office
) -> None:
    cursor = crawl(connector)
    office.core.edit("Ada", "files", office.file, {"name": "x"})
    office.core.oldest_token = office.core.store.n + 1
    with pytest.raises(CursorLost, match="Invalid Value"):
        pages(connector, cursor=cursor)
    assert pages(connector)[-1].complete


def test_a_root_in_the_trash_stops_everything_instead_of_deleting_it(connector: GoogleDrive, office: Office) -> None:
    cursor = crawl(connector)
    office.core.delete("Ada", "folders", office.core.root_id)
    with pytest.raises(Misconfigured, match="in the trash"):
        pages(connector, cursor=cursor)


def test_a_root_that_moved_to_another_drive_loses_the_cursor(core: GoogleDriveSandbox, office: Office) -> None:
    cursor = crawl(connect(core))
    other = core.add_drive("Elsewhere")
    core.edit("Ada", "folders", core.root_id, {"parents": [other]})
    with pytest.raises(CursorLost, match="another drive"):
        pages(connect(core), cursor=cursor)


@pytest.mark.parametrize("kind", ["html", "cut_off"])
def test_a_bad_answer_is_an_error_and_never_an_empty_page(connector: GoogleDrive, office: Office, kind: str) -> None:
    cursor = crawl(connector)
    office.core.edit("Ada", "files", office.file, {"name": "x"})
    office.core.faults.switch_on(Fault(kind, match="GET /drive/v3/changes", times=1))  # type: ignore[arg-type]
    with pytest.raises(Malformed):
        pages(connector, cursor=cursor)
    assert ("files", office.file) in places(pages(connector, cursor=cursor))


def test_rate_limits_and_outages_are_waited_out(connector: GoogleDrive, office: Office, clock: VirtualClock) -> None:
    for kind in ("rate_limited", "unavailable", "lost_before"):
        office.core.faults.switch_on(Fault(kind, match="GET /drive/v3/files", times=1))  # type: ignore[arg-type]
    assert len(places(pages(connector))) == 5
    assert clock.monotonic() >= 15
    assert office.core.faults.injected == {"rate_limited": 1, "unavailable": 1, "lost_before": 1}


def test_one_refused_part_of_a_batch_is_read_again(connector: GoogleDrive, office: Office) -> None:
    office.core.refused_parts.append(f"/drive/v3/files/{office.file}")
    found = {each.id: each for each in connector.get("files", [office.file, "missing"])}
    assert found[office.file].payload["name"] == "plan.txt"
    assert not found[office.file].forbidden
    assert found["missing"].deleted
    assert f"GET /drive/v3/files/{office.file}" in office.core.requests


def test_get_answers_each_distinct_id_once_with_its_place(connector: GoogleDrive, office: Office) -> None:
    core = office.core
    trashed = core.create("Ada", "project_folders", {"name": "t", "parents": [office.client]})
    core.delete("Ada", "project_folders", trashed)
    ids = [office.project, office.client, trashed, "missing", office.project]
    found = {each.id: each for each in connector.get("project_folders", ids)}
    assert list(found) == [office.project, office.client, trashed, "missing"]
    assert found[office.project].payload["ancestors"] == [office.client]
    assert found[office.client].forbidden
    assert found[office.client].payload["place"] == "client_folders"
    assert found[trashed].deleted
    assert found["missing"].deleted
    assert list(connector.get("files", [])) == []


def test_a_census_names_live_ids_by_stream(connector: GoogleDrive, office: Office) -> None:
    def census(stream: str) -> set[str]:
        return {id for page in connector.ids(stream) for id in page}

    assert census("client_folders") == {office.client}
    assert census("files") == {office.file}
    assert census("shortcuts") == {office.shortcut}
    assert census("drives") == {office.core.drive_id}
    office.core.delete("Ada", "files", office.file)
    assert census("files") == set()


def test_two_companies_below_two_roots_do_not_mix(core: GoogleDriveSandbox) -> None:
    first = furnish(core)
    second_root = core.create("Ada", "folders", {"name": "second", "parents": [core.drive_id]})
    other = connect(core, settings=SANDBOX.settings(core, BASE) | {"root": second_root})
    client = core.create("Ada", "client_folders", {"name": "B", "parents": [second_root]})
    assert places(pages(other)) == {("client_folders", client)}
    assert ("client_folders", client) not in places(pages(connect(core)))
    assert [each.payload["place"] for each in other.get("files", [first.file])] == ["outside"]
