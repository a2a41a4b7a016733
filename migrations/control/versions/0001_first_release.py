"""The shared tables of the first release."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "failed_sign_in",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failed_sign_in")),
        schema="control",
    )
    op.create_index(
        op.f("ix_failed_sign_in_address_at"), "failed_sign_in", ["address", "at"], unique=False, schema="control"
    )
    op.create_index(
        op.f("ix_failed_sign_in_email_at"), "failed_sign_in", ["email", "at"], unique=False, schema="control"
    )
    op.create_table(
        "identity",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("language", sa.String(), server_default="en", nullable=False),
        sa.Column("time_zone", sa.String(), server_default="UTC", nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity")),
        schema="control",
    )
    op.create_index(op.f("ix_identity_email"), "identity", ["email"], unique=False, schema="control")
    op.create_index(
        "uq_identity_confirmed_email",
        "identity",
        ["email"],
        unique=True,
        schema="control",
        postgresql_where=sa.text("confirmed_at is not null and workspace_id is null"),
    )
    op.create_index(
        "uq_identity_workspace_email",
        "identity",
        ["workspace_id", "email"],
        unique=True,
        schema="control",
        postgresql_where=sa.text("workspace_id is not null"),
    )
    op.create_table(
        "periodic_run",
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("task", "due", name=op.f("pk_periodic_run")),
        schema="control",
    )
    op.create_table(
        "schema_script",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schema_script")),
        schema="control",
    )
    op.create_table(
        "workspace",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("schema_name", sa.String(), nullable=False),
        sa.Column("role_name", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="ready", nullable=False),
        sa.Column("slug", sa.String(), nullable=True),
        sa.Column("name", sa.String(), server_default="", nullable=False),
        sa.Column("language", sa.String(), server_default="en", nullable=False),
        sa.Column("time_zone", sa.String(), server_default="UTC", nullable=False),
        sa.Column("country", sa.String(), server_default="CZ", nullable=False),
        sa.Column("currency", sa.String(), server_default="CZK", nullable=False),
        sa.Column("industry", sa.String(), server_default="", nullable=False),
        sa.Column("second_factor", sa.String(), server_default="nobody", nullable=False),
        sa.Column("single_sign_on", sa.String(), server_default="off", nullable=False),
        sa.Column("plan", sa.String(), server_default="free", nullable=False),
        sa.Column("seats", sa.Integer(), server_default="0", nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(), server_default="", nullable=False),
        sa.Column("erase_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("migration_error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspace")),
        sa.UniqueConstraint("role_name", name=op.f("uq_workspace_role_name")),
        sa.UniqueConstraint("schema_name", name=op.f("uq_workspace_schema_name")),
        sa.UniqueConstraint("slug", name=op.f("uq_workspace_slug")),
        schema="control",
    )
    op.create_index(
        "ix_workspace_pool",
        "workspace",
        ["id"],
        unique=False,
        schema="control",
        postgresql_where=sa.text("state = 'ready'"),
    )
    op.create_index("ix_workspace_version", "workspace", ["version"], unique=False, schema="control")
    op.create_foreign_key(
        op.f("fk_identity_workspace_id"),
        "identity",
        "workspace",
        ["workspace_id"],
        ["id"],
        source_schema="control",
        referent_schema="control",
        ondelete="cascade",
    )
    op.create_table(
        "drift",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("was", sa.BigInteger(), nullable=False),
        sa.Column("truth", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["control.workspace.id"],
            name=op.f("fk_drift_workspace_id"),
            ondelete="cascade",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drift")),
        schema="control",
    )
    op.create_index(op.f("ix_drift_workspace_id"), "drift", ["workspace_id"], unique=False, schema="control")
    op.create_table(
        "failed_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["control.identity.id"], name=op.f("fk_failed_code_identity_id"), ondelete="cascade"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failed_code")),
        schema="control",
    )
    op.create_index(
        op.f("ix_failed_code_identity_id_at"), "failed_code", ["identity_id", "at"], unique=False, schema="control"
    )
    op.create_table(
        "known_device",
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["control.identity.id"], name=op.f("fk_known_device_identity_id"), ondelete="cascade"
        ),
        sa.PrimaryKeyConstraint("identity_id", "key", name=op.f("pk_known_device")),
        schema="control",
    )
    op.create_table(
        "mailed_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["control.identity.id"], name=op.f("fk_mailed_link_identity_id"), ondelete="cascade"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailed_link")),
        schema="control",
    )
    op.create_index(op.f("ix_mailed_link_identity_id"), "mailed_link", ["identity_id"], unique=False, schema="control")
    op.create_table(
        "membership",
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["control.identity.id"], name=op.f("fk_membership_identity_id"), ondelete="cascade"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["control.workspace.id"], name=op.f("fk_membership_workspace_id"), ondelete="cascade"
        ),
        sa.PrimaryKeyConstraint("identity_id", "workspace_id", name=op.f("pk_membership")),
        schema="control",
    )
    op.create_table(
        "passkey",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["control.identity.id"], name=op.f("fk_passkey_identity_id"), ondelete="cascade"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkey_credential_id")),
        schema="control",
    )
    op.create_index(op.f("ix_passkey_identity_id"), "passkey", ["identity_id"], unique=False, schema="control")
    op.create_table(
        "passkey_challenge",
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["control.identity.id"], name=op.f("fk_passkey_challenge_identity_id"), ondelete="cascade"
        ),
        sa.PrimaryKeyConstraint("value", name=op.f("pk_passkey_challenge")),
        schema="control",
    )
    op.create_table(
        "proven_domain",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["control.workspace.id"], name=op.f("fk_proven_domain_workspace_id"), ondelete="cascade"
        ),
        sa.PrimaryKeyConstraint("name", "workspace_id", name=op.f("pk_proven_domain")),
        schema="control",
    )
    op.create_table(
        "recovery_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["control.identity.id"], name=op.f("fk_recovery_code_identity_id"), ondelete="cascade"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_code")),
        schema="control",
    )
    op.create_index(
        op.f("ix_recovery_code_identity_id"), "recovery_code", ["identity_id"], unique=False, schema="control"
    )
    op.create_table(
        "sign_in",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("address", sa.String(), server_default="", nullable=False),
        sa.Column("device", sa.String(), server_default="", nullable=False),
        sa.Column("proof", sa.String(), server_default="password", nullable=False),
        sa.Column("proven_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["control.identity.id"], name=op.f("fk_sign_in_identity_id"), ondelete="cascade"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["control.workspace.id"], name=op.f("fk_sign_in_workspace_id"), ondelete="cascade"
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in")),
        sa.UniqueConstraint("id", name=op.f("uq_sign_in_id")),
        schema="control",
    )
    op.create_index(op.f("ix_sign_in_identity_id"), "sign_in", ["identity_id"], unique=False, schema="control")
    op.create_index(op.f("ix_sign_in_workspace_id"), "sign_in", ["workspace_id"], unique=False, schema="control")
    op.create_table(
        "sign_on_trip",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("nonce", sa.String(), nullable=False),
        sa.Column("verifier", sa.String(), nullable=False),
        sa.Column("to", sa.String(), nullable=False),
        sa.Column("proves", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("issuer", sa.String(), server_default="", nullable=False),
        sa.Column("subject", sa.String(), server_default="", nullable=False),
        sa.Column("email", sa.String(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["control.workspace.id"], name=op.f("fk_sign_on_trip_workspace_id"), ondelete="cascade"
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_on_trip")),
        schema="control",
    )
    op.create_table(
        "totp",
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["control.identity.id"], name=op.f("fk_totp_identity_id"), ondelete="cascade"
        ),
        sa.PrimaryKeyConstraint("identity_id", name=op.f("pk_totp")),
        schema="control",
    )
    op.create_table(
        "waiting_sign_in",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("to", sa.String(), nullable=False),
        sa.Column("stay", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["control.identity.id"], name=op.f("fk_waiting_sign_in_identity_id"), ondelete="cascade"
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_waiting_sign_in")),
        schema="control",
    )
    op.create_index(
        op.f("ix_waiting_sign_in_identity_id"), "waiting_sign_in", ["identity_id"], unique=False, schema="control"
    )
    op.create_table(
        "billing_account",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("live", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=True),
        sa.Column("checkout_id", sa.String(), nullable=True),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given_plan", sa.String(), nullable=True),
        sa.Column("given_seats", sa.Integer(), server_default="0", nullable=False),
        sa.Column("told", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("subscription_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(), server_default="", nullable=False),
        sa.Column("plan", sa.String(), server_default="", nullable=False),
        sa.Column("period", sa.String(), server_default="", nullable=False),
        sa.Column("currency", sa.String(), server_default="", nullable=False),
        sa.Column("seats", sa.Integer(), server_default="0", nullable=False),
        sa.Column("addons", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trial_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unpaid_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("card", sa.String(), server_default="", nullable=False),
        sa.Column("discount", sa.String(), server_default="", nullable=False),
        sa.Column("now", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["control.workspace.id"], name=op.f("fk_billing_account_workspace_id"), ondelete="cascade"
        ),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_billing_account")),
        sa.UniqueConstraint("customer_id", name=op.f("uq_billing_account_customer_id")),
        schema="control",
    )
    op.create_table(
        "billing_order",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("asked", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("refusals", sa.Integer(), server_default="0", nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["control.workspace.id"], name=op.f("fk_billing_order_workspace_id"), ondelete="cascade"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_order")),
        schema="control",
    )
    op.create_index(
        op.f("ix_billing_order_workspace_id"), "billing_order", ["workspace_id"], unique=False, schema="control"
    )
    op.create_table(
        "stripe_event",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=True),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stripe_event")),
        schema="control",
    )
    op.create_index(
        op.f("ix_stripe_event_customer_id"), "stripe_event", ["customer_id"], unique=False, schema="control"
    )
    op.create_index(
        op.f("ix_stripe_event_received_at"), "stripe_event", ["received_at"], unique=False, schema="control"
    )
    op.create_table(
        "billing_notice",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("said", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["control.workspace.id"], name=op.f("fk_billing_notice_workspace_id"), ondelete="cascade"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_notice")),
        sa.UniqueConstraint("key", name=op.f("uq_billing_notice_key")),
        schema="control",
    )
    op.create_table(
        "backup",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="waiting", nullable=False),
        sa.Column("size", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("sha256", sa.String(), server_default="", nullable=False),
        sa.Column("key_id", sa.String(), server_default="", nullable=False),
        sa.Column("version", sa.String(), server_default="", nullable=False),
        sa.Column("newest_event", sa.Uuid(), nullable=True),
        sa.Column("done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("all", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("drilled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("drill_error", sa.String(), server_default="", nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(), server_default="", nullable=False),
        sa.CheckConstraint("kind in ('scheduled', 'by hand', 'safety', 'uploaded')", name=op.f("ck_backup_kind")),
        sa.CheckConstraint("state in ('waiting', 'making', 'kept', 'failed', 'stopped')", name=op.f("ck_backup_state")),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["control.workspace.id"], name=op.f("fk_backup_workspace_id"), ondelete="cascade"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backup")),
        schema="control",
    )
    op.create_index(
        op.f("ix_backup_workspace_id_made_at"), "backup", ["workspace_id", "made_at"], unique=False, schema="control"
    )
    op.create_table(
        "restore",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("backup_id", sa.Uuid(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("in_place", sa.Boolean(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="waiting", nullable=False),
        sa.Column("done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("all", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("made_id", sa.BigInteger(), nullable=True),
        sa.Column("safety_id", sa.Uuid(), nullable=True),
        sa.Column("error", sa.String(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state in ('waiting', 'running', 'done', 'failed', 'stopped')", name=op.f("ck_restore_state")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["control.workspace.id"], name=op.f("fk_restore_workspace_id"), ondelete="cascade"
        ),
        sa.ForeignKeyConstraint(
            ["backup_id"], ["control.backup.id"], name=op.f("fk_restore_backup_id"), ondelete="cascade"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restore")),
        schema="control",
    )
    op.create_index(op.f("ix_restore_workspace_id"), "restore", ["workspace_id"], unique=False, schema="control")
    op.create_table(
        "schema_step",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_schema_step")),
        sa.UniqueConstraint("version", name=op.f("uq_schema_step_version")),
        schema="control",
    )
    op.create_table(
        "failed",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("trace", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failed")),
        schema="bus",
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("role", sa.String(), server_default=sa.text("current_user"), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("queue", sa.String(), server_default="default", nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("ready", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("crashes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("holder", sa.String(), server_default="", nullable=False),
        sa.CheckConstraint("queue in ('bell', 'urgent', 'default', 'bulk')", name=op.f("ck_outbox_queue")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        schema="bus",
    )
    op.create_index(
        "ix_outbox_ready",
        "outbox",
        ["queue", "role", "id"],
        unique=False,
        schema="bus",
        postgresql_where=sa.text("ready"),
    )
    op.create_index(
        "ix_outbox_waiting",
        "outbox",
        ["next_at"],
        unique=False,
        schema="bus",
        postgresql_where=sa.text("not ready"),
    )

    op.create_table(
        "wake",
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stamp", sa.BigInteger(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("role", name=op.f("pk_wake")),
        schema="bus",
    )
    op.create_index(op.f("ix_wake_at"), "wake", ["at"], unique=False, schema="bus")
    op.create_table(
        "certificate",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("said", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("owners", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificate")),
        sa.UniqueConstraint("workspace_id", name=op.f("uq_certificate_workspace_id")),
        schema="control",
    )
    op.create_table(
        "erased",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["control.workspace.id"], name=op.f("fk_erased_workspace_id"), ondelete="cascade"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "record_id", name=op.f("pk_erased")),
        schema="control",
    )
    op.create_table(
        "mail_place",
        sa.Column("mailbox", sa.String(), nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("mailbox", name=op.f("pk_mail_place")),
        schema="control",
    )
    op.create_table(
        "stray_mail",
        sa.Column("mailbox", sa.String(), nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("mailbox", "uidvalidity", "uid", name=op.f("pk_stray_mail")),
        schema="control",
    )


def downgrade() -> None:
    raise NotImplementedError("a release is not taken back by SQL: restore the backup made before it")
