// The demo's database: two roles, the table `public.orders` with a dozen column types and four indexes, and
// the migration that the demo runs on it. The functions block until the server is done; each call uses
// sessions of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>

namespace crossfade::orchestrator::demo {

inline constexpr const char* kShopDatabase = "shop";
inline constexpr const char* kOwnerRole = "demo_owner";  ///< owns database and table; no superuser
inline constexpr const char* kApplicationRole = "demo_application";  ///< has grants, owns nothing

/// Creates both roles and the database, which the owner role owns. `superuser_connection` is to any database.
/// Throws Failure or postgres::DatabaseError.
void create_shop_database(const std::string& superuser_connection);

/// Rows loaded so far.
using LoadListener = std::function<void(std::int64_t)>;

/// Creates the table, loads `rows` (> 0) in parallel, builds its indexes, grants the application role what it
/// needs and analyses. `owner_connection` is the owner role's, to the shop database. A stop request ends it
/// early, with the table unfinished. Throws Failure or postgres::DatabaseError.
void create_orders_table(const std::string& owner_connection, std::int64_t rows, const LoadListener& listener,
                         std::stop_token stop);

/// The totals that the application can compute from its own successful changes.
struct OrdersTotals {
  std::int64_t rows = 0;
  std::int64_t changes = 0;  ///< sum of orders.changes: one for each update of a row that is still there
};
OrdersTotals read_orders_totals(const std::string& owner_connection);

struct OrdersMigration {
  std::string file_name;
  std::string text;
  std::string headline;  ///< the change in one line
};
OrdersMigration orders_migration();

/// Creates `directory` with the migration file in it. Throws Failure where it cannot be written.
void write_orders_migration(const std::filesystem::path& directory);

}  // namespace crossfade::orchestrator::demo
