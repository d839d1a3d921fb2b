-- The key runs out of integers: a wider one, and its sequence with it.
-- crossfade:revises base
-- crossfade:sequence as bigint
-- migrate:up
ALTER TABLE orders ALTER COLUMN id TYPE bigint;

-- migrate:down
ALTER TABLE orders ALTER COLUMN id TYPE integer;
