// What the operator's role has set for itself and what changes the meaning of an expression: time zone, date
// order, interval style, search_path (docs/protocol.md, rule 6). Read once, journalled with the run, and
// pinned in every session that evaluates the operator's own SQL. Free functions, thread-safe.
#pragma once

#include <boost/json.hpp>
#include <memory>
#include <string>

#include "postgres/connection.h"
#include "postgres/session.h"

namespace crossfade::orchestrator {

boost::json::object read_role_settings(postgres::Session& session);

/// Adds journalled settings to those that a session is opened with.
void pin_role_settings(postgres::SessionSettings& session, const boost::json::object& role_settings);

/// A session in which names and expressions mean what they mean to the role.
std::unique_ptr<postgres::Session> open_as_role(const postgres::SessionFactory& factory,
                                                const std::string& application_name);

}  // namespace crossfade::orchestrator
