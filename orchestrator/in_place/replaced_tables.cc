#include "orchestrator/in_place/replaced_tables.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <optional>
#include <string>

#include "orchestrator/ownership.h"
#include "orchestrator/planning/empty_copies.h"
#include "orchestrator/run_tables.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

namespace json = boost::json;

/// The definition without what changes by itself.
json::object definition(const postgres::Table& table) {
  json::object out = json::value_from(table).as_object();
  for (const char* size : {"estimated_rows", "pages", "heap_bytes", "index_bytes"}) out.erase(size);
  for (json::value& index : out.at("indexes").as_array()) index.as_object().erase("bytes");
  return out;
}

std::string differences(const postgres::Table& before, const postgres::Table& now) {
  const json::object left = definition(before);
  const json::object right = definition(now);
  std::string out;
  for (const auto& member : left) {
    if (right.at(member.key()) == member.value()) continue;
    std::string name(member.key());
    for (char& letter : name) letter = letter == '_' ? ' ' : letter;
    out += (out.empty() ? "other " : ", ") + name;
  }
  return out;
}

std::string what_hangs_on(postgres::Session& session, const postgres::Table& table) {
  std::string out;
  for (const Problem& problem : not_carried_by_empty_copy(session, table))
    out += (out.empty() ? "" : "; ") + problem.object + " " + problem.message;
  return out;
}

std::optional<postgres::Table> table_in_place(postgres::Session& session, const postgres::Table& full) {
  const auto oid = postgres::find_relation(session, full.name.schema, full.name.name);
  return oid ? postgres::load_table(session, *oid) : std::nullopt;
}

Failure altered(const Run& run, const postgres::Table& table, const std::string& since,
                const std::string& found, const std::string& next) {
  return Failure(ExitCode::refused,
                 {.code = "table-changed",
                  .object = table.name.display(),
                  .message = fmt::format("the table has been altered since {}", since),
                  .expected = "the definition that run " + std::to_string(run.run) + " knows",
                  .found = found,
                  .next = next});
}

void require(postgres::Session& session, const Run& run, const postgres::Table& known,
             const std::optional<postgres::Table>& now, const std::string& since, const std::string& next) {
  if (!now) throw altered(run, known, since, "no such table", next);
  std::string found = differences(known, *now);
  if (found.empty()) found = what_hangs_on(session, *now);
  if (!found.empty()) throw altered(run, known, since, found, next);
}

}  // namespace

void require_as_planned(postgres::Session& session, const Run& run,
                        const std::vector<postgres::Table>& full) {
  for (const postgres::Table& table : full)
    require(session, run, table, postgres::load_table(session, table.oid), "the TRUNCATE was planned",
            fmt::format("`crossfade abort {}`, then `crossfade up`: it is planned anew.", run.run));
}

void keep_replacements(postgres::Session& session, const Run& run, const std::vector<postgres::Table>& full) {
  Journal journal(session);
  for (const postgres::Table& table : full)
    journal.save_definition_after(run.run, table.name,
                                  json::value_from(table_in_place(session, table).value()));
}

void require_as_left(postgres::Session& session, const Run& run, const std::vector<postgres::Table>& full) {
  const std::string next = fmt::format(
      "Take that change back and run `crossfade revert {0}` again, or fetch the rows by hand out of the "
      "schema crossfade_{0}_old before `crossfade contract {0}`.",
      run.run);
  for (const postgres::Table& table : full) {
    const auto left = Journal(session).definition_after(run.run, table.name);
    const postgres::Table known = left ? json::value_to<postgres::Table>(*left) : table;
    require(session, run, known, table_in_place(session, table), "it was truncated", next);
  }
}

void hold_replacements(postgres::Session& session, const Run& run, const std::vector<postgres::Table>& full) {
  for (const postgres::Table& table : full) {
    if (const auto now = table_in_place(session, table)) hold_table(session, now->oid, table.name.display());
  }
  for (const Run& later : Journal(session).all_runs()) {
    if (later.run <= run.run || later.revision != run.revision || later.phase == Phase::aborted ||
        later.phase == Phase::reverted)
      continue;
    for (const postgres::Table& table : full) {
      if (!changes_table(later, table.name)) continue;
      throw Failure(
          ExitCode::refused,
          {.code = "later-changes",
           .object = run.display(),
           .message = fmt::format("later statements of the revision have changed {} since it was truncated",
                                  table.name.display()),
           .expected = "nothing of the revision that was carried out on top",
           .found = later.display() + ", " + to_string(later.phase),
           .next = fmt::format(
               "Fetch the rows by hand out of the schema crossfade_{0}_old, then `crossfade contract {0}`.",
               run.run)});
    }
  }
}

}  // namespace crossfade::orchestrator
