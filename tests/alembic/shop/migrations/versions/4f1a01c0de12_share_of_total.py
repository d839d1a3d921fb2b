"""Share of total

Revision ID: 4f1a01c0de12
Revises: 4f1a01c0de11
"""
from alembic import op

revision = "4f1a01c0de12"
down_revision = "4f1a01c0de11"
branch_labels = None
depends_on = None


def upgrade():
    op.execute(
        """
        CREATE FUNCTION share_of_total(part numeric, whole numeric) RETURNS text
        LANGUAGE plpgsql IMMUTABLE AS $body$
        BEGIN
          -- an empty whole has no shares;
          IF whole = 0 THEN RETURN '-'; END IF;
          RETURN round(100 * part / whole) || '%';
        END;
        $body$;
        """
    )
    op.execute("COMMENT ON FUNCTION share_of_total(numeric, numeric) IS 'in %; rounded'")


def downgrade():
    op.execute("DROP FUNCTION share_of_total(numeric, numeric)")
