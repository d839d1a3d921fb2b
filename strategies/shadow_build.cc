#include "strategies/shadow_build.h"

#include <fmt/format.h>

#include <algorithm>

#include "strategies/capture_statements.h"
#include "strategies/name_collisions.h"
#include "strategies/shadow_shape.h"
#include "strategies/table_tree.h"

namespace crossfade::strategies {

namespace {

using postgres::Constraint;
using postgres::Index;
using postgres::QualifiedName;
using postgres::quote_identifier;
using postgres::quote_literal;
using postgres::Table;

bool not_valid_check(const Constraint& constraint) {
  return constraint.type == "c" && !constraint.validated;
}

bool deferrable(const Table& table, const Index& index) {
  const Constraint* constraint =
      index.constraint_name ? find_constraint(table, *index.constraint_name) : nullptr;
  return constraint != nullptr && constraint->deferrable;
}

class Build {
 public:
  Build(ShadowTablePlan& plan, const std::set<std::string>& staying)
      : plan_(plan), staying_(staying), tables_(shadow_tables(plan)) {}

  void plan() {
    for (const ShadowTable& table : tables_) set_aside(table);
    guards();
    for (const ShadowTable& table : tables_) {
      if (!is_partitioned(*table.target)) indexes(table);
    }
    std::stable_partition(plan_.indexes.begin(), plan_.indexes.end(),
                          [](const IndexBuild& index) { return index.replay_key; });
    // Partitions first: what stands above them takes theirs in.
    for (auto table = tables_.rbegin(); table != tables_.rend(); ++table) finish(*table);
    for (auto table = tables_.rbegin(); table != tables_.rend(); ++table) at_swap(*table);
  }

 private:
  /// It goes, and comes, with the one that it belongs to.
  static bool comes_from_above(const Table& table, const Constraint& constraint) {
    if (constraint.inherited) return true;
    const Index* index = table.index(constraint.name);
    return index != nullptr && !index->parent.empty();
  }

  void set_aside(const ShadowTable& table) {
    const std::string name = table.shadow.quoted();
    for (const Constraint& constraint : table.target->constraints) {
      const bool late = constraint.type == "p" || constraint.type == "u" || constraint.type == "x" ||
                        not_valid_check(constraint);
      if (!late || comes_from_above(*table.target, constraint)) continue;
      plan_.set_aside.push_back(
          fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", name, quote_identifier(constraint.name)));
    }
    for (const Index& index : table.target->indexes) {
      if (!index.constraint_name && index.parent.empty())
        plan_.set_aside.push_back("DROP INDEX " + QualifiedName{plan_.run_schema, index.name}.quoted());
    }
    // Nothing is filtered on its way in; it is on again at the swap.
    if (table.target->row_security || table.target->row_security_forced) {
      plan_.set_aside.push_back(
          fmt::format("ALTER TABLE {} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY", name));
    }
    // Autovacuum would hold locks that the build needs; it is on again before the cutover (rule 15).
    if (!is_partitioned(*table.target)) {
      plan_.set_aside.push_back(fmt::format(
          "ALTER TABLE {} SET (autovacuum_enabled = false, toast.autovacuum_enabled = false)", name));
    }
    // A publication of all tables would refuse the deletes of purge and replay without one.
    plan_.set_aside.push_back(fmt::format("ALTER TABLE {} REPLICA IDENTITY FULL", name));
  }

  void guards() {
    std::vector<QualifiedName> names;
    for (const ShadowTable& table : tables_) names.push_back(table.shadow);
    for (std::string& statement : guard_statements(plan_, plan_.run_schema, names, true))
      plan_.set_aside.push_back(std::move(statement));
  }

  /// Its first columns are the key: replay finds its rows by it.
  bool serves_replay(const Index& index) const {
    if (!index.unique || index.exclusion || index.partial || index.expressions || !index.default_operators ||
        !index.default_collations || index.key_columns.size() < plan_.key.size())
      return false;
    // Of a plain table the key itself is unique; partitioned anew, no index over all partitions can say so.
    if (plan_.target_partitions.empty() && index.key_columns.size() != plan_.key.size()) return false;
    return std::all_of(plan_.key.begin(), plan_.key.end(), [&](const KeyMapping& column) {
      const auto end = index.key_columns.begin() + static_cast<std::ptrdiff_t>(plan_.key.size());
      return std::find(index.key_columns.begin(), end, column.shadow_name) != end;
    });
  }

  void indexes(const ShadowTable& table) {
    bool have_key = false;
    for (const Index& index : table.target->indexes) {
      const bool serves = !have_key && serves_replay(index);
      have_key = have_key || serves;
      // The rehearsed index stands in the default tablespace: an index's definition does not name its own.
      const Index* original = table.source != nullptr ? table.source->index(index.name) : nullptr;
      plan_.indexes.push_back({.name = index.name,
                               .sql = index.exclusion
                                          ? exclusion_statement(*table.target, index, table.shadow)
                                          : index_statement(index, table.shadow),
                               .tablespace = original != nullptr ? original->tablespace : index.tablespace,
                               .unique = index.unique,
                               .replay_key = serves});
    }
    if (!have_key) add_replay_key(table);
  }

  /// It is there for a moment after the swap as well, beside those of other tables' runs.
  void add_replay_key(const ShadowTable& table) {
    std::set<std::string> taken = own_names(plan_);
    taken.insert(staying_.begin(), staying_.end());
    for (const IndexBuild& index : plan_.indexes) taken.insert(index.name);
    const std::string name = first_free_name(fmt::format("crossfade_{}_replay_key", plan_.run), taken);
    std::vector<std::string> names;
    for (const KeyMapping& column : plan_.key) names.push_back(column.shadow_name);
    plan_.indexes.push_back({.name = name,
                             .sql = fmt::format("CREATE UNIQUE INDEX {} ON {} ({})", quote_identifier(name),
                                                table.shadow.quoted(), postgres::quote_identifiers(names)),
                             .unique = true,
                             .replay_key = true,
                             .temporary = true,
                             .schema = table.home.schema});
  }

  /// Off during the build, it goes back to what is wanted, and to its place among the other options.
  void autovacuum_as_wanted(const ShadowTable& table, const std::vector<std::string>& options,
                            std::string_view prefix) {
    const bool wanted = std::any_of(options.begin(), options.end(), [](const std::string& option) {
      return option.starts_with("autovacuum_enabled=");
    });
    std::string names = fmt::format("{}autovacuum_enabled", prefix);
    if (wanted) {
      names.clear();
      for (const std::string& option : options)
        names += fmt::format("{}{}{}", names.empty() ? "" : ", ", prefix, option.substr(0, option.find('=')));
    }
    plan_.finish.push_back(fmt::format("ALTER TABLE {} RESET ({})", table.shadow.quoted(), names));
    if (wanted) {
      plan_.finish.push_back(
          fmt::format("ALTER TABLE {} SET ({})", table.shadow.quoted(), option_list(options, prefix)));
    }
  }

  /// An index above partitions, which takes theirs in.
  void add_above(std::vector<std::string>& out, const ShadowTable& table, const Index& index) const {
    out.push_back(partitioned_index_statement(*table.target, index, table.shadow));
    for (const ShadowTable& below : tables_) {
      if (!below.target->partition_of || below.target->partition_of->name != table.target->name.name)
        continue;
      for (const Index& part : below.target->indexes) {
        if (part.parent == index.name)
          out.push_back(
              attach_index_statement({plan_.run_schema, index.name}, {plan_.run_schema, part.name}));
      }
    }
  }

  void finish(const ShadowTable& table) {
    const std::string name = table.shadow.quoted();
    for (const Index& index : table.target->indexes) {
      if (deferrable(*table.target, index)) continue;
      if (is_partitioned(*table.target)) {
        add_above(plan_.finish, table, index);
      } else if (index.constraint_name && !index.exclusion) {
        plan_.finish.push_back(constraint_using_index(*table.target, index, table.shadow));
      }
    }
    for (const Index& index : table.target->indexes) {
      const bool late = deferrable(*table.target, index);
      // Above partitions a deferrable one is made under the lock.
      std::vector<std::string>& out = late && is_partitioned(*table.target) ? late_ : plan_.finish;
      for (std::string& statement : index_belongings(index, table.shadow))
        out.push_back(std::move(statement));
      if (index.replica_identity && !late) {
        plan_.at_swap.push_back(fmt::format("ALTER TABLE {} REPLICA IDENTITY USING INDEX {}", name,
                                            quote_identifier(index.name)));
      }
    }
    if (is_partitioned(*table.target)) return;
    autovacuum_as_wanted(table, table.target->options, "");
    autovacuum_as_wanted(table, table.target->toast_options, "toast.");
  }

  /// ON CONFLICT cannot use a deferrable index as its arbiter (rule 17), and a NOT VALID check would refuse
  /// rows that the source still holds: both wait until nothing more is replayed.
  void at_swap(const ShadowTable& table) {
    const std::string name = table.shadow.quoted();
    for (const Index& index : table.target->indexes) {
      if (!deferrable(*table.target, index)) continue;
      if (is_partitioned(*table.target)) {
        add_above(plan_.at_swap, table, index);
      } else {
        plan_.at_swap.push_back(constraint_using_index(*table.target, index, table.shadow));
      }
    }
    for (const Constraint& constraint : table.target->constraints) {
      if (not_valid_check(constraint) && !constraint.inherited) {
        plan_.at_swap.push_back(fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {}", name,
                                            quote_identifier(constraint.name), constraint.definition));
      }
      const Index* index = table.target->index(constraint.name);
      const bool late =
          not_valid_check(constraint) || (index != nullptr && deferrable(*table.target, *index));
      if (!constraint.comment) continue;
      const std::string comment =
          fmt::format("COMMENT ON CONSTRAINT {} ON {} IS {}", quote_identifier(constraint.name), name,
                      quote_literal(*constraint.comment));
      // An inherited NOT VALID check comes with its parent's, which is added last.
      (late ? late_ : plan_.finish).push_back(comment);
    }
    if (table.target->replica_identity == "d")
      plan_.at_swap.push_back(fmt::format("ALTER TABLE {} REPLICA IDENTITY DEFAULT", name));
    if (table.target->replica_identity == "n")
      plan_.at_swap.push_back(fmt::format("ALTER TABLE {} REPLICA IDENTITY NOTHING", name));
    plan_.at_swap.push_back(drop_guard_statement(plan_, table.shadow));
    if (table.target->row_security)
      plan_.at_swap.push_back(fmt::format("ALTER TABLE {} ENABLE ROW LEVEL SECURITY", name));
    if (table.target->row_security_forced)
      plan_.at_swap.push_back(fmt::format("ALTER TABLE {} FORCE ROW LEVEL SECURITY", name));
    if (table.target != &plan_.target) return;
    plan_.at_swap.insert(plan_.at_swap.end(), late_.begin(), late_.end());
  }

  ShadowTablePlan& plan_;
  const std::set<std::string>& staying_;
  std::vector<ShadowTable> tables_;
  std::vector<std::string> late_;  ///< behind everything else that waits for the lock
};

}  // namespace

void plan_build(ShadowTablePlan& plan, const std::set<std::string>& staying) {
  Build(plan, staying).plan();
}

}  // namespace crossfade::strategies
