#include "orchestrator/carried_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "orchestrator/journal.h"
#include "orchestrator/lock_attempts.h"
#include "postgres/error.h"
#include "postgres/names_in_full.h"
#include "postgres/problem.h"
#include "strategies/grants.h"

namespace crossfade::orchestrator {

namespace {

using postgres::QualifiedName;

constexpr std::string_view kRunSchemas = R"sql(
SELECT nspname AS name FROM pg_catalog.pg_namespace WHERE nspname ~ ('^crossfade_' || $1 || '_[0-9]+(_old)?$') ORDER BY 1
)sql";

// What a run has made over a table or has moved aside with it, in its own schemas or in those of a run of its
// group. Whatever else depends on the table is the application's, and none of ours to drop.
const std::string kRunsObjects = "WITH RECURSIVE " + std::string(postgres::kBoundObjects) + R"sql(,
mine (oid) AS (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname ~ ('^crossfade_' || $2 || '(_[0-9]+)?(_old)?$')),
runs (oid) AS (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname ~ '^crossfade_[0-9]+(_[0-9]+)?(_old)?$')
SELECT pg_catalog.format('DROP %s %I.%I', CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, n.nspname, c.relname) AS statement
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('v', 'm')
   AND (n.oid IN (SELECT oid FROM mine) OR n.oid IN (SELECT oid FROM runs)
        AND EXISTS (SELECT 1 FROM bound b WHERE b.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND b.objid = c.oid))
UNION ALL
SELECT pg_catalog.format('DROP ROUTINE %I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid))
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE p.proname !~ '^crossfade_(capture_|guard$)'
   AND (n.oid IN (SELECT oid FROM mine) OR n.oid IN (SELECT oid FROM runs)
        AND EXISTS (SELECT 1 FROM bound b WHERE b.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND b.objid = p.oid))
 ORDER BY 1
)sql";

constexpr int kAttempts = 200;

std::string first_line(const std::string& statement) {
  return statement.substr(0, std::min<std::size_t>(statement.find('\n'), 160));
}

/// The server quotes where it must, we always do.
std::string unquoted(std::string text) {
  std::erase(text, '"');
  return text;
}

std::string validation_step(const std::string& statement) {
  return "validated: " + statement;
}

Failure cannot_be_made(const RunContext& context, const std::string& statement,
                       const postgres::DatabaseError& error) {
  return Failure(
      ExitCode::refused,
      {.code = "cannot-carry",
       .object = first_line(statement),
       .message = fmt::format("cannot be made over the new table of {}: {}",
                              context.plan.source.name.display(), error.report().message),
       .expected = "what hangs on the table to fit its new shape",
       .found = "SQLSTATE " + error.sqlstate(),
       .next = fmt::format("Change or drop it and run `crossfade up` again, or `crossfade abort {}`.",
                           context.run())});
}

void make(const RunContext& context, postgres::Session& session, const std::string& statement) {
  try {
    session.run({"prepare.statement", statement});
  } catch (const postgres::DatabaseError& error) {
    if (error.connection_dead() || error.retryable()) throw;
    throw cannot_be_made(context, statement, error);
  }
}

/// Default privileges may have added some to the new objects, or the old ones may have others.
void grant(const RunContext& context, postgres::Session& session, const strategies::CarryRequest& live,
           const strategies::CarriedObjects& carried) {
  for (const postgres::Table& view : live.views) {
    const QualifiedName name = strategies::shadow_name(carried, view.name);
    const auto oid = postgres::find_relation(session, name.schema, name.name);
    const postgres::Table made = postgres::load_table(session, oid.value()).value();
    for (const std::string& statement : strategies::grant_statements(view, made, name))
      make(context, session, statement);
  }
  if (live.dependents->functions.empty()) return;
  std::vector<const strategies::ShadowTablePlan*> plans = live.mates;
  plans.push_back(&context.plan);
  std::vector<postgres::DependentFunction> made;
  for (const strategies::ShadowTablePlan* plan : plans) {
    const auto shadow = postgres::find_relation(session, plan->shadow.schema, plan->shadow.name);
    for (postgres::DependentFunction& function : postgres::load_dependents(session, shadow.value()).functions)
      made.push_back(std::move(function));
  }
  const std::vector<migrations::MovedName> moved = strategies::shadow_names(live, carried);
  for (const postgres::DependentFunction& wanted : live.dependents->functions) {
    const QualifiedName name = strategies::shadow_name(carried, wanted.name);
    const std::string arguments = unquoted(migrations::with_moved_names(wanted.arguments, moved));
    for (const postgres::DependentFunction& current : made) {
      if (current.name != name || unquoted(current.arguments) != arguments) continue;
      const std::string signature = fmt::format("{}({})", name.quoted(), current.arguments);
      for (const std::string& statement : strategies::routine_grant_statements(wanted, current, signature))
        make(context, session, statement);
    }
  }
}

}  // namespace

LiveDependents load_live_dependents(postgres::Session& session, std::uint32_t table_oid) {
  const postgres::NamesInFull names(session);
  LiveDependents live{.dependents = postgres::load_dependents(session, table_oid), .views = {}};
  for (const postgres::DependentView& view : live.dependents.views) {
    if (auto table = postgres::load_table(session, view.oid)) live.views.push_back(std::move(*table));
  }
  // One has just been dropped; whoever asks later finds the digest changed.
  if (live.views.size() != live.dependents.views.size()) return load_live_dependents(session, table_oid);
  return live;
}

std::vector<strategies::CarriedObjects> prepare_carried_objects(const std::vector<CarriedMember>& group,
                                                                postgres::Session& session,
                                                                const std::string& digest) {
  std::vector<postgres::Dependents> dependents;
  std::vector<strategies::CarryRequest> requests;
  for (const CarriedMember& member : group) {
    LiveDependents live = load_live_dependents(session, member.source.oid);
    dependents.push_back(std::move(live.dependents));
    requests.push_back({.plan = member.plan, .source = &member.source, .views = std::move(live.views)});
    for (const CarriedMember& mate : group) {
      if (&mate != &member) requests.back().mates.push_back(mate.plan);
    }
  }
  strategies::join_dependents(requests, dependents);
  std::vector<strategies::CarriedObjects> out;
  for (std::size_t index = 0; index < group.size(); ++index) {
    requests[index].dependents = &dependents[index];
    out.push_back(strategies::carry_objects(requests[index]));
  }

  const RunContext& first = *group.front().context;
  // A shadow that was made anew has none of them.
  std::string step = "prepare dependents " + digest;
  for (const CarriedMember& member : group) {
    if (member.plan != &member.context->plan) continue;
    const QualifiedName& shadow = member.plan->shadow;
    step += " " + std::to_string(postgres::find_relation(session, shadow.schema, shadow.name).value_or(0));
  }
  Journal journal(session);
  if (journal.step_finished(first.run(), step)) return out;
  if (!out.front().prepare.empty())
    first.progress.set_waiting(
        "views and functions over the new table to be made, materialized views to be filled");
  WorkerTransaction transaction(session, first.sessions, "prepare");
  for (std::size_t index = 1; index < group.size(); ++index) {
    if (group[index].plan == &group[index].context->plan)
      enter_fence(session, group[index].context->sessions, "prepare");
  }
  session.run({"prepare.settings",
               "SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL check_function_bodies = off"});
  for (const CarriedMember& member : group)
    drop_bound_objects(session, member.plan->shadow, member.context->run());
  const auto rename = [&](std::vector<std::string> strategies::CarriedObjects::*statements) {
    for (std::size_t index = 1; index < group.size(); ++index) {
      const std::vector<migrations::MovedName> names = strategies::shadow_names(requests[index], out[index]);
      for (const std::string& statement : out[index].*statements)
        make(first, session, migrations::with_moved_names(statement, names));
    }
  };
  rename(&strategies::CarriedObjects::names_as_before);
  for (const std::string& statement : out.front().prepare) make(first, session, statement);
  rename(&strategies::CarriedObjects::names_as_after);
  grant(first, session, requests.front(), out.front());
  journal.finish_step(first.run(), step);
  transaction.commit();
  first.progress.set_waiting("");
  return out;
}

void drop_bound_objects(postgres::Session& session, const QualifiedName& table, std::int64_t run) {
  const auto oid = postgres::find_relation(session, table.schema, table.name);
  // They depend on one another in an order that the server knows.
  for (bool progress = true; progress;) {
    progress = false;
    const postgres::Rows objects =
        session.run({"remove.objects", kRunsObjects}, {std::to_string(oid.value_or(0)), std::to_string(run)});
    for (const postgres::Row row : objects) {
      session.run({"remove.savepoint", "SAVEPOINT crossfade_object"});
      try {
        session.run({"remove.object", row.text("statement")});
        session.run({"remove.release", "RELEASE SAVEPOINT crossfade_object"});
        progress = true;
      } catch (const postgres::DatabaseError& error) {
        if (error.connection_dead() || error.sqlstate() != "2BP01") throw;
        session.run({"remove.undo", "ROLLBACK TO SAVEPOINT crossfade_object"});
      }
    }
  }
  const postgres::Rows schemas =
      session.run({"remove.run_schemas", std::string(kRunSchemas)}, {std::to_string(run)});
  for (const postgres::Row row : schemas)
    session.run({"remove.run_schema", "DROP SCHEMA " + postgres::quote_identifier(row.text("name"))});
}

bool validated(postgres::Session& session, const Run& run) {
  const auto carried = boost::json::value_to<strategies::CarriedObjects>(run.carried);
  return std::all_of(carried.validate.begin(), carried.validate.end(), [&](const std::string& statement) {
    return Journal(session).step_finished(run.run, validation_step(statement));
  });
}

void validate_foreign_keys(const RunContext& context, const Run& run) {
  if (run.carried.is_null()) return;
  const auto carried = boost::json::value_to<strategies::CarriedObjects>(run.carried);
  for (const std::string& statement : carried.validate) {
    const std::string step = validation_step(statement);
    if (context.journal.step_finished(context.run(), step)) continue;
    context.progress.set_waiting("the end of " + statement);
    try {
      const auto validate = [&] {
        context.control.run({"foreign_key.validate", statement});
        context.journal.finish_step(context.run(), step);
      };
      if (statement.find(" VALIDATE CONSTRAINT ") != std::string::npos) {
        WorkerTransaction transaction(context.control, context.sessions, "foreign_key");
        validate();
        transaction.commit();
      } else {
        // Over partitions that have it validated: short, but writers wait for it.
        with_lock(
            context.control, context.sessions,
            {context.plan.source.name, "SHARE ROW EXCLUSIVE", "foreign_key.add"},
            {context.options.lock_budget_ms, context.options.hold_budget_ms}, kAttempts, context.stop,
            [&](const std::string& reason) { context.progress.set_waiting(reason); }, validate);
      }
    } catch (const postgres::DatabaseError& error) {
      // Dropped since, or its table is: then there is nothing to validate.
      if (error.sqlstate() == "42704" || error.sqlstate() == "42P01") {
        context.journal.finish_step(context.run(), step);
        continue;
      }
      if (!error.data_error()) throw;
      throw Failure(
          ExitCode::refused,
          {.code = "data-rejected",
           .object = first_line(statement),
           .message = "the new table is in place, and the foreign key checks every new row; rows from "
                      "before violate it: " +
                      error.report().message,
           .expected = "no such row: they came in while the constraint was bypassed",
           .found = error.report().detail,
           .next = "Mend these rows, then run `crossfade up` again: it validates the key."});
    }
  }
  context.progress.set_waiting("");
}

}  // namespace crossfade::orchestrator
