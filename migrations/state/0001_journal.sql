-- The journal: what was planned, what is done, who does it, and what happened. Every effect of a run commits in one
-- transaction with its row here, so that whatever is found after a crash can be believed.

CREATE TABLE crossfade.state_versions (
  version     integer PRIMARY KEY,
  applied_at  timestamptz NOT NULL DEFAULT pg_catalog.now()
);

CREATE TABLE crossfade.runs (
  run                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  revision           text NOT NULL,
  file_fingerprint   text NOT NULL,
  table_schema       text NOT NULL,
  table_name         text NOT NULL,
  table_oid          oid NOT NULL,
  strategy           text NOT NULL,
  phase              text NOT NULL,
  state              text NOT NULL,
  reason             text,
  paused_by          text,
  paused_at          timestamptz,
  postponed          boolean NOT NULL DEFAULT false,
  epoch              text,
  owner_pid          integer,
  owner_host         text,
  owner_since        timestamptz,
  system_identifier  text NOT NULL,
  session_settings   jsonb NOT NULL,
  plan               jsonb,
  source_fingerprint jsonb,
  rows_total         bigint,
  keys_replayed      bigint NOT NULL DEFAULT 0,
  keys_requeued      bigint NOT NULL DEFAULT 0,
  verified_at        timestamptz,
  verification       jsonb,
  cutover_attempts   integer NOT NULL DEFAULT 0,
  cutover            jsonb,
  milliseconds       jsonb NOT NULL DEFAULT '{}',
  created_at         timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  updated_at         timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

-- Two processes that plan the same at once cannot both begin.
CREATE UNIQUE INDEX runs_one_a_table ON crossfade.runs (table_schema, table_name)
  WHERE phase NOT IN ('soaking', 'reverted', 'contracted', 'aborted');
CREATE UNIQUE INDEX runs_one_a_revision ON crossfade.runs (revision)
  WHERE phase NOT IN ('soaking', 'reverted', 'contracted', 'aborted');

CREATE TABLE crossfade.revisions (
  revision    text PRIMARY KEY,
  fingerprint text NOT NULL,
  run         bigint REFERENCES crossfade.runs,
  applied_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  applied_by  text NOT NULL DEFAULT session_user
);

CREATE TABLE crossfade.steps (
  run         bigint NOT NULL REFERENCES crossfade.runs,
  name        text NOT NULL,
  finished_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  detail      jsonb,
  PRIMARY KEY (run, name)
);

-- A chunk's lease is the lock on its row: it ends with its transaction, however that ends.
CREATE TABLE crossfade.chunks (
  run        bigint NOT NULL REFERENCES crossfade.runs,
  number     integer NOT NULL,
  first_page bigint NOT NULL,
  last_page  bigint NOT NULL,
  finished   boolean NOT NULL DEFAULT false,
  rows       bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (run, number)
);
CREATE INDEX chunks_pending ON crossfade.chunks (run, number) WHERE NOT finished;

-- What the owner shows of its work; overwritten, never part of a decision.
CREATE TABLE crossfade.progress (
  run         bigint PRIMARY KEY REFERENCES crossfade.runs,
  rows_done   bigint NOT NULL DEFAULT 0,
  rows_total  bigint NOT NULL DEFAULT 0,
  rows_per_s  double precision NOT NULL DEFAULT 0,
  eta_s       double precision,
  updated_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

CREATE TABLE crossfade.events (
  event  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run    bigint REFERENCES crossfade.runs,
  at     timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  who    text NOT NULL DEFAULT session_user,
  what   text NOT NULL,
  detail jsonb
);

CREATE TABLE crossfade.reports (
  report   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run      bigint REFERENCES crossfade.runs,
  at       timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  document jsonb NOT NULL
);
