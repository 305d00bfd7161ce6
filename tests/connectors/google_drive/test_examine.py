"""What is wrong, or about to be, with an account and its root: found without a write."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connectors.base import utc
from connectors.context import Context
from connectors.errors import Misconfigured
from connectors.examining import Examines, Symptom
from connectors.google_drive import CONNECTOR
from connectors.google_drive.sandbox import SANDBOX
from connectors.google_drive.sandbox.core import GoogleDriveSandbox
from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.hosting import SandboxTransport

from .conftest import BASE, Office, connect, furnish
from .test_login import Kept
from .test_sign_in import ROBOT, key, robot  # noqa: F401 - key is a fixture

SCOPE = "https://www.googleapis.com/auth/drive"


def symptoms(core: GoogleDriveSandbox, **more: Any) -> dict[str, list[Symptom]]:
    connector = connect(core, **more)
    assert isinstance(connector, Examines)
    before = len(core.truth.entries)
    found: dict[str, list[Symptom]] = {}
    for each in connector.examine():
        found.setdefault(each.code, []).append(each)
    assert len(core.truth.entries) == before
    assert not [line for line in core.requests if line.startswith(("PATCH", "PUT", "DELETE", "POST /drive"))]
    return found


def one(found: dict[str, list[Symptom]], code: str) -> dict[str, Any]:
    [symptom] = found[code]
    return dict(symptom.params)


def test_a_shared_drive_in_order_shows_its_windows_alone(core: GoogleDriveSandbox, office: Office) -> None:
    found = symptoms(core)
    assert set(found) == {"window"}
    written = {stream.name for stream in connect(core).describe().streams if stream.abilities.update}
    assert {each.params["stream"] for each in found["window"]} == written
    assert symptoms(core, access="read").keys() == {"scope_excess"}


def test_scopes_that_are_missing_or_too_much_are_named(core: GoogleDriveSandbox, office: Office) -> None:
    core.tokens.scope = f"{SCOPE} https://mail.google.com/"
    core.admit = lambda request: setattr(core, "viewer", core.hub)  # type: ignore[method-assign, assignment]
    assert one(symptoms(core), "scope_excess") == {"scope": "https://mail.google.com/", "needed_for": None}
    core.tokens.scope = f"{SCOPE}.file"
    found = symptoms(core)
    assert one(found, "scope_missing") == {"scope": SCOPE, "needed_for": "push"}
    assert one(found, "scope_excess")["scope"] == f"{SCOPE}.file"


def test_a_root_in_my_drive_is_told_and_worse_for_a_robot(clock: VirtualClock, key: str) -> None:  # noqa: F811
    core = GoogleDriveSandbox(clock, 1, shared_drive=False)
    furnish(core)
    [symptom] = symptoms(core)["place_personal"]
    assert (symptom.severity, symptom.params) == ("warning", {"place": "Clients"})
    core.service_account(ROBOT, delegated=True)
    core.create("Keepstep", "permissions", {"fileId": core.root_id, "role": "writer", "emailAddress": ROBOT})
    [symptom] = symptoms(core, settings=robot(core, key))["place_personal"]
    assert symptom.severity == "error"
    [symptom] = symptoms(core, settings=robot(core, key, subject=core.hub.email))["place_personal"]
    assert symptom.severity == "warning"


def test_a_root_that_takes_nothing_new_is_an_error(clock: VirtualClock) -> None:
    core = GoogleDriveSandbox(clock, 1, shared_drive=False)
    theirs = core.make(core.hub, core.root_of(core.hub), core.store.items[core.root_id].mime, {"name": "Theirs"})
    theirs.owner = None
    theirs.permissions = {"x": {"role": "reader", "type": "anyone"}}
    settings = SANDBOX.settings(core, BASE) | {"root": theirs.id}
    found = symptoms(core, settings=settings)
    assert one(found, "scope_missing") == {"scope": "canAddChildren", "needed_for": "push", "place": "Theirs"}
    assert one(found, "shared_with_anyone") == {"place": "Theirs", "count": 1, "names": ["Theirs"]}
    assert "scope_missing" not in symptoms(core, settings=settings, access="read")


def test_folders_of_one_name_in_one_folder_are_told_once(core: GoogleDriveSandbox, office: Office) -> None:
    core.create("Ada", "project_folders", {"name": " WEBSITE", "parents": [office.client]})
    core.create("Ada", "project_folders", {"name": "website", "parents": [office.client]})
    other = core.create("Ada", "client_folders", {"name": "Other"})
    core.create("Ada", "project_folders", {"name": "Website", "parents": [other]})
    told = one(symptoms(core), "value_ambiguous")
    assert (told["stream"], told["field"], told["where"]) == ("project_folders", "name", "Müller & Söhne")
    assert told["value"].strip().casefold() == "website"


def test_what_anyone_can_open_below_the_root_is_counted_and_named(core: GoogleDriveSandbox, office: Office) -> None:
    outside = core.create("Ada", "files", {"name": "poster", "parents": [core.drive_id]})
    for id in (office.file, outside):
        core.create("Ada", "permissions", {"fileId": id, "type": "anyone"})
    assert one(symptoms(core), "shared_with_anyone") == {"place": "Clients", "count": 1, "names": ["plan.txt"]}
    core.create("Ada", "permissions", {"fileId": office.client, "type": "anyone"})
    told = one(symptoms(core), "shared_with_anyone")
    assert told["count"] == 5, "and all that lies in an open folder"
    core.delete("Ada", "files", office.file)
    assert one(symptoms(core), "shared_with_anyone")["count"] == 4


def test_clocks_that_differ_are_told(core: GoogleDriveSandbox, office: Office) -> None:
    settings = CONNECTOR.settings(**SANDBOX.settings(core, BASE))
    late = VirtualClock(core.clock.now() - timedelta(seconds=90))
    connector: Any = CONNECTOR.build(settings, Context("files", late, Kept(), transport=SandboxTransport(core)))
    [skew] = [each for each in connector.examine() if each.code == "clock_skew"]
    assert skew.params == {"seconds": 90}


@pytest.mark.parametrize(("days", "severity"), [(-1, "error"), (3, "warning"), (60, None)])
def test_a_consent_that_ends_is_told_ahead(core: GoogleDriveSandbox, days: int, severity: str | None) -> None:
    ends = utc(core.clock.now() + timedelta(days=days))
    settings = CONNECTOR.settings(**SANDBOX.settings(core, BASE))
    clock: Any = core.clock
    kept = Kept(refresh_token_expires=ends)
    connector: Any = CONNECTOR.build(settings, Context("files", clock, kept, transport=SandboxTransport(core)))
    told = [(each.severity, each.params["at"]) for each in connector.examine() if each.code == "expires"]
    assert told == ([(severity, ends)] if severity else [])


def test_other_programs_are_known_by_their_properties_and_accounts(core: GoogleDriveSandbox, office: Office) -> None:
    core.store.items[office.project].properties = {"unito_block": "7"}
    core.create(
        "Ada",
        "permissions",
        {"fileId": core.root_id, "role": "writer", "emailAddress": "sync@other.iam.gserviceaccount.com"},
    )
    told = {each.params["tool"]: each.params["where"] for each in symptoms(core)["other_tool"]}
    assert told == {"unito": "Website", "sync@other.iam.gserviceaccount.com": "Clients"}


def test_storage_that_runs_out_is_told_where_it_counts(clock: VirtualClock) -> None:
    for shared, codes in ((False, 1), (True, 0)):
        core = GoogleDriveSandbox(clock, 1, shared_drive=shared)
        core.quota = {"limit": "1000", "usage": "950"}
        found = symptoms(core).get("limit_near", [])
        assert len(found) == codes
        assert [each.params for each in found] == [{"what": "storage", "where": "Clients", "most": 1000}] * codes
        core.quota = {"usage": "950"}
        assert "limit_near" not in symptoms(core), "without a limit nothing runs out"


def test_where_nothing_can_be_seen_it_raises_as_check_does(core: GoogleDriveSandbox) -> None:
    core.delete("Ada", "folders", core.root_id)
    with pytest.raises(Misconfigured, match="in the trash"):
        connect(core).examine()
