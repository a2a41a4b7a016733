"""Alembic's entry for a workspace's tables: compiled to SQL for the runner, or compared with the models by a test."""

from alembic import context

from crm.models import METADATA


def run() -> None:
    if context.is_offline_mode():
        context.configure(
            dialect_name="postgresql",
            target_metadata=METADATA,
            output_buffer=context.config.output_buffer,
            version_table=None,
            transactional_ddl=False,
        )
        context.run_migrations()
        return
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=METADATA,
        compare_server_default=True,
        version_table="alembic_version",
    )
    context.run_migrations()


run()
