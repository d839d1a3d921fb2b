"""The tables as they are at the newest revision."""
import sqlalchemy as sa

metadata = sa.MetaData()

customers = sa.Table(
    "customers",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("email", sa.String(200), nullable=False),
    sa.Column("full_name", sa.Text, nullable=False),
    sa.Column("discount", sa.String(20), nullable=False, server_default="0%"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.UniqueConstraint("email", name="customers_email_key"),
    sa.CheckConstraint("email LIKE '%@%'", name="customers_email_check"),
)

orders = sa.Table(
    "orders",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("customer_id", sa.BigInteger, nullable=False),
    sa.Column(
        "state",
        sa.Enum("new", "paid", "shipped", "returned", name="order_state"),
        nullable=False,
        server_default="new",
    ),
    sa.Column("total", sa.Numeric(14, 2), nullable=False, server_default="0"),
    sa.Column("comment", sa.Text),
    sa.Column("channel", sa.String(10), nullable=False, server_default="web"),
    sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="orders_customer_id_fkey"),
    sa.CheckConstraint("total >= 0", name="orders_total_check"),
    sa.Index("orders_customer_id_idx", "customer_id"),
    sa.Index("orders_state_idx", "state"),
)

invoices = sa.Table(
    "invoices",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("order_id", sa.BigInteger, nullable=False),
    sa.Column("number", sa.String(30), nullable=False),
    sa.Column("note", sa.Text, nullable=False, server_default="net; no tax"),
    sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="invoices_order_id_fkey"),
    sa.UniqueConstraint("number", name="invoices_number_key"),
    sa.CheckConstraint("number <> ''", name="invoices_number_check"),
    sa.Index("invoices_order_id_idx", "order_id"),
)

products = sa.Table(
    "products",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("label", sa.String(80), nullable=False),
    sa.Column("price", sa.Numeric(10, 2), nullable=False),
    sa.Column("weight", sa.BigInteger),
    sa.Index("products_label_idx", "label"),
    sa.Index("products_heavy_idx", "id", postgresql_where=sa.text("weight % 1000 = 0")),
)
