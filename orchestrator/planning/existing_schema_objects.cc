#include "orchestrator/planning/existing_schema_objects.h"

#include <string_view>
#include <vector>

#include "migrations/tree.h"
#include "orchestrator/planning/catalog_facts.h"

namespace crossfade::orchestrator {

namespace {

namespace json = boost::json;
namespace tree = migrations::tree;

constexpr std::string_view kSchema = R"sql(
SELECT pg_catalog.pg_get_userbyid(n.nspowner) AS owner, current_user AS me
  FROM pg_catalog.pg_namespace n WHERE n.nspname = $1
)sql";

constexpr std::string_view kExtension = R"sql(
SELECT e.extversion AS version, n.nspname AS schema
  FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = $1
)sql";

constexpr std::string_view kStatisticsByName = R"sql(
SELECT s.oid::text AS oid FROM pg_catalog.pg_statistic_ext s
 WHERE s.stxnamespace = pg_catalog.to_regnamespace($1) AND s.stxname = $2
)sql";

std::optional<ExistingObject> existing_schema(postgres::Session& session, const json::object& fields) {
  const json::object* role = tree::object(fields, "authrole");
  std::string name = tree::text(fields, "schemaname");
  if (name.empty() && role != nullptr) name = tree::text(*role, "rolename");
  const postgres::Rows rows = session.run({"planning.existing_schema", std::string(kSchema)}, {name});
  if (rows.empty()) return std::nullopt;
  const std::string owner = rows[0].text("owner");
  if (role == nullptr) return ExistingObject{"the schema " + name, {"there", "there"}};
  std::string wanted = tree::text(*role, "rolename");
  if (wanted.empty()) wanted = rows[0].text("me");
  return ExistingObject{"the schema " + name, {"owned by " + wanted, "owned by " + owner}};
}

std::optional<ExistingObject> existing_extension(postgres::Session& session, const json::object& fields) {
  const std::string name = tree::text(fields, "extname");
  const postgres::Rows rows = session.run({"planning.existing_extension", std::string(kExtension)}, {name});
  if (rows.empty()) return std::nullopt;
  ExistingObject out{"the extension " + name, {"there", "there"}};
  const json::array* options = tree::array(fields, "options");
  if (options == nullptr) return out;
  for (const json::value& each : *options) {
    const json::object* option = tree::below(each, "DefElem");
    const json::object* argument = option == nullptr ? nullptr : tree::object(*option, "arg");
    const json::object* value = argument == nullptr ? nullptr : tree::object(*argument, "String");
    if (value == nullptr) continue;
    const bool version = tree::text(*option, "defname") == "new_version";
    if (!version && tree::text(*option, "defname") != "schema") continue;
    const std::string word = version ? ", version " : ", in schema ";
    *out.definitions.wanted += word + tree::text(*value, "sval");
    out.definitions.found += word + rows[0].text(version ? "version" : "schema");
  }
  return out;
}

std::optional<ExistingObject> existing_statistics(postgres::Session& session,
                                                  const migrations::Statement& statement,
                                                  const json::object& fields) {
  const std::vector<std::string> name = tree::strings(fields, "defnames");
  if (name.empty()) return std::nullopt;
  const std::string schema = name.size() > 1 ? name.front() : default_schema(session);
  const postgres::Rows rows = session.run({"planning.existing_statistics", std::string(kStatisticsByName)},
                                          {postgres::quote_identifier(schema), name.back()});
  if (rows.empty()) return std::nullopt;
  return ExistingObject{"the statistics " + name.back(),
                        statistics_definitions(session, statement, rows[0].text("oid"))};
}

}  // namespace

std::optional<ExistingObject> existing_outside_tables(postgres::Session& session,
                                                      const EarlierChanges& earlier,
                                                      const migrations::Statement& statement) {
  const bool schema = statement.node == "CreateSchemaStmt";
  const bool extension = statement.node == "CreateExtensionStmt";
  if (!statement.if_exists || (!schema && !extension && statement.node != "CreateStatsStmt"))
    return std::nullopt;
  const json::object fields = tree::parse(statement.tree);
  const std::vector<std::string> names = tree::strings(fields, "defnames");
  const std::string name = schema          ? tree::text(fields, "schemaname")
                           : extension     ? tree::text(fields, "extname")
                           : names.empty() ? ""
                                           : names.back();
  if (earlier.drops(name)) return std::nullopt;
  if (schema) return existing_schema(session, fields);
  if (extension) return existing_extension(session, fields);
  return existing_statistics(session, statement, fields);
}

}  // namespace crossfade::orchestrator
