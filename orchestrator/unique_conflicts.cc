#include "orchestrator/unique_conflicts.h"

#include <fmt/format.h>

#include <optional>

#include "postgres/error.h"
#include "postgres/problem.h"
#include "strategies/transform.h"

namespace crossfade::orchestrator {

namespace {

constexpr std::size_t kRowsNamed = 5;

struct Violation {
  std::string index;
  std::string rows;
};

std::string display(const strategies::ShadowTablePlan& plan, const KeyTexts& key) {
  std::string names;
  std::string values;
  for (std::size_t index = 0; index < plan.key.size(); ++index) {
    names += (index == 0 ? "" : ", ") + plan.key[index].source_name;
    values += (index == 0 ? "" : ", ") + key[index];
  }
  return fmt::format("{} = {}", names, values);
}

/// Not again where another image of the key (1.5 and 1.50) has brought the row already.
postgres::Query insertion(const strategies::ShadowTablePlan& plan) {
  return {"violation.insert",
          fmt::format(
              "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE {}", plan.shadow.quoted(),
              strategies::copied_columns(plan),
              strategies::transform_select(
                  plan, fmt::format("JOIN {} ON {} WHERE NOT EXISTS (SELECT 1 FROM {} AS s WHERE {})",
                                    strategies::keys_from_parameters(plan, "k"),
                                    strategies::source_matches_key(plan, strategies::source_alias(plan), "k"),
                                    plan.shadow.quoted(), strategies::shadow_matches_key(plan, "s", "k"))))};
}

/// Null where the row fits beside the others, or fails for another reason, which replay itself reports.
std::optional<Violation> try_row(const strategies::ShadowTablePlan& plan, postgres::Session& session,
                                 const KeyTexts& key) {
  postgres::Parameters parameters;
  for (const std::string& value : key) {
    const std::vector<std::string> one = {value};
    parameters.push_back(postgres::array_literal(one));
  }
  session.run({"violation.savepoint", "SAVEPOINT crossfade_row"});
  try {
    session.run(insertion(plan), parameters);
    session.run({"violation.release", "RELEASE SAVEPOINT crossfade_row"});
    return std::nullopt;
  } catch (const postgres::DatabaseError& error) {
    if (!error.data_error()) throw;
    session.run({"violation.undo", "ROLLBACK TO SAVEPOINT crossfade_row"});
    if (error.sqlstate() != "23505" && error.sqlstate() != "23P01") return std::nullopt;
    return Violation{error.report().constraint,
                     fmt::format("the row with {}: {}", display(plan, key), error.report().detail)};
  }
}

/// In one snapshot the shadow without the logged keys' rows holds nothing but what the source holds as well.
/// Whatever then refuses the source's row stands in the source beside it.
std::vector<Violation> find_violations(const RunContext& context, postgres::Session& session,
                                       const std::vector<KeyTexts>& keys, bool others_replay) {
  const auto& plan = context.plan;
  std::vector<Violation> found;
  postgres::Transaction transaction(session, "violation", postgres::Isolation::repeatable_read);
  session.run({"violation.patience", "SET LOCAL lock_timeout = '2s'"});
  // Before the snapshot: rows that another replayer brings after it would stand in the way unseen.
  if (others_replay) {
    session.run({"violation.lock", "LOCK TABLE " + plan.shadow.quoted() + " IN SHARE ROW EXCLUSIVE MODE"});
  }
  session.run(
      {"violation.delete", fmt::format("DELETE FROM {} AS s USING (SELECT DISTINCT {} FROM {}) AS k WHERE {}",
                                       plan.shadow.quoted(), strategies::log_key_columns(plan),
                                       plan.log.quoted(), strategies::shadow_matches_key(plan, "s", "k"))});
  for (const KeyTexts& key : keys) {
    if (auto violation = try_row(plan, session, key)) found.push_back(std::move(*violation));
    if (found.size() == kRowsNamed) break;
  }
  transaction.rollback();
  return found;
}

}  // namespace

void throw_if_violated(const RunContext& context, postgres::Session& session,
                       const std::vector<KeyTexts>& keys, bool others_replay) {
  std::vector<Violation> found;
  try {
    found = find_violations(context, session, keys, others_replay);
  } catch (const postgres::DatabaseError& error) {
    if (error.connection_dead() || !error.retryable()) throw;
    return;
  }
  if (found.empty()) return;
  std::string rows;
  for (const Violation& violation : found) {
    if (violation.index == found.front().index) rows += (rows.empty() ? "" : "; ") + violation.rows;
  }
  throw Failure(
      ExitCode::refused,
      {.code = "data-rejected",
       .object = context.plan.source.name.display(),
       .message = fmt::format("rows written since the copy violate the unique index {}", found.front().index),
       .expected = "no two rows with the same values under this index",
       .found = rows,
       .next = fmt::format("Remove the duplicates and run `crossfade up` again, or `crossfade abort {}`.",
                           context.run())});
}

}  // namespace crossfade::orchestrator
