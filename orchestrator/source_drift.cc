#include "orchestrator/source_drift.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "checkers/preflight.h"
#include "postgres/error.h"
#include "postgres/problem.h"
#include "strategies/grants.h"
#include "strategies/shadow_shape.h"
#include "strategies/table_tree.h"

namespace crossfade::orchestrator {

namespace {

constexpr std::string_view kDriftDigest = R"sql(
SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws('|', c.relowner, c.relacl,
         (SELECT pg_catalog.string_agg(a.attnum || ':' || a.attacl::text, ',' ORDER BY a.attnum)
            FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL),
         (SELECT pg_catalog.string_agg(s.oid || ':' || s.relacl::text, ',' ORDER BY s.oid)
            FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
           WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'i'
             AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = c.oid),
         (SELECT pg_catalog.string_agg(i.indexrelid::text, ',' ORDER BY i.indexrelid)
            FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisvalid),
         (SELECT pg_catalog.string_agg(k.oid::text, ',' ORDER BY k.oid)
            FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid),
         c.reloptions, c.relreplident,
         (SELECT pg_catalog.string_agg(s.oid || ':' || s.xmin::text, ',' ORDER BY s.oid) FROM pg_catalog.pg_statistic_ext s
           WHERE s.stxrelid = c.oid)), ',' ORDER BY c.oid)) AS digest
  FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1::pg_catalog.oid[])
)sql";

Failure cannot_adopt(const RunContext& context, const std::string& what, const std::string& why) {
  return Failure(ExitCode::refused,
                 {.code = "table-changed",
                  .object = context.plan.source.name.display(),
                  .message = what + " was added since the run was planned and cannot be carried over",
                  .expected = "the constraints that the run was planned for",
                  .found = why,
                  .next = fmt::format(
                      "Drop it and run `crossfade up` again, or `crossfade abort {}` and `crossfade up`.",
                      context.run())});
}

/// Those of the partitions under the names that they have, and attached to it. Without partitions there are
/// none.
void build_below(const strategies::ShadowTablePlan& plan, postgres::Session& session,
                 const postgres::Index& index) {
  std::set<std::string> made = {index.name};
  std::vector<std::string> attach;
  for (const strategies::ShadowTablePlan& partition : strategies::partition_plans(plan)) {
    const auto source = postgres::load_table(session, partition.source.oid);
    if (!source) continue;  // as the fingerprint will say
    const auto shadow = postgres::find_relation(session, partition.shadow.schema, partition.shadow.name);
    const postgres::Table built = postgres::load_table(session, shadow.value()).value();
    for (const postgres::Index& below : source->indexes) {
      if (!made.contains(below.parent)) continue;
      // The server attaches one of the partition's own where it has the same definition.
      if (built.index(below.name) == nullptr)
        session.run({"drift.build_index_below", strategies::index_statement(below, partition.shadow)});
      made.insert(below.name);
      attach.push_back(
          strategies::attach_index_statement({plan.run_schema, below.parent}, {plan.run_schema, below.name}));
    }
  }
  for (auto statement = attach.rbegin(); statement != attach.rend(); ++statement)
    session.run({"drift.attach_index", *statement});
}

void adopt_index(RunContext& context, const strategies::ShadowTablePlan& plan, postgres::Session& session,
                 const postgres::Index& index) {
  if (index.constraint_name)
    throw cannot_adopt(context, "the constraint " + *index.constraint_name, "a key constraint");
  context.reporter.note(
      fmt::format("{} has got the index {} since the run was planned; it is built on the new table as well",
                  plan.source.name.display(), index.name));
  try {
    WorkerTransaction transaction(session, context.sessions, "drift.index");
    session.run({"drift.build_index", strategies::index_statement(index, plan.shadow)});
    build_below(plan, session, index);
    Journal(session).event(context.run(), "index adopted", {{"index", index.name}});
    transaction.commit();
  } catch (const postgres::DatabaseError& error) {
    if (error.retryable()) throw;
    throw cannot_adopt(context, "the index " + index.name, error.report().message);
  }
}

/// Made, changed or dropped on the source since the plan; ANALYZE fills what is new.
void adopt_statistics(const RunContext& context, const strategies::ShadowTablePlan& plan,
                      postgres::Session& session, const postgres::Table& source,
                      const postgres::Table& shadow) {
  const auto named = [](const std::vector<postgres::ExtendedStatistics>& all, const std::string& name) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.name.name == name; });
    return found == all.end() ? nullptr : &*found;
  };
  bool made = false;
  WorkerTransaction transaction(session, context.sessions, "drift.statistics");
  for (const postgres::ExtendedStatistics& present : shadow.statistics) {
    if (named(source.statistics, present.name.name) != nullptr) continue;
    session.run({"drift.drop_statistics", "DROP STATISTICS " + present.name.quoted()});
  }
  for (const postgres::ExtendedStatistics& wanted : source.statistics) {
    if (named(plan.source.statistics, wanted.name.name) != nullptr ||
        named(shadow.statistics, wanted.name.name) != nullptr)
      continue;
    made = true;
    try {
      for (const std::string& statement :
           strategies::statistics_statements(wanted, plan.run_schema, plan.shadow))
        session.run({"drift.make_statistics", statement});
    } catch (const postgres::DatabaseError& error) {
      if (error.retryable()) throw;
      throw cannot_adopt(context, "the statistics object " + wanted.name.display(), error.report().message);
    }
  }
  transaction.commit();
  if (made) session.run({"drift.analyze", "ANALYZE " + plan.shadow.quoted()});
}

/// A new identity column has a new sequence; a serial column keeps its old one.
void adopt_sequence_grants(postgres::Session& session, const strategies::ShadowTablePlan& plan,
                           const postgres::Table& source, const postgres::Table& shadow) {
  for (const strategies::SequenceMove& move : plan.sequences) {
    const postgres::Column* wanted = source.column(move.source_column);
    const postgres::Column* current = shadow.column(move.shadow_column);
    if (move.kind != "identity" || wanted == nullptr || current == nullptr) continue;
    for (const std::string& statement : strategies::sequence_grant_statements(
             *wanted, *current, source.owner, {plan.run_schema, move.shadow_sequence})) {
      session.run({"drift.sequence_grant", statement});
    }
  }
}

}  // namespace

void refuse_new_dependents(const RunContext& context, postgres::Session& session) {
  std::vector<Problem> findings;
  for (const postgres::Table* table : strategies::source_tables(context.plan)) {
    std::vector<Problem> found = checkers::preflight(
        session,
        {.table_oid = table->oid, .display = table->name.display(), .allowed = context.plan.allowed});
    findings.insert(findings.end(), std::make_move_iterator(found.begin()),
                    std::make_move_iterator(found.end()));
  }
  // The run's own capture triggers.
  std::erase_if(findings, [](const Problem& finding) { return finding.code == "left-over-trigger"; });
  if (findings.empty()) return;
  std::string found;
  for (const Problem& finding : findings)
    found += (found.empty() ? "" : "; ") + finding.object + ": " + finding.message;
  throw Failure(
      ExitCode::refused,
      {.code = findings.front().code,
       .object = context.plan.source.name.display(),
       .message =
           "something has come to hang on the table since the run was planned, and cannot be carried over",
       .expected = "the dependents that the run was planned for",
       .found = found,
       .next = fmt::format("Drop it and run `crossfade up` again, or `crossfade abort {}`.", context.run())});
}

std::string drift_digest(postgres::Session& session, const strategies::ShadowTablePlan& plan) {
  const std::vector<std::uint32_t> oids = strategies::source_oids(plan);
  std::vector<std::string> members;
  for (const std::uint32_t oid : oids) members.push_back(std::to_string(oid));
  const postgres::Rows rows =
      session.run({"drift.digest", std::string(kDriftDigest), true}, {postgres::array_literal(members)});
  const postgres::Row row = rows.only();
  if (row.is_null("digest")) return "";
  return row.text("digest") + "-" + postgres::dependents_digest(session, oids);
}

std::optional<postgres::Table> adopt_drift(RunContext& context, const strategies::ShadowTablePlan& plan,
                                           postgres::Session& session) {
  // A partition gets what comes from above with its parent, unless it is written anew alone.
  const bool with_parent = &plan != &context.plan;
  auto source = postgres::load_table(session, plan.source.oid);
  const auto shadow_oid = postgres::find_relation(session, plan.shadow.schema, plan.shadow.name);
  if (!source || !shadow_oid) return std::nullopt;
  if (!with_parent) refuse_new_dependents(context, session);
  if (source->replica_identity != plan.source.replica_identity)
    throw cannot_adopt(context, "another replica identity", "REPLICA IDENTITY");
  if (source->options != plan.source.options)
    throw cannot_adopt(context, "a storage parameter", "ALTER TABLE … SET");
  if (plan.target.owner != plan.source.owner) source = strategies::with_owner(*source, plan.target.owner);
  postgres::Table shadow = postgres::load_table(session, *shadow_oid).value();
  if (source->owner != shadow.owner) {
    session.run({"drift.owner", "ALTER TABLE " + plan.shadow.quoted() + " OWNER TO " +
                                    postgres::quote_identifier(source->owner)});
    shadow = postgres::load_table(session, *shadow_oid).value();
  }
  {
    // A grant by another than the owner takes that role for a moment.
    postgres::Transaction transaction(session, "drift.grants");
    for (const std::string& statement : strategies::grant_statements(
             strategies::with_target_names(*source, plan.carried_columns), shadow, plan.shadow)) {
      session.run({"drift.grant", statement});
    }
    adopt_sequence_grants(session, plan, *source, shadow);
    transaction.commit();
  }
  for (const postgres::Constraint& constraint : source->constraints) {
    const bool planned = constraint.type == "f" || constraint.type == "t" ||
                         (constraint.inherited && with_parent) ||
                         strategies::find_constraint(plan.source, constraint.name) != nullptr;
    if (!planned) throw cannot_adopt(context, "the constraint " + constraint.name, constraint.definition);
  }
  adopt_statistics(context, plan, session, *source, shadow);
  for (const postgres::Index& index : source->indexes) {
    const bool known = plan.source.index(index.name) != nullptr || shadow.index(index.name) != nullptr;
    if (!known && index.valid && (index.parent.empty() || !with_parent))
      adopt_index(context, plan, session, index);
  }
  return source;
}

}  // namespace crossfade::orchestrator
