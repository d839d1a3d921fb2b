"""Order channel

Revision ID: 4f1a01c0de10
Revises: 4f1a01c0de09
"""
from alembic import op
import sqlalchemy as sa

revision = "4f1a01c0de10"
down_revision = "4f1a01c0de09"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("orders", sa.Column("channel", sa.String(10)))
    op.execute(sa.text("UPDATE orders SET channel = :channel WHERE channel IS NULL").bindparams(channel="web"))
    op.alter_column("orders", "channel", nullable=False, server_default="web")


def downgrade():
    op.drop_column("orders", "channel")
