#include "orchestrator/planning/partition_bounds.h"

#include <fmt/format.h>

#include <algorithm>

#include "postgres/error.h"
#include "postgres/problem.h"
#include "strategies/name_collisions.h"

namespace crossfade::orchestrator {

namespace {

constexpr std::size_t kMostPartitions = 1000;
constexpr std::size_t kMostListed = 200;
/// A table of more pages (400 MB) is not read from end to end for a plan.
constexpr std::int64_t kFewPages = 50000;

constexpr std::string_view kHistogram = R"sql(
SELECT bounds[1] AS low, bounds[pg_catalog.array_upper(bounds, 1)] AS high
  FROM (SELECT histogram_bounds::pg_catalog.text::pg_catalog.text[] AS bounds FROM pg_catalog.pg_stats
         WHERE schemaname = $1 AND tablename = $2 AND attname = $3) s WHERE bounds IS NOT NULL
)sql";

constexpr std::string_view kInterval = R"sql(
SELECT months, EXTRACT(epoch FROM step - pg_catalog.make_interval(months => months))::bigint AS seconds
  FROM (SELECT step, (EXTRACT(year FROM step) * 12 + EXTRACT(month FROM step))::int AS months
          FROM (SELECT $1::pg_catalog.interval AS step) s) m
)sql";

// Months begin with the first, weeks with a Monday; by the clock of the session's time zone.
constexpr std::string_view kTimes = R"sql(
WITH edge AS (
  SELECT COALESCE(LEAST($1::{0}::timestamp, $4::{0}::timestamp), LOCALTIMESTAMP) AS low,
         GREATEST($2::{0}::timestamp, LOCALTIMESTAMP) AS high, $5::{0}::timestamp AS reach, $3::interval AS step),
start AS (
  SELECT edge.*, CASE WHEN {1} > 0 THEN pg_catalog.make_timestamp(month / {1} * {1} / 12, month / {1} * {1} % 12 + 1, 1, 0, 0, 0)
                      ELSE pg_catalog.date_bin(step, low, timestamp '2001-01-01') END AS first
    FROM edge, LATERAL (SELECT EXTRACT(year FROM low)::int * 12 + EXTRACT(month FROM low)::int - 1 AS month) m)
SELECT pg_catalog.to_char(begins, $6) AS suffix,
       pg_catalog.format('FOR VALUES FROM (%L) TO (%L)', begins::{0}::text, (begins + step)::{0}::text) AS bound
  FROM start, pg_catalog.generate_series(first, GREATEST(high + {2} * step, reach - interval '1 microsecond'), step) AS begins
 ORDER BY begins LIMIT 1001
)sql";

constexpr std::string_view kNumbers = R"sql(
WITH edge AS (
  SELECT COALESCE(LEAST($1::numeric, $4::numeric), 0) AS low, COALESCE($2::numeric, 0) AS high, $5::numeric AS reach,
         $3::numeric AS step, {0}::numeric AS most),
start AS (SELECT edge.*, pg_catalog.floor(low / step) * step AS first FROM edge)
SELECT pg_catalog.replace(begins::text, '-', 'm') AS suffix,
       pg_catalog.format('FOR VALUES FROM (%s) TO (%s)', begins, CASE WHEN begins + step > most THEN 'MAXVALUE' ELSE (begins + step)::text END) AS bound
  FROM start, pg_catalog.generate_series(first, GREATEST(high + {1} * step, reach - 1), step) AS begins
 WHERE most IS NULL OR begins <= most
 ORDER BY begins LIMIT 1001
)sql";

// pg_type.dat
constexpr std::uint32_t kDate = 1082;
constexpr std::uint32_t kTimestamp = 1114;
constexpr std::uint32_t kTimestampTz = 1184;
constexpr std::uint32_t kInt2 = 21;
constexpr std::uint32_t kInt4 = 23;
constexpr std::uint32_t kInt8 = 20;
constexpr std::uint32_t kNumeric = 1700;

class PartitionBounds {
 public:
  PartitionBounds(postgres::Session& session, const PartitionBoundsRequest& request)
      : session_(session),
        request_(request),
        wanted_(*request.wanted),
        source_(*request.source),
        taken_(request.taken) {
    out_.wanted = wanted_;
  }

  strategies::NewPartitioning plan() {
    for (const std::string& column : wanted_.columns) {
      if (request_.target->column(column) == nullptr)
        refuse("there is no column " + column + " in the new table", "one of its columns", column);
    }
    if (wanted_.method == "hash") hash();
    if (wanted_.method == "list") list();
    if (wanted_.method == "range") range();
    if (wanted_.default_partition) add("default", "DEFAULT");
    return std::move(out_);
  }

 private:
  [[noreturn]] void refuse(const std::string& message, const std::string& expected, const std::string& found,
                           const std::string& next = "Correct the directive crossfade:partition.") {
    throw Failure(ExitCode::refused, {.code = "cannot-partition",
                                      .object = source_.name.display(),
                                      .message = message,
                                      .expected = expected,
                                      .found = found,
                                      .next = next});
  }

  void add(const std::string& suffix, const std::string& bound) {
    const std::string name = strategies::chosen_name(source_.name.name, "", suffix, taken_);
    taken_.insert(name);
    out_.partitions.push_back({name, bound});
  }

  const postgres::Column& column() const { return *request_.target->column(wanted_.columns.front()); }

  void hash() {
    for (int part = 0; part < wanted_.count; ++part)
      add(fmt::format("p{}", part),
          fmt::format("FOR VALUES WITH (MODULUS {}, REMAINDER {})", wanted_.count, part));
  }

  bool reads_quickly() const {
    return source_.pages <= kFewPages ||
           std::any_of(source_.indexes.begin(), source_.indexes.end(), [&](const postgres::Index& index) {
             return index.valid && !index.partial && !index.key_columns.empty() &&
                    index.key_columns.front() == request_.source_column;
           });
  }

  void list() {
    std::vector<std::vector<std::string>> groups = wanted_.groups;
    if (groups.empty()) {
      if (request_.source_column.empty() || source_.pages > kFewPages)
        refuse("the values of " + wanted_.columns.front() + " are not looked for in a table of this size",
               "values (…), (…) in the directive", "none");
      const std::string name = postgres::quote_identifier(request_.source_column);
      const postgres::Rows rows = session_.run(
          {"planning.partition_values",
           fmt::format(
               "SELECT DISTINCT CAST({0} AS {1})::pg_catalog.text AS value FROM {2} WHERE {0} IS NOT NULL "
               "ORDER BY 1 LIMIT {3}",
               name, column().type, source_.name.quoted(), kMostListed + 1)});
      if (rows.size() > kMostListed)
        refuse(fmt::format("{} has more than {} values", wanted_.columns.front(), kMostListed),
               "fewer, or values (…), (…) in the directive", "more");
      for (const postgres::Row row : rows) groups.push_back({postgres::quote_literal(row.text("value"))});
    }
    for (const std::vector<std::string>& group : groups) {
      std::string bound;
      for (const std::string& value : group) bound += (bound.empty() ? "" : ", ") + value;
      add(readable(group.front()), "FOR VALUES IN (" + bound + ")");
    }
  }

  /// A literal as a part of a name.
  static std::string readable(const std::string& literal) {
    std::string out;
    for (const char c : literal) {
      const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
      if (letter) out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
      if (!letter && !out.empty() && out.back() != '_') out.push_back('_');
      if (out.size() == 30) break;
    }
    while (!out.empty() && out.back() == '_') out.pop_back();
    return out.empty() ? "value" : out;
  }

  struct Edges {
    postgres::Value low;
    postgres::Value high;
  };

  /// The least and the greatest value that there is, as texts.
  Edges edges() {
    if (request_.source_column.empty()) {
      if (wanted_.from && wanted_.to) return {};
      refuse(
          "the values of " + wanted_.columns.front() + " come with this migration, so that nobody knows them",
          "from '…' and to '…' in the directive", "a column without values");
    }
    if (!reads_quickly()) {
      const postgres::Rows rows =
          session_.run({"planning.partition_histogram", std::string(kHistogram)},
                       {source_.name.schema, source_.name.name, request_.source_column});
      if (rows.empty() && !(wanted_.from && wanted_.to))
        refuse(
            "the table is large, and has neither an index on " + request_.source_column + " nor statistics",
            "from '…' and to '…' in the directive, or ANALYZE", "neither");
      if (rows.empty()) return {};
      return {rows.only().value("low"), rows.only().value("high")};
    }
    const bool may_be_infinite = is_time();
    const std::string name = postgres::quote_identifier(request_.source_column);
    const postgres::Rows rows =
        session_.run({"planning.partition_edges",
                      fmt::format("SELECT CAST(pg_catalog.min({0}) AS {1})::pg_catalog.text AS low, "
                                  "CAST(pg_catalog.max({0}) AS {1})::pg_catalog.text AS high FROM {2}{3}",
                                  name, column().type, source_.name.quoted(),
                                  may_be_infinite ? " WHERE pg_catalog.isfinite(" + name + ")" : "")});
    return {rows.only().value("low"), rows.only().value("high")};
  }

  bool is_time() const {
    const std::uint32_t type = column().base_type_oid;
    return type == kDate || type == kTimestamp || type == kTimestampTz;
  }

  void range() {
    const std::uint32_t type = column().base_type_oid;
    const bool number = type == kInt2 || type == kInt4 || type == kInt8 || type == kNumeric;
    if (!is_time() && !number)
      refuse("an interval does not divide values of type " + column().type,
             "a date, a timestamp or a number; or by hash or list", column().type);
    try {
      is_time() ? times() : numbers();
    } catch (const postgres::DatabaseError& error) {
      if (error.connection_dead() || error.sqlstate().substr(0, 2) != "22") throw;
      refuse("the partitions cannot be computed: " + error.report().message,
             "an interval, and edges, of the column's type", "interval '" + wanted_.interval + "'");
    }
  }

  void times() {
    const postgres::Rows parts =
        session_.run({"planning.partition_interval", std::string(kInterval)}, {wanted_.interval});
    const std::int64_t months = parts.only().integer("months");
    const std::int64_t seconds = parts.only().integer("seconds");
    if (months < 0 || seconds < 0 || (months > 0) == (seconds > 0))
      refuse("an interval is a number of months, or of days or hours", "'1 month', '1 day', '6 hours'",
             wanted_.interval);
    const char* type = column().base_type_oid == kDate        ? "pg_catalog.date"
                       : column().base_type_oid == kTimestamp ? "pg_catalog.timestamp"
                                                              : "pg_catalog.timestamptz";
    const char* format = months > 0 && months % 12 == 0 ? "YYYY"
                         : months > 0                   ? "YYYY_MM"
                         : seconds % 86400 == 0         ? "YYYY_MM_DD"
                                                        : "YYYY_MM_DD_HH24MI";
    const Edges found = edges();
    add_all(session_.run(
        {"planning.partition_times", fmt::format(kTimes, type, months, wanted_.ahead)},
        {found.low, found.high, wanted_.interval, wanted_.from, wanted_.to, std::string(format)}));
  }

  void numbers() {
    const std::uint32_t type = column().base_type_oid;
    const char* most = type == kInt2   ? "32767"
                       : type == kInt4 ? "2147483647"
                       : type == kInt8 ? "9223372036854775807"
                                       : "NULL";
    const bool whole = !wanted_.interval.empty() &&
                       wanted_.interval.find_first_not_of("0123456789") == std::string::npos &&
                       wanted_.interval.find_first_not_of('0') != std::string::npos;
    if (!whole) refuse("an interval of numbers is a whole number above 0", "'1000000'", wanted_.interval);
    const Edges found = edges();
    add_all(session_.run({"planning.partition_numbers", fmt::format(kNumbers, most, wanted_.ahead)},
                         {found.low, found.high, wanted_.interval, wanted_.from, wanted_.to}));
  }

  void add_all(const postgres::Rows& rows) {
    if (rows.size() > kMostPartitions)
      refuse(fmt::format("there would be more than {} partitions", kMostPartitions), "a longer interval",
             wanted_.interval);
    for (const postgres::Row row : rows) add(row.text("suffix"), row.text("bound"));
  }

  postgres::Session& session_;
  const PartitionBoundsRequest& request_;
  const migrations::Partitioning& wanted_;
  const postgres::Table& source_;
  std::set<std::string> taken_;
  strategies::NewPartitioning out_;
};

}  // namespace

strategies::NewPartitioning plan_partitions(postgres::Session& session,
                                            const PartitionBoundsRequest& request) {
  return PartitionBounds(session, request).plan();
}

}  // namespace crossfade::orchestrator
