// The roles that a statement names, and those that it makes. Pure functions, thread-safe.
#pragma once

#include <set>
#include <string>

#include "migrations/statement.h"

namespace crossfade::migrations {

/// Behind GRANT … TO, OWNER TO, AUTHORIZATION, in policies …; not CURRENT_USER and the like, nor PUBLIC.
std::set<std::string> named_roles(const Statement& statement);

/// Of CREATE ROLE, USER and GROUP; empty for all else.
std::string created_role(const Statement& statement);

}  // namespace crossfade::migrations
