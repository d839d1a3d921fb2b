#include "strategies/new_partitioning.h"

#include <fmt/format.h>

#include <algorithm>

#include "migrations/tokens.h"
#include "postgres/quoting.h"
#include "strategies/shadow_shape.h"

namespace crossfade::strategies {

namespace {

using postgres::Constraint;
using postgres::Index;
using postgres::QualifiedName;
using postgres::quote_identifier;
using postgres::quote_literal;
using postgres::Table;

/// Columns of the partition key that the unique index lacks.
std::vector<std::string> missing_columns(const Index& index, const NewPartitioning& partitioning) {
  std::vector<std::string> out;
  if (!index.unique) return out;
  for (const std::string& column : partitioning.wanted.columns) {
    if (std::find(index.key_columns.begin(), index.key_columns.end(), column) == index.key_columns.end())
      out.push_back(column);
  }
  return out;
}

/// The definition with the columns behind its last key: the first pair of brackets holds the keys.
std::string with_keys(const std::string& definition, const std::vector<std::string>& columns) {
  if (columns.empty()) return definition;
  bool open = false;
  for (const migrations::Token& token : migrations::scan({definition, "", 1})) {
    if (!open && migrations::is_mark(definition, token, "(")) open = true;
    if (!open || token.depth != 0 || !migrations::is_mark(definition, token, ")")) continue;
    std::string out = definition;
    out.insert(token.begin, ", " + postgres::quote_identifiers(columns));
    return out;
  }
  return definition;
}

class Conversion {
 public:
  Conversion(const Table& plain, const NewPartitioning& partitioning)
      : plain_(plain),
        partitioning_(partitioning),
        seed_{plain.name.schema, "crossfade_seed"},
        table_(plain.name.quoted()) {}

  std::vector<std::string> statements() {
    free_names();
    root();
    partitions();
    indexes();
    belongings();
    return std::move(out_);
  }

 private:
  template <class... Arguments>
  void add(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    out_.push_back(fmt::format(format, std::forward<Arguments>(arguments)...));
  }

  bool logged() const { return plain_.persistence != "u"; }

  /// What LIKE cannot take over goes, and what it would meet under its own name gets another.
  void free_names() {
    for (const Constraint& constraint : plain_.constraints) {
      const bool key = constraint.type == "p" || constraint.type == "u" || constraint.type == "x";
      if (key || (constraint.type == "c" && !constraint.validated))
        add("ALTER TABLE {} DROP CONSTRAINT {}", table_, quote_identifier(constraint.name));
    }
    for (const Index& index : plain_.indexes) {
      if (!index.constraint_name)
        add("DROP INDEX {}", QualifiedName{plain_.name.schema, index.name}.quoted());
    }
    for (const postgres::ExtendedStatistics& statistics : plain_.statistics)
      add("DROP STATISTICS {}", statistics.name.quoted());
    add("ALTER TABLE {} RENAME TO {}", table_, quote_identifier(seed_.name));
    for (const postgres::Column& column : plain_.columns) {
      if (column.identity.empty()) continue;
      add("ALTER SEQUENCE {} RENAME TO {}",
          QualifiedName{*column.owned_sequence_schema, *column.owned_sequence_name}.quoted(),
          quote_identifier(fmt::format("crossfade_seed_{}", column.number)));
    }
  }

  void root() {
    add("CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING IDENTITY INCLUDING "
        "STORAGE "
        "INCLUDING COMPRESSION INCLUDING COMMENTS INCLUDING CONSTRAINTS) PARTITION BY {}{}",
        table_, seed_.quoted(), partitioning_.wanted.key(),
        plain_.tablespace.empty() ? "" : " TABLESPACE " + quote_identifier(plain_.tablespace));
    for (const postgres::Column& column : plain_.columns) {
      if (!column.identity.empty() || !column.owned_sequence_name ||
          *column.owned_sequence_schema != plain_.name.schema)
        continue;
      add("ALTER SEQUENCE {} OWNED BY {}.{}",
          QualifiedName{*column.owned_sequence_schema, *column.owned_sequence_name}.quoted(), table_,
          quote_identifier(column.name));
    }
    add("DROP TABLE {}", seed_.quoted());
    for (const postgres::Column& column : plain_.columns) {
      if (!column.identity.empty()) out_.push_back(identity_type_statement(plain_.name, column, true));
    }
    add("ALTER TABLE {} OWNER TO {}", table_, quote_identifier(plain_.owner));
    if (plain_.row_security) add("ALTER TABLE {} ENABLE ROW LEVEL SECURITY", table_);
    if (plain_.row_security_forced) add("ALTER TABLE {} FORCE ROW LEVEL SECURITY", table_);
    if (plain_.comment) add("COMMENT ON TABLE {} IS {}", table_, quote_literal(*plain_.comment));
  }

  void partitions() {
    for (const NewPartition& partition : partitioning_.partitions) {
      const std::string name = QualifiedName{plain_.name.schema, partition.name}.quoted();
      add("CREATE {}TABLE {} PARTITION OF {} {}{}{}", logged() ? "" : "UNLOGGED ", name, table_,
          partition.bound,
          plain_.access_method.empty() ? "" : " USING " + quote_identifier(plain_.access_method),
          plain_.tablespace.empty() ? "" : " TABLESPACE " + quote_identifier(plain_.tablespace));
      add("ALTER TABLE {} OWNER TO {}", name, quote_identifier(plain_.owner));
      if (!plain_.options.empty()) add("ALTER TABLE {} SET ({})", name, option_list(plain_.options, ""));
      if (!plain_.toast_options.empty())
        add("ALTER TABLE {} SET ({})", name, option_list(plain_.toast_options, "toast."));
      if (plain_.replica_identity == "f") add("ALTER TABLE {} REPLICA IDENTITY FULL", name);
      if (plain_.replica_identity == "n") add("ALTER TABLE {} REPLICA IDENTITY NOTHING", name);
      for (const postgres::Column& column : plain_.columns) {
        if (!column.options.empty())
          add("ALTER TABLE {} ALTER COLUMN {} SET ({})", name, quote_identifier(column.name),
              option_list(column.options, ""));
      }
    }
    for (const postgres::Column& column : plain_.columns) {
      // With the partitions.
      if (column.statistics_target)
        add("ALTER TABLE {} ALTER COLUMN {} SET STATISTICS {}", table_, quote_identifier(column.name),
            *column.statistics_target);
    }
    for (const Constraint& constraint : plain_.constraints) {
      if (constraint.type == "c" && !constraint.validated)
        add("ALTER TABLE {} ADD CONSTRAINT {} {}", table_, quote_identifier(constraint.name),
            constraint.definition);
    }
  }

  /// The server makes those of the partitions, and their names.
  void indexes() {
    for (const Index& index : plain_.indexes) {
      const std::vector<std::string> columns = missing_columns(index, partitioning_);
      if (!index.constraint_name) {
        out_.push_back(with_keys(index_statement(index, plain_.name), columns));
        continue;
      }
      const Constraint& constraint = *find_constraint(plain_, *index.constraint_name);
      Constraint extended = constraint;
      extended.definition = with_keys(constraint.definition, columns);
      add("ALTER TABLE {} ADD CONSTRAINT {} {}", table_, quote_identifier(constraint.name),
          definition_with_storage(extended, index));
    }
  }

  void belongings() {
    for (const Index& index : plain_.indexes) {
      const std::string name = QualifiedName{plain_.name.schema, index.name}.quoted();
      if (index.comment) add("COMMENT ON INDEX {} IS {}", name, quote_literal(*index.comment));
      for (const std::string& target : index.statistics_targets) {
        const auto equals = target.find('=');
        on_each_index(name, fmt::format("ALTER INDEX %2$s ALTER COLUMN {} SET STATISTICS {}",
                                        target.substr(0, equals), target.substr(equals + 1)));
      }
      if (index.clustered) on_each_index(name, "ALTER TABLE %1$s CLUSTER ON %3$I");
      if (index.replica_identity) {
        add("ALTER TABLE {} REPLICA IDENTITY USING INDEX {}", table_, quote_identifier(index.name));
        on_each_index(name, "ALTER TABLE %1$s REPLICA IDENTITY USING INDEX %3$I");
      }
    }
    for (const Constraint& constraint : plain_.constraints) {
      if (!constraint.comment || constraint.type == "f" || constraint.type == "t") continue;
      add("COMMENT ON CONSTRAINT {} ON {} IS {}", quote_identifier(constraint.name), table_,
          quote_literal(*constraint.comment));
    }
    for (const postgres::ExtendedStatistics& statistics : plain_.statistics) {
      for (std::string& statement : statistics_statements(statistics, plain_.name.schema, plain_.name))
        out_.push_back(std::move(statement));
    }
    if (plain_.replica_identity == "f") add("ALTER TABLE {} REPLICA IDENTITY FULL", table_);
    if (plain_.replica_identity == "n") add("ALTER TABLE {} REPLICA IDENTITY NOTHING", table_);
  }

  /// For the partitions' own indexes below `index`, whose names the server has chosen: %1$s is the table,
  /// %2$s the index, %3$I its bare name.
  void on_each_index(const std::string& index, const std::string& statement) {
    const std::string body = fmt::format(
        "DECLARE\n  part record;\nBEGIN\n  FOR part IN SELECT i.indrelid::pg_catalog.regclass AS place, "
        "c.oid::pg_catalog.regclass AS index, c.relname FROM pg_catalog.pg_inherits h JOIN "
        "pg_catalog.pg_index i ON "
        "i.indexrelid = h.inhrelid JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid WHERE h.inhparent = "
        "{}::pg_catalog.regclass LOOP\n    EXECUTE pg_catalog.format({}, part.place, part.index, "
        "part.relname);\n  END LOOP;\nEND",
        quote_literal(index), quote_literal(statement));
    out_.push_back("DO LANGUAGE plpgsql " + quote_literal(body));
  }

  const Table& plain_;
  const NewPartitioning& partitioning_;
  QualifiedName seed_;
  std::string table_;
  std::vector<std::string> out_;
};

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

}  // namespace

std::vector<std::string> partitioning_statements(const Table& plain, const NewPartitioning& partitioning) {
  return Conversion(plain, partitioning).statements();
}

std::vector<Problem> partitioning_announcements(const Table& source, const NewPartitioning& partitioning) {
  std::vector<Problem> out;
  for (const Index& index : source.indexes) {
    const std::vector<std::string> columns = missing_columns(index, partitioning);
    if (columns.empty()) continue;
    out.push_back(
        {.code = "key-extended",
         .object = source.name.display() + ", index " + index.name,
         .message = fmt::format("gets {} behind its columns, as PostgreSQL demands of a partitioned "
                                "table: ({}) alone is not kept unique any more",
                                listed(columns), listed(index.keys)),
         .expected = "an application that does not rely on it, nor on ON CONFLICT over those columns",
         .found = index.definition,
         .next = "Change what relies on it first."});
  }
  if (partitioning.partitions.empty()) return out;
  const bool rest = std::any_of(partitioning.partitions.begin(), partitioning.partitions.end(),
                                [](const NewPartition& each) { return each.bound == "DEFAULT"; });
  out.push_back(
      {.code = "partitions",
       .object = source.name.display(),
       .message = fmt::format("is divided into {} partitions, {} to {}", partitioning.partitions.size(),
                              partitioning.partitions.front().name, partitioning.partitions.back().name),
       .expected = "",
       .found = rest ? "a default partition takes what the others do not"
                     : "a row that no partition takes is an error",
       .next = partitioning.wanted.method == "range"
                   ? "Create the following ones in time; empty of such rows, the default partition "
                     "does not stand in the way."
                   : ""});
  return out;
}

std::vector<Problem> partitioning_refusals(const Table& source, const postgres::Dependents& dependents,
                                           const NewPartitioning& partitioning) {
  std::vector<Problem> out;
  for (const postgres::ForeignKey& key : dependents.foreign_keys) {
    if (key.referenced != source.name) continue;
    const bool whole =
        std::all_of(partitioning.wanted.columns.begin(), partitioning.wanted.columns.end(),
                    [&](const std::string& column) {
                      return std::find(key.referenced_columns.begin(), key.referenced_columns.end(),
                                       column) != key.referenced_columns.end();
                    });
    if (whole) continue;
    out.push_back(
        {.code = "incoming-foreign-key",
         .object = "constraint " + key.name + " on " + key.table.display(),
         .message = fmt::format("refers to {}, whose key gets the columns that rows are divided by; "
                                "nothing unique is left that it could refer to",
                                source.name.display()),
         .expected =
             "no foreign key into the table, or one over " + listed(partitioning.wanted.columns) + " as well",
         .found = key.definition,
         .next = "Drop it, or divide the table by the columns that it refers to (hash)."});
  }
  return out;
}

}  // namespace crossfade::strategies
