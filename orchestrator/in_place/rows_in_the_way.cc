#include "orchestrator/in_place/rows_in_the_way.h"

#include <fmt/format.h>

#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

std::string rows_found(const StepContext& context, const strategies::InPlaceStep& step) {
  if (step.probe.empty()) return "";
  const auto session = context.sessions.open("look");
  const std::stop_callback cancel(context.stop, [&session] { session->cancel(); });
  std::string found;
  const postgres::Rows rows = session->run({"look.rows", step.probe});
  for (const postgres::Row row : rows) found += (found.empty() ? "" : "; ") + row.text_or("row", "NULL");
  return found;
}

Failure rejected(const StepContext& context, const strategies::InPlaceStep& step, const std::string& found) {
  return Failure(ExitCode::refused,
                 {.code = "data-rejected",
                  .object = step.relation.display(),
                  .message = fmt::format("rows of the table are in the way of step \"{}\"", step.name),
                  .expected = step.index.empty() ? "no such row" : "no two rows with the same key",
                  .found = found,
                  .next = fmt::format(
                      "Correct the rows and run `crossfade up` again, or `crossfade abort {}` and change "
                      "the migration.",
                      context.run.run)});
}

}  // namespace

void look_for_rows_in_the_way(const StepContext& context, const strategies::InPlaceStep& step) {
  const std::string found = rows_found(context, step);
  if (!found.empty()) throw rejected(context, step, found);
}

void throw_rows_in_the_way(const StepContext& context, const strategies::InPlaceStep& step,
                           const postgres::DatabaseError& error) {
  std::string found;
  try {
    found = rows_found(context, step);
  } catch (const postgres::DatabaseError&) {
    // The diagnosis is a courtesy; the refusal itself must not depend on it.
  }
  const std::string detail = error.report().detail;
  throw rejected(
      context, step,
      error.report().message + (detail.empty() ? "" : "; " + detail) + (found.empty() ? "" : "; " + found));
}

}  // namespace crossfade::orchestrator
