#include "strategies/narrowing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace crossfade::strategies {

namespace {

/// pg_type's fixed numbers.
enum : std::uint32_t {
  kInt8 = 20,
  kInt2 = 21,
  kInt4 = 23,
  kText = 25,
  kFloat4 = 700,
  kFloat8 = 701,
  kBpchar = 1042,
  kVarchar = 1043,
  kDate = 1082,
  kTime = 1083,
  kTimestamp = 1114,
  kTimestampTz = 1184,
  kTimeTz = 1266,
  kNumeric = 1700,
};

int integer_bytes(std::uint32_t type) {
  return type == kInt2 ? 2 : type == kInt4 ? 4 : type == kInt8 ? 8 : 0;
}

bool text_like(std::uint32_t type) {
  return type == kText || type == kVarchar || type == kBpchar;
}
bool has_time(std::uint32_t type) {
  return type == kTimestamp || type == kTimestampTz;
}

/// Digits behind the point; a numeric without a modifier keeps all of them.
int scale(int modifier) {
  return modifier < 0 ? 100000 : (modifier - 4) & 0x7ff;
}
int whole_digits(int modifier) {
  return modifier < 0 ? 100000 : (((modifier - 4) >> 16) & 0xffff) - scale(modifier);
}
int second_digits(int modifier) {
  return modifier < 0 ? 6 : modifier;
}
int length(const postgres::Column& column) {
  return column.base_type_oid == kText || column.type_modifier < 0 ? 1 << 30 : column.type_modifier;
}

Problem narrowing(std::string object, std::string message, std::string found) {
  const bool drops = message.starts_with("drops") || message.starts_with("removes");
  return {.code = drops ? "drops" : "narrows",
          .object = std::move(object),
          .message = std::move(message),
          .expected = "nothing that is dropped or narrowed",
          .found = std::move(found),
          .next = ""};
}

}  // namespace

bool loses_silently(const postgres::Column& from, const postgres::Column& to) {
  const std::uint32_t a = from.base_type_oid;
  const std::uint32_t b = to.base_type_oid;
  const bool fraction = a == kNumeric || a == kFloat4 || a == kFloat8;
  if (fraction && integer_bytes(b) > 0) return true;
  if (a == kNumeric && b == kNumeric) return scale(to.type_modifier) < scale(from.type_modifier);
  if ((a == kNumeric || a == kFloat8) && (b == kFloat4 || (a == kNumeric && b == kFloat8))) return true;
  if ((a == kFloat4 || a == kFloat8) && b == kNumeric) return true;
  if (has_time(a) && (b == kDate || b == kTime || b == kTimeTz)) return true;
  if (has_time(a) && has_time(b)) return second_digits(to.type_modifier) < second_digits(from.type_modifier);
  if (integer_bytes(a) == 8 && (b == kFloat4 || b == kFloat8)) return true;
  return integer_bytes(a) == 4 && b == kFloat4;
}

bool widens(const postgres::Column& from, const postgres::Column& to) {
  const std::uint32_t a = from.base_type_oid;
  const std::uint32_t b = to.base_type_oid;
  if (from.type == to.type) return true;
  if (integer_bytes(a) > 0 && integer_bytes(b) > 0) return integer_bytes(b) >= integer_bytes(a);
  if (integer_bytes(a) > 0 && b == kNumeric) return to.type_modifier < 0;
  if (a == kNumeric && b == kNumeric)
    return scale(to.type_modifier) >= scale(from.type_modifier) &&
           whole_digits(to.type_modifier) >= whole_digits(from.type_modifier);
  if (text_like(a) && text_like(b)) return length(to) >= length(from);
  if (a == kFloat4 && b == kFloat8) return true;
  if (a == kDate && has_time(b)) return true;
  if (has_time(a) && has_time(b)) return second_digits(to.type_modifier) >= second_digits(from.type_modifier);
  if (b == kText) return true;
  return a == b && to.type_modifier < 0;
}

std::vector<Problem> narrowings(const ShadowTablePlan& plan, const std::string& where) {
  std::vector<Problem> out;
  for (const postgres::Column& column : plan.source.columns) {
    const auto carried = std::find_if(plan.carried_columns.begin(), plan.carried_columns.end(),
                                      [&](const auto& names) { return names.first == column.name; });
    if (carried == plan.carried_columns.end()) {
      out.push_back(
          narrowing(where, fmt::format("drops the column {} of {}", column.name, plan.source.name.display()),
                    "DROP COLUMN"));
      continue;
    }
    const postgres::Column* target = plan.target.column(carried->second);
    if (carried->second != column.name)
      out.push_back(narrowing(
          where, fmt::format("renames the column {} of {}", column.name, plan.source.name.display()),
          "RENAME COLUMN"));
    if (!widens(column, *target))
      out.push_back(narrowing(where, fmt::format("narrows {} of {}", column.name, plan.source.name.display()),
                              column.type + " to " + target->type));
    if (!column.not_null && target->not_null)
      out.push_back(narrowing(
          where, fmt::format("allows no NULL in {} of {} any more", column.name, plan.source.name.display()),
          "SET NOT NULL"));
  }
  return out;
}

std::vector<Problem> lossy_casts(const ShadowTablePlan& plan, const migrations::MigrationFile& file,
                                 const std::vector<migrations::Statement>& statements) {
  std::vector<Problem> out;
  for (const auto& [from_name, to_name] : plan.carried_columns) {
    const postgres::Column* from = plan.source.column(from_name);
    const postgres::Column* to = plan.target.column(to_name);
    if (from == nullptr || to == nullptr || !loses_silently(*from, *to)) continue;
    // An expression of the operator's own says what becomes of the value.
    const std::string& name = from_name;
    const bool spelled_out =
        std::any_of(statements.begin(), statements.end(), [&](const migrations::Statement& statement) {
          return std::any_of(statement.commands.begin(), statement.commands.end(),
                             [&](const migrations::AlterCommand& command) {
                               return command.name == name && command.using_expression.has_value();
                             });
        });
    if (spelled_out) continue;
    out.push_back(
        {.code = "approval-needed",
         .object = file.path,
         .message = fmt::format("changes {} of {} from {} to {}, which may change values without an error",
                                name, plan.source.name.display(), from->type, to->type),
         .expected = "an operator's approval, or USING with the expression that is meant",
         .found = "a plain cast",
         .next =
             fmt::format("`crossfade approve {}`, or `--approve`. Until `contract` the old table is kept.",
                         file.revision)});
  }
  return out;
}

std::vector<Problem> narrowings(const StatementContext& context) {
  std::vector<Problem> out;
  const migrations::Statement& statement = context.statement;
  const std::string text = statement.text.substr(0, 120);
  const auto add = [&](std::string_view what) {
    out.push_back(narrowing(context.where(), std::string(what), text));
  };
  if (statement.node == "DropStmt")
    add(statement.object_type == "OBJECT_INDEX" ? "takes an index away" : "drops an object");
  static constexpr std::array<std::string_view, 3> kTakers = {"DropRoleStmt", "DropdbStmt",
                                                              "ReassignOwnedStmt"};
  static constexpr std::array<std::string_view, 5> kRulers = {
      "RuleStmt", "CreatePolicyStmt", "AlterPolicyStmt", "AlterRoleStmt", "AlterSeqStmt"};
  if (std::find(kTakers.begin(), kTakers.end(), statement.node) != kTakers.end()) add("drops an object");
  if (std::find(kRulers.begin(), kRulers.end(), statement.node) != kRulers.end())
    add("may let the application do less");
  if (statement.node == "IndexStmt" && statement.unique && !context.facts.target_is_new)
    add("allows fewer rows");
  if (statement.node == "TruncateStmt" || statement.node == "DeleteStmt")
    out.push_back(narrowing(context.where(), "removes rows", text));
  if (statement.node == "RenameStmt" || statement.node == "AlterObjectSchemaStmt") add("takes a name away");
  const bool revokes = (statement.node == "GrantStmt" || statement.node == "GrantRoleStmt") &&
                       migrations::lower_case(text).starts_with("revoke");
  if (revokes) add("takes rights away");
  for (const migrations::Hazard& hazard : context.hazards) {
    if (hazard.row->number == "74") add("does what its text does not tell");
    if (hazard.row->number == "46") add("takes a value's name away");
  }
  if (statement.commands.size() != 1) return out;
  const std::string& subtype = statement.commands.front().subtype;
  if (subtype == "AT_DropColumn") out.push_back(narrowing(context.where(), "drops a column", text));
  if (subtype.starts_with("AT_DisableTrig")) add("takes a trigger's effect away");
  if (subtype == "AT_SetNotNull") add("allows no NULL any more");
  if (subtype == "AT_AddConstraint" && !context.facts.target_is_new) add("allows fewer rows");
  if (subtype == "AT_DropConstraint") add("takes a constraint away");
  if (subtype == "AT_DetachPartition" || subtype == "AT_DropInherit")
    add("takes the rows of a partition away");
  if (subtype == "AT_ColumnDefault" && !statement.commands.front().default_expression)
    add("takes a default away");
  if (subtype == "AT_EnableRowSecurity" || subtype == "AT_ForceRowSecurity") add("shows fewer rows");
  return out;
}

}  // namespace crossfade::strategies
