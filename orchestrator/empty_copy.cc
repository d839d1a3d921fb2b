#include "orchestrator/empty_copy.h"

#include <algorithm>

#include "migrations/repoint.h"
#include "strategies/shadow_shape.h"

namespace crossfade::orchestrator {

namespace {

// Scans are counted for the transaction that is under way, also those that find no row.
constexpr std::string_view kState = R"sql(
SELECT pg_catalog.pg_relation_filenode($1::pg_catalog.oid)::bigint AS filenode,
       CASE WHEN pg_catalog.current_setting('track_counts')::boolean
            THEN pg_catalog.pg_stat_get_xact_numscans($1::pg_catalog.oid) END AS scans
)sql";

constexpr std::string_view kIndexes = R"sql(
SELECT pg_catalog.pg_relation_filenode(indexrelid)::text AS filenode
  FROM pg_catalog.pg_index WHERE indrelid = $1::pg_catalog.oid
)sql";

}  // namespace

EmptyCopy::EmptyCopy(postgres::Session& session, const postgres::Table& source, const std::string& schema)
    : session_(session), copy_{schema, source.name.name} {
  session_.run({"trial.schema", "CREATE SCHEMA " + postgres::quote_identifier(schema)});
  for (const std::string& statement : strategies::shape_statements(source, copy_))
    session_.run({"trial.shape", statement});
  oid_ = postgres::find_relation(session_, copy_.schema, copy_.name).value();
}

EmptyCopy::State EmptyCopy::state() {
  State out;
  const postgres::Rows rows = session_.run({"trial.state", std::string(kState)}, {std::to_string(oid_)});
  const postgres::Row row = rows.only();
  out.filenode = row.integer("filenode");
  if (!row.is_null("scans")) out.scans = row.integer("scans");
  for (const postgres::Row index :
       session_.run({"trial.indexes", std::string(kIndexes)}, {std::to_string(oid_)}))
    out.index_filenodes.insert(index.text("filenode"));
  return out;
}

Trial EmptyCopy::run(const migrations::Statement& statement) {
  Trial trial;
  const State before = state();
  session_.run({"trial.savepoint", "SAVEPOINT crossfade_trial"});
  try {
    session_.run({"trial.statement", migrations::with_relation(statement, copy_)});
  } catch (const postgres::DatabaseError& error) {
    if (error.connection_dead()) throw;
    session_.run({"trial.undo", "ROLLBACK TO SAVEPOINT crossfade_trial"});
    trial.error = error.report();
    return trial;
  }
  const State after = state();
  trial.facts.rewrites = after.filenode != before.filenode;
  trial.facts.builds_index = !std::includes(before.index_filenodes.begin(), before.index_filenodes.end(),
                                            after.index_filenodes.begin(), after.index_filenodes.end());
  if (after.scans && before.scans) trial.facts.scans = *after.scans != *before.scans;
  session_.run({"trial.release", "RELEASE SAVEPOINT crossfade_trial"});
  return trial;
}

}  // namespace crossfade::orchestrator
