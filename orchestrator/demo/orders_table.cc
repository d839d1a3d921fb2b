#include "orchestrator/demo/orders_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <future>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "postgres/connection.h"
#include "postgres/problem.h"
#include "postgres/quoting.h"
#include "postgres/session.h"

namespace crossfade::orchestrator::demo {

namespace {

using postgres::quote_identifier;
using postgres::Session;

std::unique_ptr<Session> open_session(const std::string& connection_string) {
  const postgres::SessionFactory factory{postgres::ConnectionTarget(connection_string)};
  return factory.open({.application_name = "crossfade demo"});
}

constexpr std::string_view kCreateTable = R"sql(
CREATE TYPE public.order_status AS ENUM ('placed', 'paid', 'packed', 'shipped', 'returned');
CREATE TABLE public.orders (
  id             serial,
  customer_id    integer NOT NULL,
  status         public.order_status NOT NULL DEFAULT 'placed',
  amount         numeric(12,2) NOT NULL,
  currency       char(3) NOT NULL DEFAULT 'EUR',
  placed_at      timestamptz NOT NULL DEFAULT pg_catalog.now(),
  shipped_on     date,
  delivery_time  interval,
  note           text,
  tags           text[] NOT NULL DEFAULT '{}',
  payload        jsonb NOT NULL DEFAULT '{}',
  reference      uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
  is_gift        boolean NOT NULL DEFAULT false,
  weight         double precision,
  warehouse      smallint,
  changes        integer NOT NULL DEFAULT 0
);
COMMENT ON TABLE public.orders IS 'One row for each order of the shop';
)sql";

// One row in 500 has a note that is long and does not compress, so that it is stored out of line.
constexpr std::string_view kLoadRows = R"sql(
INSERT INTO public.orders (id, customer_id, status, amount, currency, placed_at, shipped_on, delivery_time, note, tags,
                           payload, reference, is_gift, weight, warehouse)
SELECT n,
       1 + n * 7919 % $3::int8,
       (ARRAY['placed', 'paid', 'packed', 'shipped', 'returned'])[1 + n % 5]::public.order_status,
       (n * 104729 % 1000000) / 100.0,
       (ARRAY['EUR', 'USD', 'GBP'])[1 + n % 3],
       timestamptz '2026-01-01 00:00:00+00' + n * interval '13 seconds',
       CASE WHEN n % 5 >= 3 THEN date '2026-01-02' + (n / 6646)::int4 END,
       CASE WHEN n % 4 = 0 THEN n % 96 * interval '1 hour' END,
       CASE WHEN n % 500 = 0 THEN long_note.text WHEN n % 3 = 0 THEN 'Leave it at the door of number ' || n % 200 END,
       CASE n % 4 WHEN 0 THEN ARRAY['express', 'insured'] WHEN 1 THEN ARRAY['fragile'] ELSE '{}'::text[] END,
       pg_catalog.jsonb_build_object('channel', (ARRAY['web', 'shop', 'phone'])[1 + n % 3], 'items', 1 + n % 9),
       pg_catalog.md5('order ' || n)::uuid,
       n % 17 = 0,
       n % 30000 / 1000.0::float8,
       n % 12
  FROM pg_catalog.generate_series($1::int8, $2::int8) AS n
  LEFT JOIN LATERAL (SELECT pg_catalog.string_agg(pg_catalog.md5(n || ' ' || part), '') AS text
                       FROM pg_catalog.generate_series(1, 100) AS part
                      WHERE n % 500 = 0) AS long_note ON true
)sql";

constexpr std::string_view kIndexes[] = {
    "ALTER TABLE public.orders ADD CONSTRAINT orders_pkey PRIMARY KEY (id)",
    "CREATE INDEX orders_customer_id_idx ON public.orders (customer_id)",
    "CREATE INDEX orders_placed_at_idx ON public.orders (placed_at)",
    "CREATE UNIQUE INDEX orders_reference_idx ON public.orders (reference)",
};

constexpr std::string_view kTotals = R"sql(
SELECT pg_catalog.count(*) AS rows, COALESCE(pg_catalog.sum(changes), 0) AS changes FROM public.orders
)sql";

constexpr std::string_view kMigrationUp =
    R"sql(-- Order ids run out at two thousand million, and amounts need four decimals.

-- migrate:up
-- crossfade:sequence as bigint
-- crossfade:backfill orders.total_cents = (amount * 100)::bigint
ALTER TABLE orders
  ALTER COLUMN id TYPE bigint,
  ALTER COLUMN amount TYPE numeric(14,4),
  ADD COLUMN total_cents bigint,
  ADD CONSTRAINT orders_amount_not_negative CHECK (amount >= 0);

-- migrate:down
ALTER TABLE orders
  DROP CONSTRAINT orders_amount_not_negative,
  DROP COLUMN total_cents,
  ALTER COLUMN amount TYPE numeric(12,2),
  ALTER COLUMN id TYPE integer;
)sql";

/// What the loaders share. The listener is called under the lock, so that it hears the counts in order.
struct Loading {
  std::int64_t rows;
  const LoadListener& listener;
  const std::stop_token& stop;
  std::atomic<std::int64_t> next = 1;
  std::mutex mutex;
  std::int64_t loaded = 0;
};

/// Loads ranges of ids until there are none left.
void load_ranges(const std::string& connection, Loading& loading) {
  constexpr std::int64_t kRange = 20000;
  const std::int64_t rows = loading.rows;
  const auto session = open_session(connection);
  session->run({"demo.load.settings", "SET synchronous_commit = off"});
  while (!loading.stop.stop_requested()) {
    const std::int64_t first = loading.next.fetch_add(kRange);
    if (first > rows) return;
    const std::int64_t last = std::min(first + kRange - 1, rows);
    const std::int64_t customers = std::max<std::int64_t>(rows / 10, 1);
    session->run({"demo.load.rows", std::string(kLoadRows)},
                 {std::to_string(first), std::to_string(last), std::to_string(customers)});
    const std::scoped_lock lock(loading.mutex);
    loading.loaded += last - first + 1;
    if (loading.listener) loading.listener(loading.loaded);
  }
}

void load_rows(const std::string& connection, std::int64_t rows, const LoadListener& listener,
               const std::stop_token& stop) {
  constexpr int kLoaders = 2;
  Loading loading{.rows = rows, .listener = listener, .stop = stop};
  std::vector<std::future<void>> loaders;
  for (int loader = 0; loader < kLoaders; ++loader) {
    loaders.push_back(std::async(std::launch::async, [&] { load_ranges(connection, loading); }));
  }
  // Every loader has ended before the counters go, even where one has thrown.
  for (auto& loader : loaders) loader.wait();
  for (auto& loader : loaders) loader.get();
}

/// Runs the statements on two sessions at the same time: a machine with two cores builds two indexes in one
/// go.
void build_indexes(const std::string& connection, const std::stop_token& stop) {
  std::atomic<std::size_t> next = 0;
  const auto build = [&] {
    const auto session = open_session(connection);
    session->run({"demo.load.settings", "SET maintenance_work_mem = '128MB'"});
    for (std::size_t index = next++; index < std::size(kIndexes) && !stop.stop_requested(); index = next++) {
      session->run({"demo.load.index", std::string(kIndexes[index])});
    }
  };
  // ADD PRIMARY KEY locks out CREATE INDEX: the second session then waits in the server.
  auto second = std::async(std::launch::async, build);
  try {
    build();
  } catch (...) {
    second.wait();
    throw;
  }
  second.get();
}

}  // namespace

void create_shop_database(const std::string& superuser_connection) {
  const auto session = open_session(superuser_connection);
  for (const char* role : {kOwnerRole, kApplicationRole}) {
    session->run({"demo.create.role", "CREATE ROLE " + quote_identifier(role) + " LOGIN"});
  }
  session->run(
      {"demo.create.database", fmt::format("CREATE DATABASE {} OWNER {}", quote_identifier(kShopDatabase),
                                           quote_identifier(kOwnerRole))});
}

void create_orders_table(const std::string& owner_connection, std::int64_t rows, const LoadListener& listener,
                         std::stop_token stop) {
  const auto session = open_session(owner_connection);
  session->run({"demo.create.table", std::string(kCreateTable)});
  load_rows(owner_connection, rows, listener, stop);
  build_indexes(owner_connection, stop);
  if (stop.stop_requested()) return;
  session->run({"demo.create.sequence", "SELECT pg_catalog.setval('public.orders_id_seq', $1::int8)"},
               {std::to_string(rows)});
  const std::string application = quote_identifier(kApplicationRole);
  session->run({"demo.create.grants", "GRANT SELECT, INSERT, UPDATE, DELETE ON public.orders TO " +
                                          application + "; GRANT USAGE ON SEQUENCE public.orders_id_seq TO " +
                                          application});
  session->run({"demo.create.analyse", "VACUUM (ANALYZE) public.orders"});
}

OrdersTotals read_orders_totals(const std::string& owner_connection) {
  const auto session = open_session(owner_connection);
  const postgres::Rows totals = session->run({"demo.totals", std::string(kTotals)});
  return {.rows = totals.only().integer("rows"), .changes = totals.only().integer("changes")};
}

OrdersMigration orders_migration() {
  return {.file_name = "20261120_1000_order_ids_to_bigint.sql",
          .text = std::string(kMigrationUp),
          .headline = "id bigint, amount numeric(14,4), new total_cents, new CHECK"};
}

void write_orders_migration(const std::filesystem::path& directory) {
  const OrdersMigration migration = orders_migration();
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  std::ofstream file(directory / migration.file_name);
  file << migration.text;
  file.close();
  if (error || !file) {
    throw Failure(ExitCode::failed, {.code = "cannot-write-migration",
                                     .object = (directory / migration.file_name).string(),
                                     .message = "the demo's migration file cannot be written",
                                     .found = error ? error.message() : "the write failed",
                                     .next = "Check that the temporary folder is writable and not full."});
  }
}

}  // namespace crossfade::orchestrator::demo
