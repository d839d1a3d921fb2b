#include "strategies/grants.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace crossfade::strategies {

namespace {

using postgres::Grant;
using postgres::quote_identifier;

std::string role(const std::string& name) {
  return name.empty() ? "PUBLIC" : quote_identifier(name);
}

}  // namespace

std::vector<std::string> grant_statements(const postgres::Table& wanted, const postgres::Table& current,
                                          const postgres::QualifiedName& on) {
  if (wanted.default_grants == current.default_grants && wanted.grants == current.grants) return {};
  std::vector<std::string> out;
  std::set<std::string> grantees;
  for (const Grant& grant : current.grants) grantees.insert(grant.grantee);
  if (wanted.default_grants) {
    // NULL cannot be had back, but the owner's own privileges alone mean the same.
    grantees.erase(wanted.owner);
  } else {
    grantees.insert(wanted.owner);
  }
  for (const std::string& grantee : grantees) {
    out.push_back(fmt::format("REVOKE ALL ON TABLE {} FROM {} CASCADE", on.quoted(), role(grantee)));
  }
  if (wanted.default_grants) return out;
  for (const Grant& grant : wanted.grants) {
    const std::string column = grant.column.empty() ? "" : " (" + quote_identifier(grant.column) + ")";
    out.push_back(fmt::format("GRANT {}{} ON TABLE {} TO {}{}", grant.privilege, column, on.quoted(),
                              role(grant.grantee), grant.grantable ? " WITH GRANT OPTION" : ""));
  }
  return out;
}

postgres::Table with_target_names(postgres::Table source,
                                  const std::vector<std::pair<std::string, std::string>>& renamed) {
  std::vector<Grant> kept;
  for (Grant& grant : source.grants) {
    if (!grant.column.empty()) {
      const auto found = std::find_if(renamed.begin(), renamed.end(),
                                      [&](const auto& entry) { return entry.first == grant.column; });
      if (found == renamed.end()) continue;
      grant.column = found->second;
    }
    kept.push_back(std::move(grant));
  }
  source.grants = std::move(kept);
  return source;
}

}  // namespace crossfade::strategies
