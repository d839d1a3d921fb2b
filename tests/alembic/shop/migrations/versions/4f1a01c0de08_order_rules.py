"""Order rules

Revision ID: 4f1a01c0de08
Revises: 4f1a01c0de07
"""
from alembic import op

revision = "4f1a01c0de08"
down_revision = "4f1a01c0de07"
branch_labels = None
depends_on = None


def upgrade():
    op.create_index("orders_customer_id_idx", "orders", ["customer_id"])
    op.create_index("orders_state_idx", "orders", ["state"])
    op.create_check_constraint("orders_total_check", "orders", "total >= 0")
    op.create_foreign_key("orders_customer_id_fkey", "orders", "customers", ["customer_id"], ["id"])


def downgrade():
    op.drop_constraint("orders_customer_id_fkey", "orders")
    op.drop_constraint("orders_total_check", "orders")
    op.drop_index("orders_state_idx", "orders")
    op.drop_index("orders_customer_id_idx", "orders")
