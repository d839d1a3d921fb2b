-- Cents instead of a numeric, and a column that is computed from the row. Several statements on one table are one
-- rewrite.
-- crossfade:backfill total_cents = (amount * 100)::bigint
-- migrate:up
ALTER TABLE orders ADD COLUMN total_cents bigint NOT NULL;
ALTER TABLE orders ALTER COLUMN note TYPE varchar(500) USING left(note, 500);
ALTER TABLE orders ADD CONSTRAINT total_not_negative CHECK (total_cents >= 0);
CREATE INDEX orders_total ON orders (total_cents);
COMMENT ON COLUMN orders.total_cents IS 'the amount in cents';

-- migrate:down
ALTER TABLE orders DROP COLUMN total_cents;
