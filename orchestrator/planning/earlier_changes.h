// What statements that stand before one will have done by the time it runs: tables that they made, renamed or
// changed. A plan of several revisions is made before any of them runs, so the catalog alone does not answer.
// A value that grows statement by statement; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "migrations/statement.h"

namespace crossfade::orchestrator {

class EarlierChanges {
 public:
  /// `default_schema` is where names without a schema mean something.
  explicit EarlierChanges(std::string default_schema) : default_schema_(std::move(default_schema)) {}

  /// Notes what the statement will have done. `target` is its existing table, where there is one;
  /// `repeatable` are those of its commands that a trial on an empty copy can repeat.
  void add(const migrations::Statement& statement, std::optional<std::uint32_t> target,
           const std::vector<migrations::Statement>& repeatable);

  /// A statement of the same revision that has been carried out: what it made is new to everybody still.
  void add_finished(const migrations::Statement& statement);

  /// Whether an earlier statement makes a relation of this name.
  bool creates(const migrations::TableReference& name) const;
  /// The existing table that an earlier statement makes an index of this name on.
  std::optional<std::uint32_t> table_of_index(const migrations::TableReference& name) const;
  /// The existing relation that an earlier statement gives this name.
  std::optional<std::uint32_t> renamed(const migrations::TableReference& name) const;
  /// Whether an earlier statement takes this name away, by a drop or a rename.
  bool takes_away(const migrations::TableReference& name) const;
  /// Whether an earlier statement takes the relation out of its parent.
  bool detaches(const migrations::TableReference& name) const;
  /// Whether an earlier statement drops a constraint, trigger, view … of this name.
  bool drops(const std::string& name) const { return dropped_.contains(name); }
  /// Whether an earlier statement drops one of the names in a problem's object, as "constraint x on
  /// public.y": by then it is not in the way any more.
  bool drops_one_of(const std::string& object) const;
  /// Whether an earlier statement that has not run yet has the name in its text, as a word of its own: then
  /// what a trial misses may be there in time.
  bool mentions(const std::string& name) const;
  /// A view, key, trigger … over the table that an earlier statement makes and none drops again, in a few
  /// words; empty where there is none.
  std::string makes_dependent_of(const std::string& table) const;
  /// Notes that the statement changes which partitions the table, or a table above it, has.
  void add_partition_change(std::uint32_t table) { partitions_changed_.insert(table); }
  bool changes_partitions(std::uint32_t table) const { return partitions_changed_.contains(table); }
  /// Whether an earlier statement adds or drops a constraint of the table, or renames its columns.
  bool changes_keys(std::uint32_t table) const { return keys_changed_.contains(table); }
  bool drops_column(std::uint32_t table, const std::string& column) const;
  /// Whether an earlier statement makes a function of this name that it does not call IMMUTABLE or STABLE.
  bool makes_volatile_function(const std::string& name) const;
  /// What was planned for the table before, to be repeated on its empty copy.
  const std::vector<migrations::Statement>& of(std::uint32_t table) const;

 private:
  using Name = std::pair<std::string, std::string>;  ///< schema, relation

  Name full(const migrations::TableReference& name) const;
  /// A name in the schema of the statement's table.
  Name beside(const migrations::Statement& statement, const std::string& name) const;

  std::string default_schema_;
  std::set<Name> created_;
  std::set<Name> gone_;
  std::set<std::string> dropped_;  ///< constraints, triggers, views …
  std::set<Name> detached_;
  std::vector<std::string> texts_;       ///< of the statements, as written
  std::vector<std::string> dependents_;  ///< texts of those that make something over an existing table
  std::map<Name, std::uint32_t> renamed_;
  std::set<std::uint32_t> partitions_changed_;
  std::vector<std::string> functions_;  ///< texts of CREATE FUNCTION
  std::set<std::uint32_t> keys_changed_;
  std::map<Name, std::uint32_t> indexes_;  ///< new ones on existing tables
  std::map<std::uint32_t, std::vector<migrations::Statement>> changes_;
};

}  // namespace crossfade::orchestrator
