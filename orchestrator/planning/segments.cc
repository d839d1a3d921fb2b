#include "orchestrator/planning/segments.h"

#include <algorithm>

#include "orchestrator/planning/catalog_facts.h"
#include "postgres/catalog.h"

namespace crossfade::orchestrator {

namespace {

bool changes_values(const std::vector<RevisionStatement>& statements, std::size_t first, std::size_t behind) {
  for (std::size_t index = first; index < behind; ++index) {
    for (const NumberedCommand& command : statements[index].commands) {
      if (command.statement.node == "RenameStmt") return true;
      for (const migrations::AlterCommand& alter : command.statement.commands) {
        if (alter.subtype == "AT_AlterColumnType" || alter.subtype == "AT_DropColumn") return true;
      }
    }
  }
  return false;
}

bool fills_added_column(const std::vector<RevisionStatement>& statements, std::size_t first,
                        std::size_t update) {
  const auto& fill = statements[update].fill;
  if (!fill) return false;
  for (std::size_t index = first; index < update; ++index) {
    for (const NumberedCommand& command : statements[index].commands) {
      if (adds_without_value(command.statement, fill->column)) return true;
    }
  }
  return false;
}

/// Each partition gets an index or a constraint of its own.
bool works_on_partitions(const migrations::Statement& whole) {
  return whole.node == "IndexStmt" ||
         std::any_of(whole.commands.begin(), whole.commands.end(),
                     [](const migrations::AlterCommand& command) {
                       return command.subtype == "AT_AddConstraint" ||
                              (command.subtype == "AT_AddColumn" && !command.constraints.empty());
                     });
}

/// Each partition's rows are changed, in the order of its key.
bool works_through_partitions(const migrations::Statement& whole) {
  return whole.node == "UpdateStmt" || whole.node == "DeleteStmt" ||
         std::any_of(whole.commands.begin(), whole.commands.end(),
                     [](const migrations::AlterCommand& command) {
                       return command.subtype == "AT_AddColumn" && command.default_expression;
                     });
}

}  // namespace

std::size_t end_of_segment(postgres::Session& session, const std::vector<RevisionStatement>& statements,
                           std::size_t first) {
  std::size_t behind = first + 1;
  if (!statements[first].can_be_tried) return behind;
  while (behind < statements.size() && statements[behind].target == statements[first].target) {
    // An UPDATE reads what the statements before it leave, a backfill the old row.
    if (fills_added_column(statements, first, behind) && !changes_values(statements, first, behind))
      return behind + 1;
    if (!statements[behind].can_be_tried || begins_part(session, statements[behind])) break;
    ++behind;
  }
  return behind;
}

bool begins_part(postgres::Session& session, const RevisionStatement& statement) {
  if (statement.whole.node == "TruncateStmt") return true;
  const migrations::Statement& whole = statement.whole;
  const bool by_partition =
      whole.node == "IndexStmt" || whole.node == "UpdateStmt" || whole.node == "DeleteStmt" ||
      std::any_of(whole.commands.begin(), whole.commands.end(), [](const migrations::AlterCommand& command) {
        return command.subtype == "AT_AddConstraint" || command.subtype == "AT_AddColumn";
      });
  return by_partition && statement.target && is_partitioned(session, *statement.target);
}

bool waits_for_partitions(postgres::Session& session, const EarlierChanges& earlier,
                          const RevisionStatement& statement) {
  if (!statement.target || !is_partitioned(session, *statement.target)) return false;
  const bool by_key = works_through_partitions(statement.whole);
  if (!by_key && !works_on_partitions(statement.whole)) return false;
  const auto changed = [&](std::uint32_t table) {
    return earlier.changes_partitions(table) || (by_key && earlier.changes_keys(table));
  };
  if (changed(*statement.target)) return true;
  const std::vector<strategies::Partition> below = partitions_below(session, *statement.target);
  return std::any_of(below.begin(), below.end(), [&](const strategies::Partition& partition) {
    const auto oid = postgres::find_relation(session, partition.name.schema, partition.name.name);
    return oid && changed(*oid);
  });
}

bool ends_part(const RevisionStatement& statement) {
  const migrations::Statement& whole = statement.whole;
  if (whole.node == "AlterObjectSchemaStmt" || whole.node == "TruncateStmt") return true;
  if (whole.node == "RenameStmt")
    return whole.object_type != "OBJECT_COLUMN" && whole.object_type != "OBJECT_TABCONSTRAINT";
  return !statement.can_be_tried && std::any_of(whole.commands.begin(), whole.commands.end(),
                                                [](const migrations::AlterCommand& command) {
                                                  return command.subtype == "AT_DropConstraint" ||
                                                         command.subtype == "AT_AttachPartition" ||
                                                         command.subtype == "AT_DetachPartition";
                                                });
}

}  // namespace crossfade::orchestrator
