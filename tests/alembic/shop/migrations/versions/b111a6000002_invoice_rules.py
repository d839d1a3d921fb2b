"""Invoice rules

Revision ID: b111a6000002
Revises: b111a6000001
"""
from alembic import op

revision = "b111a6000002"
down_revision = "b111a6000001"
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table("invoices") as invoices:
        invoices.create_unique_constraint("invoices_number_key", ["number"])
        invoices.create_check_constraint("invoices_number_check", "number <> ''")
        invoices.create_index("invoices_order_id_idx", ["order_id"])
    op.create_foreign_key("invoices_order_id_fkey", "invoices", "orders", ["order_id"], ["id"])


def downgrade():
    op.drop_constraint("invoices_order_id_fkey", "invoices")
    with op.batch_alter_table("invoices") as invoices:
        invoices.drop_index("invoices_order_id_idx")
        invoices.drop_constraint("invoices_number_check")
        invoices.drop_constraint("invoices_number_key")
