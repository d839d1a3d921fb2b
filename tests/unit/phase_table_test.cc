#include "orchestrator/phase_table.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace crossfade::orchestrator {
namespace {

std::vector<Phase> every_phase() {
  std::vector<Phase> out;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<Phase>>(
      [&](auto description) { out.push_back(description.value); });
  return out;
}

std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t from = text.find(begin);
  const std::size_t to = text.find(end);
  if (from == std::string::npos || to == std::string::npos) return "no markers";
  return text.substr(from + begin.size(), to - from - begin.size());
}

TEST(PhaseTable, IsDrawnInTheArchitecturePage) {
  const std::filesystem::path page = std::filesystem::path(CROSSFADE_SOURCE_DIR) / "docs" / "architecture.md";
  std::ifstream stream(page);
  ASSERT_TRUE(stream) << page;
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  EXPECT_EQ(between(text, "<!-- phases -->\n", "<!-- /phases -->"),
            "```mermaid\n" + phase_diagram() + "```\n")
      << "put the diagram of orchestrator/phase_table.cc between the markers again";
}

TEST(PhaseTable, AcceptsItsOwnPairsAndNoOther) {
  std::set<std::pair<Phase, Phase>> known;
  for (const PhaseTransition& transition : phase_transitions()) {
    EXPECT_TRUE(known.emplace(transition.from, transition.to).second)
        << to_string(transition.from) << " to " << to_string(transition.to) << " stands twice";
    EXPECT_FALSE(transition.comment.empty());
  }
  ASSERT_FALSE(known.empty());
  for (const Phase from : every_phase()) {
    for (const Phase to : every_phase()) {
      if (known.contains({from, to})) {
        EXPECT_NO_THROW(require_transition(from, to)) << to_string(from) << " to " << to_string(to);
      } else {
        EXPECT_THROW(require_transition(from, to), std::logic_error)
            << to_string(from) << " to " << to_string(to);
      }
    }
  }
}

TEST(PhaseTable, NeverAbortsOrStartsOverWhatIsCutOver) {
  EXPECT_THROW(require_transition(Phase::soaking, Phase::aborted), std::logic_error);
  EXPECT_THROW(require_transition(Phase::soaking, Phase::planned), std::logic_error);
}

TEST(PhaseTable, LeadsNowhereFromAFinishedPhase) {
  for (const PhaseTransition& transition : phase_transitions()) {
    EXPECT_FALSE(finished(transition.from)) << to_string(transition.from);
  }
  EXPECT_TRUE(finished(Phase::contracted));
  EXPECT_TRUE(finished(Phase::aborted));
}

TEST(PhaseTable, ReadsTheWordsThatItWrites) {
  for (const Phase phase : every_phase()) EXPECT_EQ(phase_from(to_string(phase)), phase);
  EXPECT_THROW(phase_from("resting"), std::logic_error);
  EXPECT_THROW(state_from("resting"), std::logic_error);
}

}  // namespace
}  // namespace crossfade::orchestrator
