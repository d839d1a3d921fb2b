#include "strategies/shadow_shape.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "migrations/repoint.h"
#include "migrations/statement.h"
#include "migrations/tokens.h"

namespace crossfade::strategies {

namespace {

using postgres::quote_identifier;
using postgres::quote_literal;

std::string column_statement(const postgres::QualifiedName& shadow, const std::string& column,
                             const std::string& action) {
  return fmt::format("ALTER TABLE {} ALTER COLUMN {} {}", shadow.quoted(), quote_identifier(column), action);
}

}  // namespace

std::string option_list(const std::vector<std::string>& options, std::string_view prefix) {
  std::string out;
  for (const std::string& option : options) {
    const auto equals = option.find('=');
    if (!out.empty()) out += ", ";
    out +=
        fmt::format("{}{} = {}", prefix, option.substr(0, equals), quote_literal(option.substr(equals + 1)));
  }
  return out;
}

const postgres::Constraint* find_constraint(const postgres::Table& table, std::string_view name) {
  const auto found =
      std::find_if(table.constraints.begin(), table.constraints.end(),
                   [&](const postgres::Constraint& constraint) { return constraint.name == name; });
  return found == table.constraints.end() ? nullptr : &*found;
}

std::string index_statement(const postgres::Index& index, const postgres::QualifiedName& table) {
  const auto statements = migrations::parse_statements(index.definition, index.name, 1);
  if (statements.size() != 1)
    throw std::logic_error("an index definition is one statement: " + index.definition);
  return migrations::with_relation(statements.front(), table);
}

std::vector<std::string> index_belongings(const postgres::Index& index,
                                          const postgres::QualifiedName& table) {
  const postgres::QualifiedName name{table.schema, index.name};
  std::vector<std::string> out;
  if (index.comment)
    out.push_back(fmt::format("COMMENT ON INDEX {} IS {}", name.quoted(), quote_literal(*index.comment)));
  for (const std::string& target : index.statistics_targets) {
    const auto equals = target.find('=');
    out.push_back(fmt::format("ALTER INDEX {} ALTER COLUMN {} SET STATISTICS {}", name.quoted(),
                              target.substr(0, equals), target.substr(equals + 1)));
  }
  if (index.clustered)
    out.push_back(fmt::format("ALTER TABLE {} CLUSTER ON {}", table.quoted(), quote_identifier(index.name)));
  return out;
}

std::string with_index_name(std::string definition, const std::string& name, bool only) {
  const std::string quoted = quote_identifier(name);
  const std::size_t begin = definition.find(" INDEX ") + 7;
  definition.replace(begin, definition.find(" ON ", begin) - begin, quoted);
  const std::size_t table = begin + quoted.size() + 4;
  if (only && definition.compare(table, 5, "ONLY ") != 0) definition.insert(table, "ONLY ");
  return definition;
}

std::string constraint_using_index(const postgres::Constraint& constraint, const std::string& index,
                                   const postgres::QualifiedName& on) {
  std::string timing;
  if (constraint.deferrable) timing = constraint.deferred ? " DEFERRABLE INITIALLY DEFERRED" : " DEFERRABLE";
  return fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {} USING INDEX {}{}", on.quoted(),
                     quote_identifier(constraint.name), constraint.type == "p" ? "PRIMARY KEY" : "UNIQUE",
                     quote_identifier(index), timing);
}

std::string constraint_using_index(const postgres::Table& table, const postgres::Index& index,
                                   const postgres::QualifiedName& on) {
  return constraint_using_index(*find_constraint(table, *index.constraint_name), index.name, on);
}

std::string exclusion_statement(const postgres::Table& table, const postgres::Index& index,
                                const postgres::QualifiedName& on) {
  const postgres::Constraint& constraint = *find_constraint(table, index.constraint_name.value());
  return fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {}", on.quoted(), quote_identifier(constraint.name),
                     constraint.definition);
}

std::vector<std::string> statistics_statements(const postgres::ExtendedStatistics& statistics,
                                               const std::string& schema, const postgres::QualifiedName& on) {
  const std::string name = postgres::QualifiedName{schema, statistics.name.name}.quoted();
  std::vector<std::string> out = {
      fmt::format("CREATE STATISTICS {} {} FROM {}", name, statistics.clause, on.quoted())};
  if (statistics.target)
    out.push_back(fmt::format("ALTER STATISTICS {} SET STATISTICS {}", name, *statistics.target));
  if (statistics.comment)
    out.push_back(fmt::format("COMMENT ON STATISTICS {} IS {}", name, quote_literal(*statistics.comment)));
  out.push_back(fmt::format("ALTER STATISTICS {} OWNER TO {}", name, quote_identifier(statistics.owner)));
  return out;
}

namespace {

std::string create_statement(const postgres::Table& source, const postgres::QualifiedName& shadow,
                             bool partitioned) {
  // Partitions have their parent's identity, not one of their own.
  return fmt::format(
      "CREATE {}TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING GENERATED {}"
      "INCLUDING STORAGE INCLUDING COMPRESSION "
      "INCLUDING COMMENTS){}{}{}",
      source.persistence == "u" ? "UNLOGGED " : "", shadow.quoted(), source.name.quoted(),
      source.partition_of ? "" : "INCLUDING IDENTITY ",
      partitioned && source.kind == "p" ? " PARTITION BY " + source.partition_key : "",
      source.access_method.empty() ? "" : " USING " + quote_identifier(source.access_method),
      source.tablespace.empty() ? "" : " TABLESPACE " + quote_identifier(source.tablespace));
}

/// Behind CREATE TABLE, up to the checks.
void add_columns_and_checks(std::vector<std::string>& out, const postgres::Table& source,
                            const postgres::QualifiedName& shadow) {
  const std::string table = shadow.quoted();
  out.push_back(fmt::format("ALTER TABLE {} OWNER TO {}", table, quote_identifier(source.owner)));
  for (const postgres::Column& column : source.columns) {
    if (column.identity.empty() || source.partition_of) continue;
    out.push_back(identity_type_statement(shadow, column, !source.partition_key.empty()));
  }
  if (!source.options.empty())
    out.push_back(fmt::format("ALTER TABLE {} SET ({})", table, option_list(source.options, "")));
  if (!source.toast_options.empty()) {
    out.push_back(fmt::format("ALTER TABLE {} SET ({})", table, option_list(source.toast_options, "toast.")));
  }
  if (source.row_security) out.push_back(fmt::format("ALTER TABLE {} ENABLE ROW LEVEL SECURITY", table));
  if (source.row_security_forced)
    out.push_back(fmt::format("ALTER TABLE {} FORCE ROW LEVEL SECURITY", table));
  if (source.comment)
    out.push_back(fmt::format("COMMENT ON TABLE {} IS {}", table, quote_literal(*source.comment)));
  // ONLY: the partitions have targets of their own.
  for (const postgres::Column& column : source.columns) {
    if (column.statistics_target) {
      out.push_back(fmt::format("ALTER TABLE ONLY {} ALTER COLUMN {} SET STATISTICS {}", table,
                                quote_identifier(column.name), *column.statistics_target));
    }
    if (!column.options.empty()) {
      out.push_back(
          column_statement(shadow, column.name, fmt::format("SET ({})", option_list(column.options, ""))));
    }
  }
  for (const postgres::Constraint& constraint : source.constraints) {
    if (constraint.type != "c") continue;
    out.push_back(fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {}", table, quote_identifier(constraint.name),
                              constraint.definition));
  }
}

void add_indexes(std::vector<std::string>& out, const postgres::Table& source,
                 const postgres::QualifiedName& shadow, bool partitioned) {
  for (const postgres::Index& index : source.indexes) {
    if (partitioned && source.kind == "p") {
      out.push_back(partitioned_index_statement(source, index, shadow));
    } else if (index.exclusion) {
      out.push_back(exclusion_statement(source, index, shadow));
    } else {
      out.push_back(index_statement(index, shadow));
      if (index.constraint_name) out.push_back(constraint_using_index(source, index, shadow));
    }
  }
}

/// What names indexes and constraints, and the rest.
void add_belongings(std::vector<std::string>& out, const postgres::Table& source,
                    const postgres::QualifiedName& shadow) {
  const std::string table = shadow.quoted();
  for (const postgres::Index& index : source.indexes) {
    for (std::string& statement : index_belongings(index, shadow)) out.push_back(std::move(statement));
    if (index.replica_identity) {
      out.push_back(
          fmt::format("ALTER TABLE {} REPLICA IDENTITY USING INDEX {}", table, quote_identifier(index.name)));
    }
  }
  for (const postgres::Constraint& constraint : source.constraints) {
    // Foreign keys come with the cutover.
    if (!constraint.comment || constraint.type == "f" || constraint.type == "t") continue;
    out.push_back(fmt::format("COMMENT ON CONSTRAINT {} ON {} IS {}", quote_identifier(constraint.name),
                              table, quote_literal(*constraint.comment)));
  }
  for (const postgres::ExtendedStatistics& statistics : source.statistics) {
    for (std::string& statement : statistics_statements(statistics, shadow.schema, shadow))
      out.push_back(std::move(statement));
  }
  if (!source.of_type.empty()) out.push_back(fmt::format("ALTER TABLE {} OF {}", table, source.of_type));
  if (source.replica_identity == "f")
    out.push_back(fmt::format("ALTER TABLE {} REPLICA IDENTITY FULL", table));
  if (source.replica_identity == "n")
    out.push_back(fmt::format("ALTER TABLE {} REPLICA IDENTITY NOTHING", table));
}

/// " WITH (fillfactor='70')" of an index, which a constraint's own definition does not print.
std::string storage_of(const postgres::Index& index) {
  const std::vector<migrations::Token> tokens = migrations::scan({index.definition, "", 1});
  for (std::size_t at = 0; at + 1 < tokens.size(); ++at) {
    if (tokens[at].depth != 0 || !migrations::is_keyword(index.definition, tokens[at], "WITH")) continue;
    for (std::size_t end = at + 2; end < tokens.size(); ++end) {
      if (tokens[end].depth == 0 && migrations::is_mark(index.definition, tokens[end], ")"))
        return " " + index.definition.substr(tokens[at].begin, tokens[end].end - tokens[at].begin);
    }
  }
  return "";
}

/// The role that runs this may be a member of the owning role, or a superuser; the table stays its owner's.
std::string let_owner_in(const postgres::Table& source, const postgres::QualifiedName& shadow) {
  return fmt::format("GRANT USAGE, CREATE ON SCHEMA {} TO {}", quote_identifier(shadow.schema),
                     quote_identifier(source.owner));
}

}  // namespace

std::string identity_type_statement(const postgres::QualifiedName& table, const postgres::Column& column,
                                    bool divided) {
  if (!divided) return column_statement(table, column.name, "TYPE " + column.type);
  const std::string body = fmt::format(
      "BEGIN\n  EXECUTE pg_catalog.format('ALTER SEQUENCE %s AS {}', pg_catalog.pg_get_serial_sequence({}, "
      "{}));\nEND",
      column.type, quote_literal(table.quoted()), quote_literal(column.name));
  return "DO LANGUAGE plpgsql " + quote_literal(body);
}

std::string definition_with_storage(const postgres::Constraint& constraint, const postgres::Index& index) {
  std::string definition = constraint.definition;
  // They stand in front of the deferrability; an exclusion constraint prints them itself.
  const std::size_t timing = definition.find(" DEFERRABLE");
  if (!index.exclusion)
    definition.insert(timing == std::string::npos ? definition.size() : timing, storage_of(index));
  return definition;
}

std::string partitioned_index_statement(const postgres::Table& table, const postgres::Index& index,
                                        const postgres::QualifiedName& on) {
  if (!index.constraint_name) return with_index_name(index_statement(index, on), index.name, true);
  const postgres::Constraint& constraint = *find_constraint(table, *index.constraint_name);
  return fmt::format("ALTER TABLE ONLY {} ADD CONSTRAINT {} {}", on.quoted(),
                     quote_identifier(constraint.name), definition_with_storage(constraint, index));
}

std::string attach_index_statement(const postgres::QualifiedName& parent,
                                   const postgres::QualifiedName& index) {
  return fmt::format("ALTER INDEX {} ATTACH PARTITION {}", parent.quoted(), index.quoted());
}

std::vector<std::string> shape_statements(const postgres::Table& source,
                                          const postgres::QualifiedName& shadow) {
  std::vector<std::string> out = {create_statement(source, shadow, false), let_owner_in(source, shadow)};
  add_columns_and_checks(out, source, shadow);
  add_indexes(out, source, shadow, false);
  add_belongings(out, source, shadow);
  return out;
}

std::vector<std::string> partitioned_shape_statements(const postgres::Table& source,
                                                      const std::vector<postgres::Table>& partitions,
                                                      const postgres::QualifiedName& shadow) {
  std::vector<const postgres::Table*> tables = {&source};
  for (const postgres::Table& partition : partitions) tables.push_back(&partition);
  const auto place = [&](const postgres::Table& table) {
    return postgres::QualifiedName{shadow.schema, table.name.name};
  };
  std::vector<std::string> out;
  for (const postgres::Table* table : tables) {
    out.push_back(create_statement(*table, place(*table), true));
    out.push_back(let_owner_in(*table, shadow));
    add_columns_and_checks(out, *table, place(*table));
  }
  for (const postgres::Table& partition : partitions) {
    out.push_back(fmt::format("ALTER TABLE {} ATTACH PARTITION {} {}",
                              postgres::QualifiedName{shadow.schema, partition.partition_of->name}.quoted(),
                              place(partition).quoted(), partition.partition_bound));
  }
  for (const postgres::Table* table : tables) add_indexes(out, *table, place(*table), true);
  for (auto table = partitions.rbegin(); table != partitions.rend(); ++table) {
    for (const postgres::Index& index : table->indexes) {
      if (!index.parent.empty())
        out.push_back(attach_index_statement({shadow.schema, index.parent}, {shadow.schema, index.name}));
    }
  }
  for (const postgres::Table* table : tables) add_belongings(out, *table, place(*table));
  return out;
}

}  // namespace crossfade::strategies
