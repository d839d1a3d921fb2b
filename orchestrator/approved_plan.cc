#include "orchestrator/approved_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

namespace crossfade::orchestrator {

namespace {

namespace json = boost::json;

/// The steps in which `contract` drops what others have set aside: they follow from those, and stand at a
/// part's end, wherever that is.
constexpr std::string_view kDropsKept = "soaking";

std::map<std::string, std::string> names_and_fingerprints(const json::value& document, std::string_view list,
                                                          std::string_view name) {
  std::map<std::string, std::string> out;
  for (const json::value& each : document.at("planned_for").at(list).as_array())
    out.emplace(each.at(name).as_string(), each.at("fingerprint").as_string());
  return out;
}

Failure other_step(const ApprovedPlan& approved, const strategies::RevisionPlan& plan,
                   const std::string& step, const std::string& expected, const std::string& found) {
  return Failure(
      ExitCode::refused,
      {.code = "plan-changed",
       .object = approved.path,
       .message = fmt::format("{} of revision {} is not what was approved", step, plan.revision),
       .expected = expected,
       .found = found,
       .next = "Look at what is left (`crossfade plan`), and save it with --out once it is approved."});
}

}  // namespace

std::string comparable(const std::vector<std::string>& sql) {
  static const std::regex run_number("crossfade_[0-9]+");
  std::string out;
  for (const std::string& statement : sql)
    out += std::regex_replace(statement, run_number, "crossfade_N") + ";\n";
  return out;
}

std::optional<ApprovedPlan> read_approved_plan(const std::string& path, const json::value& document) {
  ApprovedPlan out{.path = path};
  try {
    out.fingerprint = document.at("fingerprint").as_string();
    out.files = names_and_fingerprints(document, "files", "revision");
    out.tables = names_and_fingerprints(document, "tables", "table");
    for (const json::value& revision : document.at("revisions").as_array()) {
      for (const json::value& announcement : revision.at("announcements").as_array()) {
        if (announcement.at("code").as_string() == "planned-again")
          out.made.insert(std::string(announcement.at("object").as_string()));
      }
      std::vector<std::string>& steps = out.steps[std::string(revision.at("revision").as_string())];
      for (const json::value& step : revision.at("steps").as_array()) {
        if (step.at("phase").as_string() != kDropsKept)
          steps.push_back(comparable(json::value_to<std::vector<std::string>>(step.at("sql"))));
      }
    }
  } catch (const std::exception&) {  // a missing field, or one of another kind
    return std::nullopt;
  }
  return out;
}

void require_approved(const ApprovedPlan& approved, const strategies::RevisionPlan& plan) {
  const auto found = approved.steps.find(plan.revision);
  const std::vector<std::string> steps =
      found == approved.steps.end() ? std::vector<std::string>{} : found->second;
  std::vector<const strategies::Step*> left;
  bool about_made = false;
  for (const strategies::Step& step : plan.steps) {
    const bool made = approved.made.contains(step.table);
    about_made = about_made || made;
    if (step.phase != kDropsKept && !made) left.push_back(&step);
  }
  if (about_made) {
    // The others stand somewhere in the plan, among what was said of tables that were not there.
    for (const strategies::Step* step : left) {
      const std::string sql = comparable(step->sql);
      if (std::find(steps.begin(), steps.end(), sql) == steps.end())
        throw other_step(approved, plan, fmt::format("step \"{}\"", step->name), "a step of the plan", sql);
    }
    return;
  }
  if (left.size() > steps.size()) {
    throw other_step(
        approved, plan, fmt::format("step \"{}\"", left.front()->name),
        fmt::format("at most {} steps", steps.size()),
        fmt::format("{} steps are left to do, some of which could not be planned then", left.size()));
  }
  const std::size_t done = steps.size() - left.size();
  for (std::size_t index = 0; index < left.size(); ++index) {
    const std::string sql = comparable(left[index]->sql);
    if (sql == steps[done + index]) continue;
    throw other_step(approved, plan, fmt::format("step \"{}\"", left[index]->name), steps[done + index], sql);
  }
}

}  // namespace crossfade::orchestrator
