#include "strategies/emptied_table.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "postgres/quoting.h"
#include "strategies/grants.h"
#include "strategies/quarantine.h"
#include "strategies/sequence_moves.h"
#include "strategies/shadow_shape.h"
#include "strategies/shadow_table.h"
#include "strategies/step_list.h"

namespace crossfade::strategies {

namespace {

using postgres::Column;
using postgres::QualifiedName;
using postgres::quote_identifier;
using postgres::quote_literal;

void append(std::vector<std::string>& to, std::vector<std::string> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

std::string set_schema(const QualifiedName& table, const std::string& schema) {
  return alter_table(table, "SET SCHEMA " + quote_identifier(schema));
}

/// The columns that rows are written with.
std::string stored_columns(const postgres::Table& table) {
  std::string out;
  for (const Column& column : table.columns) {
    if (column.generated.empty()) out += (out.empty() ? "" : ", ") + quote_identifier(column.name);
  }
  return out;
}

/// The kept sequence goes on behind both, so that no value is given out twice.
std::string take_sequence_back(const QualifiedName& kept, const QualifiedName& now) {
  return fmt::format(
      "SELECT pg_catalog.setval({0}::pg_catalog.regclass, CASE WHEN s.seqincrement > 0 THEN "
      "GREATEST(k.last_value, n.last_value) ELSE LEAST(k.last_value, n.last_value) END, k.is_called OR "
      "n.is_called) "
      "FROM {1} AS k, {2} AS n, pg_catalog.pg_sequence AS s WHERE s.seqrelid = {0}::pg_catalog.regclass",
      quote_literal(kept.quoted()), kept.quoted(), now.quoted());
}

/// One table's way aside and back.
class Emptying {
 public:
  Emptying(const StatementContext& context, const postgres::Table& source)
      : table_(source), copy_(context.empty_copies.at(source.oid)), restarts_(context.restarts_identity) {
    plan_.run = context.run;
    plan_.source = table_;
    plan_.target = copy_;
    plan_.run_schema = run_schema_name(context.run);
    plan_.old_schema = quarantine_schema_name(context.run);
    plan_.shadow = {plan_.run_schema, table_.name.name};
    for (const Column& column : table_.columns) plan_.carried_columns.emplace_back(column.name, column.name);
    plan_sequences(plan_);
  }

  QualifiedName kept() const { return {plan_.old_schema, table_.name.name}; }

  std::vector<std::string> sql() const {
    // Made in the run's own schema, where the names of indexes are free and no default privileges wait.
    std::vector<std::string> out = shape_statements(table_, plan_.shadow);
    append(out, plan_.create);
    // An index's definition does not name its tablespace.
    for (const postgres::Index& index : table_.indexes) {
      if (!index.tablespace.empty())
        out.push_back(fmt::format("ALTER INDEX {} SET TABLESPACE {}",
                                  QualifiedName{plan_.run_schema, index.name}.quoted(),
                                  quote_identifier(index.tablespace)));
    }
    append(out, grant_statements(table_, copy_, plan_.shadow));
    for (const SequenceMove& move : plan_.sequences) {
      if (move.kind == "serial") {
        out.push_back("ALTER SEQUENCE " + move.source.quoted() + " OWNED BY NONE");
      } else {
        append(out, sequence_grant_statements(*table_.column(move.source_column),
                                              *copy_.column(move.shadow_column), table_.owner,
                                              {plan_.run_schema, move.shadow_sequence}));
      }
    }
    out.push_back(set_schema(table_.name, plan_.old_schema));
    out.push_back(set_schema(plan_.shadow, table_.name.schema));
    append(out, serials_owned_by_the_table());
    for (const SequenceMove& move : plan_.sequences) {
      if (move.kind == "identity" && !restarts_) out.push_back(take_value_over(plan_, move));
    }
    return out;
  }

  std::vector<std::string> undo() const {
    const std::string columns = stored_columns(table_);
    std::vector<std::string> out = {
        fmt::format("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", table_.name.quoted()),
        fmt::format("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}", kept().quoted(), columns,
                    columns, table_.name.quoted())};
    for (const SequenceMove& move : plan_.sequences) {
      if (move.kind == "serial") {
        out.push_back("ALTER SEQUENCE " + move.source.quoted() + " OWNED BY NONE");
      } else {
        out.push_back(take_sequence_back({plan_.old_schema, move.source.name},
                                         {table_.name.schema, move.shadow_sequence}));
      }
    }
    out.push_back("DROP TABLE " + table_.name.quoted());
    out.push_back(set_schema(kept(), table_.name.schema));
    append(out, serials_owned_by_the_table());
    return out;
  }

 private:
  std::vector<std::string> serials_owned_by_the_table() const {
    std::vector<std::string> out;
    for (const SequenceMove& move : plan_.sequences) {
      if (move.kind != "serial") continue;
      out.push_back(fmt::format("ALTER SEQUENCE {} OWNED BY {}.{}", move.source.quoted(),
                                table_.name.quoted(), quote_identifier(move.source_column)));
    }
    return out;
  }

  const postgres::Table& table_;
  const postgres::Table& copy_;
  bool restarts_;
  ShadowTablePlan plan_;  ///< as far as the sequences need it
};

}  // namespace

InPlaceSteps plan_emptied_tables(const StatementContext& context) {
  StepList steps(context, "quarantine", "64");
  const std::string staging = run_schema_name(context.run);
  const std::string aside = quarantine_schema_name(context.run);
  std::vector<std::string> sql = {"CREATE SCHEMA IF NOT EXISTS " + quote_identifier(aside),
                                  "CREATE SCHEMA " + quote_identifier(staging)};
  std::vector<std::string> undo;
  std::vector<std::string> contract;
  std::string tables;
  std::string others;
  for (const postgres::Table& table : context.objects) {
    const Emptying emptying(context, table);
    append(sql, emptying.sql());
    append(undo, emptying.undo());
    contract.push_back("DROP TABLE IF EXISTS " + emptying.kept().quoted());
    tables += (tables.empty() ? "" : ", ") + table.name.display();
    if (&table != &context.objects.front()) others += (others.empty() ? "" : ", ") + table.name.quoted();
  }
  sql.push_back("DROP SCHEMA " + quote_identifier(staging));
  InPlaceStep& step = steps.on(context.objects.front().name, "ACCESS EXCLUSIVE", StepKind::locked,
                               "set the rows of " + tables + " aside", std::move(sql),
                               "An empty table of the same shape takes the name; `contract` drops the rows.");
  if (!others.empty()) step.lock_first = fmt::format("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE;", others);
  for (std::size_t index = 1; index < context.objects.size(); ++index)
    step.locks.push_back({context.objects[index].name.display(), "ACCESS EXCLUSIVE"});
  step.replaced = context.objects;
  step.undo = std::move(undo);
  step.kept = {aside, context.objects.front().name.name};
  step.contract = std::move(contract);
  return {.steps = steps.take()};
}

}  // namespace crossfade::strategies
