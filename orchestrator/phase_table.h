// The phases of a run as one table: from, to, and what happens on the way. An unknown pair is fatal. The
// diagram in docs/architecture.md is printed from this table and checked by a test. Immutable data,
// thread-safe.
#pragma once

#include <boost/describe.hpp>
#include <span>
#include <string>
#include <string_view>

namespace crossfade::orchestrator {

enum class Phase {
  planned,
  expanding,
  copying,
  building,
  replaying,
  verifying,
  ready,
  soaking,
  reverted,
  contracted,
  aborted
};
BOOST_DESCRIBE_ENUM(Phase, planned, expanding, copying, building, replaying, verifying, ready, soaking,
                    reverted, contracted, aborted)

enum class State { running, waiting, paused, postponed, interrupted, failed, done };
BOOST_DESCRIBE_ENUM(State, running, waiting, paused, postponed, interrupted, failed, done)

struct PhaseTransition {
  Phase from;
  Phase to;
  std::string_view comment;
};

std::span<const PhaseTransition> phase_transitions();

/// Throws std::logic_error where the table has no such pair.
void require_transition(Phase from, Phase to);

/// Nothing of the run is left to do, and nothing of it is left in the database.
bool finished(Phase phase);

std::string to_string(Phase phase);
std::string to_string(State state);
/// Throw std::logic_error on an unknown word: the journal is newer than this binary, or damaged.
Phase phase_from(std::string_view text);
State state_from(std::string_view text);

/// The table as a Mermaid state diagram.
std::string phase_diagram();

}  // namespace crossfade::orchestrator
