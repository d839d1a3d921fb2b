#include "migrations/lint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "migrations/lint_columns.h"
#include "migrations/source_text.h"
#include "migrations/split_commands.h"

namespace crossfade::migrations {

namespace {

using Names = std::vector<std::string>;

/// The type without its length, as far as a comparison of keys goes.
std::string comparable(const std::string& type) {
  const std::string bare = type.substr(0, type.find('('));
  return bare == "varchar" ? "text" : bare;
}

std::string names_of(const Statement& statement) {
  if (statement.table) return statement.table->display();
  Names names;
  for (const TableReference& object : statement.objects) names.push_back(object.display());
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string_view verb(HazardCost cost) {
  switch (cost) {
    case HazardCost::rewrite:
      return "as written it rewrites the table";
    case HazardCost::build:
      return "as written it builds an index under the lock";
    case HazardCost::scan:
      return "as written it reads the table under the lock";
    case HazardCost::catalog:
    case HazardCost::rows:
      return "";
  }
  return "";
}

/// Lint of one file; made for one call.
class FileLint {
 public:
  FileLint(const MigrationFile& file, const DirectoryShape& shape, const FactSource& facts)
      : file_(file), shape_(shape), facts_(facts) {}

  std::vector<LintFinding> run(const std::vector<Statement>& up, const std::vector<Statement>& down) {
    for (const Statement& statement : up) fills_.push_back(&statement);
    for (const Statement& statement : up) lint_statement(statement);
    lint_together(up);
    for (const Statement& statement : down) lint_down(statement);
    if (!file_.has_down) add("missing-down", {1, 1}, file_.revision);
    apply_directives();
    std::stable_sort(findings_.begin(), findings_.end(),
                     [](const LintFinding& left, const LintFinding& right) {
                       return std::pair(left.line, left.column) < std::pair(right.line, right.column);
                     });
    return std::move(findings_);
  }

 private:
  struct Part {
    Statement statement;  ///< with at most one command
    Position position;
    StatementFacts facts;
    bool on_new = false;
  };

  void add(std::string_view code, Position position, std::string_view subject, std::string_view more = "",
           std::optional<LintLevel> level = std::nullopt) {
    const LintRule& rule = *lint_rule(code);
    findings_.push_back({.code = std::string(rule.code),
                         .level = level.value_or(rule.level),
                         .file = file_.path,
                         .line = position.line,
                         .column = position.column,
                         .message = fmt::format("{}{}{}{}", subject, subject.empty() ? "" : ": ", rule.finds,
                                                more.empty() ? "" : fmt::format(" ({})", more)),
                         .fix = std::string(rule.fix),
                         .hazard = std::string(rule.hazard)});
  }

  Position position(std::size_t offset_in_up) const {
    return position_at({file_.up_sql, file_.path, file_.up_first_line}, offset_in_up);
  }

  bool is_new(const TableReference& table) const { return new_tables_.contains(table_key(table)); }

  /// Whether everything that the statement is about was made by this file.
  bool only_new(const Statement& statement) const {
    if (statement.table) return is_new(*statement.table);
    return !statement.objects.empty() &&
           std::all_of(statement.objects.begin(), statement.objects.end(), [&](const TableReference& object) {
             const auto of_index = shape_.table_of_index(object);
             return is_new(object) || (of_index && is_new(*of_index));
           });
  }

  std::vector<Part> parts_of(const Statement& statement) {
    std::vector<Part> out;
    std::size_t from = statement.table_end;
    for (Statement& each : split_commands(statement)) {
      Part part{.statement = std::move(each), .position = {statement.line, statement.column}};
      if (statement.commands.size() > 1 && !part.statement.commands.empty()) {
        const std::size_t at = statement.text.find(part.statement.commands.front().text, from);
        if (at != std::string::npos) {
          from = at + 1;
          const Position inner = position_at({statement.text, file_.path, statement.line}, at);
          part.position = {inner.line,
                           inner.line == statement.line ? statement.column + inner.column - 1 : inner.column};
        }
      }
      part.on_new = only_new(part.statement);
      part.facts = facts_(file_, part.statement);
      part.facts.hazard.target_is_new = part.on_new;
      for (const AlterCommand& command : part.statement.commands) {
        // What CREATE TYPE has made is no domain, so nothing is checked.
        if (command.subtype == "AT_AddColumn" && shape_.is_plain_type(lower_case(command.type)) &&
            !part.facts.hazard.rewrites)
          part.facts.hazard.rewrites = command.has_expression_default ? std::nullopt : std::optional(false);
      }
      out.push_back(std::move(part));
    }
    return out;
  }

  void lint_statement(const Statement& statement) {
    if (const auto created = created_table(statement)) new_tables_.insert(table_key(*created));
    for (const Part& part : parts_of(statement)) {
      lint_hazards(part);
      parts_.push_back(part);
    }
    lint_columns(statement);
    lint_foreign_keys(statement);
  }

  void lint_hazards(const Part& part) {
    if (part.facts.refusal) {
      const Problem& refusal = *part.facts.refusal;
      add(refusal.code, part.position, refusal.object, refusal.message);
      return;
    }
    for (const Hazard& hazard : hazards_of(part.statement, part.facts.hazard)) lint_hazard(part, hazard);
  }

  void lint_hazard(const Part& part, const Hazard& hazard) {
    const LintRule* rule = lint_rule(hazard.row->code);
    if (rule == nullptr || part.on_new) {
      const bool refused = rule != nullptr && hazard.hazard_class == HazardClass::refused;
      if (!refused) return;
    }
    const Statement& statement = part.statement;
    const bool handled =
        hazard.row->hazard_class == HazardClass::in_place || hazard.row->hazard_class == HazardClass::shadow;
    if (hazard.hazard_class == HazardClass::instant && (handled || rule->level == LintLevel::note)) return;
    if (rule->code == "change-access" && !takes_access(statement)) return;
    if (rule->code == "add-column-not-null" && is_filled(statement)) {
      add("set-not-null", part.position, names_of(statement), "the new column is filled by this file");
      return;
    }
    std::optional<LintLevel> level;
    const bool measured = part.facts.hazard.rewrites.has_value();
    if (rule->code == "narrow-type" && part.facts.hazard.rewrites == true) level = LintLevel::warning;
    if (rule->code == "drop-object" && destructive(statement)) level = LintLevel::error;
    Names more;
    if (measured && !verb(hazard.cost).empty()) more.emplace_back(verb(hazard.cost));
    if (hazard.cost != HazardCost::catalog && !part.facts.size.empty()) more.push_back(part.facts.size);
    add(rule->code, part.position, names_of(statement), fmt::format("{}", fmt::join(more, "; ")), level);
  }

  static bool takes_access(const Statement& statement) {
    return std::any_of(statement.commands.begin(), statement.commands.end(), [](const AlterCommand& command) {
      return command.subtype == "AT_EnableRowSecurity" || command.subtype == "AT_ForceRowSecurity" ||
             command.subtype == "AT_ChangeOwner";
    });
  }

  /// By a directive, or by an UPDATE behind it.
  bool is_filled(const Statement& statement) const {
    if (statement.commands.empty() || !statement.table) return false;
    const std::string& column = statement.commands.front().name;
    for (const ColumnExpression& backfill : file_.backfills) {
      const bool same = !backfill.table || table_key(*backfill.table) == table_key(*statement.table);
      if (same && backfill.column == column) return true;
    }
    return std::any_of(fills_.begin(), fills_.end(), [&](const Statement* update) {
      const Names columns = updated_columns(*update);
      return update->table && table_key(*update->table) == table_key(*statement.table) &&
             std::find(columns.begin(), columns.end(), column) != columns.end();
    });
  }

  void lint_columns(const Statement& statement) {
    const bool alters = statement.kind == StatementKind::alter_table;
    for (const NewColumn& column : new_columns(statement)) {
      const std::string subject =
          fmt::format("{}.{}", statement.table ? statement.table->display() : "", column.name);
      const std::string stored = column.type.stored().display();
      const bool key = column.counts_up || (column.only_key && !column.references);
      if (key && (stored == "int4" || stored == "int2")) add("integer-key", position(column.offset), subject);
      if (!column.type.in_catalog()) continue;
      if (column.type.name == "timestamp")
        add("timestamp-without-time-zone", position(column.offset), subject);
      if (column.type.name == "bpchar") add("char-column", position(column.offset), subject);
      // ALTER TABLE's comes from its hazard.
      if (column.type.name == "json" && (!alters || (statement.table && is_new(*statement.table))))
        add("add-json-column", position(column.offset), subject);
    }
  }

  void lint_foreign_keys(const Statement& statement) {
    if (!statement.table) return;
    for (const NewForeignKey& key : new_foreign_keys(statement)) {
      const std::string subject =
          fmt::format("{} ({})", statement.table->display(), fmt::join(key.columns, ", "));
      if (!shape_.indexed(*statement.table, key.columns))
        add("unindexed-foreign-key", position(key.offset), subject,
            "it refers to " + key.references.display());
      lint_key_types(statement, key, subject);
    }
  }

  void lint_key_types(const Statement& statement, const NewForeignKey& key, const std::string& subject) {
    const TableShape* referenced = shape_.table(key.references);
    if (referenced == nullptr) return;
    const Names& columns = key.referenced_columns.empty() ? referenced->primary_key : key.referenced_columns;
    for (std::size_t index = 0; index < columns.size() && index < key.columns.size(); ++index) {
      const auto own = shape_.column_type(*statement.table, key.columns[index]);
      const auto other = shape_.column_type(key.references, columns[index]);
      if (!own || !other || comparable(*own) == comparable(*other)) continue;
      add("foreign-key-type", position(key.offset), subject,
          fmt::format("{} is {}, {}.{} is {}", key.columns[index], *own, key.references.display(),
                      columns[index], *other));
    }
  }

  /// What several statements of the file do together.
  void lint_together(const std::vector<Statement>& up) {
    lint_application_changes();
    lint_data_changes();
    lint_locks();
    lint_replaced_indexes(up);
  }

  /// Each rename is a deployment of its own; all that is dropped can go with one.
  void lint_application_changes() {
    const auto has_code = [](const LintFinding& finding, std::initializer_list<std::string_view> codes) {
      return std::find(codes.begin(), codes.end(), finding.code) != codes.end();
    };
    int deployments = 0;
    bool drops = false;
    const std::size_t count = findings_.size();
    for (std::size_t index = 0; index < count; ++index) {
      const LintFinding finding = findings_[index];
      const bool renames = has_code(finding, {"rename-column", "rename-relation", "rename-enum-value"});
      const bool first_drop = has_code(finding, {"drop-column", "drop-table"}) && !std::exchange(drops, true);
      if (has_code(finding, {"drop-column", "drop-table"})) drops = true;
      if (!renames && !first_drop) continue;
      if (++deployments == 2) add("several-application-changes", {finding.line, finding.column}, "");
    }
  }

  void lint_data_changes() {
    std::map<std::string, std::set<std::string>> added;
    bool alters = false;
    for (const Part& part : parts_) {
      if (part.on_new) continue;
      const bool alter = part.statement.kind == StatementKind::alter_table ||
                         part.statement.kind == StatementKind::rename_column;
      alters = alters || alter;
      for (const AlterCommand& command : part.statement.commands) {
        if (command.subtype == "AT_AddColumn" && part.statement.table)
          added[table_key(*part.statement.table)].insert(command.name);
      }
    }
    if (!alters) return;
    for (const Part& part : parts_) {
      const std::string& node = part.statement.node;
      const bool changes_rows = node == "UpdateStmt" || node == "DeleteStmt" || node == "MergeStmt" ||
                                (node == "InsertStmt" && !hazards_of(part.statement, {}).empty());
      if (!changes_rows || part.on_new) continue;
      const Names columns = updated_columns(part.statement);
      const std::set<std::string>& own = added[part.statement.table ? table_key(*part.statement.table) : ""];
      const bool fills =
          !columns.empty() && std::all_of(columns.begin(), columns.end(),
                                          [&](const std::string& column) { return own.contains(column); });
      if (!fills) add("data-change-with-ddl", part.position, names_of(part.statement));
    }
  }

  void lint_locks() {
    std::set<std::string> tables;
    std::set<std::string> not_valid;
    int foreign_keys = 0;
    for (const Part& part : parts_) {
      if (part.on_new || part.statement.kind != StatementKind::alter_table || !part.statement.table) continue;
      const std::string table = table_key(*part.statement.table);
      if (tables.insert(table).second && tables.size() == 2)
        add("many-locks-in-transaction", part.position, names_of(part.statement));
      for (const AlterCommand& command : part.statement.commands) {
        if (command.has_constraint("CONSTR_FOREIGN") && ++foreign_keys == 2)
          add("several-foreign-keys", part.position, names_of(part.statement));
        for (const ConstraintClause& constraint : command.constraints) {
          if (constraint.not_valid) not_valid.insert(table + " " + constraint.name);
        }
        if (command.subtype == "AT_ValidateConstraint" && not_valid.contains(table + " " + command.name))
          add("validate-at-once", part.position, names_of(part.statement), command.name);
      }
    }
  }

  void lint_replaced_indexes(const std::vector<Statement>& up) {
    for (std::size_t index = 0; index < up.size(); ++index) {
      if (up[index].node != "DropStmt" || up[index].object_type != "OBJECT_INDEX") continue;
      for (const TableReference& object : up[index].objects) {
        const auto table = shape_.table_of_index(object);
        const bool replaced = table && !is_new(*table) &&
                              std::any_of(up.begin() + static_cast<std::ptrdiff_t>(index), up.end(),
                                          [&](const Statement& later) {
                                            return later.node == "IndexStmt" && later.table &&
                                                   table_key(*later.table) == table_key(*table);
                                          });
        if (replaced) add("replace-index", {up[index].line, up[index].column}, object.display());
      }
    }
  }

  /// A down section may drop what it likes; what crossfade refuses it refuses there too.
  void lint_down(const Statement& statement) {
    for (const Hazard& hazard : hazards_of(statement, {})) {
      if (hazard.row->code == "opaque-sql" || hazard.row->code == "transaction-control" ||
          hazard.row->code == "lock-table")
        add(hazard.row->code, {statement.line, statement.column}, names_of(statement));
    }
  }

  void apply_directives() {
    const auto silence = [&](std::string_view code) {
      return std::erase_if(findings_, [&](const LintFinding& finding) { return finding.code == code; }) > 0;
    };
    for (const Directive& directive : file_.directives) {
      if (directive.name == "opaque" && !silence("opaque-sql")) add("unused-opaque", {directive.line, 1}, "");
    }
    for (const Directive& directive : file_.directives) {
      if (directive.name == "allow" && !silence(directive.argument))
        add("unused-allow", {directive.line, 1}, directive.argument);
    }
  }

  const MigrationFile& file_;
  const DirectoryShape& shape_;
  const FactSource& facts_;
  std::vector<const Statement*> fills_;
  std::vector<Part> parts_;
  std::set<std::string> new_tables_;
  std::vector<LintFinding> findings_;
};

}  // namespace

StatementFacts no_facts(const MigrationFile& /*file*/, const Statement& /*statement*/) {
  return {};
}

std::vector<LintFinding> lint_file(const MigrationFile& file, const std::vector<Statement>& up,
                                   const std::vector<Statement>& down, const DirectoryShape& shape,
                                   const FactSource& facts) {
  return FileLint(file, shape, facts).run(up, down);
}

LintFinding parse_finding(const Problem& problem, const std::string& path) {
  LintFinding finding{.code = problem.code,
                      .level = LintLevel::error,
                      .file = path,
                      .message = problem.message,
                      .fix = problem.next,
                      .hazard = problem.code == "identifier-too-long" ? "72" : ""};
  if (!problem.found.empty()) finding.message += " (" + problem.found + ")";
  // "file:line" or "file:line:column"
  if (!problem.object.starts_with(path + ":")) return finding;
  const std::string place = problem.object.substr(path.size() + 1);
  const std::size_t colon = place.find(':');
  const auto number = [](const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos ? std::stoi(text) : 1;
  };
  finding.line = number(place.substr(0, colon));
  if (colon != std::string::npos) finding.column = number(place.substr(colon + 1));
  return finding;
}

}  // namespace crossfade::migrations
