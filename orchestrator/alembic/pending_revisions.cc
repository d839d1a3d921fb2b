#include "orchestrator/alembic/pending_revisions.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <iterator>

#include "orchestrator/alembic/percent_signs.h"
#include "orchestrator/alembic/project.h"
#include "orchestrator/alembic/recording.h"
#include "orchestrator/alembic/source_checks.h"
#include "orchestrator/revision_records.h"
#include "orchestrator/role_settings.h"

namespace crossfade::orchestrator {

namespace {

namespace fs = std::filesystem;
using migrations::AlembicRevision;
using migrations::AlembicScript;

std::string joined(const std::set<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "no rows" : out;
}

const HistoryEntry* entry_of(const std::vector<HistoryEntry>& history, const std::string& revision) {
  const auto found = std::find_if(history.begin(), history.end(),
                                  [&](const HistoryEntry& entry) { return entry.revision == revision; });
  return found == history.end() ? nullptr : &*found;
}

/// A revision's file begins with its id, or has it in its text; in a folder without Alembic the text decides.
std::string find_source(const fs::path& folder, const std::string& revision) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder, ignored)) {
    if (entry.path().extension() != ".py") continue;
    if (migrations::revision_of_source(read_text_file(entry.path())) == revision)
      return entry.path().string();
  }
  return {};
}

class Preparation {
 public:
  Preparation(const postgres::SessionFactory& factory, const AlembicOptions& options,
              const std::stop_token& stop)
      : factory_(factory), options_(options), stop_(stop) {}

  PendingRevisions run() {
    require_one_origin();
    out_.table = live_versions(factory_, options_);
    if (!options_.sql_file.empty()) {
      from_file();
    } else if (options_.record) {
      from_recording();
    } else {
      from_project();
    }
    return std::move(out_);
  }

 private:
  void require_one_origin() const {
    const int given = static_cast<int>(!options_.config.empty()) +
                      static_cast<int>(!options_.command.empty()) +
                      static_cast<int>(!options_.sql_file.empty());
    const bool recorded_file = options_.record && !options_.sql_file.empty();
    if (given <= 1 && !recorded_file) return;
    throw Failure(ExitCode::usage, {.code = "usage",
                                    .object = "alembic",
                                    .message = recorded_file ? "--record needs the project, not its SQL"
                                                             : "there are several origins of the SQL",
                                    .expected = "one of --config, --command and --sql-file",
                                    .next = "Leave the others out."});
  }

  void from_file() {
    const std::string name = options_.sql_file.string();
    const std::string text =
        name == "-" ? std::string(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>())
                    : read_text_file(name);
    const std::string file = name == "-" ? "standard input" : name;
    if (migrations::trimmed(text).empty()) {
      throw Failure(ExitCode::usage, {.code = "no-sql",
                                      .object = file,
                                      .message = "there is no SQL in it",
                                      .expected = "what `alembic upgrade … --sql` prints",
                                      .found = "nothing",
                                      .next = "Look at the messages of the command that prints it."});
    }
    const std::string sql = resolve_percent_signs(text, options_, options_.sources);
    AlembicScript script = migrations::split_alembic_script({sql, file, 1});
    require_version_table(script);
    const auto applied = static_cast<std::ptrdiff_t>(first_pending(script.revisions));
    script.revisions.erase(script.revisions.begin(), script.revisions.begin() + applied);
    accept(std::move(script), file);
  }

  /// A printed script may begin before the database's revision: then what it begins with is applied. The
  /// last applied revision of a script is a head of the database.
  std::size_t first_pending(const std::vector<AlembicRevision>& revisions) const {
    std::optional<Failure> first_failure;
    for (std::size_t first = 0; first <= revisions.size(); ++first) {
      if (first > 0 && !out_.table.heads.contains(revisions[first - 1].revision)) continue;
      try {
        std::set<std::string> heads = out_.table.heads;
        for (std::size_t index = first; index < revisions.size(); ++index)
          heads = migrations::apply_version_changes(heads, revisions[index]);
        return first;
      } catch (const Failure& failure) {
        if (!first_failure) first_failure = failure;
      }
    }
    throw *first_failure;
  }

  void from_project() {
    const AlembicProject project(options_, stop_);
    history_ = project.history();
    const std::set<std::string>& heads = out_.table.heads;
    if (heads.size() > 1 && options_.target.starts_with('+')) {
      throw Failure(ExitCode::usage,
                    {.code = "several-heads",
                     .object = "target " + options_.target,
                     .message = "the database has several heads, and the step could begin at "
                                "each of them",
                     .expected = "a revision, branch@head or heads",
                     .found = joined(heads),
                     .next = "Name the target revision."});
    }
    const std::string from = heads.empty() ? "" : *heads.begin();
    const std::set<std::string> applied = with_ancestors(history_, heads);
    refuse_own_connections(applied);
    const std::string text = project.offline_sql(from, options_.target);
    const std::string sql = resolve_percent_signs(text, options_, source_folder());
    AlembicScript script = migrations::split_alembic_script(
        {sql,
         project.display({"upgrade", from.empty() ? options_.target : from + ":" + options_.target, "--sql"}),
         1});
    require_version_table(script);
    // Alembic's offline mode knows one head; what the others have brought is applied already.
    std::erase_if(script.revisions,
                  [&](const AlembicRevision& revision) { return applied.contains(revision.revision); });
    accept(std::move(script), "");
    require_target();
  }

  /// Printing SQL runs the Python of every revision on the way, against the live database.
  void refuse_own_connections(const std::set<std::string>& applied) const {
    std::set<std::string> wanted;
    for (const HistoryEntry& entry : history_) {
      const bool head = entry.head && (options_.target == "head" || options_.target == "heads");
      if (head || entry.revision.starts_with(options_.target)) wanted.insert(entry.revision);
    }
    const std::set<std::string> on_the_way = with_ancestors(history_, wanted);
    for (const HistoryEntry& entry : history_) {
      if (!on_the_way.contains(entry.revision) || applied.contains(entry.revision)) continue;
      if (auto problem = check_connections(entry.revision, read_source_file(entry.path, entry.message)))
        throw Failure(ExitCode::refused, std::move(*problem));
    }
  }

  void from_recording() {
    const AlembicProject project(options_, stop_);
    history_ = project.history();
    Recording recording = record(factory_, project, options_, out_.table, stop_);
    queries_ = std::move(recording.queries);
    require_version_table(recording.script);
    accept(std::move(recording.script), "");
    require_target();
  }

  void require_version_table(const AlembicScript& script) const {
    if (!script.version_table) return;
    const auto& [schema, name] = *script.version_table;
    const bool same = name == out_.table.name.name && (!schema || *schema == out_.table.name.schema);
    if (same) return;
    throw Failure(ExitCode::usage, {.code = "other-version-table",
                                    .object = out_.table.name.display(),
                                    .message = "the project keeps its revision in another table",
                                    .expected = out_.table.name.display(),
                                    .found = script.version_table->display(),
                                    .next = "Give --version-table " + script.version_table->display() + "."});
  }

  void accept(AlembicScript script, const std::string& file) {
    out_.create_version_table = script.create_version_table;
    out_.heads_after = out_.table.heads;
    for (AlembicRevision& revision : script.revisions) {
      if (revision.downgrade) {
        throw Failure(ExitCode::usage, {.code = "alembic-downgrade",
                                        .object = "revision " + revision.revision,
                                        .message = "the SQL is a downgrade",
                                        .expected = "the SQL of `alembic upgrade`",
                                        .found = fmt::format("line {}", revision.first_line),
                                        .next = "Print the SQL of an upgrade."});
      }
      out_.heads_after = migrations::apply_version_changes(out_.heads_after, revision);
      add(std::move(revision), file);
    }
  }

  void add(AlembicRevision revision, const std::string& file) {
    PendingRevision pending;
    if (const HistoryEntry* entry = entry_of(history_, revision.revision)) {
      pending.message = entry->message;
      pending.source = entry->path;
    }
    if (!options_.sources.empty()) pending.source = find_source(options_.sources, revision.revision);
    if (!options_.record) {
      if (auto problem = check_backslashes(revision, pending.message))
        out_.refusals.push_back(std::move(*problem));
    }
    const SourceFile source = read_source_file(pending.source, pending.message);
    const auto queries = queries_.find(revision.revision);
    for (Problem& problem :
         options_.record
             ? check_recorded(revision, source,
                              queries == queries_.end() ? std::vector<std::string>() : queries->second,
                              options_.unchecked_sources)
             : check_printed(revision, source, options_.unchecked_sources)) {
      out_.refusals.push_back(std::move(problem));
    }
    const std::string name = file.empty() ? revision_title(revision.revision, pending.message) : file;
    pending.file = migrations::parse_migration_text(journal_name(revision.revision), name, revision.sql);
    if (!file.empty()) pending.file.up_first_line = revision.first_line;
    pending.file.fingerprint = revision.fingerprint();
    pending.file.completion = version_statements(out_.table, revision);
    pending.file.completion_back = version_statements_back(out_.table, revision);
    pending.alembic = std::move(revision);
    out_.revisions.push_back(std::move(pending));
  }

  fs::path source_folder() const {
    if (!options_.sources.empty()) return options_.sources;
    return history_.empty() ? fs::path() : fs::path(history_.front().path).parent_path();
  }

  /// Some env.py print to files of their own, or nothing at all: then nothing would be pending for ever.
  void require_target() const {
    std::set<std::string> wanted;
    for (const HistoryEntry& entry : history_) {
      const bool head = entry.head && (options_.target == "head" || options_.target == "heads");
      if (head || entry.revision == options_.target) wanted.insert(entry.revision);
    }
    const std::set<std::string> reached = with_ancestors(history_, out_.heads_after);
    if (std::includes(reached.begin(), reached.end(), wanted.begin(), wanted.end())) return;
    throw Failure(ExitCode::usage, {.code = "alembic-script",
                                    .object = "target " + options_.target,
                                    .message = "the SQL that the project printed does not lead there",
                                    .expected = joined(wanted),
                                    .found = joined(out_.heads_after),
                                    .next = "Check that env.py prints its offline SQL on standard output; "
                                            "several databases in one project are not supported."});
  }

  const postgres::SessionFactory& factory_;
  const AlembicOptions& options_;
  std::stop_token stop_;
  std::vector<HistoryEntry> history_;
  std::map<std::string, std::vector<std::string>> queries_;
  PendingRevisions out_;
};

}  // namespace

std::string journal_name(const std::string& alembic_revision) {
  return std::string(kAlembicPrefix) + alembic_revision;
}

PendingRevisions pending_revisions(const postgres::SessionFactory& factory, const AlembicOptions& options,
                                   const std::stop_token& stop) {
  return Preparation(factory, options, stop).run();
}

VersionTable live_versions(const postgres::SessionFactory& factory, const AlembicOptions& options) {
  const auto session = open_as_role(factory, "crossfade/alembic");
  return read_version_table(*session, options.version_table);
}

}  // namespace crossfade::orchestrator
