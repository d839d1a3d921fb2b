#include "strategies/carried_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "strategies/carried_views.h"
#include "strategies/one_partition.h"
#include "strategies/table_tree.h"

namespace crossfade::strategies {

namespace {

using postgres::ForeignKey;
using postgres::QualifiedName;
using postgres::quote_identifier;
using postgres::quote_literal;

void append_new(std::vector<std::string>& to, const std::vector<std::string>& from) {
  for (const std::string& statement : from) {
    if (std::find(to.begin(), to.end(), statement) == to.end()) to.push_back(statement);
  }
}

bool has_statistics(const postgres::Table& table, const std::string& name) {
  return std::any_of(table.statistics.begin(), table.statistics.end(),
                     [&](const postgres::ExtendedStatistics& each) { return each.name.name == name; });
}

class Carrier {
 public:
  explicit Carrier(const CarryRequest& request)
      : request_(request),
        plan_(*request.plan),
        dependents_(*request.dependents),
        table_(plan_.source.name.quoted()) {}

  CarriedObjects carry() {
    out_.schemas = schema_pairs();
    rename_columns();
    foreign_keys();
    triggers();
    rules();
    policies();
    publications();
    labels();
    statistics();
    carry_views(request_, out_);
    if (plan_.source.partition_of && !plan_.target.partition_of)
      out_.lock_first.push_back(lock_of_partitioned_table(plan_));
    for (const postgres::Rebinding& rebinding : dependents_.rebindings) {
      out_.rebind.push_back(rebinding.statement);
      add_neighbour(rebinding.locked);
    }
    std::sort(out_.neighbours.begin(), out_.neighbours.end(),
              [](const QualifiedName& left, const QualifiedName& right) {
                return left.display() < right.display();
              });
    return std::move(out_);
  }

 private:
  std::vector<SchemaPair> schema_pairs() const {
    std::vector<SchemaPair> out = {{plan_.source.name.schema, plan_.run_schema, plan_.old_schema}};
    std::set<std::string> others;
    for (const postgres::Table& view : request_.views) others.insert(view.name.schema);
    for (const postgres::DependentFunction& function : dependents_.functions)
      others.insert(function.name.schema);
    others.erase(plan_.source.name.schema);
    for (const std::string& schema : others) {
      const std::string name = fmt::format("{}_{}", plan_.run_schema, out.size());
      out.push_back({schema, name, name + "_old"});
    }
    return out;
  }

  void add_neighbour(const QualifiedName& table) {
    const bool known =
        table.name.empty() || table == plan_.source.name ||
        std::find(out_.neighbours.begin(), out_.neighbours.end(), table) != out_.neighbours.end();
    if (!known) out_.neighbours.push_back(table);
  }

  /// Definitions know the columns by their old names. Under these they are made, and the server itself then
  /// follows the renaming.
  void rename_columns() {
    if (plan_.target.partition_of) return;                     // with the table that it belongs to
    std::vector<std::pair<std::string, std::string>> renamed;  // new name, old name
    std::set<std::string> old_names;
    for (const auto& [old_name, new_name] : plan_.carried_columns) {
      if (old_name == new_name) continue;
      renamed.emplace_back(new_name, old_name);
      old_names.insert(old_name);
    }
    if (renamed.empty()) return;
    std::vector<std::string> in_the_way;
    for (const postgres::Column& column : plan_.target.columns) {
      const bool moves = std::any_of(renamed.begin(), renamed.end(),
                                     [&](const auto& pair) { return pair.first == column.name; });
      if (!moves && old_names.contains(column.name)) in_the_way.push_back(column.name);
    }
    const auto rename = [&](std::vector<std::string>& to, const std::string& from, const std::string& name) {
      to.push_back(fmt::format("ALTER TABLE {} RENAME COLUMN {} TO {}", table_, quote_identifier(from),
                               quote_identifier(name)));
    };
    const auto between = [](std::size_t number) { return fmt::format("crossfade_column_{}", number); };
    for (std::size_t index = 0; index < in_the_way.size(); ++index)
      rename(out_.names_as_before, in_the_way[index], between(renamed.size() + index));
    for (std::size_t index = 0; index < renamed.size(); ++index) {
      rename(out_.names_as_before, renamed[index].first, between(index));
      rename(out_.names_as_after, renamed[index].second, between(index));
    }
    for (std::size_t index = 0; index < renamed.size(); ++index) {
      rename(out_.names_as_before, between(index), renamed[index].second);
      rename(out_.names_as_after, between(index), renamed[index].first);
    }
    for (std::size_t index = 0; index < in_the_way.size(); ++index)
      rename(out_.names_as_after, between(renamed.size() + index), in_the_way[index]);
  }

  bool is_carried(const std::string& column) const {
    return std::any_of(plan_.carried_columns.begin(), plan_.carried_columns.end(),
                       [&](const auto& pair) { return pair.first == column; });
  }

  /// Neither side of a table that is replayed into has one (rule 18); writes since the swap are checked from
  /// the first one on, and the rows that were there already are validated when the lock is gone.
  void foreign_keys() {
    for (const ForeignKey& key : dependents_.foreign_keys) {
      const std::string table = key.table.quoted();
      const std::string name = quote_identifier(key.name);
      out_.detach.push_back(fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", table, name));
      add_neighbour(key.table);
      add_neighbour(key.referenced);
      // It goes with its column, as DROP COLUMN takes it.
      const bool goes = key.table == plan_.source.name &&
                        !std::all_of(key.columns.begin(), key.columns.end(),
                                     [&](const std::string& column) { return is_carried(column); });
      if (goes) continue;
      if (key.table == plan_.source.name && is_partitioned(plan_.target)) {
        foreign_key_of_partitions(key);
        continue;
      }
      out_.foreign_keys.push_back(fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {}{}", table, name,
                                              key.definition, key.validated ? " NOT VALID" : ""));
      if (key.validated)
        out_.validate.push_back(fmt::format("ALTER TABLE {} VALIDATE CONSTRAINT {}", table, name));
      if (key.comment) {
        out_.foreign_keys.push_back(
            fmt::format("COMMENT ON CONSTRAINT {} ON {} IS {}", name, table, quote_literal(*key.comment)));
      }
    }
  }

  /// A partitioned table's cannot be NOT VALID before PostgreSQL 18. Each partition gets its own; once all of
  /// these are validated, the table's takes them in without a look at a row.
  void foreign_key_of_partitions(const ForeignKey& key) {
    const std::string name = quote_identifier(key.name);
    std::string definition = key.definition;
    if (const std::size_t mark = definition.rfind(" NOT VALID"); mark != std::string::npos)
      definition.erase(mark);
    for (const ShadowTable& partition : shadow_tables(plan_)) {
      if (is_partitioned(*partition.target)) continue;
      const std::string table = partition.home.quoted();
      out_.foreign_keys.push_back(
          fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {} NOT VALID", table, name, definition));
      if (key.validated)
        out_.validate.push_back(fmt::format("ALTER TABLE {} VALIDATE CONSTRAINT {}", table, name));
    }
    if (!key.validated) return;
    out_.validate.push_back(fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {}", table_, name, definition));
    if (key.comment) {
      out_.validate.back() +=
          fmt::format("; COMMENT ON CONSTRAINT {} ON {} IS {}", name, table_, quote_literal(*key.comment));
    }
  }

  static std::string state(const std::string& enabled) {
    if (enabled == "D") return "DISABLE";
    if (enabled == "R") return "ENABLE REPLICA";
    return "ENABLE ALWAYS";
  }

  void triggers() {
    for (const postgres::Trigger& trigger : dependents_.triggers) {
      const std::string name = quote_identifier(trigger.name);
      out_.detach.push_back(fmt::format("DROP TRIGGER {} ON {}", name, table_));
      out_.attach.push_back(trigger.definition);
      if (trigger.enabled != "O")
        out_.attach.push_back(
            fmt::format("ALTER TABLE {} {} TRIGGER {}", table_, state(trigger.enabled), name));
      if (trigger.comment) {
        out_.attach.push_back(
            fmt::format("COMMENT ON TRIGGER {} ON {} IS {}", name, table_, quote_literal(*trigger.comment)));
      }
      for (const std::string& extension : trigger.extensions) {
        out_.attach.push_back(fmt::format("ALTER TRIGGER {} ON {} DEPENDS ON EXTENSION {}", name, table_,
                                          quote_identifier(extension)));
      }
    }
  }

  void rules() {
    for (const postgres::Rule& rule : dependents_.rules) {
      const std::string name = quote_identifier(rule.name);
      out_.detach.push_back(fmt::format("DROP RULE {} ON {}", name, table_));
      out_.attach.push_back(rule.definition);
      if (rule.enabled != "O")
        out_.attach.push_back(fmt::format("ALTER TABLE {} {} RULE {}", table_, state(rule.enabled), name));
      if (rule.comment) {
        out_.attach.push_back(
            fmt::format("COMMENT ON RULE {} ON {} IS {}", name, table_, quote_literal(*rule.comment)));
      }
    }
  }

  void policies() {
    for (const postgres::Policy& policy : dependents_.policies) {
      const std::string name = quote_identifier(policy.name);
      out_.detach.push_back(fmt::format("DROP POLICY {} ON {}", name, table_));
      std::string statement =
          fmt::format("CREATE POLICY {} ON {} AS {} FOR {} TO {}", name, table_,
                      policy.permissive ? "PERMISSIVE" : "RESTRICTIVE", policy.command,
                      policy.roles.empty() ? "PUBLIC" : postgres::quote_identifiers(policy.roles));
      if (policy.using_expression) statement += " USING (" + *policy.using_expression + ")";
      if (policy.check_expression) statement += " WITH CHECK (" + *policy.check_expression + ")";
      out_.attach.push_back(std::move(statement));
      if (policy.comment) {
        out_.attach.push_back(
            fmt::format("COMMENT ON POLICY {} ON {} IS {}", name, table_, quote_literal(*policy.comment)));
      }
    }
    // The old table is replayed into while it soaks (rules 6 and 18).
    if (request_.source->row_security || request_.source->row_security_forced) {
      out_.detach.push_back(
          fmt::format("ALTER TABLE {} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY", table_));
    }
  }

  void publications() {
    for (const postgres::Publication& publication : dependents_.publications) {
      const std::string name = quote_identifier(publication.name);
      out_.detach.push_back(fmt::format("ALTER PUBLICATION {} DROP TABLE {}", name, table_));
      std::string statement = fmt::format("ALTER PUBLICATION {} ADD TABLE ONLY {}", name, table_);
      if (!publication.columns.empty())
        statement += " (" + postgres::quote_identifiers(publication.columns) + ")";
      if (publication.filter) statement += " WHERE (" + *publication.filter + ")";
      out_.attach.push_back(std::move(statement));
    }
  }

  void labels() {
    for (const postgres::SecurityLabel& label : dependents_.labels) {
      if (!label.column.empty() && !is_carried(label.column)) continue;
      out_.attach.push_back(label_statement(label, "TABLE", table_));
    }
  }

  /// They stay behind when their table changes its schema.
  void statistics() {
    for (const postgres::ExtendedStatistics& old : request_.source->statistics) {
      out_.detach.push_back(fmt::format("ALTER STATISTICS {} SET SCHEMA {}", old.name.quoted(),
                                        quote_identifier(plan_.old_schema)));
      // What has come since the plan was made on the shadow as well.
      if (has_statistics(plan_.target, old.name.name) || !has_statistics(plan_.source, old.name.name)) {
        out_.move_in.push_back(fmt::format("ALTER STATISTICS {} SET SCHEMA {}",
                                           QualifiedName{plan_.run_schema, old.name.name}.quoted(),
                                           quote_identifier(old.name.schema)));
      }
    }
  }

  const CarryRequest& request_;
  const ShadowTablePlan& plan_;
  const postgres::Dependents& dependents_;
  std::string table_;
  CarriedObjects out_;
};

}  // namespace

CarriedObjects carry_objects(const CarryRequest& request) {
  return Carrier(request).carry();
}

void add_partition(CarriedObjects& table, CarriedObjects partition) {
  const auto add = [&](auto CarriedObjects::*list) {
    auto& from = partition.*list;
    (table.*list).insert((table.*list).end(), from.begin(), from.end());
  };
  for (const auto list : {&CarriedObjects::prepare, &CarriedObjects::lock_first, &CarriedObjects::detach,
                          &CarriedObjects::move_in, &CarriedObjects::foreign_keys, &CarriedObjects::attach,
                          &CarriedObjects::rebind, &CarriedObjects::validate})
    add(list);
  add(&CarriedObjects::neighbours);
  add(&CarriedObjects::views);
}

QualifiedName shadow_name(const CarriedObjects& carried, const QualifiedName& name) {
  for (const SchemaPair& pair : carried.schemas) {
    if (pair.schema == name.schema) return {pair.shadow_schema, name.name};
  }
  return name;
}

std::vector<migrations::MovedName> shadow_names(const CarryRequest& request, const CarriedObjects& carried) {
  std::vector<migrations::MovedName> out;
  const auto add = [&](const QualifiedName& name) {
    out.push_back({name, shadow_name(carried, name).schema});
  };
  add(request.plan->source.name);
  for (const ShadowTable& table : shadow_tables(*request.plan)) {
    if (table.home != request.plan->source.name) out.push_back({table.home, request.plan->run_schema});
  }
  for (const ShadowTablePlan* mate : request.mates) out.push_back({mate->source.name, mate->run_schema});
  for (const postgres::Table& view : request.views) add(view.name);
  for (const postgres::DependentFunction& function : request.dependents->functions) add(function.name);
  return out;
}

std::vector<std::string> before_swap(const std::vector<CarriedObjects>& group) {
  std::vector<std::string> out;
  for (const CarriedObjects& carried : group) append_new(out, carried.detach);
  return out;
}

std::vector<std::string> after_swap(const std::vector<CarriedObjects>& group) {
  std::vector<std::string> out;
  const auto all = [&](std::vector<std::string> CarriedObjects::*list) {
    for (const CarriedObjects& carried : group) append_new(out, carried.*list);
  };
  all(&CarriedObjects::move_in);
  all(&CarriedObjects::names_as_before);
  all(&CarriedObjects::foreign_keys);
  all(&CarriedObjects::attach);
  all(&CarriedObjects::rebind);
  all(&CarriedObjects::names_as_after);
  return out;
}

void join_dependents(std::vector<CarryRequest>& group, std::vector<postgres::Dependents>& dependents) {
  postgres::Dependents& first = dependents.front();
  std::vector<postgres::Table>& views = group.front().views;
  for (std::size_t member = 1; member < group.size(); ++member) {
    for (std::size_t index = 0; index < dependents[member].views.size(); ++index) {
      postgres::DependentView& view = dependents[member].views[index];
      const auto known =
          std::find_if(first.views.begin(), first.views.end(),
                       [&](const postgres::DependentView& each) { return each.oid == view.oid; });
      if (known != first.views.end()) {
        known->level = std::max(known->level, view.level);
        continue;
      }
      first.views.push_back(std::move(view));
      views.push_back(std::move(group[member].views[index]));
    }
    for (postgres::DependentFunction& function : dependents[member].functions) {
      const auto known =
          std::find_if(first.functions.begin(), first.functions.end(),
                       [&](const postgres::DependentFunction& each) { return each.oid == function.oid; });
      if (known != first.functions.end()) {
        known->level = std::max(known->level, function.level);
      } else {
        first.functions.push_back(std::move(function));
      }
    }
    for (postgres::Rebinding& rebinding : dependents[member].rebindings) {
      const bool known =
          std::any_of(first.rebindings.begin(), first.rebindings.end(),
                      [&](const postgres::Rebinding& each) { return each.object == rebinding.object; });
      if (!known) first.rebindings.push_back(std::move(rebinding));
    }
    dependents[member].views.clear();
    dependents[member].functions.clear();
    dependents[member].rebindings.clear();
    group[member].views.clear();
  }
}

}  // namespace crossfade::strategies
