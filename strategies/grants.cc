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

/// What an object of one kind grants.
struct Acl {
  bool by_default;  ///< the catalog holds NULL: the owner's own privileges
  const std::vector<Grant>& grants;
};

/// Nobody passes on what nobody has given yet.
std::vector<Grant> in_order(std::vector<Grant> grants, const std::string& owner) {
  std::vector<Grant> out;
  std::set<std::pair<std::string, std::string>> may_grant;  // role, privilege
  while (!grants.empty()) {
    const auto next = std::find_if(grants.begin(), grants.end(), [&](const Grant& grant) {
      return grant.grantor == owner || may_grant.contains({grant.grantor, grant.privilege});
    });
    // What is left hangs in the air; the server says so.
    const auto taken = next == grants.end() ? grants.begin() : next;
    if (taken->grantable) may_grant.insert({taken->grantee, taken->privilege});
    out.push_back(std::move(*taken));
    grants.erase(taken);
  }
  return out;
}

struct GrantedObject {
  std::string schema;  ///< empty: nobody needs rights on it to name the object
  std::string name;    ///< with its kind in front
};

std::vector<std::string> statements(const Acl& wanted, const Acl& current, const std::string& owner,
                                    const GrantedObject& granted) {
  const std::string& object = granted.name;
  if (wanted.by_default == current.by_default && wanted.grants == current.grants) return {};
  std::vector<std::string> out;
  std::set<std::string> grantees;
  for (const Grant& grant : current.grants) grantees.insert(grant.grantee);
  if (wanted.by_default) {
    // NULL cannot be had back, but the owner's own privileges alone mean the same.
    grantees.erase(owner);
  } else {
    grantees.insert(owner);
  }
  for (const std::string& grantee : grantees) {
    out.push_back(fmt::format("REVOKE ALL ON {} FROM {} CASCADE", object, role(grantee)));
  }
  for (const Grant& grant : in_order(wanted.grants, owner)) {
    // Columns may have grants of their own beside that.
    if (wanted.by_default && grant.column.empty()) continue;
    const std::string column = grant.column.empty() ? "" : " (" + quote_identifier(grant.column) + ")";
    const bool by_another = grant.grantor != owner;
    // A grant is recorded with the role that made it, and only that role can make it so.
    if (by_another && granted.schema.starts_with("crossfade_")) {
      out.push_back(fmt::format("GRANT USAGE ON SCHEMA {} TO {}", quote_identifier(granted.schema),
                                quote_identifier(grant.grantor)));
    }
    if (by_another) out.push_back("SET LOCAL ROLE " + quote_identifier(grant.grantor));
    out.push_back(fmt::format("GRANT {}{} ON {} TO {}{}", grant.privilege, column, object,
                              role(grant.grantee), grant.grantable ? " WITH GRANT OPTION" : ""));
    if (by_another) out.push_back("RESET ROLE");
  }
  return out;
}

}  // namespace

std::vector<std::string> grant_statements(const postgres::Table& wanted, const postgres::Table& current,
                                          const postgres::QualifiedName& on) {
  return statements({wanted.default_grants, wanted.grants}, {current.default_grants, current.grants},
                    wanted.owner, {on.schema, "TABLE " + on.quoted()});
}

std::vector<std::string> sequence_grant_statements(const postgres::Column& wanted,
                                                   const postgres::Column& current, const std::string& owner,
                                                   const postgres::QualifiedName& on) {
  return statements({wanted.owned_sequence_default_grants, wanted.owned_sequence_grants},
                    {current.owned_sequence_default_grants, current.owned_sequence_grants}, owner,
                    {on.schema, "SEQUENCE " + on.quoted()});
}

std::vector<std::string> routine_grant_statements(const postgres::DependentFunction& wanted,
                                                  const postgres::DependentFunction& current,
                                                  const std::string& signature) {
  std::vector<Grant> present = current.grants;
  // What a routine grants by itself, everybody has.
  if (current.default_grants) present.push_back({.grantee = "", .privilege = "EXECUTE"});
  std::vector<std::string> out =
      statements({wanted.default_grants, wanted.grants}, {current.default_grants, present}, wanted.owner,
                 {"", "ROUTINE " + signature});
  if (current.default_grants && wanted.default_grants) return {};
  if (wanted.default_grants && !out.empty())
    out.push_back("GRANT EXECUTE ON ROUTINE " + signature + " TO PUBLIC");
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

postgres::Table with_owner(postgres::Table source, const std::string& owner) {
  const std::string before = std::exchange(source.owner, owner);
  const auto passed_on = [&](std::vector<Grant>& grants) {
    for (Grant& grant : grants) {
      if (grant.grantee == before) grant.grantee = owner;
      if (grant.grantor == before) grant.grantor = owner;
    }
  };
  passed_on(source.grants);
  for (postgres::Column& column : source.columns) passed_on(column.owned_sequence_grants);
  return source;
}

}  // namespace crossfade::strategies
