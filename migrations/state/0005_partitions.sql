-- A chunk of a partitioned table's copy belongs to one of its partitions.
ALTER TABLE crossfade.chunks ADD COLUMN relation oid;
