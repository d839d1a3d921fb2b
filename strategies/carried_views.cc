#include "strategies/carried_views.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "strategies/shadow_shape.h"

namespace crossfade::strategies {

namespace {

using postgres::DependentFunction;
using postgres::DependentView;
using postgres::QualifiedName;
using postgres::quote_identifier;
using postgres::quote_literal;
using postgres::Table;

std::string kind_of(const Table& view) {
  return view.kind == "m" ? "MATERIALIZED VIEW" : "VIEW";
}

class ViewCarrier {
 public:
  ViewCarrier(const CarryRequest& request, CarriedObjects& out)
      : request_(request), out_(out), names_(shadow_names(request, out)) {}

  void carry() {
    schemas();
    for (const std::string& statement : out_.names_as_before) out_.prepare.push_back(moved(statement));
    // A function over a view's rows comes behind the view, and a view that calls it behind the function.
    const int last = std::max(levels(request_.dependents->views), levels(request_.dependents->functions));
    for (int level = 1; level <= last; ++level) {
      for (std::size_t index = 0; index < request_.views.size(); ++index) {
        if (request_.dependents->views[index].level == level)
          view(request_.dependents->views[index], request_.views[index]);
      }
      for (const DependentFunction& each : request_.dependents->functions) {
        if (each.level == level) function(each);
      }
    }
    for (const std::string& statement : out_.names_as_after) out_.prepare.push_back(moved(statement));
    lock();
    move();
  }

 private:
  template <class Objects>
  static int levels(const Objects& objects) {
    int last = 0;
    for (const auto& object : objects) last = std::max(last, object.level);
    return last;
  }

  std::string moved(const std::string& definition) const {
    return migrations::with_moved_names(definition, names_);
  }

  void schemas() {
    std::set<std::string> owners;
    for (const Table& view : request_.views) owners.insert(view.owner);
    for (const DependentFunction& each : request_.dependents->functions) owners.insert(each.owner);
    for (std::size_t index = 0; index < out_.schemas.size(); ++index) {
      const SchemaPair& pair = out_.schemas[index];
      if (index > 0) {
        out_.prepare.push_back("CREATE SCHEMA " + quote_identifier(pair.shadow_schema));
        out_.prepare.push_back("CREATE SCHEMA " + quote_identifier(pair.old_schema));
      }
      // An object's owner must be allowed to have it where it stands.
      for (const std::string& owner : owners) {
        for (const std::string& schema : {pair.shadow_schema, pair.old_schema}) {
          out_.prepare.push_back(fmt::format("GRANT USAGE, CREATE ON SCHEMA {} TO {}",
                                             quote_identifier(schema), quote_identifier(owner)));
        }
      }
    }
  }

  void prepare(std::string statement) { out_.prepare.push_back(std::move(statement)); }

  void view(const DependentView& dependent, const Table& view) {
    const QualifiedName name = shadow_name(out_, view.name);
    const std::string quoted = name.quoted();
    const bool stored = view.kind == "m";
    std::string create = fmt::format("CREATE {} {}", kind_of(view), quoted);
    if (stored && !view.access_method.empty()) create += " USING " + quote_identifier(view.access_method);
    if (!view.options.empty()) create += fmt::format(" WITH ({})", option_list(view.options, ""));
    if (stored && !view.tablespace.empty()) create += " TABLESPACE " + quote_identifier(view.tablespace);
    create += " AS\n" + moved(dependent.definition);
    if (stored && !dependent.populated) create += "\nWITH NO DATA";
    prepare(create);
    prepare(fmt::format("ALTER TABLE {} OWNER TO {}", quoted, quote_identifier(view.owner)));
    if (view.comment)
      prepare(fmt::format("COMMENT ON {} {} IS {}", kind_of(view), quoted, quote_literal(*view.comment)));
    for (const postgres::Column& each : view.columns) column(view, quoted, each);
    for (const postgres::Rule& rule : dependent.rules) {
      prepare(moved(rule.definition));
      if (rule.comment) {
        prepare(fmt::format("COMMENT ON RULE {} ON {} IS {}", quote_identifier(rule.name), quoted,
                            quote_literal(*rule.comment)));
      }
    }
    for (const postgres::Trigger& trigger : dependent.triggers) {
      prepare(moved(trigger.definition));
      if (trigger.comment) {
        prepare(fmt::format("COMMENT ON TRIGGER {} ON {} IS {}", quote_identifier(trigger.name), quoted,
                            quote_literal(*trigger.comment)));
      }
    }
    for (const postgres::SecurityLabel& label : dependent.labels)
      prepare(label_statement(label, kind_of(view), quoted));
    if (stored) stored_view(view, name);
  }

  void column(const Table& view, const std::string& quoted, const postgres::Column& column) {
    const std::string name = quote_identifier(column.name);
    if (column.default_expression) {
      prepare(fmt::format("ALTER VIEW {} ALTER COLUMN {} SET DEFAULT {}", quoted, name,
                          moved(*column.default_expression)));
    }
    if (column.comment)
      prepare(fmt::format("COMMENT ON COLUMN {}.{} IS {}", quoted, name, quote_literal(*column.comment)));
    if (view.kind != "m") return;
    if (column.statistics_target) {
      prepare(fmt::format("ALTER TABLE {} ALTER COLUMN {} SET STATISTICS {}", quoted, name,
                          *column.statistics_target));
    }
    if (!column.options.empty()) {
      prepare(fmt::format("ALTER TABLE {} ALTER COLUMN {} SET ({})", quoted, name,
                          option_list(column.options, "")));
    }
  }

  /// Indexes come behind the rows, as in any build.
  void stored_view(const Table& view, const QualifiedName& name) {
    for (const postgres::Index& index : view.indexes) {
      if (!index.tablespace.empty())
        prepare("SET LOCAL default_tablespace = " + quote_literal(index.tablespace));
      prepare(index_statement(index, name));
      if (!index.tablespace.empty()) prepare("SET LOCAL default_tablespace = ''");
      for (std::string& statement : index_belongings(index, name)) prepare(std::move(statement));
    }
    for (const postgres::ExtendedStatistics& statistics : view.statistics) {
      for (const std::string& statement : statistics_statements(statistics, name.schema, name))
        prepare(statement);
    }
  }

  void function(const DependentFunction& function) {
    prepare(moved(function.definition));
    const std::string signature =
        fmt::format("{}({})", shadow_name(out_, function.name).quoted(), moved(function.arguments));
    prepare(fmt::format("ALTER ROUTINE {} OWNER TO {}", signature, quote_identifier(function.owner)));
    if (function.comment)
      prepare(fmt::format("COMMENT ON ROUTINE {} IS {}", signature, quote_literal(*function.comment)));
    for (const std::string& extension : function.extensions) {
      prepare(
          fmt::format("ALTER ROUTINE {} DEPENDS ON EXTENSION {}", signature, quote_identifier(extension)));
    }
  }

  /// A query locks a view when it reads its name, and the table behind it when it is rewritten. Locked in the
  /// same order it waits with nothing in its hands, and reads the name again afterwards. To give a view its
  /// own owner changes nothing, but takes the lock; LOCK TABLE would lock everything behind the view as well.
  void lock() {
    for (int level = levels(request_.dependents->views); level > 0; --level) {
      for (std::size_t index = 0; index < request_.views.size(); ++index) {
        if (request_.dependents->views[index].level != level) continue;
        const Table& view = request_.views[index];
        out_.views.push_back(view.name);
        out_.lock_first.push_back(
            fmt::format("ALTER TABLE {} OWNER TO {}", view.name.quoted(), quote_identifier(view.owner)));
      }
    }
  }

  const SchemaPair& pair_of(const std::string& schema) const {
    return *std::find_if(out_.schemas.begin(), out_.schemas.end(),
                         [&](const SchemaPair& pair) { return pair.schema == schema; });
  }

  void move() {
    std::vector<std::string> functions;
    for (const DependentFunction& function : request_.dependents->functions) {
      const SchemaPair& pair = pair_of(function.name.schema);
      out_.detach.push_back(fmt::format("ALTER ROUTINE {}({}) SET SCHEMA {}", function.name.quoted(),
                                        function.arguments, quote_identifier(pair.old_schema)));
      // By then the types of its arguments have their final names; the function itself does not.
      functions.push_back(fmt::format("ALTER ROUTINE {}({}) SET SCHEMA {}",
                                      QualifiedName{pair.shadow_schema, function.name.name}.quoted(),
                                      function.arguments, quote_identifier(function.name.schema)));
    }
    for (const Table& view : request_.views) {
      const SchemaPair& pair = pair_of(view.name.schema);
      const auto set_schema = [](const Table& moving, const QualifiedName& name, const std::string& schema) {
        return fmt::format("ALTER {} {} SET SCHEMA {}", kind_of(moving), name.quoted(),
                           quote_identifier(schema));
      };
      out_.detach.push_back(set_schema(view, view.name, pair.old_schema));
      out_.move_in.push_back(set_schema(view, {pair.shadow_schema, view.name.name}, view.name.schema));
      for (const postgres::ExtendedStatistics& statistics : view.statistics) {
        out_.detach.push_back(fmt::format("ALTER STATISTICS {} SET SCHEMA {}", statistics.name.quoted(),
                                          quote_identifier(pair.old_schema)));
        out_.move_in.push_back(fmt::format("ALTER STATISTICS {} SET SCHEMA {}",
                                           QualifiedName{pair.shadow_schema, statistics.name.name}.quoted(),
                                           quote_identifier(statistics.name.schema)));
      }
    }
    out_.move_in.insert(out_.move_in.end(), functions.begin(), functions.end());
  }

  const CarryRequest& request_;
  CarriedObjects& out_;
  std::vector<migrations::MovedName> names_;
};

}  // namespace

void carry_views(const CarryRequest& request, CarriedObjects& out) {
  if (request.views.empty() && request.dependents->functions.empty()) return;
  ViewCarrier(request, out).carry();
}

std::string label_statement(const postgres::SecurityLabel& label, std::string_view kind,
                            const std::string& relation) {
  const std::string on = label.column.empty()
                             ? fmt::format("{} {}", kind, relation)
                             : fmt::format("COLUMN {}.{}", relation, quote_identifier(label.column));
  return fmt::format("SECURITY LABEL FOR {} ON {} IS {}", quote_identifier(label.provider), on,
                     quote_literal(label.label));
}

}  // namespace crossfade::strategies
