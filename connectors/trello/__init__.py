"""Trello REST v1: boards and what lies on them."""

from connectors.base import ConnectorPlugin
from connectors.trello.connector import TrelloConnector
from connectors.trello.settings import TrelloSettings

CONNECTOR = ConnectorPlugin(system="trello", settings=TrelloSettings, build=TrelloConnector)

__all__ = ["CONNECTOR", "TrelloConnector", "TrelloSettings"]
