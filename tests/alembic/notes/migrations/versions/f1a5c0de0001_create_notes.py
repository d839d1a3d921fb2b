"""Create notes

Revision ID: f1a5c0de0001
Revises:
"""
from alembic import op
import sqlalchemy as sa

revision = "f1a5c0de0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "notes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("title", sa.String(100), nullable=False),
    )
    op.execute("INSERT INTO notes (title) SELECT 'note ' || i || ' of 100%' FROM generate_series(1, 100) AS i")


def downgrade():
    op.drop_table("notes")
