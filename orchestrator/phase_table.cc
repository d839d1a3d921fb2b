#include "orchestrator/phase_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace crossfade::orchestrator {

namespace {

constexpr PhaseTransition kTransitions[] = {
    {Phase::planned, Phase::expanding, "the plan is journalled"},
    {Phase::expanding, Phase::copying, "shadow table made, change capture on, chunks listed"},
    {Phase::expanding, Phase::contracted, "in place: every statement carried out"},
    {Phase::expanding, Phase::soaking,
     "in place: what was dropped is kept aside, after every statement or an abort"},
    {Phase::soaking, Phase::reverted, "in place: what was kept aside is back"},
    {Phase::copying, Phase::building, "every chunk copied"},
    {Phase::building, Phase::replaying, "moved rows purged, indexes and constraints built"},
    {Phase::replaying, Phase::verifying, "the log is short"},
    {Phase::replaying, Phase::ready, "the log is short; verification skipped on request"},
    {Phase::verifying, Phase::ready, "every row compared, no difference"},
    {Phase::ready, Phase::verifying, "the last full pass is too old, or the run was postponed"},
    {Phase::ready, Phase::soaking, "cutover: both tables change their schema in one transaction"},
    {Phase::soaking, Phase::contracted, "the old table is dropped"},
    {Phase::copying, Phase::planned, "the source was rewritten or lost events: start over"},
    {Phase::building, Phase::planned, "the source was rewritten or lost events: start over"},
    {Phase::replaying, Phase::planned, "the source was rewritten or lost events: start over"},
    {Phase::verifying, Phase::planned, "the source was rewritten or lost events: start over"},
    {Phase::ready, Phase::planned, "the source was rewritten or lost events: start over"},
    {Phase::planned, Phase::aborted, "abort"},
    {Phase::expanding, Phase::aborted, "abort"},
    {Phase::copying, Phase::aborted, "abort"},
    {Phase::building, Phase::aborted, "abort"},
    {Phase::replaying, Phase::aborted, "abort"},
    {Phase::verifying, Phase::aborted, "abort"},
    {Phase::ready, Phase::aborted, "abort"},
};

template <class Enum>
std::string name_of(Enum value) {
  return boost::describe::enum_to_string(value, "?");
}

template <class Enum>
Enum value_of(std::string_view text, const char* kind) {
  Enum value{};
  if (!boost::describe::enum_from_string(std::string(text).c_str(), value)) {
    throw std::logic_error(fmt::format("the journal holds an unknown {} \"{}\"", kind, text));
  }
  return value;
}

}  // namespace

std::span<const PhaseTransition> phase_transitions() {
  return kTransitions;
}

void require_transition(Phase from, Phase to) {
  const bool known = std::any_of(
      std::begin(kTransitions), std::end(kTransitions),
      [&](const PhaseTransition& transition) { return transition.from == from && transition.to == to; });
  if (!known)
    throw std::logic_error(fmt::format("a run cannot go from {} to {}", to_string(from), to_string(to)));
}

bool finished(Phase phase) {
  return phase == Phase::contracted || phase == Phase::aborted || phase == Phase::reverted;
}

std::string to_string(Phase phase) {
  return name_of(phase);
}
std::string to_string(State state) {
  return name_of(state);
}
Phase phase_from(std::string_view text) {
  return value_of<Phase>(text, "phase");
}
State state_from(std::string_view text) {
  return value_of<State>(text, "state");
}

std::string phase_diagram() {
  std::string out = "stateDiagram-v2\n    [*] --> planned\n";
  for (const PhaseTransition& transition : kTransitions) {
    out += fmt::format("    {} --> {}: {}\n", to_string(transition.from), to_string(transition.to),
                       transition.comment);
  }
  for (const Phase phase : {Phase::contracted, Phase::reverted, Phase::aborted})
    out += fmt::format("    {} --> [*]\n", to_string(phase));
  return out;
}

}  // namespace crossfade::orchestrator
