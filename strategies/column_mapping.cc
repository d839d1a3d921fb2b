#include "strategies/column_mapping.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace crossfade::strategies {

namespace {

using postgres::Column;
using postgres::quote_identifier;

struct Source {
  std::string expression;
  bool carried = false;  ///< the bare column of the layer below, under its own name
  bool left_to_default =
      false;  ///< neither copied nor compared: the shadow's own default fills it, row by row
};

class Mapper {
 public:
  explicit Mapper(const ShapeRehearsal& rehearsal) : rehearsal_(rehearsal) {}

  ColumnMapping map() {
    for (std::size_t position = 0; position < rehearsal_.source.columns.size(); ++position) {
      sources_[rehearsal_.initial.columns[position].number] =
          carried(rehearsal_.source.columns[position].name);
    }
    const postgres::Table* before = &rehearsal_.initial;
    for (const StatementOutcome& statement : rehearsal_.statements) {
      follow(*before, statement);
      before = &statement.after;
    }
    apply_backfills();
    finish();
    return std::move(result_);
  }

 private:
  Source carried(const std::string& name) const {
    return {.expression = quote_identifier(rehearsal_.source.name.name) + "." + quote_identifier(name),
            .carried = true};
  }

  void refuse(std::string code, const std::string& column, std::string message, std::string found,
              std::string next) {
    result_.refusals.push_back({.code = std::move(code),
                                .object = rehearsal_.source.name.display() + "." + column,
                                .message = std::move(message),
                                .expected = "",
                                .found = std::move(found),
                                .next = std::move(next)});
  }

  void follow(const postgres::Table& before, const StatementOutcome& statement) {
    if (!statement.usings.empty()) see_columns_under_their_names(before);
    for (const Column& column : statement.after.columns) {
      const Column* old = before.column_number(column.number);
      if (old == nullptr) {
        add(column, statement);
      } else if (old->type_oid != column.type_oid || old->type_modifier != column.type_modifier ||
                 using_of(column, statement) != nullptr) {
        change_type(before, *old, column, statement);
      }
    }
    std::erase_if(sources_,
                  [&](const auto& entry) { return statement.after.column_number(entry.first) == nullptr; });
  }

  /// A USING expression reads the columns as they are called, and hold, before its statement. Unless that is
  /// how they stand in the layer below, what was mapped so far becomes a layer of its own.
  void see_columns_under_their_names(const postgres::Table& before) {
    const bool plain = std::all_of(before.columns.begin(), before.columns.end(), [&](const Column& column) {
      const auto found = sources_.find(column.number);
      return found != sources_.end() && found->second.carried &&
             found->second.expression == carried(column.name).expression;
    });
    if (plain) return;
    Layer layer;
    for (const Column& column : before.columns) {
      const Source& source = sources_.at(column.number);
      layer.columns.push_back(
          {column.name, source.left_to_default ? "NULL::" + column.bare_type : source.expression});
    }
    for (std::size_t index = 0; index < rehearsal_.backfills.size(); ++index) {
      layer.columns.push_back(
          {backfill_name(index), result_.layers.empty()
                                     ? "(" + rehearsal_.backfills[index].facts.expression + ")"
                                     : quote_identifier(backfill_name(index))});
    }
    result_.layers.push_back(std::move(layer));
    for (const Column& column : before.columns) {
      Source& source = sources_.at(column.number);
      if (!source.left_to_default) source = carried(column.name);
    }
  }

  void add(const Column& column, const StatementOutcome& statement) {
    Source source;
    if (!column.generated.empty() || !column.identity.empty() || column.default_volatility == "v") {
      source.left_to_default = true;
    } else {
      const auto value = std::find_if(statement.default_values.begin(), statement.default_values.end(),
                                      [&](const auto& entry) { return entry.first == column.number; });
      source.expression =
          value == statement.default_values.end() ? "CAST(NULL AS " + column.bare_type + ")" : value->second;
    }
    const bool backfilled =
        std::any_of(rehearsal_.backfills.begin(), rehearsal_.backfills.end(),
                    [&](const BackfillExpression& backfill) { return backfill.column == column.name; });
    if (column.not_null && !source.left_to_default && !column.default_expression && !backfilled &&
        rehearsal_.source.pages > 0) {
      refuse("not-null-without-value", column.name,
             "is added as NOT NULL, but existing rows have no value for it",
             "neither a DEFAULT nor a backfill",
             fmt::format("Give it a DEFAULT, or add the line  -- crossfade:backfill {} = <expression>.",
                         column.name));
    }
    sources_[column.number] = std::move(source);
  }

  static const UsingExpression* using_of(const Column& column, const StatementOutcome& statement) {
    const auto found = std::find_if(
        statement.usings.begin(), statement.usings.end(),
        [&](const UsingExpression& candidate) { return candidate.column_number == column.number; });
    return found == statement.usings.end() ? nullptr : &*found;
  }

  /// What a default gives row by row exists in the new table alone, so nothing can be computed from it.
  void refuse_reading_defaults(const Column& column, const UsingExpression& use,
                               const postgres::Table& before) {
    for (const Column& read : before.columns) {
      if (!sources_.at(read.number).left_to_default) continue;
      if (read.number != column.number && use.facts.expression.find(read.name) == std::string::npos) continue;
      refuse("expression-over-new-values", column.name,
             fmt::format("USING stands over column {}, whose values this file makes itself", read.name),
             use.facts.expression, "Put the change into a later file.");
    }
  }

  void change_type(const postgres::Table& before, const Column& old, const Column& column,
                   const StatementOutcome& statement) {
    Source& source = sources_.at(column.number);
    const UsingExpression* use = using_of(column, statement);
    if (use != nullptr) refuse_reading_defaults(column, *use, before);
    if (source.left_to_default) return;
    if (use != nullptr) {
      source = {.expression = fmt::format("CAST(({}) AS {})", use->facts.expression, column.bare_type)};
      check(column.name, use->facts, "USING");
    } else if (old.base_type_oid != column.base_type_oid) {
      source = {.expression = fmt::format("CAST({} AS {})", source.expression, column.bare_type)};
    }
  }

  void check(const std::string& column, const ExpressionFacts& facts, std::string_view kind) {
    if (facts.has_subquery) {
      refuse("sub-query-in-expression", column,
             fmt::format("{} holds a sub-query, whose value may change while rows are copied", kind),
             facts.expression, "Write the expression over the row's own columns.");
    }
    // The clock moves between two chunks, and a volatile function between two rows: nothing to compare with.
    if (facts.volatility == "v" || (facts.volatility == "t" && facts.reads_columns))
      unstable_.push_back(column);
  }

  static std::string backfill_name(std::size_t index) {
    return fmt::format("crossfade_backfill_{}", index + 1);
  }

  void apply_backfills() {
    for (std::size_t index = 0; index < rehearsal_.backfills.size(); ++index) {
      const BackfillExpression& backfill = rehearsal_.backfills[index];
      const Column* column = rehearsal_.target().column(backfill.column);
      if (column == nullptr || !column->generated.empty()) {
        refuse("backfill-of-nothing", backfill.column,
               "a backfill directive names it, but the new table has no such column to fill",
               column == nullptr ? "no such column" : "a generated column",
               "Correct the directive's column name.");
        continue;
      }
      const std::string& expression = backfill.facts.value     ? *backfill.facts.value
                                      : result_.layers.empty() ? backfill.facts.expression
                                                               : quote_identifier(backfill_name(index));
      sources_[column->number] = {.expression =
                                      fmt::format("CAST(({}) AS {})", expression, column->bare_type)};
      check(backfill.column, backfill.facts, "the backfill");
    }
  }

  void finish() {
    Layer layer;
    for (const Column& column : rehearsal_.target().columns) {
      const Source& source = sources_.at(column.number);
      if (!column.generated.empty()) {
        // Computed by the server from columns that may themselves be left out of the comparison.
        for (const std::string& name : unstable_) {
          if (column.default_expression && column.default_expression->find(name) != std::string::npos) {
            result_.not_compared.push_back(column.name);
            break;
          }
        }
        continue;
      }
      if (source.left_to_default) {
        result_.not_compared.push_back(column.name);
        unstable_.push_back(column.name);
        continue;
      }
      if (std::find(unstable_.begin(), unstable_.end(), column.name) != unstable_.end())
        result_.not_compared.push_back(column.name);
      layer.columns.push_back({column.name, source.expression});
    }
    result_.layers.push_back(std::move(layer));
  }

  const ShapeRehearsal& rehearsal_;
  std::map<int, Source> sources_;
  std::vector<std::string> unstable_;
  ColumnMapping result_;
};

}  // namespace

ColumnMapping map_columns(const ShapeRehearsal& rehearsal) {
  return Mapper(rehearsal).map();
}

}  // namespace crossfade::strategies
