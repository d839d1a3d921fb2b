#include "orchestrator/demo/application_session.h"

#include <algorithm>
#include <pqxx/pqxx>
#include <utility>

namespace crossfade::orchestrator::demo {

namespace {

struct Statement {
  const char* name;
  const char* text;
};

// Reads go as unnamed parameterised statements and writes as prepared ones, so that both ways cross the
// cutover.
constexpr Statement kLookUp = {"look_up", R"sql(
SELECT id::bigint, customer_id::bigint, status::text, amount::text, placed_at::text, tags::text, payload ->> 'channel'
  FROM public.orders WHERE id = $1::bigint
)sql"};

constexpr Statement kListCustomer = {"list_customer", R"sql(
SELECT id::bigint, amount::text, shipped_on::text, note::text
  FROM public.orders
 WHERE customer_id = (SELECT customer_id FROM public.orders WHERE id = $1::bigint)
 ORDER BY placed_at DESC LIMIT 20
)sql"};

constexpr Statement kLock = {"lock", R"sql(
SELECT id::bigint, amount::text FROM public.orders WHERE id = $1::bigint FOR UPDATE
)sql"};

constexpr Statement kInsert = {"insert", R"sql(
INSERT INTO public.orders (customer_id, amount, currency, note, tags, payload, is_gift, weight, warehouse)
VALUES (1 + $1::bigint % 100000, ($1::bigint % 1000000) / 100.0, 'EUR', 'Order taken at ' || pg_catalog.now()::text,
        ARRAY['new'], '{"channel": "web", "items": 1}', $1::bigint % 17 = 0, $1::bigint % 30000 / 1000.0, $1::bigint % 12)
RETURNING id::bigint
)sql"};

constexpr Statement kUpdate = {"update", R"sql(
UPDATE public.orders
   SET status = 'paid', amount = ($2::bigint % 1000000) / 100.0, changes = changes + 1,
       payload = payload || pg_catalog.jsonb_build_object('paid_at', pg_catalog.now())
 WHERE id = $1::bigint
)sql"};

constexpr Statement kShip = {"ship", R"sql(
UPDATE public.orders SET status = 'shipped', shipped_on = CURRENT_DATE, changes = changes + 1 WHERE id = $1::bigint
)sql"};

constexpr Statement kChangeKey = {"change_key", R"sql(
UPDATE public.orders SET id = pg_catalog.nextval('public.orders_id_seq'), changes = changes + 1 WHERE id = $1::bigint
RETURNING id::bigint
)sql"};

constexpr Statement kDelete = {"delete", R"sql(
DELETE FROM public.orders WHERE id = $1::bigint RETURNING changes::bigint
)sql"};

/// Empty for an error that did not come from the server.
std::string sqlstate_of(const pqxx::failure& error) {
  // libpqxx 6.4 drops the SQLSTATE of these three, and two of them are no sql_error there.
  if (dynamic_cast<const pqxx::insufficient_privilege*>(&error) != nullptr) return "42501";
  if (dynamic_cast<const pqxx::serialization_failure*>(&error) != nullptr) return "40001";
  if (dynamic_cast<const pqxx::deadlock_detected*>(&error) != nullptr) return "40P01";
  const auto* sql_error = dynamic_cast<const pqxx::sql_error*>(&error);
  return sql_error == nullptr ? std::string() : std::string(sql_error->sqlstate());
}

constexpr Statement kPrepared[] = {kInsert, kUpdate, kShip, kChangeKey, kDelete};

}  // namespace

OwnChanges& OwnChanges::operator+=(const OwnChanges& other) {
  rows_inserted += other.rows_inserted;
  rows_deleted += other.rows_deleted;
  keys_changed += other.keys_changed;
  changes_added += other.changes_added;
  changes_removed += other.changes_removed;
  in_doubt += other.in_doubt;
  return *this;
}

/// Sends statements, measures each, and turns libpqxx's exceptions into QueryFailed.
class ApplicationSession::Connection {
 public:
  Connection(const std::string& connection_string, LatencyRecord& record)
      : record_(record), connection_(connection_string), quiet_(connection_), statements_(connection_) {
    for (const Statement& statement : kPrepared) connection_.prepare(statement.name, statement.text);
  }

  enum class Place { only, inside, last };

  template <class... Parameters>
  pqxx::result read(const Statement& statement, Place place, const Parameters&... parameters) {
    return measured(statement.name, place, false,
                    [&] { return statements_.exec_params(statement.text, parameters...); });
  }

  template <class... Parameters>
  pqxx::result write(const Statement& statement, Place place, const Parameters&... parameters) {
    return measured(statement.name, place, true,
                    [&] { return statements_.exec_prepared(statement.name, parameters...); });
  }

  void control(const char* command, Place place) {
    const bool commit = place == Place::last;
    measured(command, place, commit, [&] { return statements_.exec(command); });
  }

 private:
  template <class Send>
  pqxx::result measured(const char* name, Place place, bool changes, Send send) {
    const auto sent = TrafficClock::now();
    const auto finish = [&](bool ends_transaction) {
      const auto ended = TrafficClock::now();
      record_.add(ended, ended - sent, ends_transaction);
    };
    // A statement of its own commits by itself: with its connection lost nobody knows whether it has.
    const bool commits = changes && place != Place::inside;
    try {
      pqxx::result result = send();
      finish(place != Place::inside);
      return result;
    } catch (const pqxx::failure& error) {
      finish(false);
      const std::string sqlstate = sqlstate_of(error);
      const bool lost = sqlstate.empty() || !connection_.is_open();
      if (!lost && place != Place::only) roll_back();
      throw QueryFailed(name, lost ? "08006" : sqlstate, error.what(), lost, lost && commits);
    }
  }

  void roll_back() {
    try {
      statements_.exec("ROLLBACK");
    } catch (const pqxx::failure&) {
      // The next query reports that the connection is gone.
    }
  }

  LatencyRecord& record_;
  pqxx::connection connection_;
  pqxx::quiet_errorhandler quiet_;  // every failure is reported by the traffic itself
  pqxx::nontransaction statements_;
};

ApplicationSession::ApplicationSession(const std::string& connection_string, std::uint64_t seed,
                                       LatencyRecord& record)
    : random_(seed) {
  try {
    connection_ = std::make_unique<Connection>(connection_string, record);
  } catch (const pqxx::failure& error) {
    throw QueryFailed("connect", "08001", error.what(), true, false);
  }
}

ApplicationSession::~ApplicationSession() = default;

std::int64_t ApplicationSession::random_id(std::int64_t highest_id) {
  // A shop's customers look at fresh orders most: some rows are hot, most are cold.
  constexpr std::int64_t kFresh = 2000;
  const bool fresh = random_() % 4 == 0;
  const std::int64_t lowest = fresh ? std::max<std::int64_t>(highest_id - kFresh, 1) : 1;
  return std::uniform_int_distribution<std::int64_t>(lowest, std::max(highest_id, lowest))(random_);
}

ApplicationSession::Outcome ApplicationSession::run_transaction(std::int64_t highest_id) {
  const auto dice = random_() % 100;
  const std::int64_t id = random_id(highest_id);
  if (dice < 42) return look_up(id);
  if (dice < 47) return list_customer(id);
  if (dice < 72) return update(id);
  if (dice < 87) return insert();
  if (dice < 92) return remove(id);
  if (dice < 94) return change_key(id);
  return several_statements(id, random_id(highest_id));
}

ApplicationSession::Outcome ApplicationSession::look_up(std::int64_t id) {
  connection_->read(kLookUp, Connection::Place::only, id);
  return {};
}

ApplicationSession::Outcome ApplicationSession::list_customer(std::int64_t id) {
  connection_->read(kListCustomer, Connection::Place::only, id);
  return {};
}

ApplicationSession::Outcome ApplicationSession::update(std::int64_t id) {
  const auto value = static_cast<std::int64_t>(random_() >> 1U);
  const auto result = connection_->write(kUpdate, Connection::Place::only, id, value);
  return {.changes = {.changes_added = static_cast<std::int64_t>(result.affected_rows())}};
}

ApplicationSession::Outcome ApplicationSession::insert() {
  const auto value = static_cast<std::int64_t>(random_() >> 1U);
  const auto result = connection_->write(kInsert, Connection::Place::only, value);
  return {.changes = {.rows_inserted = 1}, .highest_id = result[0][0].as<std::int64_t>()};
}

ApplicationSession::Outcome ApplicationSession::remove(std::int64_t id) {
  const auto result = connection_->write(kDelete, Connection::Place::only, id);
  Outcome outcome;
  for (const auto& row : result) {
    ++outcome.changes.rows_deleted;
    outcome.changes.changes_removed += row[0].as<std::int64_t>();
  }
  return outcome;
}

ApplicationSession::Outcome ApplicationSession::change_key(std::int64_t id) {
  const auto result = connection_->write(kChangeKey, Connection::Place::only, id);
  Outcome outcome;
  for (const auto& row : result) {
    ++outcome.changes.keys_changed;
    ++outcome.changes.changes_added;
    outcome.highest_id = row[0].as<std::int64_t>();
  }
  return outcome;
}

ApplicationSession::Outcome ApplicationSession::several_statements(std::int64_t first, std::int64_t second) {
  using Place = Connection::Place;
  // Always in the order of the ids, so that two such transactions never wait for one another.
  const auto [lower, higher] = std::minmax(first, second);
  const auto value = static_cast<std::int64_t>(random_() >> 1U);
  Outcome outcome;
  connection_->control("BEGIN", Place::inside);
  connection_->read(kLock, Place::inside, lower);
  connection_->read(kLock, Place::inside, higher);
  const auto updated = connection_->write(kUpdate, Place::inside, lower, value);
  outcome.changes.changes_added += static_cast<std::int64_t>(updated.affected_rows());
  connection_->control("SAVEPOINT shipping", Place::inside);
  const auto shipped = connection_->write(kShip, Place::inside, higher);
  if (value % 3 == 0) {
    connection_->control("ROLLBACK TO SAVEPOINT shipping", Place::inside);
  } else {
    outcome.changes.changes_added += static_cast<std::int64_t>(shipped.affected_rows());
  }
  connection_->control("COMMIT", Place::last);
  return outcome;
}

}  // namespace crossfade::orchestrator::demo
