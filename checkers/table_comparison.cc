#include "checkers/table_comparison.h"

#include <algorithm>
#include <set>
#include <string>

#include "checkers/type_facts.h"
#include "postgres/problem.h"

namespace crossfade::checkers {

namespace {

bool usable(const postgres::Table& table, const postgres::Index& index) {
  return index.unique && index.valid && !index.partial && !index.expressions && index.default_operators &&
         index.default_collations && !index.key_columns.empty() &&
         std::all_of(index.key_columns.begin(), index.key_columns.end(), [&](const std::string& name) {
           const postgres::Column* column = table.column(name);
           return column != nullptr && column->not_null;
         });
}

/// The primary key where it will do, else the first unique index; the right table must have one over the same
/// columns.
const postgres::Index* common_key(const postgres::Table& left, const postgres::Table& right) {
  const postgres::Index* best = nullptr;
  for (const postgres::Index& index : left.indexes) {
    if (!usable(left, index) || (best != nullptr && !index.primary)) continue;
    const bool counterpart =
        std::any_of(right.indexes.begin(), right.indexes.end(), [&](const postgres::Index& other) {
          return usable(right, other) && other.key_columns == index.key_columns;
        });
    if (counterpart) best = &index;
  }
  return best;
}

std::set<std::string> names(const postgres::Table& table) {
  std::set<std::string> all;
  for (const postgres::Column& column : table.columns) all.insert(column.name);
  return all;
}

void require_same_columns(const postgres::Table& left, const postgres::Table& right) {
  const std::set<std::string> left_names = names(left);
  const std::set<std::string> right_names = names(right);
  const auto report = [&](const std::string& column, const postgres::Table& in,
                          const postgres::Table& not_in) {
    throw Failure(ExitCode::usage,
                  {.code = "columns-differ",
                   .object = not_in.name.display(),
                   .message = "The tables cannot be compared, because their columns differ.",
                   .expected = "a column " + column + ", which " + in.name.display() + " has",
                   .found = "none of that name",
                   .next = "Compare tables with the same column names."});
  };
  for (const std::string& name : left_names) {
    if (!right_names.contains(name)) report(name, left, right);
  }
  for (const std::string& name : right_names) {
    if (!left_names.contains(name)) report(name, right, left);
  }
}

/// Both key columns and compared columns of one side.
std::string side_select(const postgres::Table& table, const std::vector<std::string>& keys,
                        const postgres::Table& right) {
  std::string list;
  for (const std::string& name : keys)
    list += (list.empty() ? "" : ", ") + ("source." + postgres::quote_identifier(name)) +
            " AS crossfade_key_" + std::to_string(&name - keys.data() + 1);
  for (const postgres::Column& column : right.columns) {
    const std::string name = postgres::quote_identifier(column.name);
    list += ", CAST(source." + name + " AS " + column.type + ") AS " + name;
  }
  return "SELECT " + list + " FROM " + table.name.quoted() + " AS source";
}

}  // namespace

ComparedColumn compared_column(postgres::Session& session, const postgres::Column& column) {
  const std::uint32_t oid = column.type_oid;
  return {.name = column.name,
          .type = column.type,
          .form = hash_form(load_type_facts(session, {&oid, 1}).front(), column.type_modifier)};
}

KeyColumn key_column(postgres::Session& session, const postgres::Column& left,
                     const postgres::Column& right) {
  const std::uint32_t oids[] = {left.type_oid, right.type_oid};
  const std::vector<TypeFacts> facts = load_type_facts(session, oids);
  return {.left_type = left.bare_type,
          .right_type = right.type,
          .left_collation = left.collation,
          .right_collation = right.collation,
          .left_operator_schema = facts[0].operator_schema,
          .right_operator_schema = facts[1].operator_schema,
          .form = hash_form(facts[1], right.type_modifier),
          .compared_as = right.name};
}

TableComparison comparison_of_tables(postgres::Session& session, const postgres::Table& left,
                                     const postgres::Table& right) {
  require_same_columns(left, right);
  const postgres::Index* index = common_key(left, right);
  if (index == nullptr) {
    throw Failure(ExitCode::refused,
                  {.code = "no-common-key",
                   .object = left.name.display(),
                   .message = "The tables cannot be compared row by row without a common key.",
                   .expected = "a primary key or unique index over the same NOT NULL columns on both tables",
                   .found = "none that both have",
                   .next = "Add a unique index to " + right.name.display() + ", or to both."});
  }
  TableComparison made;
  Comparison& comparison = made.comparison;
  comparison.left_name = left.name.display();
  comparison.right_name = right.name.display();
  comparison.key_names = index->key_columns;
  for (const std::string& name : index->key_columns) {
    const postgres::Column& before = *left.column(name);
    const postgres::Column& after = *right.column(name);
    comparison.keys.push_back(key_column(session, before, after));
    // Integers keep their order when they change their width. Of other changes nothing is assumed.
    const std::set<std::string> integers = {"smallint", "integer", "bigint"};
    const bool same = before.base_type_oid == after.base_type_oid && before.collation == after.collation;
    if (!same && !(integers.contains(before.type) && integers.contains(after.type)))
      comparison.key_order_preserved = false;
  }
  for (const postgres::Column& column : right.columns)
    comparison.columns.push_back(compared_column(session, column));
  comparison.left_select = side_select(left, index->key_columns, right);
  comparison.right_select = side_select(right, index->key_columns, right);
  comparison.relations = {left.name, right.name};
  made.source = {.relation = left.name, .columns = index->key_columns};
  mark_often_null(session, comparison, right.name);
  return made;
}

}  // namespace crossfade::checkers
