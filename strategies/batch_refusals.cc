#include "strategies/batch_refusals.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace crossfade::strategies {

namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

std::string first_common(const std::vector<std::string>& left, const std::vector<std::string>& right) {
  const auto found =
      std::find_if(left.begin(), left.end(), [&](const std::string& name) { return contains(right, name); });
  return found == left.end() ? std::string() : *found;
}

class Refusals {
 public:
  Refusals(const BatchStatement& statement, const postgres::Table& table, const BatchFacts& facts)
      : statement_(statement), table_(table), facts_(facts), out_(statement.refusals) {}

  std::vector<Problem> collect() {
    relation();
    names();
    constraints();
    return std::move(out_);
  }

 private:
  void refuse(std::string code, std::string message, std::string expected, std::string found,
              std::string next) {
    out_.push_back({.code = std::move(code),
                    .object = table_.name.display(),
                    .message = "cannot be done in batches: " + std::move(message),
                    .expected = std::move(expected),
                    .found = std::move(found),
                    .next = std::move(next)});
  }

  void relation() {
    if (table_.kind != "r") {
      const std::string kind = table_.kind == "p"   ? "a partitioned table"
                               : table_.kind == "v" ? "a view"
                               : table_.kind == "f" ? "a foreign table"
                                                    : "no ordinary table";
      refuse("batch-relation", "it is " + kind, "an ordinary table, or a partition", kind,
             "Change the table that holds the rows.");
    }
    if (table_.persistence == "t") {
      refuse("batch-relation", "it is a temporary table of one session", "a table that every session sees",
             "a temporary table", "Use an ordinary table.");
    }
    if (facts_.has_children && !statement_.only) {
      refuse("batch-inheritance", "other tables inherit from it, and their rows have no key in common",
             "a table without children, or ONLY", "tables that inherit",
             "Write ONLY, and one statement for each table.");
    }
    if (facts_.has_rules) {
      refuse("batch-rules", "a rule makes another statement of it", "a table without rules", "a rule",
             "Drop the rule, or disable it while the change runs.");
    }
    if (!facts_.may_change) {
      refuse("missing-privilege", "the role may not read and change its rows",
             statement_.deletes ? "SELECT and DELETE" : "SELECT and UPDATE", "no such right",
             "Grant them, or connect as the owner.");
    }
    if (facts_.hides_rows) {
      refuse("batch-row-security", "row-level security hides rows from the role",
             "a role that sees every row", "policies that apply to the role",
             "Connect as the table's owner or as a role with BYPASSRLS.");
    }
  }

  void names() {
    for (const RelationFact& fact : facts_.relations) {
      if (!fact.reads_table) continue;
      refuse("batch-same-table",
             fmt::format("{} reads the table too, and later batches would see what earlier ones have done",
                         fact.name.display()),
             "sub-selects and joins over other tables", fact.name.display(),
             "Put what it reads into a table of its own first, then UPDATE or DELETE by that.");
    }
    for (const FunctionFact& fact : facts_.functions) {
      if (fact.aggregate && fact.name.outermost) {
        refuse("batch-aggregate",
               fmt::format("the aggregate {} is over many rows, and would see one batch's alone",
                           fact.name.name),
               "no aggregates over the table", fact.name.name,
               "Compute the value in a table of its own first.");
      }
      if (fact.window) {
        refuse("batch-window",
               fmt::format("the window function {} counts or compares rows, and would see one batch's alone",
                           fact.name.name),
               "no window functions", fact.name.name,
               "Compute the values in a table of its own first, then UPDATE from it.");
      }
      if (fact.set_returning) {
        refuse("batch-set-returning", "a set-returning function may give other rows for each batch",
               "tables and their columns", fact.name.name,
               "Put its rows into a table first, then join that.");
      }
    }
  }

  /// What PostgreSQL checks at the end of a statement or transaction may fail between two batches.
  void constraints() {
    for (const postgres::Index& index : table_.indexes) {
      const std::string column = first_common(statement_.set_columns, index.key_columns);
      if (index.immediate || column.empty()) continue;
      refuse(
          "batch-deferrable",
          fmt::format("the deferrable constraint {} is checked at the end of a transaction, and each batch "
                      "is one",
                      index.name),
          "no SET of columns in deferrable unique or exclusion constraints", "SET " + column,
          "Make the constraint NOT DEFERRABLE, or change the values in two steps without duplicates.");
    }
    for (const ReferenceFact& reference : facts_.references) {
      const std::string column = first_common(statement_.set_columns, reference.referenced_columns);
      if (!column.empty()) {
        refuse("batch-referenced",
               fmt::format("the foreign key {} of {} refers to column {}, and is checked after each batch",
                           reference.name, reference.table, column),
               "no SET of columns that foreign keys refer to", "SET " + column,
               "Drop the foreign key first and add it NOT VALID again afterwards.");
      }
      if (statement_.deletes && reference.same_table && reference.delete_action != "c") {
        refuse("batch-self-reference",
               fmt::format("rows refer to one another by {}, and those of one batch to those of later ones",
                           reference.name),
               "no foreign key of the table to itself, or one with ON DELETE CASCADE", reference.name,
               "Set the referring column to NULL first, or drop the foreign key.");
      }
    }
  }

  const BatchStatement& statement_;
  const postgres::Table& table_;
  const BatchFacts& facts_;
  std::vector<Problem> out_;
};

}  // namespace

std::vector<Problem> batch_refusals(const BatchStatement& statement, const postgres::Table& table,
                                    const BatchFacts& facts) {
  return Refusals(statement, table, facts).collect();
}

std::vector<Problem> batch_announcements(const BatchStatement& statement, const postgres::Table& table,
                                         const BatchFacts& facts) {
  std::vector<Problem> out;
  const auto announce = [&](std::string code, std::string message, std::string found, std::string next) {
    out.push_back({.code = std::move(code),
                   .object = table.name.display(),
                   .message = std::move(message),
                   .found = std::move(found),
                   .next = std::move(next)});
  };
  if (!facts.row_triggers.empty()) {
    announce("batch-triggers", "triggers fire for every row that a batch changes", joined(facts.row_triggers),
             "Make sure that none of them changes the key: its row could be visited twice.");
  }
  if (!facts.statement_triggers.empty()) {
    announce("batch-statement-triggers", "statement triggers fire once for each batch",
             joined(facts.statement_triggers), "Make sure that they may fire many times.");
  }
  if (statement.uses_clock) {
    announce("batch-clock", "each batch is a transaction with a time of its own",
             "the statement asks for the time",
             "Write the time as a constant where all rows shall have the same.");
  }
  if (!statement.relations.empty()) {
    std::vector<std::string> names;
    for (const migrations::TableReference& relation : statement.relations)
      names.push_back(relation.display());
    announce("batch-reads-others", "each batch reads other tables as they are at that moment", joined(names),
             "Make sure that they do not change meanwhile, or that it does not matter.");
  }
  std::vector<std::string> functions;
  for (const FunctionFact& fact : facts.functions) {
    if (fact.may_read_tables) functions.push_back(fact.name.name);
  }
  if (!functions.empty()) {
    announce("batch-functions", "functions that are not IMMUTABLE may read tables, this one included",
             joined(functions), "Make sure that they do not read rows which earlier batches have changed.");
  }
  std::vector<std::string> cascades;
  for (const ReferenceFact& reference : facts.references) {
    if (statement.deletes && reference.delete_action != "a" && reference.delete_action != "r")
      cascades.push_back(fmt::format("{} of {}", reference.name, reference.table));
  }
  if (!cascades.empty()) {
    announce("batch-cascades", "foreign keys change or delete rows with those that are deleted",
             joined(cascades), "");
  }
  return out;
}

}  // namespace crossfade::strategies
