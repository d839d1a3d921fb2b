"""Index products

Revision ID: ca7a10600003
Revises: ca7a10600002
"""
from alembic import op
import sqlalchemy as sa

revision = "ca7a10600003"
down_revision = "ca7a10600002"
branch_labels = None
depends_on = None


def upgrade():
    with op.get_context().autocommit_block():
        op.create_index("products_label_idx", "products", ["label"], postgresql_concurrently=True)
        op.create_index(
            "products_heavy_idx",
            "products",
            ["id"],
            postgresql_concurrently=True,
            postgresql_where=sa.text("weight % 1000 = 0"),
        )


def downgrade():
    op.drop_index("products_heavy_idx", "products")
    op.drop_index("products_label_idx", "products")
