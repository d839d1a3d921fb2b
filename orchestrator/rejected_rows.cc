#include "orchestrator/rejected_rows.h"

#include <fmt/format.h>

#include "postgres/problem.h"
#include "strategies/transform.h"

namespace crossfade::orchestrator {

namespace {

/// The key of the first row, in physical order, that the shadow refuses; empty where none is. Rows are tried
/// one by one on the server, in one anonymous block whose exception handler reports the row; the insertions
/// are rolled back.
std::string find_failing_key(const RunContext& context, const std::string& restriction) {
  const auto& plan = context.plan;
  const std::string alias = strategies::source_alias(plan);
  std::string key;
  for (const strategies::KeyMapping& column : plan.key) {
    key += fmt::format("{}{}.{}::text", key.empty() ? "" : " || ', ' || ", alias,
                       postgres::quote_identifier(column.source_name));
  }
  const std::string probe = fmt::format(
      "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE {} ON CONFLICT DO NOTHING", plan.shadow.quoted(),
      strategies::copied_columns(plan),
      strategies::transform_select(plan, fmt::format("WHERE {0}.ctid = $1 AND {0}.tableoid = $2", alias)));
  const std::string text = fmt::format(
      "DECLARE found record;\nBEGIN\n"
      "  FOR found IN SELECT {1}.ctid AS place, {1}.tableoid AS part, {2} AS key FROM {0} AS {1} {3} LOOP\n"
      "    BEGIN\n      EXECUTE {4} USING found.place, found.part;\n"
      "    EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN\n"
      "      PERFORM pg_catalog.set_config('crossfade.rejected_key', found.key, true);\n      RETURN;\n    "
      "END;\n"
      "  END LOOP;\nEND",
      plan.source.name.quoted(), alias, key, restriction, postgres::quote_literal(probe));
  const auto session = context.sessions.open("diagnose");
  postgres::Transaction transaction(*session, "diagnose");
  session->run({"diagnose.rows", "DO LANGUAGE plpgsql " + postgres::quote_literal(text)});
  return session
      ->run({"diagnose.key", "SELECT pg_catalog.current_setting('crossfade.rejected_key', true) AS key"})
      .only()
      .text_or("key", "");
}

}  // namespace

void throw_rejected_row(const RunContext& context, const postgres::DatabaseError& error,
                        const std::string& restriction) {
  std::string key;
  try {
    key = find_failing_key(context, restriction);
  } catch (const postgres::DatabaseError&) {
    // The diagnosis is a courtesy; the refusal itself must not depend on it.
  }
  std::string key_names;
  for (const strategies::KeyMapping& column : context.plan.key)
    key_names += (key_names.empty() ? "" : ", ") + column.source_name;
  std::string found = error.report().message;
  if (!key.empty()) found += fmt::format("; the row with {} = {}", key_names, key);
  if (!error.report().detail.empty()) found += "; " + error.report().detail;
  throw Failure(
      ExitCode::refused,
      {.code = "data-rejected",
       .object = context.plan.source.name.display(),
       .message = "a row does not fit the new table",
       .expected = "every row passes the migration's casts, lengths and constraints",
       .found = found,
       .next = fmt::format("Correct the row or the migration, then `crossfade abort {0}` and `crossfade up`; "
                           "after correcting the row `crossfade up` alone goes on.",
                           context.run())});
}

}  // namespace crossfade::orchestrator
