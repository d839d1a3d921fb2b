"""Create customers and orders

Revision ID: 4f1a01c0de01
Revises: 
"""
from alembic import op
import sqlalchemy as sa

revision = "4f1a01c0de01"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "customers",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("email", sa.String(120), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("nickname", sa.Text),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("customer_id", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Enum("new", "paid", "shipped", name="order_state"), nullable=False),
        sa.Column("total", sa.Numeric(10, 2), nullable=False),
        sa.Column("comment", sa.String(100)),
    )
    op.bulk_insert(
        sa.table(
            "customers",
            sa.column("id", sa.BigInteger),
            sa.column("email", sa.Text),
            sa.column("name", sa.Text),
            sa.column("nickname", sa.Text),
        ),
        [
            {"id": 1, "email": "ada@example.org", "name": "Ada; the first", "nickname": "100%"},
            {"id": 2, "email": "bob@example.org", "name": "Bob O'Hara", "nickname": None},
        ],
    )


def downgrade():
    op.drop_table("orders")
    op.drop_table("customers")
    op.execute("DROP TYPE order_state")
