#include "orchestrator/planning/carried_trial.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "migrations/moved_names.h"
#include "postgres/error.h"

namespace crossfade::orchestrator {

namespace {

using postgres::QualifiedName;

class CarriedTrial {
 public:
  CarriedTrial(postgres::Session& session, const strategies::ShadowTablePlan& plan,
               const LiveDependents& live)
      : session_(session),
        plan_(plan),
        live_(live),
        names_(strategies::shadow_names({&plan, &plan.source, &live.dependents, live.views}, plan.carried)) {}

  std::vector<Problem> run() {
    const strategies::CarriedObjects& carried = plan_.carried;
    if (carried.prepare.empty() && carried.foreign_keys.empty() && carried.attach.empty() &&
        carried.rebind.empty())
      return {};
    postgres::Transaction transaction(session_, "carried_trial");
    session_.run(
        {"carried_trial.timeouts", "SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '60s'"});
    for (const std::string& statement : plan_.create) session_.run({"carried_trial.shape", statement});
    session_.run({"carried_trial.settings",
                  "SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL check_function_bodies = off"});
    bool fits = true;
    for (const std::string& statement : carried.prepare) fits = fits && fits_alone(without_rows(statement));
    for (const std::string& statement : carried.names_as_before) run_moved(statement);
    stand_ins();
    for (const std::string& statement : carried.foreign_keys) {
      if (!leads_elsewhere(statement)) fits_alone(migrations::with_moved_names(statement, names_));
    }
    for (const std::string& statement : carried.attach) {
      // What a publication or an extension has to do with the table has nothing to do with its shape.
      const bool elsewhere = statement.starts_with("ALTER PUBLICATION") ||
                             statement.find("DEPENDS ON EXTENSION") != std::string::npos;
      if (!elsewhere) fits_alone(migrations::with_moved_names(statement, names_));
    }
    functions();
    transaction.rollback();
    return std::move(problems_);
  }

 private:
  /// A materialized view may read tables that are full.
  static std::string without_rows(const std::string& statement) {
    if (!statement.starts_with("CREATE MATERIALIZED VIEW") || statement.ends_with("\nWITH NO DATA"))
      return statement;
    return statement + "\nWITH NO DATA";
  }

  void run_moved(const std::string& statement) {
    session_.run({"carried_trial.statement", migrations::with_moved_names(statement, names_)});
  }

  bool fits_alone(const std::string& statement) {
    session_.run({"carried_trial.savepoint", "SAVEPOINT crossfade_carried"});
    try {
      session_.run({"carried_trial.statement", statement});
      session_.run({"carried_trial.release", "RELEASE SAVEPOINT crossfade_carried"});
      return true;
    } catch (const postgres::DatabaseError& error) {
      if (error.connection_dead()) throw;
      session_.run({"carried_trial.back", "ROLLBACK TO SAVEPOINT crossfade_carried"});
      problems_.push_back(
          {.code = "dependent-does-not-fit",
           .object = plan_.source.name.display(),
           .message = "something that hangs on the table cannot be made over its new shape: " +
                      error.report().message,
           .expected = "views, functions, triggers, policies and foreign keys that fit the new columns",
           .found = statement.substr(0, std::min<std::size_t>(statement.find('\n'), 200)),
           .next = "Drop or change it before this revision, and create it again after it."});
      return false;
    }
  }

  /// A foreign key locks the table at its far end. An empty copy of that one in the run's schema does as
  /// well.
  void stand_ins() {
    std::set<std::string> taken = {plan_.source.name.name};
    for (const postgres::Table& view : live_.views) taken.insert(view.name.name);
    for (const QualifiedName& table : plan_.carried.neighbours) {
      const QualifiedName name{plan_.run_schema, table.name};
      const bool copied =
          taken.insert(table.name).second &&
          std::any_of(
              live_.dependents.foreign_keys.begin(), live_.dependents.foreign_keys.end(),
              [&](const postgres::ForeignKey& key) { return key.table == table || key.referenced == table; });
      if (!copied) {
        not_copied_.push_back(table);
        continue;
      }
      session_.run({"carried_trial.savepoint", "SAVEPOINT crossfade_carried"});
      try {
        session_.run({"carried_trial.stand_in", fmt::format("CREATE TABLE {} (LIKE {} INCLUDING INDEXES)",
                                                            name.quoted(), table.quoted())});
        session_.run({"carried_trial.release", "RELEASE SAVEPOINT crossfade_carried"});
        names_.push_back({table, plan_.run_schema});
      } catch (const postgres::DatabaseError& error) {
        if (error.connection_dead()) throw;
        session_.run({"carried_trial.back", "ROLLBACK TO SAVEPOINT crossfade_carried"});
        not_copied_.push_back(table);
      }
    }
  }

  bool leads_elsewhere(const std::string& statement) const {
    return std::any_of(not_copied_.begin(), not_copied_.end(), [&](const QualifiedName& table) {
      const std::vector<migrations::MovedName> name = {{table, "elsewhere"}};
      return migrations::with_moved_names(statement, name) != statement;
    });
  }

  /// Those that only name the table in their body keep their identity, so here others are made in their
  /// stead.
  void functions() {
    for (const postgres::Rebinding& rebinding : live_.dependents.rebindings) {
      if (rebinding.function.name.empty()) continue;
      std::vector<migrations::MovedName> names = names_;
      names.push_back({rebinding.function, plan_.run_schema});
      fits_alone(migrations::with_moved_names(rebinding.statement, names));
    }
  }

  postgres::Session& session_;
  const strategies::ShadowTablePlan& plan_;
  const LiveDependents& live_;
  std::vector<migrations::MovedName> names_;
  std::vector<QualifiedName> not_copied_;
  std::vector<Problem> problems_;
};

}  // namespace

std::vector<Problem> try_carried_objects(postgres::Session& session, const strategies::ShadowTablePlan& plan,
                                         const LiveDependents& live) {
  return CarriedTrial(session, plan, live).run();
}

}  // namespace crossfade::orchestrator
