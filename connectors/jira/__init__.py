"""Jira Cloud, platform REST API v3."""

from connectors.context import ConnectorPlugin
from connectors.jira.connector import STREAMS, Jira
from connectors.jira.login import login
from connectors.jira.proving import PROVING
from connectors.jira.settings import Settings

CONNECTOR = ConnectorPlugin(system="jira", settings=Settings, build=Jira, streams=STREAMS, login=login, proving=PROVING)
