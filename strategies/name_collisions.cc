#include "strategies/name_collisions.h"

#include <algorithm>

#include "strategies/table_tree.h"

namespace crossfade::strategies {

namespace {

constexpr std::size_t kLongestName = 63;  // NAMEDATALEN - 1, bytes

/// Whole UTF-8 characters only.
std::string cut(std::string text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U) --bytes;
  text.resize(bytes);
  return text;
}

bool carried(const ShadowTablePlan& plan, const std::string& source_column) {
  return std::any_of(plan.carried_columns.begin(), plan.carried_columns.end(),
                     [&](const auto& pair) { return pair.first == source_column; });
}

}  // namespace

std::set<std::string> own_names(const ShadowTablePlan& plan) {
  std::set<std::string> taken;
  std::vector<const postgres::Table*> tables = source_tables(plan);
  for (const ShadowTable& table : shadow_tables(plan)) tables.push_back(table.target);
  for (const postgres::Table* table : tables) {
    taken.insert(table->name.name);
    for (const postgres::Index& index : table->indexes) taken.insert(index.name);
    for (const postgres::Column& column : table->columns) {
      if (column.owned_sequence_name) taken.insert(*column.owned_sequence_name);
    }
  }
  return taken;
}

std::set<std::string> staying_relations(const ShadowTablePlan& plan, const SchemaNames& names) {
  std::set<std::string> out = names.relations;
  for (const postgres::Table* table : source_tables(plan)) {
    if (table->name.schema != plan.source.name.schema) continue;
    out.erase(table->name.name);
    for (const postgres::Index& index : table->indexes) out.erase(index.name);
  }
  for (const postgres::Column& column : plan.source.columns) {
    if (!column.owned_sequence_name) continue;
    // A serial's sequence changes its owner and stays where it is, unless its column goes.
    if (column.identity.empty() && carried(plan, column.name)) continue;
    out.erase(*column.owned_sequence_name);
  }
  return out;
}

std::vector<Problem> name_collisions(const ShadowTablePlan& plan, const SchemaNames& names) {
  const std::set<std::string> staying = staying_relations(plan, names);
  std::vector<Problem> out;
  for (const ShadowTable& table : shadow_tables(plan)) {
    if (table.home.schema != plan.source.name.schema) continue;
    for (const postgres::Index& index : table.target->indexes) {
      if (!staying.contains(index.name)) continue;
      out.push_back({.code = "name-taken",
                     .object = plan.source.name.schema + "." + index.name,
                     .message = "the new table's index " + index.name +
                                " has the name of another relation in the table's schema",
                     .expected = "a name that nothing else in schema " + plan.source.name.schema + " has",
                     .found = "a relation called " + index.name,
                     .next = "Give the index or constraint another name in the file."});
    }
  }
  // They all stand in one schema while the run is under way.
  std::set<std::string> seen;
  for (const postgres::Table* table : source_tables(plan)) {
    std::vector<std::string> own = {table->name.name};
    for (const postgres::Index& index : table->indexes) own.push_back(index.name);
    for (const std::string& name : own) {
      if (seen.insert(name).second) continue;
      out.push_back({.code = "name-taken",
                     .object = table->name.display(),
                     .message = "partitions in different schemas have tables or indexes of the same name",
                     .expected = "names that are unique among the partitions",
                     .found = "two called " + name,
                     .next = "Rename one of them."});
    }
  }
  if (names.taken_array_type) {
    out.push_back(
        {.code = "name-taken",
         .object = plan.source.name.schema + "." + *names.taken_array_type,
         .message = "the array type of the new table would have the name of another type or table",
         .expected = "no type called " + *names.taken_array_type + " in schema " + plan.source.name.schema,
         .found = "one",
         .next = "Rename what has the name."});
  }
  return out;
}

std::string first_free_name(const std::string& base, const std::set<std::string>& taken) {
  std::string name = base;
  for (int number = 1; taken.contains(name); ++number) {
    const std::string suffix = std::to_string(number);
    name = cut(base, kLongestName - suffix.size()) + suffix;
  }
  return name;
}

std::string joined(const std::vector<std::string>& columns) {
  std::string out;
  for (const std::string& column : columns) out += (out.empty() ? "" : "_") + column;
  return out;
}

std::string chosen_name(const std::string& table, const std::string& columns, const std::string& label,
                        const std::set<std::string>& taken) {
  for (int number = 0;; ++number) {
    const std::string numbered = number == 0 ? label : label + std::to_string(number);
    const std::size_t marks = columns.empty() ? 1 : 2;
    const std::size_t fits = kLongestName - numbered.size() - marks;
    std::size_t first = table.size();
    std::size_t second = columns.size();
    while (first + second > fits) --(first > second ? first : second);
    std::string name = cut(table, first);
    if (!columns.empty()) name += "_" + cut(columns, second);
    name += "_" + numbered;
    if (!taken.contains(name)) return name;
  }
}

}  // namespace crossfade::strategies
