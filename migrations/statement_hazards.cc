#include "migrations/statement_hazards.h"

#include <algorithm>
#include <array>

#include "migrations/alter_hazards.h"
#include "migrations/created_relations.h"
#include "migrations/tree.h"
#include "migrations/volatility.h"

namespace crossfade::migrations {

namespace {

namespace json = boost::json;

constexpr std::string_view kAccessExclusive = "ACCESS EXCLUSIVE";
constexpr std::string_view kShareUpdateExclusive = "SHARE UPDATE EXCLUSIVE";
constexpr std::string_view kShareRowExclusive = "SHARE ROW EXCLUSIVE";

/// Statements that nobody waits for: they make something new, or touch no table that is in use.
constexpr std::array<std::string_view, 49> kHarmless = {
    "AlterCollationStmt",
    "AlterDefaultPrivilegesStmt",
    "AlterExtensionContentsStmt",
    "AlterExtensionStmt",
    "AlterFdwStmt",
    "AlterForeignServerStmt",
    "AlterFunctionStmt",
    "AlterObjectDependsStmt",
    "AlterOpFamilyStmt",
    "AlterOwnerStmt",
    "AlterOperatorStmt",
    "AlterRoleSetStmt",
    "AlterRoleStmt",
    "AlterSeqStmt",
    "AlterTSConfigurationStmt",
    "AlterTSDictionaryStmt",
    "AlterTypeStmt",
    "AlterUserMappingStmt",
    "CompositeTypeStmt",
    "CreateAmStmt",
    "CreateCastStmt",
    "CreateConversionStmt",
    "CreateDomainStmt",
    "CreateEnumStmt",
    "CreateExtensionStmt",
    "CreateFdwStmt",
    "CreateForeignServerStmt",
    "CreateForeignTableStmt",
    "CreateFunctionStmt",
    "CreateOpClassStmt",
    "CreateOpFamilyStmt",
    "CreatePLangStmt",
    "CreateRangeStmt",
    "CreateRoleStmt",
    "CreateSchemaStmt",
    "CreateSeqStmt",
    "CreateTableAsStmt",
    "CreateTransformStmt",
    "CreateUserMappingStmt",
    "DefineStmt",
    "DropRoleStmt",
    "DropUserMappingStmt",
    "GrantRoleStmt",
    "GrantStmt",
    "ImportForeignSchemaStmt",
    "ReassignOwnedStmt",
    "SecLabelStmt",
    "VariableShowStmt",
    "ViewStmt",
};

struct PlainStatement {
  std::string_view node;
  std::string_view row;
};

constexpr std::array kPlainStatements = {
    PlainStatement{"AlterObjectSchemaStmt", "13"},
    PlainStatement{"CreateTrigStmt", "61"},
    PlainStatement{"CreatePolicyStmt", "62"},
    PlainStatement{"AlterPolicyStmt", "62"},
    PlainStatement{"RuleStmt", "62"},
    PlainStatement{"CreateStatsStmt", "55"},
    PlainStatement{"AlterStatsStmt", "55"},
    PlainStatement{"CreatePublicationStmt", "55"},
    PlainStatement{"AlterPublicationStmt", "55"},
    PlainStatement{"AlterTableMoveAllStmt", "49"},
    PlainStatement{"ClusterStmt", "63"},
    PlainStatement{"TruncateStmt", "64"},
    PlainStatement{"VariableSetStmt", "70b"},
    PlainStatement{"ConstraintsSetStmt", "70b"},
    PlainStatement{"TransactionStmt", "74b"},
    PlainStatement{"DropOwnedStmt", "65b"},
    PlainStatement{"MergeStmt", "67b"},
};

template <typename Array>
bool contains(const Array& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Hazard with_lock(Hazard hazard, std::string_view lock) {
  hazard.lock = lock;
  return hazard;
}

/// A data-modifying statement in a WITH of another one.
bool changes_rows_in_with(const json::object& fields) {
  const json::object* with = tree::object(fields, "withClause");
  const json::array* entries = with == nullptr ? nullptr : tree::array(*with, "ctes");
  if (entries == nullptr) return false;
  return std::any_of(entries->begin(), entries->end(), [](const json::value& entry) {
    const json::object* expression = tree::below(entry, "CommonTableExpr");
    const json::object* query = expression == nullptr ? nullptr : tree::object(*expression, "ctequery");
    return query != nullptr && !query->contains("SelectStmt");
  });
}

std::vector<Hazard> insert_hazards(const json::object& fields) {
  if (changes_rows_in_with(fields)) return {met("67")};
  const json::object* query = tree::object(fields, "selectStmt");
  const json::object* select = query == nullptr ? nullptr : tree::object(*query, "SelectStmt");
  if (select == nullptr || select->contains("valuesLists")) return {};
  return {met("67b")};
}

std::vector<Hazard> select_hazards(const json::object& fields) {
  if (changes_rows_in_with(fields)) return {met("67")};
  if (calls_unknown_function(json::value(fields))) return {met("74")};
  return {};
}

/// The constraints of a new table that lock others.
void add_references(const json::value& element, std::vector<OtherLock>& out) {
  const auto add = [&](const json::value& node) {
    const json::object* constraint = tree::below(node, "Constraint");
    const json::object* referenced = constraint == nullptr ? nullptr : tree::object(*constraint, "pktable");
    if (referenced != nullptr) out.push_back({tree::relation(*referenced), std::string(kShareRowExclusive)});
  };
  add(element);
  const json::object* column = tree::below(element, "ColumnDef");
  const json::array* constraints = column == nullptr ? nullptr : tree::array(*column, "constraints");
  if (constraints == nullptr) return;
  for (const json::value& constraint : *constraints) add(constraint);
}

std::vector<Hazard> create_table_hazards(const Statement& statement, const json::object& fields) {
  std::vector<Hazard> out;
  if (const json::array* parents = tree::array(fields, "inhRelations")) {
    const bool partition = fields.contains("partbound");
    // A default partition is scanned for rows of the new one.
    Hazard hazard = met(partition ? "59" : "59b", !partition);
    if (!partition) hazard.lock = kShareUpdateExclusive;
    for (const json::value& parent : *parents) {
      const json::object* range = tree::below(parent, "RangeVar");
      if (range != nullptr) hazard.others.push_back({tree::relation(*range), hazard.lock});
    }
    out.push_back(std::move(hazard));
  }
  const json::array* elements = tree::array(fields, "tableElts");
  if (elements == nullptr) return out;
  Hazard references = with_lock(met("9"), kShareRowExclusive);
  for (const json::value& element : *elements) add_references(element, references.others);
  std::erase_if(references.others, [&](const OtherLock& other) { return statement.table == other.relation; });
  if (!references.others.empty()) out.push_back(std::move(references));
  return out;
}

std::vector<Hazard> index_hazards(const Statement& statement, const HazardFacts& facts) {
  if (statement.concurrent) return {met("37")};
  return {met(facts.target_partitioned ? "40" : "36")};
}

std::vector<Hazard> concurrently(Hazard hazard, const Statement& statement) {
  if (!statement.concurrent) return {std::move(hazard)};
  hazard.lock = kShareUpdateExclusive;
  hazard.hazard_class = HazardClass::instant;
  return {std::move(hazard)};
}

std::vector<Hazard> drop_hazards(const Statement& statement) {
  const std::string& type = statement.object_type;
  if (type == "OBJECT_TABLE" || type == "OBJECT_FOREIGN_TABLE") return {met("65")};
  if (type == "OBJECT_INDEX") return concurrently(met("41"), statement);
  if (type == "OBJECT_TRIGGER") return {with_lock(met("61"), kAccessExclusive)};
  if (type == "OBJECT_POLICY" || type == "OBJECT_RULE") return {met("62")};
  if (type == "OBJECT_STATISTIC_EXT") return {met("55")};
  const bool relation = type == "OBJECT_VIEW" || type == "OBJECT_MATVIEW" || type == "OBJECT_SEQUENCE";
  return {relation ? met("65b") : with_lock(met("65b"), "")};
}

std::vector<Hazard> rename_hazards(const Statement& statement) {
  const std::string& type = statement.object_type;
  if (type == "OBJECT_COLUMN") return {met("12")};
  if (type == "OBJECT_INDEX") return {met("14")};
  if (type == "OBJECT_TABCONSTRAINT") return {met("15")};
  if (type == "OBJECT_TRIGGER") return {with_lock(met("61"), kAccessExclusive)};
  if (type == "OBJECT_POLICY" || type == "OBJECT_RULE") return {met("62")};
  if (type == "OBJECT_ATTRIBUTE") return {met("46b")};
  if (type == "OBJECT_DOMCONSTRAINT" || type == "OBJECT_STATISTIC_EXT") return {};
  const bool relation = type == "OBJECT_TABLE" || type == "OBJECT_VIEW" || type == "OBJECT_MATVIEW" ||
                        type == "OBJECT_SEQUENCE" || type == "OBJECT_FOREIGN_TABLE";
  return {relation ? met("13") : with_lock(met("13"), "")};
}

std::vector<Hazard> domain_hazards(const json::object& fields) {
  const std::string subtype = tree::text(fields, "subtype");
  if (subtype == "O" || subtype == "V") return {met("48")};
  if (subtype != "C") return {};
  const json::object* definition = tree::object(fields, "def");
  const json::object* constraint = definition == nullptr ? nullptr : tree::object(*definition, "Constraint");
  const bool not_valid = constraint != nullptr && tree::flag(*constraint, "skip_validation");
  if (!not_valid) return {met("48")};
  return {};
}

std::vector<Hazard> comment_hazards(const Statement& statement) {
  if (statement.object_type == "OBJECT_TABLE" || statement.object_type == "OBJECT_COLUMN") return {met("55")};
  return {};
}

std::vector<Hazard> lock_hazards(const json::object& fields) {
  static constexpr std::array<std::string_view, 9> kModes = {
      "",      "ACCESS SHARE",        "ROW SHARE", "ROW EXCLUSIVE",   "SHARE UPDATE EXCLUSIVE",
      "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"};
  const json::value* mode = fields.if_contains("mode");
  const auto number = mode == nullptr ? 8 : mode->to_number<std::size_t>();
  return {with_lock(met("63b"), kModes.at(std::min(number, kModes.size() - 1)))};
}

std::vector<Hazard> transaction_hazards(const json::object& fields) {
  // SET TRANSACTION and SET SESSION CHARACTERISTICS are settings to the parser.
  const std::string name = tree::text(fields, "name");
  return {met(name == "TRANSACTION" || name == "TRANSACTION SNAPSHOT" ? "74b" : "70b")};
}

}  // namespace

std::vector<Hazard> statement_hazards(const Statement& statement, const json::object& fields,
                                      const HazardFacts& facts) {
  const std::string& node = statement.node;
  if (contains(kHarmless, node)) return {};
  if (node == "VariableSetStmt") return transaction_hazards(fields);
  const auto* plain = std::find_if(kPlainStatements.begin(), kPlainStatements.end(),
                                   [&](const PlainStatement& each) { return each.node == node; });
  if (plain != kPlainStatements.end()) return {met(plain->row)};
  if (node == "CreateStmt") return create_table_hazards(statement, fields);
  if (node == "IndexStmt") return index_hazards(statement, facts);
  if (node == "DropStmt") return drop_hazards(statement);
  if (node == "RenameStmt") return rename_hazards(statement);
  if (node == "ReindexStmt") return concurrently(met("43"), statement);
  if (node == "RefreshMatViewStmt") {
    std::vector<Hazard> out = concurrently(met("71"), statement);
    if (statement.concurrent) {
      // Only the rows that differ are changed, and there may be none.
      out.front().lock = "EXCLUSIVE";
      out.front().cost = HazardCost::rows;
      out.front().certain = false;
    }
    return out;
  }
  if (node == "UpdateStmt" || node == "DeleteStmt") return {met("67")};
  if (node == "InsertStmt") return insert_hazards(fields);
  if (node == "SelectStmt") return select_hazards(fields);
  if (node == "AlterEnumStmt") return {met(fields.contains("oldVal") ? "46" : "45")};
  if (node == "AlterDomainStmt") return domain_hazards(fields);
  if (node == "VacuumStmt") return {met(is_vacuum_full(statement) ? "63" : "55")};
  if (node == "CommentStmt") return comment_hazards(statement);
  if (node == "LockStmt") return lock_hazards(fields);
  return {met("74")};
}

}  // namespace crossfade::migrations
