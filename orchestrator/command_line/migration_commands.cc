// From a new file to its application, and what looks at files and at the journal.
#include "orchestrator/command_line/arguments.h"

namespace crossfade::orchestrator {

void add_migration_commands(CLI::App& application, Arguments& arguments, CommandTable& table) {
  const auto add = [&](const std::string& name, const std::string& help, Action action) {
    return table.add(application, name, help, std::move(action));
  };
  add("init", "create or upgrade the journal (schema crossfade)",
      [](const CommandEnvironment& e) { return run_init(e); });
  CLI::App* create = add("new", "make a new migration file",
                         [&arguments](const CommandEnvironment& e) { return run_new(e, arguments.create); });
  create->add_option("message", arguments.create.message, "what the migration does")->required();
  create->add_option("--template", arguments.create.file_template,
                     "file name template, default YYYYMMDD_HHMM_slug.sql");
  create->add_option("--revises,--head", arguments.create.revises, "what it follows, default the only head")
      ->delimiter(',');
  create->add_option("--label,--labels", arguments.create.labels, "further names for it")->delimiter(',');
  create->add_option("--depends-on", arguments.create.depends_on, "what has to be applied before it")
      ->delimiter(',');
  CLI::App* lint = add("lint", "what a reviewer would say about migration files; a database is not needed",
                       [&arguments](const CommandEnvironment& e) { return run_lint(e, arguments.lint); });
  lint->add_option("files", arguments.lint.files, "migration files; the whole directory where none is given");
  lint->add_flag("--text-only", arguments.lint.text_only, "do not connect, even where a database is given");
  CLI::App* check =
      add("check", "the whole directory up, down and up again on a server of its own, with lint",
          [&arguments](const CommandEnvironment& e) { return run_check(e, arguments.check); });
  check->add_flag("--up-only", arguments.check.up_only, "a directory without down sections");
  CLI::App* plan = add("plan", "show every statement, lock and cost before anything runs",
                       [&arguments](const CommandEnvironment& e) { return run_plan(e, arguments.plan); });
  plan->add_flag("--sql", arguments.plan.sql, "as a script to review");
  plan->add_option("target", arguments.plan.target,
                   "a revision, head, heads or +N; default: everything pending");
  plan->add_option("--out", arguments.plan.out, "a file that gets the plan, for `up --plan`");
  CLI::App* up =
      add("up", "apply what is pending; run again, it resumes", [&arguments](const CommandEnvironment& e) {
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
  CLI::App* down = add("down", "take the last revision back, or all behind a target",
                       [&arguments](const CommandEnvironment& e) {
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
      [&arguments](const CommandEnvironment& e) { return run_approve(e, arguments.approve); })
      ->add_option("revision", arguments.approve, "the revision")
      ->required();
}

}  // namespace crossfade::orchestrator
