"""``keepstep.yaml``: read with positions, so that every mistake names its line and its cure."""

from keepstep.config.load import load, loads
from keepstep.config.model import RIDING, Config, Connection, fingerprint, parent_of, with_riding
from keepstep.config.schema import schema
from keepstep.config.words import Side, Watched
from keepstep.problems import ConfigurationError, Problem

__all__ = [
    "RIDING",
    "Config",
    "ConfigurationError",
    "Connection",
    "Problem",
    "Side",
    "Watched",
    "fingerprint",
    "load",
    "loads",
    "parent_of",
    "schema",
    "with_riding",
]
