#include "strategies/shadow_shape.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "migrations/repoint.h"
#include "migrations/statement.h"

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

std::vector<std::string> shape_statements(const postgres::Table& source,
                                          const postgres::QualifiedName& shadow) {
  std::vector<std::string> out;
  const std::string table = shadow.quoted();
  out.push_back(
      fmt::format("CREATE {}TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING IDENTITY "
                  "INCLUDING STORAGE INCLUDING COMPRESSION "
                  "INCLUDING COMMENTS){}{}",
                  source.persistence == "u" ? "UNLOGGED " : "", table, source.name.quoted(),
                  source.access_method.empty() ? "" : " USING " + quote_identifier(source.access_method),
                  source.tablespace.empty() ? "" : " TABLESPACE " + quote_identifier(source.tablespace)));
  // The role that runs this may be a member of the owning role, or a superuser; the table stays its owner's.
  out.push_back(fmt::format("GRANT USAGE, CREATE ON SCHEMA {} TO {}", quote_identifier(shadow.schema),
                            quote_identifier(source.owner)));
  out.push_back(fmt::format("ALTER TABLE {} OWNER TO {}", table, quote_identifier(source.owner)));
  // LIKE gives an identity sequence the type bigint with the old limits; of the column's own type, its limits
  // follow a later change of that type.
  for (const postgres::Column& column : source.columns) {
    if (!column.identity.empty()) out.push_back(column_statement(shadow, column.name, "TYPE " + column.type));
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
  for (const postgres::Column& column : source.columns) {
    if (column.statistics_target) {
      out.push_back(
          column_statement(shadow, column.name, fmt::format("SET STATISTICS {}", *column.statistics_target)));
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
  for (const postgres::Index& index : source.indexes) {
    if (index.exclusion) {
      out.push_back(exclusion_statement(source, index, shadow));
      continue;
    }
    out.push_back(index_statement(index, shadow));
    if (index.constraint_name) out.push_back(constraint_using_index(source, index, shadow));
  }
  for (const postgres::Index& index : source.indexes) {
    const postgres::QualifiedName name{shadow.schema, index.name};
    if (index.comment)
      out.push_back(fmt::format("COMMENT ON INDEX {} IS {}", name.quoted(), quote_literal(*index.comment)));
    for (const std::string& target : index.statistics_targets) {
      const auto equals = target.find('=');
      out.push_back(fmt::format("ALTER INDEX {} ALTER COLUMN {} SET STATISTICS {}", name.quoted(),
                                target.substr(0, equals), target.substr(equals + 1)));
    }
    if (index.clustered)
      out.push_back(fmt::format("ALTER TABLE {} CLUSTER ON {}", table, quote_identifier(index.name)));
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
  return out;
}

}  // namespace crossfade::strategies
