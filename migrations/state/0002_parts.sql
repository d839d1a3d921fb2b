-- A revision may need several runs, one for each part of its statements: a table that is rewritten, or statements that
-- run in place, perhaps on no table at all.
ALTER TABLE crossfade.runs
  ALTER COLUMN table_schema DROP NOT NULL,
  ALTER COLUMN table_name DROP NOT NULL,
  ALTER COLUMN table_oid DROP NOT NULL,
  ADD COLUMN direction text NOT NULL DEFAULT 'up',
  ADD COLUMN completes boolean NOT NULL DEFAULT true,
  ADD COLUMN completion jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN completion_back jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN statements jsonb NOT NULL DEFAULT '[]';

-- Statements of a revision that are finished, by their number in its file, an ALTER TABLE's commands each for itself.
CREATE TABLE crossfade.statements (
  revision    text NOT NULL,
  direction   text NOT NULL,
  number      integer NOT NULL,
  fingerprint text NOT NULL,
  sql         text NOT NULL,
  run         bigint REFERENCES crossfade.runs,
  finished_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  PRIMARY KEY (revision, direction, number)
);

-- What an operator has agreed to; an edited file needs a new one.
CREATE TABLE crossfade.approvals (
  revision    text NOT NULL,
  direction   text NOT NULL,
  fingerprint text NOT NULL,
  who         text NOT NULL,
  at          timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  PRIMARY KEY (revision, direction, fingerprint)
);

-- Each table that a run changes, before its first step and after its last.
CREATE TABLE crossfade.definitions (
  run          bigint NOT NULL REFERENCES crossfade.runs,
  table_schema text NOT NULL,
  table_name   text NOT NULL,
  before       jsonb,
  after        jsonb,
  PRIMARY KEY (run, table_schema, table_name)
);
