-- How far each table-wide UPDATE or DELETE has come. A batch's rows and last_key commit in one transaction. Keys are
-- texts, one for each key column; end_key was the largest when the step began, and is NULL where there were no rows.

CREATE TABLE crossfade.batches (
  run            bigint NOT NULL REFERENCES crossfade.runs,
  step           text NOT NULL,
  last_key       text[],
  end_key        text[],
  rows           bigint NOT NULL DEFAULT 0,
  rows_passed    bigint NOT NULL DEFAULT 0,
  rows_per_batch bigint NOT NULL,
  batches        bigint NOT NULL DEFAULT 0,
  finished       boolean NOT NULL DEFAULT false,
  started_at     timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  updated_at     timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  PRIMARY KEY (run, step)
);
