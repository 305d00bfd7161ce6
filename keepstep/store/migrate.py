"""Bringing a store to the revision that this code knows, with Alembic."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from keepstep.store.errors import StoreError


def known() -> set[str]:
    """The revisions that this code can start from."""
    return {script.revision for script in ScriptDirectory.from_config(_configured()).walk_revisions()}


def _configured() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def upgrade(engine: sa.Engine, revision: str | None, shown: str) -> None:
    """Run the missing migrations in one transaction. Raises ``StoreError`` if the store is newer than this code."""
    config = _configured()
    if revision is not None and revision not in known():
        raise StoreError("store_newer", url=shown, revision=revision)
    with engine.connect() as connection, connection.begin():
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
