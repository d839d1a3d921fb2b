#include "migrations/alter_hazards.h"

#include <algorithm>
#include <array>

#include "migrations/tree.h"

namespace crossfade::migrations {

namespace {

namespace json = boost::json;

using Cost = HazardCost;

constexpr std::string_view kAccessExclusive = "ACCESS EXCLUSIVE";
constexpr std::string_view kShareRowExclusive = "SHARE ROW EXCLUSIVE";
constexpr std::string_view kShareUpdateExclusive = "SHARE UPDATE EXCLUSIVE";

/// The commands that need no second look: the row says everything.
struct PlainCommand {
  std::string_view subtype;
  std::string_view row;
  bool certain = true;
};

constexpr std::array kPlainCommands = {
    PlainCommand{"AT_ColumnDefault", "26"},
    PlainCommand{"AT_DropExpression", "26"},
    PlainCommand{"AT_DropNotNull", "25"},
    PlainCommand{"AT_SetNotNull", "24", false},  // a validated CHECK saves the scan
    PlainCommand{"AT_SetStatistics", "55"},
    PlainCommand{"AT_SetOptions", "55"},
    PlainCommand{"AT_ResetOptions", "55"},
    PlainCommand{"AT_SetStorage", "53"},
    PlainCommand{"AT_SetCompression", "53"},
    PlainCommand{"AT_DropColumn", "11"},
    PlainCommand{"AT_AlterConstraint", "35b"},
    PlainCommand{"AT_ValidateConstraint", "27c"},
    PlainCommand{"AT_DropConstraint", "35"},
    PlainCommand{"AT_ChangeOwner", "62"},
    PlainCommand{"AT_ClusterOn", "55"},
    PlainCommand{"AT_DropCluster", "55"},
    // These do nothing where the table is like that already.
    PlainCommand{"AT_SetLogged", "50", false},
    PlainCommand{"AT_SetUnLogged", "50", false},
    PlainCommand{"AT_SetAccessMethod", "51", false},
    PlainCommand{"AT_SetTableSpace", "49", false},
    PlainCommand{"AT_EnableTrig", "61"},
    PlainCommand{"AT_EnableAlwaysTrig", "61"},
    PlainCommand{"AT_EnableReplicaTrig", "61"},
    PlainCommand{"AT_DisableTrig", "61"},
    PlainCommand{"AT_EnableTrigAll", "61"},
    PlainCommand{"AT_DisableTrigAll", "61"},
    PlainCommand{"AT_EnableTrigUser", "61"},
    PlainCommand{"AT_DisableTrigUser", "61"},
    PlainCommand{"AT_EnableRule", "62"},
    PlainCommand{"AT_EnableAlwaysRule", "62"},
    PlainCommand{"AT_EnableReplicaRule", "62"},
    PlainCommand{"AT_DisableRule", "62"},
    PlainCommand{"AT_EnableRowSecurity", "62"},
    PlainCommand{"AT_DisableRowSecurity", "62"},
    PlainCommand{"AT_ForceRowSecurity", "62"},
    PlainCommand{"AT_NoForceRowSecurity", "62"},
    PlainCommand{"AT_DropInherit", "59b"},
    PlainCommand{"AT_AddOf", "59b"},
    PlainCommand{"AT_DropOf", "59b"},
    PlainCommand{"AT_ReplicaIdentity", "56"},
    PlainCommand{"AT_AddIdentity", "56"},
    PlainCommand{"AT_SetIdentity", "56"},
    PlainCommand{"AT_DropIdentity", "56"},
};

/// The other relation of INHERIT, ATTACH and DETACH.
std::optional<TableReference> other_relation(const json::object& definition) {
  if (const json::object* range = tree::object(definition, "RangeVar")) return tree::relation(*range);
  const json::object* partition = tree::object(definition, "PartitionCmd");
  const json::object* name = partition == nullptr ? nullptr : tree::object(*partition, "name");
  if (name == nullptr) return std::nullopt;
  const json::object* wrapped = tree::object(*name, "RangeVar");
  return tree::relation(wrapped == nullptr ? *name : *wrapped);
}

Hazard with_other(Hazard hazard, const json::object* definition, std::string_view lock) {
  if (definition == nullptr) return hazard;
  if (auto other = other_relation(*definition)) hazard.others.push_back({*other, std::string(lock)});
  return hazard;
}

/// All storage options but one can be set beside readers and writers.
Hazard options_hazard(const json::object* definition) {
  Hazard hazard = met("54");
  const json::object* list = definition == nullptr ? nullptr : tree::object(*definition, "List");
  const json::array* options = list == nullptr ? nullptr : tree::array(*list, "items");
  if (options == nullptr) return hazard;
  for (const json::value& option : *options) {
    const json::object* element = tree::below(option, "DefElem");
    if (element != nullptr && tree::text(*element, "defname") == "user_catalog_table")
      hazard.lock = kAccessExclusive;
  }
  return hazard;
}

std::vector<Hazard> detach_hazards(const json::object* definition) {
  const json::object* partition = definition == nullptr ? nullptr : tree::object(*definition, "PartitionCmd");
  if (partition == nullptr || !tree::flag(*partition, "concurrent"))
    return {with_other(met("58"), definition, kAccessExclusive)};
  Hazard hazard = met("58");
  hazard.lock = kShareUpdateExclusive;
  hazard.hazard_class = HazardClass::instant;
  return {with_other(std::move(hazard), definition, kShareUpdateExclusive)};
}

}  // namespace

Hazard met(std::string_view number, bool certain) {
  const HazardRow& row = hazard_row(number);
  return {.row = &row,
          .lock = std::string(row.lock),
          .cost = row.cost,
          .certain = certain,
          .hazard_class = row.hazard_class,
          .others = {}};
}

std::vector<Hazard> constraint_hazards(const ConstraintClause& constraint, const HazardFacts& facts) {
  if (constraint.kind == "CONSTR_CHECK") return {met(constraint.not_valid ? "27b" : "27")};
  if (constraint.kind == "CONSTR_EXCLUSION") return {met("34")};
  if (constraint.kind == "CONSTR_FOREIGN") {
    Hazard hazard = met(facts.target_partitioned ? "31" : constraint.not_valid ? "29b" : "29");
    if (constraint.references)
      hazard.others.push_back({*constraint.references, std::string(kShareRowExclusive)});
    return {hazard};
  }
  const bool primary = constraint.kind == "CONSTR_PRIMARY";
  if (!primary && constraint.kind != "CONSTR_UNIQUE") return {met("74")};
  if (constraint.index.empty()) return {met(primary ? "33" : "32")};
  if (!primary || facts.scans == false) return {met("32b")};
  Hazard hazard = met("33", false);  // columns that are NOT NULL already need no scan
  hazard.cost = Cost::scan;
  return {hazard};
}

std::vector<Hazard> alter_hazards(const AlterCommand& command, const json::object& tree_command,
                                  const HazardFacts& facts) {
  const std::string& subtype = command.subtype;
  const auto* plain = std::find_if(kPlainCommands.begin(), kPlainCommands.end(),
                                   [&](const PlainCommand& each) { return each.subtype == subtype; });
  if (plain != kPlainCommands.end()) return {met(plain->row, plain->certain)};

  const json::object* definition = tree::object(tree_command, "def");
  const json::object* column = definition == nullptr ? nullptr : tree::object(*definition, "ColumnDef");
  if (subtype == "AT_AddColumn" && column != nullptr) return column_hazards(command, *column, facts);
  if (subtype == "AT_AlterColumnType" && column != nullptr) return type_hazards(command, *column, facts);
  if (subtype == "AT_AddConstraint" && !command.constraints.empty())
    return constraint_hazards(command.constraints.front(), facts);
  if (subtype == "AT_SetRelOptions" || subtype == "AT_ResetRelOptions") return {options_hazard(definition)};
  if (subtype == "AT_AddInherit") return {with_other(met("59b"), definition, kShareUpdateExclusive)};
  // A CHECK on the partition that says the same saves the scan.
  if (subtype == "AT_AttachPartition") return {with_other(met("57", false), definition, kAccessExclusive)};
  if (subtype == "AT_DetachPartition") return detach_hazards(definition);
  if (subtype == "AT_DetachPartitionFinalize") {
    Hazard hazard = met("58");
    hazard.lock = kShareUpdateExclusive;
    hazard.hazard_class = HazardClass::instant;
    return {with_other(std::move(hazard), definition, kAccessExclusive)};
  }
  // Of old servers; it does nothing any more.
  if (subtype == "AT_DropOids") return {};
  return {met("74")};
}

void apply_trial(const HazardFacts& facts, std::vector<Hazard>& hazards) {
  const auto costs = [](Cost cost) { return static_cast<int>(cost); };
  Cost most = Cost::rewrite;
  bool complete = facts.rewrites == true;
  if (facts.rewrites == false) {
    most = Cost::build;
    complete = facts.builds_index == true;
    if (facts.builds_index == false) {
      most = facts.scans == false ? Cost::catalog : Cost::scan;
      complete = facts.scans.has_value();
    }
  }
  Hazard* worst = nullptr;
  for (Hazard& hazard : hazards) {
    if (hazard.cost == Cost::rows) continue;
    if (costs(hazard.cost) > costs(most)) hazard.cost = most;
    if (complete) hazard.certain = true;
    if (worst == nullptr || costs(hazard.cost) > costs(worst->cost)) worst = &hazard;
  }
  if (complete && worst != nullptr) worst->cost = most;
  for (Hazard& hazard : hazards) {
    const HazardRow& row = *hazard.row;
    if (hazard.cost == row.cost || row.hazard_class == HazardClass::refused) continue;
    if (hazard.cost == Cost::catalog && row.hazard_class != HazardClass::application) {
      hazard.hazard_class = HazardClass::instant;
    } else if (costs(hazard.cost) > costs(row.cost)) {
      hazard.hazard_class = HazardClass::shadow;
    }
  }
}

}  // namespace crossfade::migrations
