#include "orchestrator/planning/planning.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "migrations/created_relations.h"
#include "migrations/fingerprint.h"
#include "orchestrator/planning/catalog_facts.h"
#include "orchestrator/planning/existing_objects.h"
#include "orchestrator/planning/groups.h"
#include "orchestrator/planning/in_place_part.h"
#include "orchestrator/planning/missing_object.h"
#include "orchestrator/planning/only_named_tables.h"
#include "orchestrator/planning/revision_statements.h"
#include "orchestrator/planning/segment_plan.h"
#include "orchestrator/planning/segments.h"
#include "orchestrator/planning/statement_context.h"
#include "orchestrator/planning/wanted_partitionings.h"
#include "postgres/catalog.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

using Statements = std::vector<RevisionStatement>;

template <class Value>
void append(std::vector<Value>& to, std::vector<Value> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

Failure edited_statement(const migrations::MigrationFile& file, const NumberedCommand& command) {
  return Failure(
      ExitCode::refused,
      {.code = "edited-file",
       .object = migrations::location(command.statement, file.path),
       .message = "the statement was edited after it had been carried out",
       .expected = "the text that was carried out",
       .found = command.statement.text.substr(0, 120),
       .next = "Put the text back and write a new file for the new change; statements behind it that "
               "were not carried out may be edited."});
}

bool divides(const migrations::MigrationFile& file) {
  return std::any_of(file.directives.begin(), file.directives.end(),
                     [](const migrations::Directive& each) { return each.name == "partition"; });
}

/// A merge has nothing to do, and so has a revision that only moves another tool's version. dbmate and goose
/// apply an empty section; in a file of crossfade's own it is one that nobody has filled in yet.
bool may_be_empty(const migrations::MigrationFile& file) {
  if (file.style != migrations::MarkerStyle::none && !file.revises_given) return true;
  return divides(file) || !file.rewrites.empty() || !file.backfills.empty() || file.revises.size() > 1 ||
         !file.completion.empty() || file.direction == migrations::Direction::down;
}

Problem nothing_to_do(const migrations::MigrationFile& file) {
  return {.code = "nothing-to-do",
          .object = file.path,
          .message = "the file changes nothing",
          .expected = "at least one statement, or crossfade:rewrite",
          .found = "none",
          .next = "Add the change, or remove the file."};
}

/// IF NOT EXISTS of a relation that is there makes nothing new.
bool exists_already(postgres::Session& session, const EarlierChanges& earlier,
                    const migrations::Statement& statement) {
  if (!statement.if_exists) return false;
  const auto made = migrations::created_relations(statement);
  return std::any_of(made.begin(), made.end(), [&](const migrations::TableReference& name) {
    return find_existing(session, earlier, name).has_value();
  });
}

/// A partition that comes, goes or gets another name: its parent has others then.
void note_partitions(postgres::Session& session, EarlierChanges& earlier,
                     const RevisionStatement& statement) {
  const migrations::Statement& whole = statement.whole;
  const bool moves = whole.node == "DropStmt" || whole.node == "AlterObjectSchemaStmt" ||
                     (whole.node == "RenameStmt" && whole.object_type == "OBJECT_TABLE");
  if (statement.target && (moves || !migrations::partition_tables(whole).empty()))
    earlier.add_partition_change(*statement.target);
  if (whole.node == "DropStmt") {
    for (const migrations::TableReference& name : whole.objects) {
      if (const auto oid = postgres::find_relation(session, name.schema.value_or(""), name.name))
        earlier.add_partition_change(*oid);
    }
  }
  if (whole.node != "CreateStmt") return;
  for (const migrations::TableReference& parent : migrations::partition_tables(whole)) {
    if (const auto oid = find_existing(session, earlier, parent)) earlier.add_partition_change(*oid);
  }
}

void note(postgres::Session& session, EarlierChanges& earlier, const RevisionStatement& statement) {
  if (exists_already(session, earlier, statement.whole)) return;
  std::vector<migrations::Statement> repeatable;
  for (const NumberedCommand& command : statement.commands) {
    if (command.can_be_tried) repeatable.push_back(trial_form(command.statement));
  }
  const bool drops_index =
      statement.whole.node == "DropStmt" && statement.whole.object_type == "OBJECT_INDEX";
  if (drops_index && statement.target) repeatable.push_back(statement.whole);
  earlier.add(statement.whole, statement.target, repeatable);
  note_partitions(session, earlier, statement);
}

/// Takes the neighbours that one rewrite may carry out apart from the others.
class Planning {
 public:
  Planning(postgres::Session& session, const PlanningRequest& request, EarlierChanges& earlier)
      : session_(session), request_(request), file_(*request.file), before_(earlier), earlier_(earlier) {
    result_.revision = file_.revision;
    run_ = request.first_run;
  }

  strategies::RevisionPlan plan() {
    Statements statements = read_statements(file_);
    if (statements.empty() && !may_be_empty(file_)) result_.refusals.push_back(nothing_to_do(file_));
    find_partitionings(statements);
    drop_finished(statements);
    EarlierChanges seen = earlier_;
    for (RevisionStatement& statement : statements) {
      resolve(session_, seen, statement);
      note(session_, seen, statement);
    }
    for (const RevisionStatement& statement : statements) note_planned_again(statement);
    for (std::size_t first = 0; first < statements.size();) {
      const std::size_t behind = end_of_segment(session_, statements, first);
      if (begins_part(session_, statements[first])) finish_in_place();
      const std::size_t refusals = result_.refusals.size();
      if (waits_for_partitions(session_, earlier_, statements[first])) {
        result_.refusals.push_back({.message = "statements before it change the partitions or their keys"});
        plan_the_rest_later(statements[first].whole, refusals);
        add_unplanned(statements, first);
        break;
      }
      const Statements neighbours(statements.begin() + static_cast<std::ptrdiff_t>(first),
                                  statements.begin() + static_cast<std::ptrdiff_t>(behind));
      segment(neighbours);
      if (result_.refusals.size() > refusals) {
        const bool waits = waits_for_earlier(refusals);
        const Statements makers = waits ? Statements{} : untried_makers(neighbours, result_.refusals.back());
        if (waits || !makers.empty()) {
          plan_the_rest_later(statements[first].whole, refusals);
          if (!makers.empty()) segment(makers);
          add_unplanned(statements, first);
          break;
        }
      }
      if (ends_part(statements[behind - 1])) finish_in_place();
      for (std::size_t index = first; index < behind; ++index) note(session_, earlier_, statements[index]);
      first = behind;
    }
    if (!result_.more) rewrite_what_is_only_named(statements);
    finish_in_place();
    group_tables(result_);
    if (!result_.refusals.empty()) result_.parts.clear();
    number_steps();
    return std::move(result_);
  }

 private:
  /// A directive without a table's name is about what all statements change, those too that have been carried
  /// out.
  void find_partitionings(Statements statements) {
    if (!divides(file_)) return;
    EarlierChanges seen = earlier_;
    for (RevisionStatement& statement : statements) {
      resolve(session_, seen, statement);
      note(session_, seen, statement);
    }
    partitionings_ = wanted_partitionings(session_, file_, earlier_, statements, !request_.finished.empty(),
                                          result_.refusals);
  }

  void drop_finished(Statements& statements) {
    for (RevisionStatement& statement : statements) {
      std::erase_if(statement.commands, [&](const NumberedCommand& command) {
        const auto done =
            std::find_if(request_.finished.begin(), request_.finished.end(),
                         [&](const FinishedStatement& each) { return each.number == command.number; });
        if (done == request_.finished.end()) return false;
        if (done->fingerprint != migrations::fingerprint(command.statement.text))
          throw edited_statement(file_, command);
        return true;
      });
    }
    std::erase_if(statements, [&](const RevisionStatement& statement) {
      if (!statement.commands.empty()) return false;
      earlier_.add_finished(statement.whole);
      return true;
    });
  }

  /// All that the last segment was refused for is something that statements before it make.
  bool waits_for_earlier(std::size_t refusals_before) const {
    const auto first = result_.refusals.begin() + static_cast<std::ptrdiff_t>(refusals_before);
    return first != result_.refusals.end() &&
           std::all_of(first, result_.refusals.end(),
                       [&](const Problem& refusal) { return earlier_.mentions(missing_object(refusal)); });
  }

  /// The commands that make what a later command of the same neighbours was refused for, with those before
  /// them; empty where none does. A trial does not know what a command that cannot be tried will have made.
  Statements untried_makers(const Statements& neighbours, const Problem& refusal) const {
    const std::string name = missing_object(refusal);
    Statements out;
    Statements so_far;
    for (const RevisionStatement& statement : neighbours) {
      so_far.push_back(statement);
      so_far.back().commands.clear();
      so_far.back().can_be_tried = false;
      for (const NumberedCommand& command : statement.commands) {
        so_far.back().commands.push_back(command);
        so_far.back().can_be_tried = so_far.back().can_be_tried || command.can_be_tried;
        EarlierChanges made("");
        made.add(command.statement, std::nullopt, {});
        if (!command.can_be_tried && made.mentions(name)) out = so_far;
      }
    }
    return out;
  }

  /// Once those have run, the statement can be tried like any other, and the rest of the file after it.
  void plan_the_rest_later(const migrations::Statement& statement, std::size_t refusals_before) {
    const Problem why = result_.refusals[refusals_before];
    result_.refusals.resize(refusals_before);
    result_.announcements.push_back(
        {.code = "planned-later",
         .object = migrations::location(statement, file_.path),
         .message = "this statement and those behind it are planned when the ones before it have run",
         .expected = "what those make",
         .found = why.message,
         .next = "`up` goes on by itself; `up --plan` stops here: plan what is left when the ones before it "
                 "have run."});
    result_.more = true;
  }

  /// A table that an earlier revision makes is new to this plan, and in use by the time that this revision
  /// comes: then its statements get their safe way, and what they drop is kept.
  void note_planned_again(const RevisionStatement& statement) {
    const migrations::Statement& whole = statement.whole;
    if (!statement.target_is_new) return;
    std::vector<migrations::TableReference> names = whole.objects;
    if (whole.table) names.push_back(*whole.table);
    for (const migrations::TableReference& name : names) {
      if (!before_.creates(name)) continue;
      const std::string table =
          postgres::QualifiedName{name.schema.value_or(default_schema(session_)), name.name}.display();
      const bool known = std::any_of(
          result_.announcements.begin(), result_.announcements.end(), [&](const Problem& announcement) {
            return announcement.code == "planned-again" && announcement.object == table;
          });
      if (!known) {
        result_.announcements.push_back(
            {.code = "planned-again",
             .object = table,
             .message = "a revision before this one makes it, so what is done to it is planned again when it "
                        "is there",
             .expected = "",
             .found = migrations::location(whole, file_.path),
             .next = "Nothing; `plan` shows the way once that revision is applied."});
      }
      if (!migrations::destructive(whole)) continue;
      result_.approvals.push_back(
          {.code = "approval-needed",
           .object = migrations::location(whole, file_.path),
           .message = "drops from " + table + ", which a revision before this one makes",
           .expected = "an operator's approval",
           .found = whole.text.substr(0, 120),
           .next = "`crossfade approve " + file_.revision + "`, or `--approve`."});
    }
  }

  /// Revisions behind this one may use what these make.
  void add_unplanned(const Statements& statements, std::size_t first) {
    for (; first < statements.size(); ++first)
      earlier_.add(statements[first].whole, statements[first].target, {});
  }

  void segment(Statements statements) {
    if (statements.size() == 1 && answered_without_a_plan(statements.front())) return;
    const migrations::Partitioning* partitioning = partitioning_of(statements.front().target);
    SegmentPlan planned = plan_segment(
        session_, earlier_, {&file_, run_ + shadow_offset(), run_, std::move(statements), partitioning});
    if (!planned.refusals.empty()) {
      append(result_.refusals, std::move(planned.refusals));
      return;
    }
    append(result_.announcements, std::move(planned.announcements));
    append(result_.approvals, std::move(planned.approvals));
    append(result_.narrowings, std::move(planned.narrowings));
    if (planned.shadow) {
      std::erase_if(partitionings_,
                    [&](const WantedPartitioning& each) { return each.table == planned.shadow->source.oid; });
      finish_in_place();
      ++run_;
      result_.parts.push_back({.statements = std::move(planned.statements),
                               .shadow = std::move(planned.shadow),
                               .estimate = planned.estimate});
      append(result_.steps, std::move(planned.printed));
      return;
    }
    in_place().add(std::move(planned));
  }

  /// A shadow part behind open in-place steps is the next run.
  std::int64_t shadow_offset() const { return in_place_ ? 1 : 0; }

  /// Statements about what is missing, or is there already.
  bool answered_without_a_plan(const RevisionStatement& statement) {
    const auto answer = existing_object_answer(session_, earlier_, file_, statement);
    if (!answer) return false;
    if (answer->refusal) {
      result_.refusals.push_back(*answer->refusal);
      return true;
    }
    for (const NumberedCommand& command : statement.commands)
      in_place().add_nothing_to_do(numbered(command), answer->reason);
    return true;
  }

  const migrations::Partitioning* partitioning_of(const std::optional<std::uint32_t>& table) const {
    const auto found =
        std::find_if(partitionings_.begin(), partitionings_.end(),
                     [&](const WantedPartitioning& each) { return table && each.table == *table; });
    return found == partitionings_.end() ? nullptr : &found->partitioning;
  }

  /// crossfade:rewrite and backfills of tables that no statement is about, and what no statement before has
  /// divided.
  void rewrite_what_is_only_named(const Statements& statements) {
    std::vector<std::uint32_t> tables =
        tables_only_named(session_, file_, earlier_, statements, result_.refusals);
    // A table whose statements are refused has been named already.
    for (const WantedPartitioning& wanted : partitionings_) {
      if (result_.refusals.empty() && std::find(tables.begin(), tables.end(), wanted.table) == tables.end())
        tables.push_back(wanted.table);
    }
    for (const std::uint32_t table : tables) {
      SegmentPlan planned = plan_rewrite(
          session_, earlier_, {&file_, run_ + shadow_offset(), run_, {}, partitioning_of(table)}, table);
      append(result_.refusals, std::move(planned.refusals));
      append(result_.announcements, std::move(planned.announcements));
      if (!planned.shadow) continue;
      finish_in_place();
      ++run_;
      result_.parts.push_back({.shadow = std::move(planned.shadow), .estimate = planned.estimate});
      append(result_.steps, std::move(planned.printed));
    }
  }

  void finish_in_place() {
    if (!in_place_) return;
    append(result_.steps, in_place_->printed());
    result_.parts.push_back(in_place_->finish());
    in_place_.reset();
    ++run_;
  }

  InPlacePart& in_place() {
    if (!in_place_) in_place_.emplace(run_);
    return *in_place_;
  }

  void number_steps() {
    int number = 0;
    for (strategies::Step& step : result_.steps) step.number = ++number;
    for (const strategies::PartPlan& part : result_.parts) result_.estimate += part.estimate;
  }

  postgres::Session& session_;
  const PlanningRequest& request_;
  const migrations::MigrationFile& file_;
  const EarlierChanges before_;  ///< what revisions before this one do
  EarlierChanges& earlier_;
  std::int64_t run_ = 1;
  std::optional<InPlacePart> in_place_;
  std::vector<WantedPartitioning> partitionings_;  ///< that no part carries out yet
  strategies::RevisionPlan result_;
};

}  // namespace

strategies::RevisionPlan plan_revision(postgres::Session& session, const PlanningRequest& request,
                                       EarlierChanges& earlier) {
  return Planning(session, request, earlier).plan();
}

std::optional<strategies::ChangedTable> subject_of_next_statement(postgres::Session& session,
                                                                  const PlanningRequest& request) {
  const EarlierChanges none(default_schema(session));
  for (RevisionStatement& statement : read_statements(*request.file)) {
    const bool is_finished = std::all_of(
        statement.commands.begin(), statement.commands.end(), [&](const NumberedCommand& command) {
          return std::any_of(request.finished.begin(), request.finished.end(),
                             [&](const FinishedStatement& each) { return each.number == command.number; });
        });
    if (is_finished) continue;
    resolve(session, none, statement);
    const auto table = statement.target ? postgres::load_table(session, *statement.target)
                                        : std::optional<postgres::Table>();
    if (!table) return std::nullopt;
    return strategies::ChangedTable{table->oid, table->name};
  }
  return std::nullopt;
}

Failure refusal_of(const strategies::RevisionPlan& plan) {
  Problem problem = plan.refusals.front();
  for (std::size_t index = 1; index < plan.refusals.size(); ++index) {
    problem.found += (problem.found.empty() ? "also: " : "; also: ") + describe(plan.refusals[index]);
  }
  return Failure(ExitCode::refused, std::move(problem));
}

}  // namespace crossfade::orchestrator
