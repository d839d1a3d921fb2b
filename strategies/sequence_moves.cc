#include "strategies/sequence_moves.h"

#include <fmt/format.h>

#include <algorithm>

#include "postgres/quoting.h"
#include "strategies/name_collisions.h"

namespace crossfade::strategies {

using postgres::Column;
using postgres::QualifiedName;
using postgres::quote_identifier;
using postgres::quote_literal;

void plan_sequences(ShadowTablePlan& plan) {
  for (const auto& [source_name, target_name] : plan.carried_columns) {
    const Column* source = plan.source.column(source_name);
    const Column* target = plan.target.column(target_name);
    if (!source->owned_sequence_name) continue;
    const QualifiedName sequence{source->owned_sequence_schema.value(), source->owned_sequence_name.value()};
    if (source->identity.empty()) {
      plan.sequences.push_back({"serial", sequence, source_name, target_name, ""});
    } else if (!target->identity.empty() && target->owned_sequence_name) {
      if (*target->owned_sequence_name != sequence.name) {
        plan.create.push_back(
            fmt::format("ALTER SEQUENCE {} RENAME TO {}",
                        QualifiedName{plan.run_schema, *target->owned_sequence_name}.quoted(),
                        quote_identifier(sequence.name)));
      }
      if (source->owned_sequence_comment) {
        plan.create.push_back(fmt::format("COMMENT ON SEQUENCE {} IS {}",
                                          QualifiedName{plan.run_schema, sequence.name}.quoted(),
                                          quote_literal(*source->owned_sequence_comment)));
      }
      plan.sequences.push_back({"identity", sequence, source_name, target_name, sequence.name});
    }
  }
}

void rename_new_sequences(ShadowTablePlan& plan, const std::set<std::string>& staying) {
  std::set<std::string> taken = own_names(plan);
  taken.insert(staying.begin(), staying.end());
  for (Column& column : plan.target.columns) {
    if (!column.owned_sequence_name || !staying.contains(*column.owned_sequence_name)) continue;
    const bool takes_over =
        std::any_of(plan.sequences.begin(), plan.sequences.end(), [&](const SequenceMove& move) {
          return move.kind == "identity" && move.shadow_column == column.name;
        });
    if (takes_over) continue;
    const std::string name = first_free_name(*column.owned_sequence_name, taken);
    plan.create.push_back(fmt::format("ALTER SEQUENCE {} RENAME TO {}",
                                      QualifiedName{plan.run_schema, *column.owned_sequence_name}.quoted(),
                                      quote_identifier(name)));
    taken.insert(name);
    column.owned_sequence_name = name;
  }
}

/// The old sequence is locked by the move of its table, so its value is final (rule 28). The cushion covers
/// values that sessions hold in their caches.
std::string take_value_over(const ShadowTablePlan& plan, const SequenceMove& move) {
  const QualifiedName old{plan.old_schema, move.source.name};
  const QualifiedName now{plan.source.name.schema, move.shadow_sequence};
  return fmt::format(
      "SELECT pg_catalog.setval({0}::pg_catalog.regclass, CASE WHEN o.is_called THEN "
      "LEAST(GREATEST(o.last_value::numeric + "
      "s.seqincrement * 32, s.seqmin), s.seqmax)::bigint ELSE o.last_value END, o.is_called) FROM {1} AS o, "
      "pg_catalog.pg_sequence AS s WHERE s.seqrelid = {0}::pg_catalog.regclass",
      quote_literal(now.quoted()), old.quoted());
}

}  // namespace crossfade::strategies
