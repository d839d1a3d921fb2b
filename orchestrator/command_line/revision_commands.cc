// The commands on the graph of revisions.
#include "orchestrator/command_line/arguments.h"

namespace crossfade::orchestrator {

void add_revision_commands(CLI::App& application, Arguments& arguments, CommandTable& table) {
  const auto add = [&](const std::string& name, const std::string& help, Action action) {
    return table.add(application, name, help, std::move(action));
  };
  CLI::App* current =
      add("current", "the applied revisions that nothing applied builds on",
          [&arguments](const CommandEnvironment& e) { return run_current(e, arguments.current); });
  current->add_flag("-v,--verbose", arguments.current.verbose, "with file, parents, and when and by whom");
  add("heads", "the revisions that no other revises",
      [](const CommandEnvironment& e) { return run_heads(e); });
  CLI::App* history =
      add("history", "all revisions, the newest first; works without a database too",
          [&arguments](const CommandEnvironment& e) { return run_history(e, arguments.history); });
  history->add_flag("-v,--verbose", arguments.history.verbose, "with file, and when and by whom");
  history->add_option("-r,--range", arguments.history.range,
                      "FROM:TO, both included; either may be left out");
  CLI::App* show =
      add("show", "one revision: file, parents, children, whether it is applied",
          [&arguments](const CommandEnvironment& e) { return run_show(e, arguments.shown_revision); });
  show->add_option("revision", arguments.shown_revision, "name, start of a name, label, head, current")
      ->required();
  CLI::App* stamp = add("stamp", "record revisions as applied, or as not applied, without running anything",
                        [&arguments](const CommandEnvironment& e) { return run_stamp(e, arguments.stamp); });
  stamp->add_option("revision", arguments.stamp.targets,
                    "what is applied, with all that it needs; base: none");
  stamp->add_flag("--purge", arguments.stamp.purge, "forget everything else, revisions without a file too");
  stamp->add_option("--from", arguments.stamp.from, "dbmate, goose or alembic: as its version table says")
      ->check(CLI::IsMember({"dbmate", "goose", "alembic"}));
  stamp->add_option("--table", arguments.stamp.table, "the version table of --from, [schema.]table");
  CLI::App* merge = add("merge", "make a file that joins several heads",
                        [&arguments](const CommandEnvironment& e) { return run_merge(e, arguments.merge); });
  merge->add_option("revisions", arguments.merge.revisions, "the heads to join, or `heads`")->required();
  merge->add_option("-m,--message", arguments.merge.message, "what the file is called");
  merge->add_option("--template", arguments.merge.file_template, "file name template, as of `new`");
  CLI::App* repair =
      add("repair", "list applied files that were edited or are gone, and files out of order",
          [&arguments](const CommandEnvironment& e) { return run_repair(e, arguments.repair); });
  repair->add_option("--accept", arguments.repair.accept, "take these edited files as they are now");
  repair->add_flag("--all", arguments.repair.all, "accept every edited file");
}

}  // namespace crossfade::orchestrator
