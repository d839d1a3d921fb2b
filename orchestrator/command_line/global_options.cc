#include "orchestrator/command_line/arguments.h"

namespace crossfade::orchestrator {

CLI::App* CommandTable::add(CLI::App& parent, const std::string& name, const std::string& help,
                            Action action) {
  CLI::App* command = parent.add_subcommand(name, help);
  command->fallthrough();
  const std::string words = parent.get_parent() == nullptr ? name : parent.get_name() + " " + name;
  actions_[words] = std::move(action);
  command->callback([this, words] { chosen_ = words; });
  return command;
}

void add_global_options(CLI::App& application, GlobalOptions& options) {
  application.add_option("--database", options.database,
                         "postgresql:// URL; else CROSSFADE_DATABASE_URL, DATABASE_URL, PG*");
  application.add_option("--dir", options.directory, "directory of migration files")->capture_default_str();
  application.add_option("--format", options.format, "text or json; lint: also sarif or github")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, OutputFormat>{{"text", OutputFormat::text},
                                                                      {"json", OutputFormat::json},
                                                                      {"sarif", OutputFormat::sarif},
                                                                      {"github", OutputFormat::github}}));
  application.add_option("--progress", options.progress, "auto, plain, json or none")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, ProgressStyle>{{"auto", ProgressStyle::automatic},
                                                                       {"plain", ProgressStyle::plain},
                                                                       {"json", ProgressStyle::json},
                                                                       {"none", ProgressStyle::none}}));
}

void add_run_options(CLI::App& command, RunOptions& run) {
  command.add_option("--workers", run.copy_workers, "parallel copy workers")->check(CLI::Range(1, 64));
  command.add_option("--chunk-pages", run.pages_per_chunk, "pages of 8 KB a chunk")
      ->check(CLI::Range(1, 1 << 20));
  command.add_option("--build-workers", run.build_workers, "parallel index builds")->check(CLI::Range(1, 32));
  command.add_option("--replay-workers", run.replay_workers, "parallel replayers")->check(CLI::Range(1, 32));
  command.add_option("--replay-batch", run.replay_batch, "logged changes a transaction")
      ->check(CLI::Range(1, 100000));
  command.add_option("--verify-workers", run.verify_workers, "parallel verification workers")
      ->check(CLI::Range(1, 64));
  command.add_option("--verify-rows", run.verify_rows, "rows a verified key range")
      ->check(CLI::Range(1, 1 << 30));
  command.add_option("--batch-ms", run.batch_ms, "ms that a batch of an UPDATE or DELETE should take")
      ->check(CLI::Range(10, 60000));
  command.add_option("--batch-rows", run.batch_rows, "rows a batch at most")->check(CLI::Range(1, 1 << 30));
  command
      .add_option("--batch-pause", run.batch_pause_percent, "percent of a batch's duration to rest behind it")
      ->check(CLI::Range(0, 10000));
  command.add_option("--lock-budget", run.lock_budget_ms, "ms to wait for a lock, an attempt")
      ->check(CLI::Range(1, 60000));
  command.add_option("--hold-budget", run.hold_budget_ms, "ms to hold the exclusive lock")
      ->check(CLI::Range(20, 60000));
  command.add_option("--cutover-attempts", run.cutover_attempts, "attempts before giving up")
      ->check(CLI::Range(1, 100000));
  command
      .add_option("--old-snapshots", run.old_snapshots,
                  "wait (default) or ignore: transactions older than the cutover")
      ->transform(CLI::CheckedTransformer(std::map<std::string, OldSnapshots>{
          {"wait", OldSnapshots::wait}, {"ignore", OldSnapshots::ignore}}));
}

}  // namespace crossfade::orchestrator
