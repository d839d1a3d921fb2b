#include "orchestrator/planning/groups.h"

#include <algorithm>

namespace crossfade::orchestrator {

void group_tables(strategies::RevisionPlan& plan) {
  for (std::size_t index = 0; index + 1 < plan.parts.size(); ++index) {
    std::optional<strategies::ShadowTablePlan>& next = plan.parts[index + 1].shadow;
    if (!next || !plan.parts[index].shadow) continue;
    bool tied = false;
    for (std::size_t other = index + 1; other-- > 0 && !tied;) {
      if (!plan.parts[other].shadow || (other < index && !plan.parts[other].shadow->waits_for_next)) break;
      const auto& neighbours = plan.parts[other].shadow->carried.neighbours;
      tied = std::find(neighbours.begin(), neighbours.end(), next->source.name) != neighbours.end();
    }
    if (!tied) continue;
    plan.parts[index].shadow->waits_for_next = true;
    plan.announcements.push_back(
        {.code = "cut-over-together",
         .object = plan.parts[index].shadow->source.name.display(),
         .message = "a foreign key ties it to " + next->source.name.display() +
                    ", which is rewritten next; both are cut over in one transaction",
         .expected = "",
         .found = "",
         .next = "Nothing; the first one waits in sync until the other is, and its log grows meanwhile."});
  }
}

}  // namespace crossfade::orchestrator
