#include "postgres/problem.h"

namespace crossfade {

std::string describe(const Problem& problem) {
  std::string text = problem.object.empty() ? problem.message : problem.object + ": " + problem.message;
  const auto add = [&text](std::string_view label, const std::string& value) {
    if (!value.empty()) text.append("\n  ").append(label).append(": ").append(value);
  };
  add("expected", problem.expected);
  add("found", problem.found);
  add("next", problem.next);
  return text;
}

}  // namespace crossfade
