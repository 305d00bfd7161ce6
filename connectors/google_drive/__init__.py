"""Google Drive v3: folders by their depth below one root, files, shortcuts; comments and permissions read only."""

from __future__ import annotations

from connectors.context import ConnectorPlugin
from connectors.google_drive.connector import GoogleDrive
from connectors.google_drive.description import EVERY_STREAM
from connectors.google_drive.login import login
from connectors.google_drive.proving import PROVING
from connectors.google_drive.settings import Settings

CONNECTOR = ConnectorPlugin(
    system="google_drive", settings=Settings, build=GoogleDrive, streams=EVERY_STREAM, login=login, proving=PROVING
)
