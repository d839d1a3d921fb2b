#include "orchestrator/commands/revision_view.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "migrations/revision_graph.h"
#include "postgres/error.h"

namespace crossfade::orchestrator {

namespace {

bool is_head(const migrations::RevisionDirectory& directory, const migrations::MigrationFile& file) {
  return migrations::children_of(directory, file.revision).empty();
}

bool is_branch_point(const migrations::RevisionDirectory& directory, const migrations::MigrationFile& file) {
  return migrations::children_of(directory, file.revision).size() > 1;
}

boost::json::value applied_at(const RevisionRecord* record) {
  return record == nullptr ? boost::json::value() : boost::json::value(record->applied_at);
}

}  // namespace

std::vector<std::string> KnownRecords::applied() const {
  return records ? names_of(*records) : std::vector<std::string>();
}

const RevisionRecord* KnownRecords::find(const std::string& revision) const {
  if (!records) return nullptr;
  const auto found =
      std::find_if(records->begin(), records->end(),
                   [&revision](const RevisionRecord& record) { return record.revision == revision; });
  return found == records->end() ? nullptr : &*found;
}

KnownRecords records_if_reachable(const CommandEnvironment& environment, const std::string& command) {
  KnownRecords out;
  try {
    const auto session = environment.connect().open({.application_name = "crossfade/" + command});
    out.records = RevisionRecords(*session).all();
  } catch (const Failure& failure) {
    const std::string& message = failure.problem().message;
    out.reason = message.substr(0, message.find('\n'));
  } catch (const postgres::DatabaseError& error) {
    out.reason = error.report().message;
  }
  return out;
}

boost::json::object revision_document(const migrations::RevisionDirectory& directory,
                                      const migrations::MigrationFile& file, const KnownRecords& known) {
  const RevisionRecord* record = known.find(file.revision);
  boost::json::value applied;
  if (known.records) applied = record != nullptr;
  return {{"revision", file.revision},
          {"revises", names_document(file.revises)},
          {"depends_on", names_document(file.depends_on)},
          {"labels", names_document(file.labels)},
          {"applied", std::move(applied)},
          {"applied_at", applied_at(record)},
          {"path", file.path},
          {"is_head", is_head(directory, file)},
          {"is_branch_point", is_branch_point(directory, file)},
          {"is_merge", file.revises.size() > 1}};
}

std::string marks_of(const migrations::RevisionDirectory& directory, const migrations::MigrationFile& file) {
  std::vector<std::string> marks;
  if (is_head(directory, file)) marks.emplace_back("head");
  if (is_branch_point(directory, file)) marks.emplace_back("branch point");
  if (file.revises.size() > 1) marks.emplace_back("merge");
  std::string out;
  if (!marks.empty()) out += fmt::format(" ({})", fmt::join(marks, ", "));
  if (!file.labels.empty()) out += fmt::format(" [{}]", fmt::join(file.labels, ", "));
  return out;
}

std::string revision_text(const migrations::RevisionDirectory& directory,
                          const migrations::MigrationFile& file, const KnownRecords& known, bool verbose) {
  const RevisionRecord* record = known.find(file.revision);
  const std::string parents = names_text(file.revises, "base");
  const std::string_view mark = !known.records ? "       " : record != nullptr ? "applied" : "pending";
  std::string out = fmt::format("{}  {} -> {}{}\n", mark, parents, file.revision, marks_of(directory, file));
  if (!verbose) return out;
  out += fmt::format("         file: {}\n", file.path);
  if (!file.depends_on.empty())
    out += fmt::format("         depends on: {}\n", fmt::join(file.depends_on, ", "));
  if (record != nullptr)
    out += fmt::format("         applied at {} by {}{}\n", record->applied_at, record->applied_by,
                       record->run ? fmt::format(" in run {}", *record->run) : ", without a run");
  return out;
}

boost::json::array names_document(const std::vector<std::string>& names) {
  boost::json::array out;
  for (const std::string& name : names) out.emplace_back(name);
  return out;
}

std::string names_text(const std::vector<std::string>& names, std::string_view none) {
  return names.empty() ? std::string(none) : fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace crossfade::orchestrator
