-- No change of the shape: the table is written anew, without its dead space, as VACUUM FULL would do it.
-- crossfade:rewrite orders
COMMENT ON TABLE orders IS 'rewritten in November 2026';
