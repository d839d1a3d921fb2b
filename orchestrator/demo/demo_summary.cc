#include "orchestrator/demo/demo_summary.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <string_view>

#include "orchestrator/demo/demo_screen.h"

namespace crossfade::orchestrator::demo {

namespace {

constexpr std::string_view kRule =
    "-----------------------------------------------------------------------------";

std::string milliseconds(const std::optional<double>& value) {
  return value ? fmt::format("{:.1f} ms", *value) : "unknown";
}

std::string field(std::string_view label, const std::string& text) {
  return fmt::format("  {:<13}{}\n", label, text);
}

std::string number(std::int64_t value) {
  return value < 0 ? "-" + with_separators(static_cast<std::uint64_t>(-value))
                   : with_separators(static_cast<std::uint64_t>(value));
}

std::string plural(std::uint64_t count, std::string_view word) {
  return fmt::format("{} {}{}", with_separators(count), word, count == 1 ? "" : "s");
}

std::string render_times(const PhaseTimes& ms) {
  std::string parts;
  for (const auto& [label, value] : {std::pair("copy", ms.copy), std::pair("build", ms.build),
                                     std::pair("replay", ms.replay), std::pair("verify", ms.verify)}) {
    if (value) parts += fmt::format("{}{} {:.1f} s", parts.empty() ? "" : ", ", label, *value / 1000);
  }
  const std::string total = ms.total ? fmt::format("{:.1f} s", *ms.total / 1000) : "unknown";
  return parts.empty() ? total : total + " (" + parts + ")";
}

std::string render_migration(const MigrationFigures& migration) {
  std::string copied = plural(migration.rows_copied, "row");
  if (migration.rows_per_s) {
    copied += fmt::format(", {} rows/s", with_separators(static_cast<std::uint64_t>(*migration.rows_per_s)));
  }
  return field("migration", migration.revision) + field("", migration.change) + field("copied", copied) +
         field("replayed", plural(migration.keys_replayed, "changed key")) +
         field("verified",
               plural(migration.rows_verified, "row") + ", " + plural(migration.differences, "difference")) +
         field(
             "cutover",
             fmt::format("{}, lock wait {}, hold {}",
                         plural(static_cast<std::uint64_t>(migration.cutover.attempts), "attempt"),
                         milliseconds(migration.cutover.wait_ms), milliseconds(migration.cutover.hold_ms))) +
         field("time", render_times(migration.ms));
}

std::string render_latency(std::string_view label, const LatencySummary& latency) {
  const auto cell = [](const std::optional<double>& value, int digits) {
    return value ? fmt::format("{:.{}f}", *value, digits) : std::string("-");
  };
  return fmt::format("    {:<16}{:>10}{:>12}{:>12}{:>12}{:>11}\n", label, with_separators(latency.queries),
                     cell(latency.transactions_per_s, 0), cell(latency.p50_ms, 2), cell(latency.p99_ms, 2),
                     cell(latency.max_ms, 1));
}

std::string render_application(const ApplicationFigures& application) {
  std::string text =
      field("application",
            fmt::format("{}, {}, {:.0f} tx/s",
                        plural(static_cast<std::uint64_t>(application.connections), "connection"),
                        plural(application.transactions, "transaction"), application.transactions_per_s));
  text += fmt::format("    {:<16}{:>10}{:>12}{:>12}{:>12}{:>11}\n", "", "queries", "tx/s", "p50 ms", "p99 ms",
                      "max ms");
  text += render_latency("before", application.latency.before);
  text += render_latency("during", application.latency.during);
  text += render_latency("at the cutover", application.latency.cutover);
  text += render_latency("after", application.latency.after);
  text += fmt::format("  failed application queries: {}   skipped: {}\n", with_separators(application.failed),
                      with_separators(application.skipped));
  for (const FailedQuery& failure : application.failures) {
    text += fmt::format("    after {:.1f} s, {}: SQLSTATE {}: {}\n", failure.second, failure.query,
                        failure.sqlstate, failure.message);
  }
  return text;
}

std::string render_check(const FinalCheck& check) {
  std::string text =
      field("final check", fmt::format("{} rows expected, {} found", number(check.rows_expected),
                                       number(check.rows_found))) +
      field("", fmt::format("{} changes expected, {} found: {}", number(check.changes_expected),
                            number(check.changes_found), check.equal ? "equal" : "DIFFERENT"));
  if (check.in_doubt > 0) {
    text += field("", fmt::format("{} lost the connection before the answer and may have committed",
                                  plural(static_cast<std::uint64_t>(check.in_doubt), "transaction")));
  }
  return text;
}

}  // namespace

boost::json::object demo_document(const DemoOutcome& outcome) {
  boost::json::object document{
      {"schema", 1}, {"command", "demo"}, {"exit_code", static_cast<int>(outcome.exit_code)}};
  document["error"] = boost::json::value_from(outcome.error);
  const boost::json::value summary = boost::json::value_from(outcome.summary);
  for (const auto& member : summary.as_object()) {
    document[member.key()] = member.value();
  }
  return document;
}

std::string render_summary(const DemoSummary& summary) {
  if (summary.table.empty()) return {};
  std::string text = fmt::format("\n{}\n", kRule);
  text += field("server", summary.server);
  text += field("table", fmt::format("{}, {}, loaded in {:.1f} s", summary.table, plural(summary.rows, "row"),
                                     summary.load_s));
  if (summary.migration) text += render_migration(*summary.migration);
  if (summary.application) text += "\n" + render_application(*summary.application);
  if (summary.final_check) text += render_check(*summary.final_check);
  text += fmt::format("{}\n", kRule);
  return text;
}

}  // namespace crossfade::orchestrator::demo
