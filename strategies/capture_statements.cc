#include "strategies/capture_statements.h"

#include <fmt/format.h>

#include <algorithm>

#include "strategies/table_tree.h"

namespace crossfade::strategies {

namespace {

using postgres::quote_identifier;
using postgres::quote_literal;

constexpr std::string_view kEvents[] = {"insert", "update", "delete", "truncate"};

std::string trigger_name(const ShadowTablePlan& plan, std::string_view event) {
  return quote_identifier(fmt::format("crossfade_{}_{}", plan.run, event));
}

std::string function_name(const ShadowTablePlan& plan, std::string_view event) {
  return quote_identifier(plan.run_schema) + "." +
         quote_identifier(fmt::format("crossfade_capture_{}", event));
}

std::string key_values(const ShadowTablePlan& plan, std::string_view row) {
  std::string out;
  for (const KeyMapping& column : plan.key) {
    if (!out.empty()) out += ", ";
    out += fmt::format("{}.{}", row, quote_identifier(column.source_name));
  }
  return out;
}

/// Of these types equal values are one image, so that the cheap operator sees every change.
bool equal_means_identical(const KeyMapping& column) {
  static constexpr std::string_view kTypes[] = {"pg_catalog.int2", "pg_catalog.int4", "pg_catalog.int8",
                                                "pg_catalog.oid",  "pg_catalog.uuid", "pg_catalog.date",
                                                "pg_catalog.bool"};
  return std::find(std::begin(kTypes), std::end(kTypes), column.source_type) != std::end(kTypes);
}

/// Compared by image, not by equality: under a case-insensitive collation 'A' and 'a' are one key but two
/// images (rule 3). The casts keep the parser from taking two row constructors apart, column by column.
std::string key_changed(const ShadowTablePlan& plan) {
  if (!std::all_of(plan.key.begin(), plan.key.end(), equal_means_identical)) {
    return fmt::format("ROW({})::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW({})::pg_catalog.record",
                       key_values(plan, "OLD"), key_values(plan, "NEW"));
  }
  std::string out;
  for (const KeyMapping& column : plan.key) {
    const std::string name = quote_identifier(column.source_name);
    out += fmt::format("{}OLD.{} OPERATOR(pg_catalog.<>) NEW.{}", out.empty() ? "" : " OR ", name, name);
  }
  return out;
}

std::string function(const ShadowTablePlan& plan, std::string_view event, const std::string& body) {
  return fmt::format(
      "CREATE OR REPLACE FUNCTION {}() RETURNS pg_catalog.trigger LANGUAGE plpgsql SECURITY DEFINER AS {}",
      function_name(plan, event), quote_literal("BEGIN\n" + body + "  RETURN NULL;\nEND"));
}

// No SET search_path on the function: it would cost every write of the application some percent. Instead
// every name in it is qualified, operators too, so that a writer's own search_path changes nothing (rule 2).
std::string body_of(const ShadowTablePlan& plan, std::string_view event) {
  const auto log = [&](std::string_view row) {
    return fmt::format("INSERT INTO {} VALUES ({});\n", plan.log.quoted(), key_values(plan, row));
  };
  if (event == "insert") return "  " + log("NEW");
  if (event == "delete") return "  " + log("OLD");
  if (event == "truncate")
    return fmt::format("  INSERT INTO {} VALUES (pg_catalog.clock_timestamp());\n",
                       plan.truncations.quoted());
  return fmt::format("  IF {} THEN\n    {}  END IF;\n  {}", key_changed(plan), log("OLD"), log("NEW"));
}

std::string log_column_list(const ShadowTablePlan& plan) {
  std::string out;
  for (std::size_t index = 0; index < plan.key.size(); ++index) {
    const KeyMapping& column = plan.key[index];
    out += fmt::format("{}key_{} {}{}", index == 0 ? "" : ", ", index + 1, column.source_type,
                       column.source_collation.empty() ? "" : " COLLATE " + column.source_collation);
  }
  return out;
}

}  // namespace

std::vector<std::string> log_statements(const ShadowTablePlan& plan) {
  const std::string columns = log_column_list(plan);
  return {
      fmt::format("CREATE TABLE {} ({}) WITH (autovacuum_enabled = false)", plan.log.quoted(), columns),
      fmt::format("CREATE TABLE {} (at pg_catalog.timestamptz)", plan.truncations.quoted()),
      // Where a publication of all tables has it, a delete without an identity would be an error.
      fmt::format("ALTER TABLE {} REPLICA IDENTITY FULL", plan.log.quoted()),
      fmt::format("ALTER TABLE {} REPLICA IDENTITY FULL", plan.truncations.quoted()),
  };
}

std::vector<std::string> capture_statements(const ShadowTablePlan& plan) {
  std::vector<std::string> out;
  for (const std::string_view event : kEvents) out.push_back(function(plan, event, body_of(plan, event)));
  // On each partition, whose rows may be written to by its own name, and TRUNCATE asks nobody above it.
  for (const postgres::Table* table : source_leaves(plan)) {
    const std::string source = table->name.quoted();
    for (const std::string_view event : kEvents) {
      out.push_back(fmt::format("CREATE TRIGGER {} AFTER {} ON {} FOR EACH {} EXECUTE FUNCTION {}()",
                                trigger_name(plan, event), event, source,
                                event == "truncate" ? "STATEMENT" : "ROW", function_name(plan, event)));
      // ALWAYS: a session under session_replication_role = replica must be captured as well (rule 1).
      out.push_back(
          fmt::format("ALTER TABLE {} ENABLE ALWAYS TRIGGER {}", source, trigger_name(plan, event)));
    }
  }
  return out;
}

std::vector<std::string> disarm_statements(const ShadowTablePlan& plan) {
  std::vector<std::string> out;
  for (const std::string_view event : kEvents) out.push_back(function(plan, event, ""));
  return out;
}

std::vector<std::string> drop_trigger_statements(const ShadowTablePlan& plan) {
  std::vector<std::string> out;
  for (const postgres::Table* table : source_leaves(plan)) {
    for (const std::string_view event : kEvents) {
      out.push_back(
          fmt::format("DROP TRIGGER IF EXISTS {} ON {}", trigger_name(plan, event), table->name.quoted()));
    }
  }
  return out;
}

std::vector<std::string> guard_statements(const ShadowTablePlan& plan, const std::string& schema,
                                          const std::vector<postgres::QualifiedName>& tables,
                                          bool own_run_passes) {
  const std::string guard = quote_identifier(schema) + ".crossfade_guard";
  const std::string pass = fmt::format(
      "  IF pg_catalog.current_setting('crossfade.run', true) OPERATOR(pg_catalog.=) '{}' THEN\n    RETURN "
      "NULL;\n  END IF;\n",
      plan.run);
  const std::string raise = fmt::format(
      "  RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = {}, HINT = {};\n",
      quote_literal(fmt::format("table {} belongs to crossfade run {} and must not be written to",
                                tables.front().display(), plan.run)),
      quote_literal(fmt::format("Write to {} instead.", plan.source.name.display())));
  const std::string trigger = trigger_name(plan, "guard");
  std::vector<std::string> out = {
      fmt::format("CREATE OR REPLACE FUNCTION {}() RETURNS pg_catalog.trigger LANGUAGE plpgsql AS {}", guard,
                  quote_literal("BEGIN\n" + (own_run_passes ? pass : "") + raise + "END"))};
  for (const postgres::QualifiedName& table : tables) {
    out.push_back(fmt::format(
        "CREATE TRIGGER {} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {} FOR EACH STATEMENT "
        "EXECUTE FUNCTION {}()",
        trigger, table.quoted(), guard));
    out.push_back(fmt::format("ALTER TABLE {} ENABLE ALWAYS TRIGGER {}", table.quoted(), trigger));
  }
  return out;
}

std::string drop_guard_statement(const ShadowTablePlan& plan, const postgres::QualifiedName& table) {
  return fmt::format("DROP TRIGGER IF EXISTS {} ON {}", trigger_name(plan, "guard"), table.quoted());
}

}  // namespace crossfade::strategies
