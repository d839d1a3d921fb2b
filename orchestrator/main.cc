// The command line: options, signals, one result as text or as one JSON document, the exit code.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <thread>

#include "orchestrator/commands/alembic.h"
#include "orchestrator/commands/commands.h"
#include "orchestrator/commands/demo.h"
#include "postgres/error.h"

namespace {

using namespace crossfade;                // NOLINT: main is the one place that names everything
using namespace crossfade::orchestrator;  // NOLINT

/// Turns SIGINT and SIGTERM into a stop request; a second one ends the process at once.
class SignalThread {
 public:
  SignalThread()
      : thread_([stop = stop_, signals = block_signals()](const std::stop_token& done) mutable {
          wait(done, stop, signals);
        }) {}
  ~SignalThread() {
    thread_.request_stop();
    pthread_kill(thread_.native_handle(), SIGTERM);  // wakes it; blocked in every other thread
  }
  std::stop_token token() const { return stop_.get_token(); }

 private:
  /// In the main thread, before any other exists: they all inherit it.
  static sigset_t block_signals() {
    sigset_t signals{};
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    signal(SIGPIPE, SIG_IGN);
    return signals;
  }

  static void wait(const std::stop_token& done, std::stop_source& stop, const sigset_t& signals) {
    while (!done.stop_requested()) {
      int received = 0;
      if (sigwait(&signals, &received) != 0 || done.stop_requested()) continue;
      if (stop.stop_requested()) ::_exit(128 + received);
      stop.request_stop();
    }
  }

  std::stop_source stop_;
  std::jthread thread_;
};

/// Masks every value that follows `password` in a key/value string or a URL's query: password=…, quoted or
/// not.
void mask_password_values(char* text, std::size_t size) {
  const std::string_view all(text, size);
  for (auto at = all.find("password"); at != std::string_view::npos; at = all.find("password", at)) {
    at += 8;
    const auto skip_spaces = [&] {
      while (at < size && all[at] == ' ') ++at;
    };
    skip_spaces();
    if (at >= size || all[at] != '=') continue;
    ++at;
    skip_spaces();
    const bool quoted = at < size && all[at] == '\'';
    if (quoted) ++at;
    for (; at < size && all[at] != (quoted ? '\'' : ' ') && all[at] != '&'; ++at) {
      const bool escape = all[at] == '\\' && at + 1 < size;
      text[at] = '*';
      if (escape) text[++at] = '*';
    }
  }
}

/// `ps` shows the arguments to everybody; a password in one of them is overwritten in place.
void hide_passwords(int argc, char** argv) {
  for (int index = 1; index < argc; ++index) {
    const std::string_view text = argv[index];
    if (const auto scheme = text.find("://"); scheme != std::string_view::npos) {
      const auto at = text.rfind('@');
      const auto colon = text.find(':', scheme + 3);
      if (at != std::string_view::npos && colon != std::string_view::npos && colon < at)
        std::fill(argv[index] + colon + 1, argv[index] + at, '*');
    }
    mask_password_values(argv[index], text.size());
  }
}

boost::json::value problem_document(const Problem& problem) {
  const auto or_null = [](const std::string& text) {
    return text.empty() ? boost::json::value(nullptr) : boost::json::value(text);
  };
  return boost::json::object{{"code", problem.code},
                             {"object", or_null(problem.object)},
                             {"message", problem.message},
                             {"expected", or_null(problem.expected)},
                             {"found", or_null(problem.found)},
                             {"next", or_null(problem.next)}};
}

/// What a command that failed before it had anything to show still promises to print.
boost::json::object members_of(const std::string& command) {
  const boost::json::array none;
  const boost::json::value unknown;
  if (command == "status") return {{"current", none}, {"heads", none}, {"runs", none}};
  if (command == "alembic upgrade") return {{"runs", none}};
  if (command == "plan" || command == "alembic plan")
    return {{"fingerprint", unknown}, {"revisions", none}, {"refusals", none}};
  if (command == "alembic current") return {{"table", unknown}, {"exists", unknown}, {"heads", none}};
  if (command == "alembic pending")
    return {
        {"table", unknown}, {"heads", none}, {"heads_after", none}, {"revisions", none}, {"refusals", none}};
  if (command == "init") return {{"changed", false}};
  if (command == "new" || command == "merge") return {{"revision", unknown}, {"path", unknown}};
  if (command == "current" || command == "heads") return {{command, none}};
  if (command == "history") return {{"revisions", none}};
  if (command == "show") {
    return {{"revision", unknown},   {"revises", none},
            {"depends_on", none},    {"labels", none},
            {"applied", unknown},    {"applied_at", unknown},
            {"applied_by", unknown}, {"path", unknown},
            {"is_head", unknown},    {"is_branch_point", unknown},
            {"is_merge", unknown},   {"children", none},
            {"statements", unknown}, {"fingerprint", unknown}};
  }
  if (command == "stamp") return {{"stamped", none}, {"removed", none}};
  if (command == "repair")
    return {{"edited", none}, {"missing", none}, {"out_of_order", none}, {"accepted", none}};
  if (command == "check") return {{"steps", none}};
  if (command == "lint") return {{"findings", none}};
  if (command == "doctor") return {{"findings", none}};
  if (command == "verify") {
    return {{"run", unknown},         {"mode", unknown},   {"left", unknown},          {"right", unknown},
            {"complete", false},      {"exact", unknown},  {"equal", unknown},         {"rows_left", unknown},
            {"rows_right", unknown},  {"chunks", unknown}, {"keys_excluded", unknown}, {"not_compared", none},
            {"differences", unknown}, {"examples", none}};
  }
  if (command == "approve") return {{"approved", none}};
  for (const std::string_view with_runs :
       {"up", "down", "revert", "pause", "resume", "cutover", "contract", "abort"}) {
    if (command == with_runs) return {{"runs", none}};
  }
  return {};
}

struct OutputStyle {
  bool json = false;
  bool json_lines = false;  ///< standard error holds JSON lines and nothing else
};

int print(const std::string& command, OutputStyle style, const CommandResult& result) {
  if (result.problem && style.json_lines) {
    std::cerr << boost::json::serialize(
                     boost::json::object{{"event", "error"}, {"error", problem_document(*result.problem)}})
              << '\n';
  } else if (result.problem) {
    std::cerr << describe(*result.problem) << '\n';
  }
  if (style.json) {
    boost::json::object document{
        {"schema", 1},
        {"command", command.empty() ? boost::json::value() : boost::json::value(command)},
        {"exit_code", static_cast<int>(result.exit_code)},
        {"error", result.problem ? problem_document(*result.problem) : nullptr}};
    for (const auto& member : members_of(command)) document[member.key()] = member.value();
    for (const auto& member : result.document) document[member.key()] = member.value();
    std::cout << boost::json::serialize(document) << std::endl;
  } else {
    std::cout << result.text << std::flush;
  }
  return static_cast<int>(result.exit_code);
}

CommandResult guarded(const std::function<CommandResult()>& command) {
  try {
    return command();
  } catch (const Failure& failure) {
    return {.exit_code = failure.exit_code(), .problem = failure.problem()};
  } catch (const postgres::DatabaseError& error) {
    const bool rights = error.sqlstate() == "42501";
    return {.exit_code = rights ? ExitCode::refused : ExitCode::failed,
            .problem =
                Problem{.code = rights ? "missing-privilege" : "database-error",
                        .object = error.query_name(),
                        .message = error.report().message,
                        .expected = "",
                        .found = "SQLSTATE " + error.sqlstate() +
                                 (error.report().detail.empty() ? "" : "; " + error.report().detail),
                        .next = error.report().hint.empty() ? "Correct the cause and run the command again."
                                                            : error.report().hint}};
  } catch (const std::exception& error) {
    return {.exit_code = ExitCode::failed,
            .problem = Problem{.code = "internal-error",
                               .object = "crossfade",
                               .message = error.what(),
                               .expected = "",
                               .found = "",
                               .next = "Run the command again; if it fails again, report it with `crossfade "
                                       "status --format json`."}};
  }
}

struct Arguments {
  GlobalOptions global;
  RunOptions run;
  NewOptions create;
  MergeOptions merge;
  CurrentOptions current;
  HistoryOptions history;
  std::string shown_revision;
  StampOptions stamp;
  RepairOptions repair;
  LintOptions lint;
  CheckOptions check;
  PlanOptions plan;
  UpOptions up;
  DownOptions down;
  std::string approve;
  VerifyOptions verify;
  DemoCommandOptions demo;
  AlembicOptions alembic;
  std::optional<std::int64_t> run_number;
};

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

/// The commands on the graph of revisions. `add` is the function that add_commands has for its own.
template <class Add>
void add_revision_commands(const Add& add, Arguments& arguments) {
  CLI::App* current = add("current", "the applied revisions that nothing applied builds on",
                          [&](const CommandEnvironment& e) { return run_current(e, arguments.current); });
  current->add_flag("-v,--verbose", arguments.current.verbose, "with file, parents, and when and by whom");
  add("heads", "the revisions that no other revises",
      [](const CommandEnvironment& e) { return run_heads(e); });
  CLI::App* history = add("history", "all revisions, the newest first; works without a database too",
                          [&](const CommandEnvironment& e) { return run_history(e, arguments.history); });
  history->add_flag("-v,--verbose", arguments.history.verbose, "with file, and when and by whom");
  history->add_option("-r,--range", arguments.history.range,
                      "FROM:TO, both included; either may be left out");
  CLI::App* show = add("show", "one revision: file, parents, children, whether it is applied",
                       [&](const CommandEnvironment& e) { return run_show(e, arguments.shown_revision); });
  show->add_option("revision", arguments.shown_revision, "name, start of a name, label, head, current")
      ->required();
  CLI::App* stamp = add("stamp", "record revisions as applied, or as not applied, without running anything",
                        [&](const CommandEnvironment& e) { return run_stamp(e, arguments.stamp); });
  stamp->add_option("revision", arguments.stamp.targets,
                    "what is applied, with all that it needs; base: none");
  stamp->add_flag("--purge", arguments.stamp.purge, "forget everything else, revisions without a file too");
  stamp->add_option("--from", arguments.stamp.from, "dbmate, goose or alembic: as its version table says")
      ->check(CLI::IsMember({"dbmate", "goose", "alembic"}));
  stamp->add_option("--table", arguments.stamp.table, "the version table of --from, [schema.]table");
  CLI::App* merge = add("merge", "make a file that joins several heads",
                        [&](const CommandEnvironment& e) { return run_merge(e, arguments.merge); });
  merge->add_option("revisions", arguments.merge.revisions, "the heads to join, or `heads`")->required();
  merge->add_option("-m,--message", arguments.merge.message, "what the file is called");
  merge->add_option("--template", arguments.merge.file_template, "file name template, as of `new`");
  CLI::App* repair = add("repair", "list applied files that were edited or are gone, and files out of order",
                         [&](const CommandEnvironment& e) { return run_repair(e, arguments.repair); });
  repair->add_option("--accept", arguments.repair.accept, "take these edited files as they are now");
  repair->add_flag("--all", arguments.repair.all, "accept every edited file");
}

void add_alembic_options(CLI::App& command, AlembicOptions& options) {
  command.add_option("target", options.target, "head (default), heads, a revision, +N, branch@head");
  command.add_option("--config", options.config, "the project's settings file, default alembic.ini");
  command.add_option("--command", options.command, "the project's command line, for example \"flask db\"");
  command.add_option("--sql-file", options.sql_file,
                     "SQL printed by `alembic upgrade A:B --sql`; - is stdin");
  command.add_option("--version-table", options.version_table, "Alembic's table, perhaps with its schema")
      ->capture_default_str();
  command.add_option("--percent-signs", options.percent_signs, "how the printed SQL has them")
      ->check(CLI::IsMember({"plain", "doubled"}));
  command.add_option("--sources", options.sources, "the folder of the revisions' Python files");
  command.add_flag("--unchecked-sources", options.unchecked_sources,
                   "go on where a revision's Python cannot be read");
  command.add_flag("--record", options.record,
                   "run the revisions against a copy of the schema, and take the SQL from its log");
  command.add_option("--record-url-variable", options.record_url_variable,
                     "an environment variable in which the project takes its database's URL");
  command.add_option("--record-argument", options.record_argument,
                     "the name in -x NAME=URL by which the project takes it");
}

/// The subcommands in the order of `--help`; each gives the function that runs it.
std::function<CommandResult(const CommandEnvironment&)> add_commands(CLI::App& application,
                                                                     Arguments& arguments,
                                                                     std::string& chosen) {
  auto actions =
      std::make_shared<std::map<std::string, std::function<CommandResult(const CommandEnvironment&)>>>();
  const auto add = [&](const std::string& name, const std::string& help, auto action) {
    CLI::App* command = application.add_subcommand(name, help);
    command->fallthrough();
    (*actions)[name] = action;
    command->callback([&chosen, name] { chosen = name; });
    return command;
  };
  add("init", "create or upgrade the journal (schema crossfade)",
      [](const CommandEnvironment& e) { return run_init(e); });
  CLI::App* create = add("new", "make a new migration file",
                         [&](const CommandEnvironment& e) { return run_new(e, arguments.create); });
  create->add_option("message", arguments.create.message, "what the migration does")->required();
  create->add_option("--template", arguments.create.file_template,
                     "file name template, default YYYYMMDD_HHMM_slug.sql");
  create->add_option("--revises,--head", arguments.create.revises, "what it follows, default the only head")
      ->delimiter(',');
  create->add_option("--label,--labels", arguments.create.labels, "further names for it")->delimiter(',');
  create->add_option("--depends-on", arguments.create.depends_on, "what has to be applied before it")
      ->delimiter(',');
  CLI::App* lint = add("lint", "what a reviewer would say about migration files; a database is not needed",
                       [&](const CommandEnvironment& e) { return run_lint(e, arguments.lint); });
  lint->add_option("files", arguments.lint.files, "migration files; the whole directory where none is given");
  lint->add_flag("--text-only", arguments.lint.text_only, "do not connect, even where a database is given");
  CLI::App* check =
      add("check", "the whole directory up, down and up again on a server of its own, with lint",
          [&](const CommandEnvironment& e) { return run_check(e, arguments.check); });
  check->add_flag("--up-only", arguments.check.up_only, "a directory without down sections");
  CLI::App* plan = add("plan", "show every statement, lock and cost before anything runs",
                       [&](const CommandEnvironment& e) { return run_plan(e, arguments.plan); });
  plan->add_flag("--sql", arguments.plan.sql, "as a script to review");
  plan->add_option("target", arguments.plan.target,
                   "a revision, head, heads or +N; default: everything pending");
  plan->add_option("--out", arguments.plan.out, "a file that gets the plan, for `up --plan`");
  CLI::App* up = add("up", "apply what is pending; run again, it resumes", [&](const CommandEnvironment& e) {
    arguments.up.apply.run = arguments.run;
    return run_up(e, arguments.up);
  });
  add_run_options(*up, arguments.run);
  up->add_option("target", arguments.up.target, "a revision, head, heads or +N; default: everything pending");
  up->add_flag("--contract", arguments.run.contract, "drop the old table right after the cutover");
  up->add_flag("--postpone-cutover", arguments.run.postpone_cutover,
               "stop in sync and verified; `cutover` goes on");
  up->add_flag("--skip-verification", arguments.run.skip_verification,
               "cut over without comparing; kept in the audit trail");
  up->add_flag("--approve", arguments.up.apply.approved, "agree to what drops data");
  up->add_flag("--additive-only", arguments.up.apply.additive_only, "refuse whatever drops or narrows");
  up->add_option("--plan", arguments.up.plan_file, "run only what this file of `plan --out` holds");
  up->add_flag("--wait", arguments.up.wait, "for another process that is at work, and for the server");
  up->add_option("--timeout", arguments.up.timeout_s, "seconds that --wait waits")
      ->check(CLI::Range(1, 1000000));
  up->add_flag("--dry-run", arguments.up.dry_run, "show the plan, change nothing");
  CLI::App* down =
      add("down", "take the last revision back, or all behind a target", [&](const CommandEnvironment& e) {
        arguments.down.apply.run = arguments.run;
        return run_down(e, arguments.down);
      });
  add_run_options(*down, arguments.run);
  down->add_option("target", arguments.down.target,
                   "-N, base, or the revision that stays the last one; default -1");
  down->add_flag("--contract", arguments.run.contract, "drop what is kept aside right away");
  down->add_flag("--allow-data-loss", arguments.down.allow_data_loss, "agree to what drops data");
  down->add_flag("--generated", arguments.down.generated,
                 "use the inverse that crossfade knows where there is no down section");
  down->add_flag("--dry-run", arguments.down.dry_run, "show the plan, change nothing");
  add("approve", "agree to what a revision drops",
      [&](const CommandEnvironment& e) { return run_approve(e, arguments.approve); })
      ->add_option("revision", arguments.approve, "the revision")
      ->required();
  add_revision_commands(add, arguments);
  add("status", "what is applied and what every run is doing",
      [](const CommandEnvironment& e) { return run_status(e); });
  const auto add_run = [&](const std::string& name, const std::string& help, auto action, bool options) {
    CLI::App* command = add(name, help, action);
    command->add_option("run", arguments.run_number, "the run; may be left out where only one is eligible");
    if (options) add_run_options(*command, arguments.run);
    return command;
  };
  add_run(
      "pause", "stop a run until it is resumed",
      [&](const CommandEnvironment& e) { return run_pause(e, arguments.run_number); }, false);
  CLI::App* resume = add_run(
      "resume", "lift the pause and go on",
      [&](const CommandEnvironment& e) { return run_resume(e, arguments.run_number, arguments.run); }, true);
  resume->add_flag("--contract", arguments.run.contract, "drop the old table right after the cutover");
  resume->add_flag("--skip-verification", arguments.run.skip_verification, "cut over without comparing");
  CLI::App* cutover = add_run(
      "cutover", "cut a postponed run over, after replay and a new full verification",
      [&](const CommandEnvironment& e) { return run_cutover(e, arguments.run_number, arguments.run); }, true);
  cutover->add_flag("--contract", arguments.run.contract, "drop the old table right after the cutover");
  add_run(
      "contract", "drop the old table of a soaking run",
      [&](const CommandEnvironment& e) { return run_contract(e, arguments.run_number, arguments.run); },
      true);
  add_run(
      "revert", "bring back what a run has set aside",
      [&](const CommandEnvironment& e) { return run_revert(e, arguments.run_number, arguments.run); }, true);
  add_run(
      "abort", "undo a run before its cutover",
      [&](const CommandEnvironment& e) { return run_abort(e, arguments.run_number, arguments.run); }, true);
  CLI::App* verify =
      add("verify", "compare every row of a run's two tables, or of any two tables",
          [&](const CommandEnvironment& e) { return run_verify(e, arguments.verify, arguments.run); });
  verify->add_option("subject", arguments.verify.subject, "a run's number or a table's name");
  verify->add_option("--against", arguments.verify.against, "a second table");
  add_run_options(*verify, arguments.run);
  add("doctor", "find what runs have left behind", [](const CommandEnvironment& e) { return run_doctor(e); });
  CLI::App* alembic =
      application.add_subcommand("alembic", "run an Alembic or Flask-Migrate project's revisions");
  alembic->fallthrough();
  alembic->require_subcommand(1);
  const auto add_alembic = [&](const std::string& name, const std::string& help, auto action) {
    CLI::App* command = alembic->add_subcommand(name, help);
    command->fallthrough();
    (*actions)["alembic " + name] = action;
    command->callback([&chosen, name] { chosen = "alembic " + name; });
    return command;
  };
  CLI::App* current = add_alembic("current", "show where the database is", [&](const CommandEnvironment& e) {
    return run_alembic_current(e, arguments.alembic);
  });
  current->add_option("--version-table", arguments.alembic.version_table,
                      "Alembic's table, perhaps with its schema");
  add_alembic_options(
      *add_alembic("pending", "show the pending revisions and their SQL as crossfade reads it",
                   [&](const CommandEnvironment& e) { return run_alembic_pending(e, arguments.alembic); }),
      arguments.alembic);
  CLI::App* alembic_plan = add_alembic(
      "plan", "show what upgrade would do",
      [&](const CommandEnvironment& e) { return run_alembic_plan(e, arguments.alembic, arguments.plan); });
  add_alembic_options(*alembic_plan, arguments.alembic);
  alembic_plan->add_flag("--sql", arguments.plan.sql, "as a script to review");
  CLI::App* upgrade = add_alembic("upgrade", "run the pending revisions and move Alembic's version with them",
                                  [&](const CommandEnvironment& e) {
                                    return run_alembic_upgrade(e, arguments.alembic,
                                                               {arguments.run, arguments.up.apply.approved,
                                                                arguments.up.apply.additive_only});
                                  });
  add_alembic_options(*upgrade, arguments.alembic);
  add_run_options(*upgrade, arguments.run);
  upgrade->add_flag("--contract", arguments.run.contract, "drop what is kept aside right away");
  upgrade->add_flag("--skip-verification", arguments.run.skip_verification,
                    "cut over without comparing; kept in the audit trail");
  upgrade->add_flag("--approve", arguments.up.apply.approved, "agree to what drops data");
  upgrade->add_flag("--additive-only", arguments.up.apply.additive_only, "refuse whatever drops or narrows");
  CLI::App* demo = add("demo", "show a migration under load on a server of its own",
                       [&](const CommandEnvironment& e) { return run_demo_command(e, arguments.demo); });
  demo->add_option("--rows", arguments.demo.rows, "rows of the orders table")
      ->check(CLI::Range(1000, 1000000000));
  demo->add_option("--rate", arguments.demo.rate, "application transactions a second")
      ->check(CLI::Range(1, 100000));
  demo->add_option("--connections", arguments.demo.connections, "application connections")
      ->check(CLI::Range(1, 50));
  demo->add_option("--seconds-before", arguments.demo.seconds_before,
                   "seconds of traffic alone, before and after");
  demo->add_flag("--keep", arguments.demo.keep, "leave the server running until Ctrl-C");
  return
      [actions, &chosen](const CommandEnvironment& environment) { return actions->at(chosen)(environment); };
}

/// A usage error must still answer in the wanted form and name its command, although nothing is parsed.
struct RawArguments {
  OutputStyle style;
  std::string command;         ///< the first word that is neither an option nor an option's value
  std::string unknown_option;  ///< in front of the command, without its value
};

RawArguments look_over(const CLI::App& application, const std::vector<std::string>& arguments) {
  RawArguments found;
  for (std::size_t index = 0; index < arguments.size(); ++index) {
    const std::string& text = arguments[index];
    const bool takes_value = text == "--database" || text == "--dir" || text == "--config" ||
                             text == "--format" || text == "--progress";
    const std::string value = takes_value && index + 1 < arguments.size() ? arguments[index + 1] : "";
    if (text == "--format=json" || (text == "--format" && value == "json")) found.style.json = true;
    if (text == "--progress=json" || (text == "--progress" && value == "json")) found.style.json_lines = true;
    if (found.command.empty() && !text.starts_with("-")) found.command = text;
    const std::string option = text.substr(0, text.find('='));
    if (found.command.empty() && application.get_option_no_throw(option) == nullptr)
      found.unknown_option = option;
    if (takes_value) ++index;
  }
  // The word behind an unknown option may be that option's value.
  const auto known = [&](const CLI::App* command) { return command->get_name() == found.command; };
  if (!found.unknown_option.empty() && application.get_subcommands(known).empty()) found.command.clear();
  return found;
}

/// `masked` are the arguments without their passwords.
std::string usage_message(const CLI::App& application, const RawArguments& raw, const CLI::ParseError& error,
                          const std::vector<std::string>& arguments, const std::vector<std::string>& masked) {
  if (!raw.unknown_option.empty()) return fmt::format("there is no option `{}`", raw.unknown_option);
  const auto known = [&](const CLI::App* command) { return command->get_name() == raw.command; };
  if (!raw.command.empty() && application.get_subcommands(known).empty())
    return fmt::format("there is no command `{}`", raw.command);
  std::string message = error.what();
  static constexpr std::string_view kUnknownKey = "INI was not able to parse ";
  if (message.starts_with(kUnknownKey))
    message = "the settings file has a key that is no option: " + message.substr(kUnknownKey.size());
  for (std::size_t index = 0; index < arguments.size(); ++index) {
    if (masked[index] == arguments[index]) continue;
    for (auto at = message.find(arguments[index]); at != std::string::npos;
         at = message.find(arguments[index]))
      message.replace(at, arguments[index].size(), masked[index]);
  }
  return message;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> given(argv + 1, argv + argc);
  hide_passwords(argc, argv);
  const std::vector<std::string> masked(argv + 1, argv + argc);
  const auto signals = std::make_unique<SignalThread>();
  Arguments arguments;
  std::string chosen;
  CLI::App application{
      "crossfade changes the schema of large, busy PostgreSQL tables without stopping the application."};
  application.name("crossfade");
  application.set_version_flag("--version", CROSSFADE_VERSION);
  application.require_subcommand(1);
  application.set_config("--config", "crossfade.toml", "settings, as the long options' names");
  application.allow_config_extras(CLI::config_extras_mode::error);
  application.add_option("--database", arguments.global.database,
                         "postgresql:// URL; else CROSSFADE_DATABASE_URL, DATABASE_URL, PG*");
  application.add_option("--dir", arguments.global.directory, "directory of migration files")
      ->capture_default_str();
  application.add_option("--format", arguments.global.format, "text or json; lint: also sarif or github")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, OutputFormat>{{"text", OutputFormat::text},
                                                                      {"json", OutputFormat::json},
                                                                      {"sarif", OutputFormat::sarif},
                                                                      {"github", OutputFormat::github}}));
  application.add_option("--progress", arguments.global.progress, "auto, plain, json or none")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, ProgressStyle>{{"auto", ProgressStyle::automatic},
                                                                       {"plain", ProgressStyle::plain},
                                                                       {"json", ProgressStyle::json},
                                                                       {"none", ProgressStyle::none}}));
  const auto action = add_commands(application, arguments, chosen);
  try {
    application.parse(std::vector<std::string>(given.rbegin(), given.rend()));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return application.exit(error);
    const RawArguments raw = look_over(application, masked);
    const Problem problem{
        .code = "usage",
        .object = "crossfade",
        .message = usage_message(application, raw, error, given, masked),
        .expected = "",
        .found = "",
        .next = "`crossfade --help` and `crossfade COMMAND --help` list commands and options."};
    return print(raw.command, raw.style, {.exit_code = ExitCode::usage, .problem = problem});
  }
  const OutputFormat format = arguments.global.format;
  if (chosen != "lint" && (format == OutputFormat::sarif || format == OutputFormat::github)) {
    return print(chosen, {},
                 {.exit_code = ExitCode::usage,
                  .problem = Problem{.code = "usage",
                                     .object = "--format",
                                     .message = "only `lint` writes sarif and github",
                                     .expected = "text or json",
                                     .found = format == OutputFormat::sarif ? "sarif" : "github",
                                     .next = "Leave --format out, or use --format json."}});
  }
  arguments.global.json = format == OutputFormat::json;
  const CommandEnvironment environment{arguments.global, signals->token()};
  const OutputStyle style{arguments.global.json, arguments.global.progress == ProgressStyle::json};
  return print(chosen, style, guarded([&] { return action(environment); }));
}
