// Collects the steps of one statement: fills in what all of them share, and makes their names unique. Private
// to the strategies for changes in place. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "strategies/in_place.h"

namespace crossfade::strategies {

class StepList {
 public:
  /// `hazard` is the row of the hazard table that asks for these steps; may be empty.
  StepList(const StatementContext& context, std::string strategy, std::string_view hazard)
      : context_(context), strategy_(std::move(strategy)), hazard_(hazard) {}

  /// `what` says in a few words what is done; the name is made of it. The returned reference is valid until
  /// the next call.
  InPlaceStep& add(StepKind kind, std::string_view what, std::vector<std::string> sql, std::string reason);

  /// A step that takes the table's lock: locked, validate, index and batched ones.
  InPlaceStep& on(const postgres::QualifiedName& relation, std::string_view mode, StepKind kind,
                  std::string_view what, std::vector<std::string> sql, std::string reason);

  /// A look for rows in the way, named by `probe`, before anything is changed; none where it is empty.
  void look(const postgres::QualifiedName& relation, std::string_view what, const std::string& probe,
            std::string reason);

  std::vector<InPlaceStep> take() { return std::move(steps_); }

 private:
  const StatementContext& context_;
  std::string strategy_;
  std::string hazard_;
  std::vector<InPlaceStep> steps_;
};

/// ALTER TABLE name action
std::string alter_table(const postgres::QualifiedName& table, std::string_view action);

/// SELECT of at most five rows of the table for which the condition holds, named by their key, as column
/// "row" of type text.
std::string rows_in_the_way(const postgres::Table& table, std::string_view condition);

/// Appends, in order.
void append(InPlaceSteps& to, InPlaceSteps from);

}  // namespace crossfade::strategies
