"""Server defaults

Revision ID: 4f1a01c0de02
Revises: 4f1a01c0de01
"""
from alembic import op
import sqlalchemy as sa

revision = "4f1a01c0de02"
down_revision = "4f1a01c0de01"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("customers", sa.Column("discount", sa.String(20), nullable=False, server_default="0%"))
    op.add_column(
        "customers",
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    )
    op.alter_column("orders", "state", server_default="new")
    op.alter_column("orders", "total", server_default=sa.text("0"))


def downgrade():
    op.alter_column("orders", "total", server_default=None)
    op.alter_column("orders", "state", server_default=None)
    op.drop_column("customers", "created_at")
    op.drop_column("customers", "discount")
