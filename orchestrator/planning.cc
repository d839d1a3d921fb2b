#include "orchestrator/planning.h"

#include <fmt/format.h>

#include <algorithm>

#include <boost/json.hpp>
#include <set>

#include "checkers/preflight.h"
#include "migrations/fingerprint.h"
#include "migrations/repoint.h"
#include "migrations/statement.h"
#include "orchestrator/shape_rehearsal.h"
#include "postgres/catalog.h"
#include "postgres/problem.h"
#include "strategies/shadow_table.h"

namespace crossfade::orchestrator {

namespace {

using migrations::Statement;
using migrations::StatementKind;

Failure refused(std::string code, std::string object, std::string message, std::string expected,
                std::string found, std::string next) {
  return Failure(ExitCode::refused, {std::move(code), std::move(object), std::move(message),
                                     std::move(expected), std::move(found), std::move(next)});
}

std::vector<Statement> statements_of(const migrations::MigrationFile& file) {
  return migrations::parse_statements(file.up_sql, file.path, file.up_first_line);
}

bool changes_one_table(const Statement& statement) {
  switch (statement.kind) {
    case StatementKind::alter_table:
      return statement.object_type.empty() || statement.object_type == "OBJECT_TABLE";
    case StatementKind::rename_column:
    case StatementKind::rename_constraint:
    case StatementKind::comment:
      return statement.table.has_value();
    case StatementKind::create_index:
      return !statement.concurrent;
    case StatementKind::other:
      return false;
  }
  return false;
}

void require_supported(const migrations::MigrationFile& file, const std::vector<Statement>& statements) {
  for (const Statement& statement : statements) {
    if (changes_one_table(statement) && !migrations::names_other_relations(statement)) continue;
    const bool names_others = changes_one_table(statement);
    throw refused(names_others ? "names-other-relations" : "unsupported-statement",
                  migrations::location(statement, file.path),
                  names_others ? "the statement refers to other relations beside its table"
                               : "this kind of statement cannot be part of a table rewrite",
                  "ALTER TABLE, RENAME COLUMN, RENAME CONSTRAINT, CREATE INDEX (not CONCURRENTLY) or COMMENT "
                  "on one table",
                  statement.text.substr(0, 120),
                  "Move the statement to a file of its own and run it by hand.");
  }
  for (const migrations::Directive& directive : file.directives) {
    if (directive.name == "allow" || directive.name == "sequence") continue;
    throw refused("unsupported-directive", fmt::format("{}:{}", file.path, directive.line),
                  "the directive crossfade:" + directive.name + " is not supported by the table rewrite", "",
                  directive.name, "Remove the directive.");
  }
}

std::set<std::pair<std::string, std::string>> tables_named(const migrations::MigrationFile& file,
                                                           const std::vector<Statement>& statements) {
  std::set<std::pair<std::string, std::string>> out;
  for (const Statement& statement : statements) {
    if (statement.table) out.emplace(statement.table->schema.value_or(""), statement.table->name);
  }
  for (const std::string& name : file.rewrites) {
    if (const auto table = migrations::parse_table_reference(name))
      out.emplace(table->schema.value_or(""), table->name);
  }
  for (const migrations::ColumnExpression& backfill : file.backfills) {
    if (backfill.table) out.emplace(backfill.table->schema.value_or(""), backfill.table->name);
  }
  return out;
}

constexpr std::string_view kRelationNames = R"sql(
SELECT relname AS name FROM pg_catalog.pg_class WHERE relnamespace = $1::pg_catalog.regnamespace
)sql";

// Made in a schema of its own, the new table gets the plain name for its array type; the source's own may
// differ.
constexpr std::string_view kTakenArrayType = R"sql(
SELECT t.typname AS name FROM pg_catalog.pg_type t
 WHERE t.typnamespace = $1::pg_catalog.regnamespace AND t.typname = ('_' || $2)::pg_catalog.name
   AND t.oid NOT IN (SELECT own.typarray FROM pg_catalog.pg_type own WHERE own.typrelid = $3::pg_catalog.oid)
)sql";

strategies::SchemaNames schema_names(postgres::Session& session, const postgres::Table& source) {
  const std::string schema = postgres::quote_identifier(source.name.schema);
  strategies::SchemaNames names;
  const postgres::Rows relations =
      session.run({"planning.relation_names", std::string(kRelationNames)}, {schema});
  for (const postgres::Row row : relations) names.relations.insert(row.text("name"));
  const postgres::Rows types = session.run({"planning.array_type", std::string(kTakenArrayType)},
                                           {schema, source.name.name, std::to_string(source.oid)});
  if (!types.empty()) names.taken_array_type = types[0].text("name");
  return names;
}

bool widens_sequences(const migrations::MigrationFile& file) {
  return std::any_of(file.directives.begin(), file.directives.end(),
                     [](const migrations::Directive& directive) {
                       return directive.name == "sequence" && directive.argument == "as bigint";
                     });
}

checkers::PreflightRequest preflight_request(const postgres::Table& source) {
  return {.table_oid = source.oid,
          .display = source.name.display(),
          .estimated_bytes = static_cast<std::uint64_t>(source.heap_bytes + source.index_bytes)};
}

void append(std::vector<Problem>& to, std::vector<Problem> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

FileTarget resolve_target(postgres::Session& session, const migrations::MigrationFile& file) {
  const std::vector<Statement> statements = statements_of(file);
  require_supported(file, statements);
  const auto names = tables_named(file, statements);
  if (names.empty()) {
    throw refused("nothing-to-do", file.path, "the file changes no table",
                  "at least one ALTER TABLE, or crossfade:rewrite", "none",
                  "Add the change, or remove the file.");
  }
  FileTarget target;
  for (const auto& [schema, name] : names) {
    const auto oid = postgres::find_relation(session, schema, name);
    const std::string display = schema.empty() ? name : schema + "." + name;
    if (!oid) {
      throw refused(
          "no-such-table", display, "there is no such table in this database",
          "a table that the current role can see" + std::string(schema.empty() ? " in its search_path" : ""),
          "none", "Correct the name in " + file.path + ", or connect to the right database.");
    }
    if (target.oid != 0 && target.oid != *oid) {
      throw refused("several-tables", file.path, "the file changes more than one table", "one table a file",
                    target.name.display() + " and " + display, "Split the file, one table each.");
    }
    target.oid = *oid;
    const postgres::Rows rows = session.run(
        {"planning.relation",
         "SELECT n.nspname AS schema, c.relname AS name FROM pg_catalog.pg_class c"
         " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::pg_catalog.oid"},
        {std::to_string(*oid)});
    target.name = {rows.only().text("schema"), rows.only().text("name")};
  }
  return target;
}

strategies::RevisionPlan plan_revision(postgres::Session& session, const migrations::MigrationFile& file,
                                       std::int64_t run) {
  const FileTarget target = resolve_target(session, file);
  const std::vector<Statement> statements = statements_of(file);
  const postgres::Table source = postgres::load_table(session, target.oid).value();
  strategies::RevisionPlan plan{.revision = file.revision};
  std::vector<Problem> findings = checkers::preflight(session, preflight_request(source));
  if (source.kind == "r") {
    try {
      const strategies::ShapeRehearsal rehearsal = rehearse(session, source, run, file, statements);
      plan =
          strategies::plan_shadow_table({run, &file, &statements, &rehearsal, schema_names(session, source)});
    } catch (const Failure& failure) {
      plan.refusals.push_back(failure.problem());
    }
  }
  append(findings, std::move(plan.refusals));
  plan.refusals = std::move(findings);
  if (plan.refusals.empty()) {
    auto request = preflight_request(source);
    for (const auto& [source_name, target_name] : plan.shadow->carried_columns) {
      const postgres::Column* now = plan.shadow->target.column(target_name);
      if (now->type != source.column(source_name)->type)
        request.type_changes.push_back({source_name, now->type});
    }
    plan.announcements = checkers::announcements(session, request);
    if (widens_sequences(file)) {
      std::erase_if(plan.announcements, [](const Problem& note) { return note.code == "integer-sequence"; });
    }
  } else {
    plan.shadow.reset();
  }
  return plan;
}

Failure refusal_of(const strategies::RevisionPlan& plan) {
  Problem problem = plan.refusals.front();
  for (std::size_t index = 1; index < plan.refusals.size(); ++index) {
    problem.found += (problem.found.empty() ? "also: " : "; also: ") + describe(plan.refusals[index]);
  }
  return Failure(ExitCode::refused, std::move(problem));
}

std::string plan_fingerprint(const strategies::RevisionPlan& plan) {
  boost::json::array parts;
  for (const strategies::Step& step : plan.steps) parts.push_back(boost::json::value_from(step.sql));
  return migrations::fingerprint(boost::json::serialize(parts));
}

}  // namespace crossfade::orchestrator
