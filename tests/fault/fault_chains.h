// Interruptions beside queries, several of them on the way of one run, so that a run's way is walked once for
// many of them. A point that was not met, because an earlier interruption has taken the run past it, is tried
// again alone.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/fault/scenarios.h"

namespace crossfade::tests {

struct FaultTrial {
  std::string query_name;
  int occurrence = 1;
  std::string moment;
  Scenario scenario;
  bool under_way = true;  ///< the run has begun by then, as far as the trace of a plain run tells
};

inline std::string fault_of(const FaultTrial& trial, std::string_view action) {
  return fmt::format("{}#{}:{}:{}", trial.query_name, trial.occurrence, trial.moment, action);
}

inline bool fired(const Scene& scene, const FaultTrial& trial) {
  return scene.times_traced("fired " + trial.query_name) > 0;
}

inline std::vector<FaultTrial> not_fired(const Scene& scene, const std::vector<FaultTrial>& chain) {
  std::vector<FaultTrial> out;
  for (const FaultTrial& trial : chain) {
    if (!fired(scene, trial)) out.push_back(trial);
  }
  return out;
}

/// In the order of their first time.
inline std::vector<std::string> distinct_queries(const std::vector<std::string>& traced) {
  std::set<std::string> seen;
  std::vector<std::string> out;
  for (const std::string& name : traced) {
    if (!name.ends_with(".rollback") && seen.insert(name).second) out.push_back(name);
  }
  return out;
}

/// A quick run interrupts at one moment of each query, or of one of `share`; with CROSSFADE_TEST_LONG=1 at
/// both of each. CROSSFADE_TEST_ONLY=NAME tries that query alone.
inline std::vector<FaultTrial> trials_of(const std::vector<std::string>& names, const Scenario& scenario,
                                         int share) {
  const char* only = std::getenv("CROSSFADE_TEST_ONLY");
  const bool thorough = std::getenv("CROSSFADE_TEST_LONG") != nullptr;
  std::vector<FaultTrial> out;
  int number = 0;
  for (const std::string& name : names) {
    if (only != nullptr && name != only) continue;
    if (++number % share != 0 && !thorough && only == nullptr) continue;
    const bool before = out.size() % 2 == 0;
    if (thorough || before) out.push_back({name, 1, "before", scenario});
    if (thorough || !before) out.push_back({name, 1, "after", scenario});
  }
  return out;
}

/// Trials of one scenario that one scene passes one after the other, spread over the whole run.
/// `early_alone`: for processes that may end by themselves where the run has not begun.
inline std::vector<std::vector<FaultTrial>> chains(const std::vector<FaultTrial>& all, std::size_t length,
                                                   bool early_alone) {
  std::map<std::string, std::vector<FaultTrial>> by_scenario;
  std::vector<std::vector<FaultTrial>> out;
  for (const FaultTrial& trial : all) {
    if (trial.under_way || !early_alone)
      by_scenario[trial.scenario.name].push_back(trial);
    else
      out.push_back({trial});
  }
  for (const auto& [name, of_scenario] : by_scenario) {
    const std::size_t each = of_scenario.front().scenario.plain() ? length : 1;
    const std::size_t count = (of_scenario.size() + each - 1) / each;
    const std::size_t first = out.size();
    out.resize(first + count);
    for (std::size_t index = 0; index < of_scenario.size(); ++index)
      out[first + index % count].push_back(of_scenario[index]);
  }
  return out;
}

/// `attempt` gets a chain and returns the trials whose point was not met: an earlier interruption may have
/// taken the run past it, or it is met only under certain concurrent changes. Each of these is repeated
/// alone, a few times, before that counts as a failure.
template <class Attempt>
void for_chains(const std::vector<std::vector<FaultTrial>>& all, const Attempt& attempt) {
  std::atomic<std::size_t> next = 0;
  const auto alone = [&](const FaultTrial& trial) {
    SCOPED_TRACE(fmt::format("{}#{} {} in \"{}\"", trial.query_name, trial.occurrence, trial.moment,
                             trial.scenario.name));
    bool met = false;
    // A later occurrence may not exist.
    for (int time = 0; time < (trial.occurrence == 1 ? 6 : 1) && !met; ++time) met = attempt({trial}).empty();
    EXPECT_TRUE(met || trial.occurrence > 1) << "the fault point was not met";
  };
  const auto work = [&] {
    for (std::size_t index = next++; index < all.size(); index = next++) {
      if (all[index].size() == 1) {
        alone(all[index].front());
        continue;
      }
      std::string names;
      for (const FaultTrial& trial : all[index]) names += " " + fault_of(trial, "");
      SCOPED_TRACE(fmt::format("in \"{}\":{}", all[index].front().scenario.name, names));
      for (const FaultTrial& trial : attempt(all[index])) alone(trial);
    }
  };
  // Two at a time: each waits for its server most of the time.
  const std::jthread other(work);
  work();
}

}  // namespace crossfade::tests
