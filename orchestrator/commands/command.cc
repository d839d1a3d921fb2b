#include "orchestrator/commands/command.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "orchestrator/journal_schema.h"

namespace crossfade::orchestrator {

namespace {

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

boost::json::value number(const boost::json::value& object, std::string_view member) {
  if (!object.is_object()) return 0;
  const auto* found = object.as_object().if_contains(member);
  return found == nullptr ? boost::json::value(0) : *found;
}

std::string database_of(const GlobalOptions& options) {
  std::string database = options.database;
  for (const char* variable : {"CROSSFADE_DATABASE_URL", "DATABASE_URL"}) {
    if (database.empty()) database = from_environment(variable);
  }
  return database;
}

std::string line_of(const Run& run) {
  return fmt::format("{} ({}{}, {} {})", run.run, run.revision,
                     run.table().empty() ? "" : " of " + run.table(), to_string(run.phase),
                     to_string(run.state));
}

}  // namespace

postgres::SessionFactory CommandEnvironment::connect() const {
  return postgres::SessionFactory(postgres::ConnectionTarget(database_of(options)), faults);
}

bool CommandEnvironment::database_given() const {
  return !database_of(options).empty();
}

Run choose_run(postgres::Session& session, std::optional<std::int64_t> given, const std::string& command,
               const std::function<bool(const Run&)>& eligible) {
  std::vector<Run> runs;
  if (journal_exists(session)) runs = Journal(session).all_runs();
  std::vector<Run> candidates;
  std::string open;
  for (const Run& run : runs) {
    if (given && run.run != *given) continue;
    if (eligible(run)) candidates.push_back(run);
    if (given || !finished(run.phase)) open += (open.empty() ? "" : "; ") + line_of(run);
  }
  if (candidates.size() == 1) return candidates.front();
  if (candidates.empty()) {
    throw Failure(ExitCode::refused,
                  {.code = given && open.empty() ? "no-such-run" : "no-eligible-run",
                   .object = given ? fmt::format("run {}", *given) : command,
                   .message = given ? (open.empty() ? "there is no such run"
                                                    : fmt::format("`{}` does not apply to it now", command))
                                    : fmt::format("there is no run that `{}` applies to", command),
                   .expected = "",
                   .found = open.empty() ? "no open run" : open,
                   .next = "`crossfade status` lists the runs."});
  }
  std::string list;
  for (const Run& run : candidates) list += (list.empty() ? "" : "; ") + line_of(run);
  throw Failure(ExitCode::usage,
                {.code = "several-runs",
                 .object = command,
                 .message = "several runs are eligible; name one",
                 .expected = "one RUN",
                 .found = list,
                 .next = fmt::format("For example `crossfade {} {}`.", command, candidates.front().run)});
}

boost::json::object run_document(const Run& run, bool resumed, double total_ms) {
  const auto verification = [&](std::string_view member) { return number(run.verification, member); };
  boost::json::object milliseconds;
  for (const char* name : {"copy", "build", "replay", "verify"})
    milliseconds[name] = number(run.milliseconds, name);
  milliseconds["total"] = total_ms;
  boost::json::object verify{{"mode", run.verification.is_object() ? "full" : "none"},
                             {"rows", verification("rows")},
                             {"differences", verification("differences")},
                             {"not_compared", boost::json::array()}};
  if (run.verification.is_object()) verify["not_compared"] = run.verification.as_object().at("not_compared");
  boost::json::value cutover = nullptr;
  if (run.cutover.is_object()) cutover = run.cutover;
  return {{"run", run.run},
          {"revision", run.revision},
          {"table", run.table().empty() ? boost::json::value(nullptr) : boost::json::value(run.table())},
          {"strategy", run.strategy},
          {"phase", to_string(run.phase)},
          {"state", to_string(run.state)},
          {"resumed", resumed},
          {"rows_copied", run.rows_copied},
          {"keys_replayed", run.keys_replayed},
          {"verify", std::move(verify)},
          {"cutover", std::move(cutover)},
          {"ms", std::move(milliseconds)}};
}

std::string run_text(const Run& run, double total_ms) {
  std::string text =
      fmt::format("run {}  {}  {}: {} {}\n", run.run, run.revision,
                  run.table().empty() ? "in place" : run.table(), to_string(run.phase), to_string(run.state));
  if (run.strategy == "in-place") {
    if (run.phase == Phase::aborted)
      text += "  what was not finished is taken back\n";
    else if (run.phase == Phase::reverted)
      text += "  what was kept aside is back\n";
    else
      text += fmt::format("  {} statement{} in place\n", run.end.statements.size(),
                          run.end.statements.size() == 1 ? "" : "s");
    text += fmt::format("  {:.1f} s in total\n", total_ms / 1000);
    if (run.phase == Phase::soaking)
      text += fmt::format(
          "  what was dropped is kept aside; `crossfade contract {0}` drops it, `crossfade revert {0}` "
          "brings it back\n",
          run.run);
    return text;
  }
  text += fmt::format("  rows copied {}, changes replayed {}", run.rows_copied, run.keys_replayed);
  if (run.verification.is_object()) {
    text += fmt::format(", rows verified {}, differences {}",
                        boost::json::serialize(number(run.verification, "rows")),
                        boost::json::serialize(number(run.verification, "differences")));
  } else {
    text += ", not verified";
  }
  if (run.cutover.is_object()) {
    const auto& cutover = run.cutover.as_object();
    text += fmt::format("\n  cutover: {} attempt{}, lock wait {:.1f} ms, held {:.1f} ms",
                        boost::json::serialize(cutover.at("attempts")),
                        cutover.at("attempts").as_int64() == 1 ? "" : "s",
                        cutover.at("wait_ms").to_number<double>(), cutover.at("hold_ms").to_number<double>());
  }
  text += fmt::format("\n  {:.1f} s in total\n", total_ms / 1000);
  if (run.phase == Phase::soaking)
    text += fmt::format("  the old table is kept; `crossfade contract {}` drops it\n", run.run);
  return text;
}

std::string operator_name() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  const passwd* user = ::getpwuid(::geteuid());
  return fmt::format("{}@{}", user == nullptr ? "?" : user->pw_name, host.data());
}

}  // namespace crossfade::orchestrator
