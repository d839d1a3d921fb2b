"""How much of a note is done

Revision ID: f1a5c0de0002
Revises: f1a5c0de0001
"""
from alembic import op
import sqlalchemy as sa

revision = "f1a5c0de0002"
down_revision = "f1a5c0de0001"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("notes", sa.Column("done", sa.String(10), server_default="0%"))
    op.execute("UPDATE notes SET done = (id % 10) * 10 || '%' WHERE title LIKE '%0%'")
    op.alter_column("notes", "done", nullable=False)


def downgrade():
    op.drop_column("notes", "done")
