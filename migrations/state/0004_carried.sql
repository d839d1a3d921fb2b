-- What hung on the table at the cutover and was carried over: the statements that did it, and those that follow it.
-- A run that waits is cut over together with the next one of its revision, which is about a table that a foreign key
-- ties to its own.
ALTER TABLE crossfade.runs ADD COLUMN carried jsonb, ADD COLUMN waits boolean NOT NULL DEFAULT false;

DROP INDEX crossfade.runs_one_a_revision;
CREATE UNIQUE INDEX runs_one_a_revision ON crossfade.runs (revision)
  WHERE phase NOT IN ('soaking', 'reverted', 'contracted', 'aborted') AND NOT waits;
