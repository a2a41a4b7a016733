"""Alembic's entry for a workspace's tables, to write a revision from the models; the runner takes the steps alone."""

from alembic import context

from crm.models import METADATA


def run() -> None:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=METADATA,
        compare_server_default=True,
        version_table="alembic_version",
    )
    context.run_migrations()


run()
