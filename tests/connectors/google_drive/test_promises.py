"""The contract suite against Google Drive's stand-in, stream by stream."""

from __future__ import annotations

from connectors.google_drive import CONNECTOR
from connectors.google_drive.sandbox import SANDBOX
from connectors.sandbox.clock import VirtualClock
from keepstep.testing.contract import ConnectorContract, World

PERSON = "Ada"


class DriveContract(ConnectorContract):
    sample = {"name": "Website"}
    edit = {"name": "Website 2027", "description": "signed"}
    unknown = "1nobodyhasthisid0000000000000000000"
    writing = r"^(POST|PATCH|DELETE) /drive/"
    depth = 0

    def make(self, clock: VirtualClock) -> World:
        world = World.served(CONNECTOR, SANDBOX, clock)
        world.feed = "files"
        for stream in ("client_folders", "project_folders", "category_folders")[: self.depth]:
            made = world.core.create(PERSON, stream, {"name": f"one of the {stream}", **world.place})
            world.place = {"parents": [made]}
        return world


class TestClientFolders(DriveContract):
    stream = "client_folders"


class TestProjectFolders(DriveContract):
    stream = "project_folders"
    depth = 1


class TestCategoryFolders(DriveContract):
    stream = "category_folders"
    depth = 2


class TestDeeperFolders(DriveContract):
    stream = "folders"
    depth = 3


class TestFiles(DriveContract):
    stream = "files"
    depth = 3
    sample = {"name": "plan.txt"}
    edit = {"name": "plan-2.txt", "description": "signed"}


class TestShortcuts(DriveContract):
    stream = "shortcuts"
    depth = 3

    def make(self, clock: VirtualClock) -> World:
        world = super().make(clock)
        target = world.core.create(PERSON, "files", {"name": "plan.txt", **world.place})
        world.place = {**world.place, "shortcutDetails": {"targetId": target}}
        return world
