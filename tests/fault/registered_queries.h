// The names of all queries in the product's sources, read from the sources themselves, so that a new query
// cannot escape the fault tests. Names stand there as dotted literals; transactions and lock attempts make
// theirs by a suffix. Pure functions.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include "orchestrator/phase_table.h"

namespace crossfade::tests {

inline std::set<std::string> registered_queries() {
  static const std::regex dotted(R"re("([a-z_]+(?:\.[a-z_]+)+)")re");
  static const std::regex transaction(R"re(\b((?:Worker)?Transaction) \w+\([^;{}]*?"([a-z_.]+)")re");
  static const std::regex member_transaction(R"re(\btransaction_\(session, "([a-z_.]+)")re");
  static const std::regex wish(R"re("[A-Z ]+", "([a-z_.]+)"\})re");
  static const std::regex checked_source(R"re(lock_and_check_source\([^;{}]*?"([a-z_.]+)"\))re");
  static const std::regex copy(R"re(start_copy_(?:out|in)\(\s*\{"([a-z_.]+)")re");
  std::set<std::string> names;
  const auto each = [](const std::string& text, const std::regex& pattern, const auto& found) {
    for (std::sregex_iterator match(text.begin(), text.end(), pattern), end; match != end; ++match)
      found(*match);
  };
  const auto begin_and_commit = [&](const std::string& name) {
    names.insert(name + ".begin");
    names.insert(name + ".commit");
  };
  for (const char* folder : {"postgres", "checkers", "strategies", "orchestrator"}) {
    const std::filesystem::path root = std::filesystem::path(CROSSFADE_SOURCE_DIR) / folder;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (entry.path().extension() != ".cc" || entry.path().string().find("/demo") != std::string::npos)
        continue;
      std::ifstream file(entry.path());
      const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
      each(text, dotted, [&](const std::smatch& match) { names.insert(match[1]); });
      each(text, transaction, [&](const std::smatch& match) {
        begin_and_commit(match[2]);
        names.erase(match[2]);  // a transaction's own name is no query
        if (match[1] == "WorkerTransaction") names.insert(match[2].str() + ".fence");
      });
      each(text, member_transaction, [&](const std::smatch& match) { begin_and_commit(match[1]); });
      each(text, wish, [&](const std::smatch& match) {
        begin_and_commit(match[1]);
        names.erase(match[1]);
        for (const char* suffix : {".fence", ".yield_timeout", ".yield", ".savepoint", ".lock", ".release"})
          names.insert(match[1].str() + suffix);
      });
      each(text, copy, [&](const std::smatch& match) { names.insert(match[1].str() + ".data"); });
      each(text, checked_source,
           [&](const std::smatch& match) { names.insert(match[1].str() + ".lock_source"); });
    }
  }
  for (const orchestrator::PhaseTransition& transition : orchestrator::phase_transitions())
    names.insert("journal.advance." + orchestrator::to_string(transition.to));
  return names;
}

}  // namespace crossfade::tests
