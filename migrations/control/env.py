"""Alembic's entry for the shared tables: schemas `control` and `bus`."""

from alembic import context
from sqlalchemy import create_engine

import billing.models  # noqa: F401 (declares the tables)
import tenants.backups.models
import tenants.models  # noqa: F401 (declares the tables)
from core.db import ControlBase
from core.outbox import BusBase

METADATA = [ControlBase.metadata, BusBase.metadata]


def run() -> None:
    url = context.config.attributes["url"].replace("postgresql://", "postgresql+psycopg://", 1)
    with create_engine(url).connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=METADATA,
            version_table_schema="control",
            include_schemas=True,
            include_name=lambda name, kind, _parents: kind != "schema" or name in ("control", "bus"),
        )
        with context.begin_transaction():
            context.run_migrations()


run()
