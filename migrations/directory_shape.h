// The tables of a directory as its migrations leave them, as far as their text tells: columns with their
// types, what is indexed, which types are no domains. Lint asks it what one file alone cannot answer. A
// database may add what it knows. A value; reading is thread-safe.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "migrations/statement.h"

namespace crossfade::migrations {

struct TableShape {
  std::map<std::string, std::string> columns;     ///< name to type: "int4", "varchar(40)"
  std::vector<std::vector<std::string>> indexes;  ///< leading plain columns of each that has no predicate
  std::vector<std::string> primary_key;
};

class DirectoryShape {
 public:
  /// In the order in which the statements run.
  void apply(const Statement& statement);
  /// What a database knows of the table beside the text.
  void add(const TableReference& name, const TableShape& table);

  /// nullptr where nothing is known. "public.orders" and "orders" are one.
  const TableShape* table(const TableReference& name) const;
  /// nullopt where the table or the column is not known.
  std::optional<std::string> column_type(const TableReference& table, const std::string& column) const;
  /// Whether some index begins with exactly these columns, in any order.
  bool indexed(const TableReference& table, std::span<const std::string> columns) const;
  /// The table of an index that has a name.
  std::optional<TableReference> table_of_index(const TableReference& index) const;
  /// Made by CREATE TYPE.
  bool is_plain_type(const std::string& name) const { return plain_types_.contains(name); }

 private:
  struct NamedIndex {
    TableReference table;
    std::vector<std::string> columns;
  };

  void create_table(const Statement& statement);
  void create_index(const Statement& statement);
  void alter_table(const Statement& statement);

  std::map<std::string, TableShape> tables_;
  std::map<std::string, NamedIndex> indexes_;
  std::set<std::string> plain_types_;
};

/// The name under which a table is kept: without the schema public.
std::string table_key(const TableReference& table);

}  // namespace crossfade::migrations
