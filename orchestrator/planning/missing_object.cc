#include "orchestrator/planning/missing_object.h"

#include <regex>

namespace crossfade::orchestrator {

namespace {

/// sales.orders, "sales"."orders": orders
std::string last_part(std::string name) {
  if (name.ends_with('"')) {
    name.pop_back();
    const std::size_t open = name.rfind('"');
    return open == std::string::npos ? name : name.substr(open + 1);
  }
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos ? name : name.substr(dot + 1);
}

}  // namespace

std::string missing_object(const Problem& refusal) {
  if (refusal.code == "no-such-table")
    return last_part(refusal.found.empty() || refusal.found == "none" ? refusal.object : refusal.found);
  if (refusal.code != "statement-fails") return "";
  // PostgreSQL's own words; servers that speak another language are told by what they quote.
  static const std::regex quoted("\"([^\"]+)\"");
  static const std::regex called("(?:function|procedure|aggregate|operator) ([^ (]+)\\(");
  const bool missing = refusal.message.find("does not exist") != std::string::npos ||
                       refusal.message.find("invalid input value for enum") != std::string::npos;
  std::smatch match;
  if (!missing) return "";
  if (std::regex_search(refusal.message, match, called) || std::regex_search(refusal.message, match, quoted))
    return last_part(match[1]);
  return "";
}

}  // namespace crossfade::orchestrator
