"""No nicknames

Revision ID: 4f1a01c0de13
Revises: 4f1a01c0de12
"""
from alembic import op
import sqlalchemy as sa

revision = "4f1a01c0de13"
down_revision = "4f1a01c0de12"
branch_labels = None
depends_on = None


def upgrade():
    op.drop_column("customers", "nickname")


def downgrade():
    op.add_column("customers", sa.Column("nickname", sa.Text))
