"""Bringing the database to the tables of this version."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from zonehook.store.database import Database


async def upgrade(database: Database) -> None:
    """Runs the migrations that are missing, all or none. Raises Unavailable."""
    async with database.references_unchecked():
        await database.write(_upgrade)


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    if connection.dialect.name == "postgresql":  # a table may be long
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    command.upgrade(config, "head")
