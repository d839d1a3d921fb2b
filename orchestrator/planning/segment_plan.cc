#include "orchestrator/planning/segment_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "checkers/preflight.h"
#include "migrations/created_relations.h"
#include "migrations/repoint.h"
#include "orchestrator/planning/carried_trial.h"
#include "orchestrator/planning/catalog_facts.h"
#include "orchestrator/planning/in_place_estimate.h"
#include "orchestrator/planning/partition_bounds.h"
#include "orchestrator/planning/planned_batches.h"
#include "orchestrator/planning/segment_trials.h"
#include "orchestrator/planning/shape_rehearsal.h"
#include "orchestrator/planning/statement_context.h"
#include "postgres/catalog.h"
#include "postgres/connection.h"
#include "strategies/carried_problems.h"
#include "strategies/narrowing.h"
#include "strategies/shadow_table.h"

namespace crossfade::orchestrator {

namespace {

using migrations::Statement;

template <class Value>
void append(std::vector<Value>& to, std::vector<Value> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

bool widens_sequences(const migrations::MigrationFile& file) {
  return std::any_of(file.directives.begin(), file.directives.end(),
                     [](const migrations::Directive& directive) {
                       return directive.name == "sequence" && directive.argument == "as bigint";
                     });
}

checkers::PreflightRequest preflight_request(const postgres::Table& source) {
  return {.table_oid = source.oid,
          .display = source.name.display(),
          .estimated_bytes = static_cast<std::uint64_t>(source.heap_bytes + source.index_bytes)};
}

bool changes_type(const Statement& statement) {
  return statement.commands.size() == 1 && statement.commands.front().subtype == "AT_AlterColumnType";
}

class Segment {
 public:
  Segment(postgres::Session& session, const EarlierChanges& earlier, const SegmentRequest& request)
      : session_(session), earlier_(earlier), request_(request), file_(*request.file) {}

  SegmentPlan plan() {
    for (const RevisionStatement& statement : request_.statements) {
      for (const NumberedCommand& command : statement.commands)
        result_.statements.push_back(numbered(command));
    }
    const RevisionStatement& first = request_.statements.front();
    if (first.target) source_ = postgres::load_table(session_, *first.target);
    if (source_) load_below();
    if (source_) result_.tables.push_back({source_->oid, source_->name});
    try {
      if (source_ && compacts(first.whole)) {
        shadow({source_->name.name}, {});
      } else if (source_ && first.can_be_tried && (source_->kind == "r" || source_->kind == "p")) {
        tried();
      } else {
        const auto by_then = source_ ? trials().table_by_then(first.whole) : std::nullopt;
        for (const RevisionStatement& statement : request_.statements) {
          for (const NumberedCommand& command : statement.commands)
            in_place(statement, command, by_then ? &*by_then : nullptr, nullptr);
        }
      }
    } catch (const Failure& failure) {
      if (failure.exit_code() != ExitCode::refused) throw;
      refuse(failure);
    }
    if (!result_.refusals.empty()) {
      result_.shadow.reset();
      result_.steps.clear();
    }
    return std::move(result_);
  }

  SegmentPlan rewrite(std::uint32_t table) {
    source_ = postgres::load_table(session_, table);
    load_below();
    try {
      shadow({}, {});
    } catch (const Failure& failure) {
      if (failure.exit_code() != ExitCode::refused) throw;
      result_.refusals.push_back(failure.problem());
    }
    if (!result_.refusals.empty()) result_.shadow.reset();
    return std::move(result_);
  }

 private:
  /// The sizes of a partitioned table are those of its partitions.
  void load_below() {
    if (source_->kind != "p") return;
    partitions_ = postgres::load_partitions(session_, source_->oid);
    for (const postgres::Table& partition : partitions_) {
      source_->estimated_rows += partition.estimated_rows;
      source_->pages += partition.pages;
      source_->heap_bytes += partition.heap_bytes;
      source_->index_bytes += partition.index_bytes;
    }
  }

  SegmentTrials trials() const { return {session_, earlier_, request_, *source_}; }

  /// A missing right shows first where a copy is made; the checks say which one, and what to grant.
  void refuse(const Failure& failure) {
    if (source_ && failure.problem().code == "missing-privilege")
      append(result_.refusals, checkers::missing_rights(session_, preflight_request(*source_)));
    if (result_.refusals.empty()) result_.refusals.push_back(failure.problem());
  }

  static const NumberedCommand* untried_command(const RevisionStatement& statement) {
    const auto found = std::find_if(statement.commands.begin(), statement.commands.end(),
                                    [](const NumberedCommand& command) {
                                      return !command.can_be_tried && !command.statement.commands.empty();
                                    });
    return found == statement.commands.end() ? nullptr : &*found;
  }

  std::vector<NumberedCommand> commands_to_try() const {
    std::vector<NumberedCommand> out;
    for (const RevisionStatement& statement : request_.statements) {
      for (const NumberedCommand& command : statement.commands) {
        if (command.can_be_tried) out.push_back(command);
      }
    }
    return out;
  }

  std::vector<const migrations::ColumnFill*> fills() const {
    std::vector<const migrations::ColumnFill*> out;
    for (const RevisionStatement& statement : request_.statements) {
      if (!statement.can_be_tried && statement.fill) out.push_back(&*statement.fill);
    }
    return out;
  }

  /// Each command on an empty copy: what the server makes of it decides.
  void tried() {
    const std::vector<NumberedCommand> commands = commands_to_try();
    std::vector<Statement> statements;
    for (const NumberedCommand& command : commands) statements.push_back(trial_form(command.statement));
    const strategies::ShapeRehearsal trial = trials().of(std::move(statements));
    const bool rewrites = needs_shadow(commands, trial);
    if (rewrites && source_->kind == "p" && tables_named_by(file_.rewrites).empty() &&
        own_backfills().empty()) {
      // Each partition for itself, where that can be: it needs no room for a second table.
      in_place_all(trial);
      if (result_.refusals.empty()) return;
      const SegmentPlan in_place = std::exchange(result_, SegmentPlan{});
      result_.statements = in_place.statements;
      result_.tables = {{source_->oid, source_->name}};
      shadow({}, fills());
      return;
    }
    if (rewrites) {
      std::vector<std::string> named = tables_named_by(file_.rewrites);
      shadow(named, fills());
      if (result_.refusals.empty()) return;
      const std::vector<Problem> why_no_shadow = std::exchange(result_.refusals, {});
      in_place_all(trial);
      // What stands in the way of the better plan says more than that the other one is impossible.
      if (!result_.refusals.empty()) result_.refusals = why_no_shadow;
      return;
    }
    in_place_all(trial);
  }

  std::vector<std::string> tables_named_by(const std::vector<std::string>& names) const {
    std::vector<std::string> out;
    for (const std::string& name : names) {
      const auto table = migrations::parse_table_reference(name);
      if (table && find_existing(session_, earlier_, *table) == source_->oid) out.push_back(name);
    }
    return out;
  }

  std::vector<migrations::ColumnExpression> own_backfills() const {
    std::vector<migrations::ColumnExpression> out;
    for (const migrations::ColumnExpression& backfill : file_.backfills) {
      // Without a table's name it is about the only table of the revision, or about the one that has the
      // column.
      const bool mine = backfill.table
                            ? find_existing(session_, earlier_, *backfill.table) == source_->oid
                            : adds_column(backfill.column) || source_->column(backfill.column) != nullptr;
      if (mine) out.push_back(backfill);
    }
    return out;
  }

  bool adds_column(const std::string& column) const {
    for (const RevisionStatement& statement : request_.statements) {
      for (const NumberedCommand& command : statement.commands) {
        if (command.statement.commands.size() == 1 &&
            command.statement.commands.front().subtype == "AT_AddColumn" &&
            command.statement.commands.front().name == column)
          return true;
        if (command.statement.new_name == column) return true;
      }
    }
    return false;
  }

  bool needs_shadow(const std::vector<NumberedCommand>& commands,
                    const strategies::ShapeRehearsal& trial) const {
    if (request_.partitioning != nullptr || !tables_named_by(file_.rewrites).empty() ||
        !own_backfills().empty() || !fills().empty())
      return true;
    for (std::size_t index = 0; index < commands.size(); ++index) {
      const strategies::StatementOutcome& outcome = trial.statements[index];
      if (outcome.rewrote ||
          (changes_type(commands[index].statement) && (outcome.scanned || outcome.built_index)))
        return true;
    }
    return false;
  }

  /// The whole statements, since the USING clauses of one ALTER TABLE all read the old row.
  void shadow(std::vector<std::string> rewrites, const std::vector<const migrations::ColumnFill*>& filled) {
    checkers::PreflightRequest request = preflight_request(*source_);
    for (const migrations::Directive& directive : file_.directives) {
      if (directive.name == "allow") request.allowed.push_back(directive.argument);
    }
    std::vector<Problem> found = checkers::preflight(session_, request);
    for (const postgres::Table& partition : partitions_) {
      checkers::PreflightRequest each = preflight_request(partition);
      each.allowed = request.allowed;
      // What is about the database or the role has been found already.
      for (Problem& problem : checkers::preflight(session_, each)) {
        const bool known = std::any_of(found.begin(), found.end(), [&](const Problem& other) {
          return other.code == problem.code && other.object == problem.object;
        });
        if (!known) found.push_back(std::move(problem));
      }
    }
    if (source_->partition_of) add_rights_on_partitioned_table(found);
    std::erase_if(found, [&](const Problem& problem) { return earlier_.drops_one_of(problem.object); });
    append(result_.refusals, std::move(found));
    migrations::MigrationFile file = file_;
    file.rewrites = std::move(rewrites);
    if (request_.statements.empty()) file.rewrites = {source_->name.name};
    file.backfills = own_backfills();
    for (const migrations::ColumnFill* fill : filled)
      file.backfills.push_back({std::nullopt, fill->column, fill->expression, file.up_first_line});
    RehearsalRequest rehearsal{.source = &*source_,
                               .run = request_.shadow_run,
                               .file = &file,
                               .earlier = earlier_.of(source_->oid),
                               .dropped_indexes = trials().dropped_indexes(),
                               .statements = {}};
    for (const RevisionStatement& statement : request_.statements) {
      if (!statement.can_be_tried) continue;
      if (const NumberedCommand* apart = untried_command(statement)) {
        result_.refusals.push_back(
            {.code = "split-statement",
             .object = migrations::location(statement.whole, file_.path),
             .message =
                 "the table is rewritten, and a part of the same ALTER TABLE cannot be done to a new table",
             .expected = "foreign keys, triggers, rules and partitions in statements of their own",
             .found = apart->statement.commands.front().text,
             .next = "Put that part into an ALTER TABLE of its own behind this one."});
        return;
      }
      if (statement.commands.size() > 1 || statement.whole.commands.size() <= 1) {
        rehearsal.statements.push_back(trial_form(statement.whole));
      } else {
        rehearsal.statements.push_back(statement.commands.front().statement);
      }
    }
    if (source_->kind != "r" && source_->kind != "p") return;
    rehearsal.partitions = &partitions_;
    strategies::NewPartitioning partitioning;
    if (request_.partitioning != nullptr) {
      rehearsal.partition = [&](const postgres::Table& target) {
        partitioning = new_partitions(target);
        return partitioning_statements(target, partitioning);
      };
    }
    const strategies::ShapeRehearsal trial = rehearse(session_, rehearsal);
    const LiveDependents live = remaining_dependents();
    if (request_.partitioning != nullptr) {
      append(result_.refusals,
             strategies::partitioning_refusals(trial.source, live.dependents, partitioning));
      append(result_.announcements, strategies::partitioning_announcements(trial.source, partitioning));
    }
    strategies::ShadowPlanning planned = strategies::plan_shadow_table(
        {request_.shadow_run, &file, &rehearsal.statements, &trial, schema_names(session_, *source_),
         live.dependents, live.views, server_version(),
         source_->partition_of ? partition_place(session_, source_->oid) : strategies::PartitionPlace{}});
    append(result_.refusals, std::move(planned.refusals));
    if (!result_.refusals.empty()) return;
    // Behind earlier changes it is tried when its turn comes.
    if (rehearsal.earlier.empty())
      append(result_.refusals, try_carried_objects(session_, *planned.plan, live));
    if (!result_.refusals.empty()) return;
    announce(*planned.plan);
    append(result_.announcements,
           strategies::carried_announcements(*planned.plan, live.dependents, live.views, file_.up_sql));
    append(result_.narrowings, strategies::narrowings(*planned.plan, file_.path));
    append(result_.approvals, strategies::lossy_casts(*planned.plan, file_, rehearsal.statements));
    result_.shadow = std::move(planned.plan);
    result_.printed = std::move(planned.steps);
    result_.estimate = planned.estimate;
  }

  /// A partition that is written anew alone is detached from it, and attached.
  void add_rights_on_partitioned_table(std::vector<Problem>& found) {
    const auto oid =
        postgres::find_relation(session_, source_->partition_of->schema, source_->partition_of->name);
    const auto whole = oid ? postgres::load_table(session_, *oid) : std::nullopt;
    if (!whole) return;
    for (Problem& problem : checkers::missing_rights(session_, preflight_request(*whole))) {
      if (problem.code == "not-owner") found.push_back(std::move(problem));
    }
  }

  strategies::NewPartitioning new_partitions(const postgres::Table& target) {
    PartitionBoundsRequest request{.wanted = request_.partitioning,
                                   .source = &*source_,
                                   .target = &target,
                                   .source_column = {},
                                   .taken = schema_names(session_, *source_).relations};
    // Under the name that it has on the live table: a renamed one, or one with other values, has none there.
    const std::string& column = request_.partitioning->columns.front();
    const std::vector<migrations::ColumnExpression> filled = own_backfills();
    const bool computed = std::any_of(filled.begin(), filled.end(),
                                      [&](const auto& backfill) { return backfill.column == column; });
    if (!computed && source_->column(column) != nullptr) request.source_column = column;
    return plan_partitions(session_, request);
  }

  /// Without what statements before this one drop.
  LiveDependents remaining_dependents() {
    LiveDependents live = load_live_dependents(session_, source_->oid);
    postgres::Dependents& all = live.dependents;
    for (std::size_t index = live.views.size(); index-- > 0;) {
      if (!earlier_.drops_one_of(live.views[index].name.display())) continue;
      live.views.erase(live.views.begin() + static_cast<std::ptrdiff_t>(index));
      all.views.erase(all.views.begin() + static_cast<std::ptrdiff_t>(index));
    }
    const auto dropped = [&](const auto& object) { return earlier_.drops_one_of(object.name); };
    std::erase_if(all.triggers, dropped);
    std::erase_if(all.rules, dropped);
    std::erase_if(all.policies, dropped);
    std::erase_if(all.foreign_keys, dropped);
    std::erase_if(all.functions,
                  [&](const auto& function) { return earlier_.drops_one_of(function.name.name); });
    std::erase_if(all.rebindings,
                  [&](const auto& rebinding) { return earlier_.drops_one_of(rebinding.object); });
    return live;
  }

  void announce(const strategies::ShadowTablePlan& plan) {
    auto request = preflight_request(*source_);
    for (const auto& [source_name, target_name] : plan.carried_columns) {
      // The plan's source has the columns that earlier revisions will have added; the live table may not yet.
      const postgres::Column* now = plan.target.column(target_name);
      if (now->type != plan.source.column(source_name)->type)
        request.type_changes.push_back({source_name, now->type});
    }
    std::vector<Problem> notes = checkers::announcements(session_, request);
    if (widens_sequences(file_))
      std::erase_if(notes, [](const Problem& note) { return note.code == "integer-sequence"; });
    append(result_.announcements, std::move(notes));
  }

  void in_place_all(const strategies::ShapeRehearsal& trial) {
    const postgres::Table* before = &trial.initial;
    std::size_t tried = 0;
    for (const RevisionStatement& statement : request_.statements) {
      for (const NumberedCommand& command : statement.commands) {
        if (!command.can_be_tried) {
          in_place(statement, command, before, nullptr);
          continue;
        }
        const strategies::StatementOutcome& outcome = trial.statements[tried++];
        in_place(statement, command, before, &outcome);
        before = &outcome.after;
      }
    }
  }

  void in_place(const RevisionStatement& statement, const NumberedCommand& command,
                const postgres::Table* before, const strategies::StatementOutcome* outcome) {
    const auto trial = source_ ? trials().without_foreign_keys(command) : std::nullopt;
    if (trial) {
      before = &trial->before;
      outcome = &trial->outcome;
    }
    strategies::StatementContext context =
        statement_context(session_, earlier_,
                          {&file_, request_.in_place_run, server_version(), &statement, &command,
                           source_ ? &*source_ : nullptr, before, outcome});
    fill_in(context);
    if (statement.fill && absorbed(*statement.fill)) return;
    strategies::InPlaceSteps planned = strategies::plan_in_place(context);
    append(result_.refusals, std::move(planned.refusals));
    append(result_.announcements, std::move(planned.announcements));
    append(result_.approvals, std::move(planned.approvals));
    append(result_.narrowings, strategies::narrowings(context));
    for (const postgres::Table& object : context.objects) result_.tables.push_back({object.oid, object.name});
    if (context.referenced) result_.tables.push_back({context.referenced->oid, context.referenced->name});
    if (source_) add_estimate(result_.estimate, *source_, planned.steps);
    append(result_.steps, std::move(planned.steps));
  }

  /// A column that needs a value in every row, where no shadow run gives it.
  void fill_in(strategies::StatementContext& context) {
    if (!context.table || context.statement.commands.size() != 1 ||
        context.statement.commands.front().subtype != "AT_AddColumn")
      return;
    const migrations::AlterCommand& command = context.statement.commands.front();
    std::optional<std::string> expression;
    for (const migrations::ColumnFill* fill : fills()) {
      if (adds_without_value(context.statement, fill->column)) expression = fill->expression;
    }
    for (const migrations::ColumnExpression& backfill : own_backfills()) {
      if (backfill.column == command.name) expression = backfill.expression;
    }
    const bool computed =
        command.has_constraint("CONSTR_GENERATED") || command.has_constraint("CONSTR_IDENTITY");
    if (!expression && context.facts.rewrites.value_or(false) && command.default_expression && !computed)
      expression = command.default_expression;
    if (!expression) return;
    const Statement filling = strategies::fill_statement(context.table->name, command.name, *expression);
    context.fill =
        planned_batches(session_, {filling, *context.table, context.partitions, context.partition_key, true});
  }

  bool absorbed(const migrations::ColumnFill& fill) const {
    for (const RevisionStatement& statement : request_.statements) {
      for (const NumberedCommand& command : statement.commands) {
        if (adds_without_value(command.statement, fill.column)) return true;
      }
    }
    return false;
  }

  int server_version() {
    if (version_ == 0) version_ = postgres::read_server_facts(session_).version;
    return version_;
  }

  postgres::Session& session_;
  const EarlierChanges& earlier_;
  const SegmentRequest& request_;
  const migrations::MigrationFile& file_;
  std::optional<postgres::Table> source_;
  std::vector<postgres::Table> partitions_;  ///< below it, parents first
  int version_ = 0;
  SegmentPlan result_;
};

}  // namespace

SegmentPlan plan_segment(postgres::Session& session, const EarlierChanges& earlier,
                         const SegmentRequest& request) {
  return Segment(session, earlier, request).plan();
}

SegmentPlan plan_rewrite(postgres::Session& session, const EarlierChanges& earlier,
                         const SegmentRequest& request, std::uint32_t table) {
  return Segment(session, earlier, request).rewrite(table);
}

}  // namespace crossfade::orchestrator
