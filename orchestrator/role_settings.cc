#include "orchestrator/role_settings.h"

namespace crossfade::orchestrator {

namespace {

// The role's own defaults, not what our sessions pin. Dates are always written as ISO; how they are read is
// the role's.
constexpr std::string_view kRoleSettings = R"sql(
SELECT name, CASE WHEN name = 'DateStyle' THEN 'ISO, ' || pg_catalog.split_part(reset_val, ', ', 2) ELSE reset_val END AS value
  FROM pg_catalog.pg_settings WHERE name IN ('TimeZone', 'IntervalStyle', 'DateStyle', 'search_path')
)sql";

}  // namespace

boost::json::object read_role_settings(postgres::Session& session) {
  boost::json::object out;
  const postgres::Rows rows = session.run({"session.settings", std::string(kRoleSettings)});
  for (const postgres::Row row : rows) out[row.text("name")] = row.text("value");
  return out;
}

void pin_role_settings(postgres::SessionSettings& session, const boost::json::object& role_settings) {
  for (const auto& setting : role_settings) {
    session.extra.emplace_back(std::string(setting.key()), std::string(setting.value().as_string()));
  }
}

std::unique_ptr<postgres::Session> open_as_role(const postgres::SessionFactory& factory,
                                                const std::string& application_name) {
  auto session = factory.open({.application_name = application_name});
  // It asks the catalog the same large questions again and again.
  session->run({"session.plans", "SET plan_cache_mode = force_generic_plan"});
  for (const auto& setting : read_role_settings(*session)) {
    session->run({"session.as_role", "SELECT pg_catalog.set_config($1, $2, false)"},
                 {std::string(setting.key()), std::string(setting.value().as_string())});
  }
  return session;
}

}  // namespace crossfade::orchestrator
