#include "orchestrator/planning/statement_context.h"

#include <fmt/format.h>

#include <algorithm>

#include "migrations/called_functions.h"
#include "migrations/created_relations.h"
#include "orchestrator/planning/catalog_facts.h"
#include "orchestrator/planning/empty_copies.h"
#include "orchestrator/planning/planned_batches.h"
#include "orchestrator/planning/shape_rehearsal.h"

namespace crossfade::orchestrator {

namespace {

constexpr std::string_view kRelationNames = R"sql(
SELECT relname AS name FROM pg_catalog.pg_class WHERE relnamespace = $1::pg_catalog.regnamespace
)sql";

// Made in a schema of its own, the new table gets the plain name for its array type; the source's own may
// differ.
constexpr std::string_view kTakenArrayType = R"sql(
SELECT t.typname AS name FROM pg_catalog.pg_type t
 WHERE t.typnamespace = $1::pg_catalog.regnamespace AND t.typname = ('_' || $2)::pg_catalog.name
   AND t.oid NOT IN (SELECT own.typarray FROM pg_catalog.pg_type own WHERE own.typrelid = $3::pg_catalog.oid)
)sql";

constexpr std::string_view kConstraintNames = R"sql(
SELECT conname AS name FROM pg_catalog.pg_constraint WHERE connamespace = $1::pg_catalog.regnamespace
)sql";

bool is_command(const migrations::Statement& statement, std::string_view subtype) {
  return statement.commands.size() == 1 && statement.commands.front().subtype == subtype;
}

/// The tables that a change of this statement's constraints or columns locks with its own.
std::vector<postgres::QualifiedName> tied(postgres::Session& session, const migrations::Statement& statement,
                                          std::uint32_t table) {
  if (is_command(statement, "AT_DropConstraint"))
    return tied_tables(session, table, statement.commands.front().name);
  if (is_command(statement, "AT_DropColumn")) {
    std::vector<postgres::QualifiedName> out;
    const auto found = postgres::load_table(session, table);
    for (const postgres::Constraint& constraint : found->constraints) {
      const bool over =
          constraint.type == "f" && std::find(constraint.columns.begin(), constraint.columns.end(),
                                              statement.commands.front().name) != constraint.columns.end();
      if (!over) continue;
      for (const postgres::QualifiedName& other : tied_tables(session, table, constraint.name))
        out.push_back(other);
    }
    return out;
  }
  return {};
}

/// Without those that an earlier statement drops or makes anew, and those of the tables that go `together`.
std::vector<std::string> remaining_dependents(postgres::Session& session, const EarlierChanges& earlier,
                                              std::uint32_t table, const std::string& column,
                                              const std::vector<postgres::QualifiedName>& together = {}) {
  std::vector<std::string> out;
  for (const Dependent& dependent : dependents(session, table, column)) {
    const migrations::TableReference relation{dependent.schema, dependent.relation};
    const bool goes_too =
        std::any_of(together.begin(), together.end(), [&](const postgres::QualifiedName& other) {
          return other.schema == dependent.schema && other.name == dependent.relation;
        });
    const bool gone = goes_too || (!dependent.relation.empty() &&
                                   (earlier.takes_away(relation) || earlier.creates(relation)));
    if (gone || earlier.drops_one_of(dependent.object)) continue;
    out.push_back(dependent.object);
  }
  return out;
}

void read_objects(postgres::Session& session, const EarlierChanges& earlier,
                  const migrations::Statement& statement, strategies::StatementContext& context) {
  const bool tables = (statement.node == "DropStmt" && statement.object_type == "OBJECT_TABLE") ||
                      statement.node == "TruncateStmt";
  std::vector<migrations::TableReference> names =
      tables ? statement.objects : migrations::partition_tables(statement);
  for (const migrations::TableReference& name : names) {
    const auto oid = find_existing(session, earlier, name);
    const bool known = std::any_of(context.objects.begin(), context.objects.end(),
                                   [&](const postgres::Table& object) { return object.oid == oid; });
    if (!oid || known) continue;
    context.objects.push_back(postgres::load_table(session, *oid).value());
    if (statement.node != "DropStmt") continue;
    if (!tables) continue;
    context.dropped_refer_to.emplace(*oid, tied_tables(session, *oid, ""));
    for (const strategies::Partition& partition : partitions_below(session, *oid))
      context.dropped_partitions[*oid].push_back(partition.name);
    auto parent = parent_of(session, *oid);
    if (!parent || earlier.detaches(name)) continue;
    const auto above = postgres::find_relation(session, parent->name.schema, parent->name.name);
    const postgres::Table whole = postgres::load_table(session, above.value()).value();
    for (const postgres::Constraint& constraint : whole.constraints) {
      if (constraint.type == "f" && !parent->bound.empty()) parent->foreign_keys.push_back(constraint.name);
    }
    context.parents.emplace(*oid, std::move(*parent));
  }
  for (const postgres::Table& object : context.objects) {
    if (context.made_over_objects.empty())
      context.made_over_objects = earlier.makes_dependent_of(object.name.name);
  }
  if (statement.node != "DropStmt") return;
  // A partition that is named itself goes by its own step.
  for (auto& [table, partitions] : context.dropped_partitions) {
    std::erase_if(partitions, [&](const postgres::QualifiedName& partition) {
      return std::any_of(context.objects.begin(), context.objects.end(),
                         [&](const postgres::Table& object) { return object.name == partition; });
    });
  }
  std::vector<postgres::QualifiedName> together;
  for (const postgres::Table& object : context.objects) together.push_back(object.name);
  for (const auto& [table, partitions] : context.dropped_partitions)
    together.insert(together.end(), partitions.begin(), partitions.end());
  for (const postgres::Table& object : context.objects) {
    for (std::string& dependent : remaining_dependents(session, earlier, object.oid, "", together))
      context.dependents.push_back(std::move(dependent));
  }
}

/// What was dropped before is kept aside until contract, and its types with it.
bool is_kept_aside(const EarlierChanges& earlier, const UsingColumn& user) {
  const bool aside = user.table.schema.starts_with("crossfade_") && user.table.schema.ends_with("_old");
  const bool renamed = user.column.starts_with("crossfade_") && user.column.ends_with("_dropped");
  return aside || renamed || earlier.takes_away({user.table.schema, user.table.name}) ||
         earlier.drops_column(user.table_oid, user.column);
}

void read_types(postgres::Session& session, const EarlierChanges& earlier,
                const migrations::Statement& statement, strategies::StatementContext& context) {
  for (const migrations::TableReference& type : migrations::dropped_types(statement)) {
    const auto users = type_users(session, type);
    if (!users || users->columns.empty()) continue;
    bool kept = false;
    for (const UsingColumn& user : users->columns) {
      if (is_kept_aside(earlier, user))
        kept = true;
      else
        context.dependents.push_back(fmt::format("column {} of {}", user.column, user.table.display()));
    }
    if (kept) context.types_of_kept.push_back(users->name);
  }
}

/// DROP INDEX of an index that a constraint needs is refused by the server, but only when it runs.
std::string constraint_of_dropped_index(postgres::Session& session, const EarlierChanges& earlier,
                                        const migrations::Statement& statement) {
  if (statement.node != "DropStmt" || statement.object_type != "OBJECT_INDEX") return "";
  for (const migrations::TableReference& name : statement.objects) {
    const auto oid = postgres::find_relation(session, name.schema.value_or(""), name.name);
    const std::string constraint = oid ? constraint_of_index(session, *oid) : "";
    if (!constraint.empty() && !earlier.drops(constraint)) return constraint;
  }
  return "";
}

bool adds_constraints(const migrations::Statement& statement) {
  return std::any_of(statement.commands.begin(), statement.commands.end(),
                     [](const migrations::AlterCommand& command) { return !command.constraints.empty(); });
}

/// Of the table's schema, without those that an earlier statement drops: a name is free then.
std::set<std::string> constraint_names(postgres::Session& session, const EarlierChanges& earlier,
                                       const postgres::Table& source) {
  std::set<std::string> out;
  const postgres::Rows rows = session.run({"planning.constraint_names", std::string(kConstraintNames)},
                                          {postgres::quote_identifier(source.name.schema)});
  for (const postgres::Row row : rows) {
    if (!earlier.drops(row.text("name"))) out.insert(row.text("name"));
  }
  return out;
}

/// Those that an earlier statement makes are taken for such, whatever they are.
std::vector<std::string> functions_with_effects(postgres::Session& session, const EarlierChanges& earlier,
                                                const migrations::Statement& statement) {
  std::vector<std::string> out;
  for (const migrations::TableReference& function : migrations::called_functions(statement)) {
    if (earlier.makes_volatile_function(function.name) || may_have_effects(session, function))
      out.push_back(function.display());
  }
  return out;
}

bool used_by_view(postgres::Session& session, const EarlierChanges& earlier, std::uint32_t table,
                  const std::string& column) {
  const std::vector<std::string> found = remaining_dependents(session, earlier, table, column);
  return std::any_of(found.begin(), found.end(),
                     [](const std::string& object) { return object.starts_with("rule "); });
}

}  // namespace

strategies::SchemaNames schema_names(postgres::Session& session, const postgres::Table& source) {
  const std::string schema = postgres::quote_identifier(source.name.schema);
  strategies::SchemaNames names;
  const postgres::Rows relations =
      session.run({"planning.relation_names", std::string(kRelationNames)}, {schema});
  for (const postgres::Row row : relations) names.relations.insert(row.text("name"));
  const postgres::Rows types = session.run({"planning.array_type", std::string(kTakenArrayType)},
                                           {schema, source.name.name, std::to_string(source.oid)});
  if (!types.empty()) names.taken_array_type = types[0].text("name");
  return names;
}

strategies::StatementContext statement_context(postgres::Session& session, const EarlierChanges& earlier,
                                               const ContextRequest& request) {
  const migrations::Statement& statement = request.command->statement;
  strategies::StatementContext context{.file = request.file,
                                       .statement = statement,
                                       .number = request.command->number,
                                       .run = request.run,
                                       .server_version = request.server_version};
  context.facts.target_is_new = request.statement->target_is_new;
  if (request.outcome != nullptr) {
    context.facts.rewrites = request.outcome->rewrote;
    context.facts.scans = request.outcome->scanned;
    context.facts.builds_index = request.outcome->built_index;
  }
  if (request.source != nullptr) {
    const postgres::Table& source = *request.source;
    context.facts.target_partitioned = source.kind == "p";
    context.table = request.before == nullptr ? source : as_live(*request.before, source);
    if (request.outcome != nullptr) context.after = request.outcome->after;
    context.names = schema_names(session, source);
    if (adds_constraints(statement)) context.names.constraints = constraint_names(session, earlier, source);
    std::erase_if(context.names.relations, [&](const std::string& name) {
      return earlier.takes_away({source.name.schema, name});
    });
    for (const postgres::Index& index : source.indexes) {
      if (!index.valid) context.invalid_indexes.insert(index.name);
      // It went with its constraint or its column.
      if (context.table->index(index.name) == nullptr) context.names.relations.erase(index.name);
    }
    context.foreign_keys_to = tied(session, statement, source.oid);
    if (source.kind == "p") {
      context.partitions = partitions_below(session, source.oid);
      context.has_default_partition = has_default_partition(session, source.oid);
      context.partition_key = partition_key(session, source.oid);
    }
    if (is_command(statement, "AT_DropColumn"))
      context.dependents =
          remaining_dependents(session, earlier, source.oid, statement.commands.front().name);
    if (is_command(statement, "AT_AttachPartition"))
      context.partition_check = partition_check(session, source, statement);
    if (statement.node == "UpdateStmt" || statement.node == "DeleteStmt") {
      context.batches =
          planned_batches(session, {statement, *context.table, context.partitions, context.partition_key});
    }
  }
  for (const migrations::TableReference& name : migrations::referenced_tables(statement)) {
    const auto oid = find_existing(session, earlier, name);
    if (oid) context.referenced = postgres::load_table(session, *oid);
  }
  read_objects(session, earlier, statement, context);
  read_types(session, earlier, statement, context);
  if (statement.node == "TruncateStmt") read_empty_copies(session, earlier, context);
  if (statement.node == "CreateStmt" && !context.objects.empty())
    context.has_default_partition = has_default_partition(session, context.objects.front().oid);
  context.index_constraint = constraint_of_dropped_index(session, earlier, statement);
  if (is_command(statement, "AT_DetachPartition") && !context.objects.empty())
    context.partition_check = bounds_of_partition(session, context.objects.front().oid);
  if (is_command(statement, "AT_AlterColumnType") && request.source != nullptr)
    context.facts.column_in_view =
        used_by_view(session, earlier, request.source->oid, statement.commands.front().name);
  if (statement.node == "InsertStmt" || statement.node == "CreateTableAsStmt" ||
      statement.node == "UpdateStmt" || statement.node == "DeleteStmt")
    context.effects = functions_with_effects(session, earlier, statement);
  context.hazards = migrations::hazards_of(statement, context.facts);
  for (const migrations::Hazard& hazard : context.hazards) {
    for (const migrations::OtherLock& other : hazard.others) {
      const auto oid = find_existing(session, earlier, other.relation);
      if (oid) context.locked_with_it.push_back({postgres::load_table(session, *oid)->name, other.lock});
    }
  }
  return context;
}

}  // namespace crossfade::orchestrator
