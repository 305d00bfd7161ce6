"""Trello REST v1: boards and what lies on them."""

from connectors.context import ConnectorPlugin
from connectors.trello.connector import TrelloConnector
from connectors.trello.models import STREAMS
from connectors.trello.proving import PROVING
from connectors.trello.settings import TrelloSettings
from connectors.trello.signin import login

CONNECTOR = ConnectorPlugin(
    system="trello", settings=TrelloSettings, build=TrelloConnector, streams=STREAMS, login=login, proving=PROVING
)

__all__ = ["CONNECTOR", "TrelloConnector", "TrelloSettings"]
