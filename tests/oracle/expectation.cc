#include "tests/oracle/expectation.h"

#include <fmt/format.h>

#include <functional>

namespace crossfade::tests {

namespace {

using postgres::quote_identifier;
using postgres::quote_literal;
using postgres::Value;

std::string bare(const std::string& type) {
  return type.substr(0, type.find(" COLLATE "));
}

/// Rows as one text array a column, the parameters of unnest().
class TextColumns {
 public:
  explicit TextColumns(std::size_t columns) : columns_(columns) {}

  void add(std::vector<Value> row) {
    for (std::size_t index = 0; index < columns_.size(); ++index)
      columns_[index].push_back(std::move(row[index]));
  }
  postgres::Parameters parameters() const {
    postgres::Parameters out;
    for (const auto& column : columns_) out.push_back(postgres::array_literal(column));
    return out;
  }
  /// unnest(…) AS v(v1, v2, …)
  std::string from() const {
    std::string arrays;
    std::string names;
    for (std::size_t index = 1; index <= columns_.size(); ++index) {
      arrays += fmt::format("{}${}::text[]", index == 1 ? "" : ", ", index);
      names += fmt::format("{}v{}", index == 1 ? "" : ", ", index);
    }
    return fmt::format("unnest({}) AS v({})", arrays, names);
  }

 private:
  std::vector<std::vector<Value>> columns_;
};

std::vector<Value> row_values(const RandomSchema& schema, std::int64_t number, const RowImage& image) {
  std::vector<Value> out = {std::to_string(number)};
  for (const std::string& text : schema.key_texts(image.ordinal, image.variant)) out.emplace_back(text);
  out.insert(out.end(), image.values.begin(), image.values.end());
  return out;
}

}  // namespace

void Expectation::prepare() {
  std::string list;
  for (const KeyColumn& column : schema_.key) list += ", " + quote_identifier(column.name);
  for (const WrittenColumn& column : schema_.columns) list += ", " + quote_identifier(column.name);
  database_.execute(
      fmt::format("CREATE TABLE oracle_before AS SELECT 0::bigint AS ledger_number{} FROM {} WITH NO DATA",
                  list, schema_.table.quoted()));
}

std::vector<std::string> Expectation::differences_from(const Ledger& ledger) {
  load_before(ledger);
  create_expected();
  expect_transformed("oracle_before");
  load_inserted_later(ledger);
  overwrite_with_later_writes(ledger);
  compute_generated();
  return compare();
}

std::vector<std::string> Expectation::differences_from_old_table(const postgres::QualifiedName& old_table) {
  create_expected();
  expect_transformed(fmt::format("(SELECT 0 AS ledger_number, * FROM {})", old_table.quoted()));
  compute_generated();
  return compare();
}

void Expectation::load_before(const Ledger& ledger) {
  TextColumns rows(1 + schema_.key.size() + schema_.columns.size());
  for (const auto& [ordinal, row] : ledger.rows()) {
    if (const RowImage* image = row.old_image()) rows.add(row_values(schema_, row.number, *image));
  }
  std::string casts = "v1::bigint";
  std::size_t place = 1;
  for (const KeyColumn& column : schema_.key)
    casts += fmt::format(", CAST(v{} AS {})", ++place, bare(column.source_type));
  for (const WrittenColumn& column : schema_.columns)
    casts += fmt::format(", CAST(v{} AS {})", ++place, bare(column.source_type));
  database_.execute(fmt::format("INSERT INTO oracle_before SELECT {} FROM {}", casts, rows.from()),
                    rows.parameters());
}

void Expectation::create_expected() {
  std::string columns = "ledger_number bigint";
  for (const KeyColumn& column : schema_.key)
    columns += ", " + quote_identifier(column.name) + " " + column.target_type;
  for (const WrittenColumn& column : schema_.columns)
    columns += ", " + quote_identifier(column.name) + " " + column.target_type;
  for (const DerivedColumn& column : schema_.derived)
    columns += ", " + quote_identifier(column.name) + " " + column.target_type;
  database_.execute("DROP TABLE IF EXISTS oracle_expected; CREATE TABLE oracle_expected (" + columns + ")");
}

void Expectation::expect_transformed(const std::string& from) {
  std::string list = "t.ledger_number";
  for (const KeyColumn& column : schema_.key)
    list += fmt::format(", CAST(t.{} AS {})", quote_identifier(column.name), bare(column.target_type));
  for (const WrittenColumn& column : schema_.columns) list += ", " + column.transformed;
  for (const DerivedColumn& column : schema_.derived)
    list += column.generated ? ", NULL::" + column.target_type : ", " + column.transformed;
  database_.execute(fmt::format("INSERT INTO oracle_expected SELECT {} FROM {} AS t", list, from));
}

void Expectation::load_inserted_later(const Ledger& ledger) {
  TextColumns rows(1 + schema_.key.size() + schema_.columns.size());
  for (const auto& [ordinal, row] : ledger.rows()) {
    if (row.inserted_in_new) rows.add(row_values(schema_, row.number, row.now));
  }
  std::string casts = "v1::bigint";
  std::size_t place = 1;
  for (const KeyColumn& column : schema_.key)
    casts += fmt::format(", CAST(v{} AS {})", ++place, bare(column.target_type));
  for (const WrittenColumn& column : schema_.columns)
    casts += fmt::format(", CAST(v{} AS {})", ++place, bare(column.target_type));
  for (const DerivedColumn& column : schema_.derived)
    casts += column.generated ? ", NULL::" + column.target_type : ", " + column.otherwise;
  database_.execute(fmt::format("INSERT INTO oracle_expected SELECT {} FROM {}", casts, rows.from()),
                    rows.parameters());
}

void Expectation::overwrite_with_later_writes(const Ledger& ledger) {
  const auto overwrite = [&](const std::string& name, const std::string& type,
                             const std::function<std::optional<Value>(const LedgerRow&)>& value_of) {
    TextColumns values(2);
    for (const auto& [ordinal, row] : ledger.rows()) {
      if (row.inserted_in_new) continue;
      if (const auto value = value_of(row)) values.add({std::to_string(row.number), *value});
    }
    database_.execute(
        fmt::format("UPDATE oracle_expected SET {} = CAST(v2 AS {}) FROM {} WHERE ledger_number = v1::bigint",
                    quote_identifier(name), bare(type), values.from()),
        values.parameters());
  };
  for (std::size_t index = 0; index < schema_.key.size(); ++index) {
    overwrite(schema_.key[index].name, schema_.key[index].target_type, [&](const LedgerRow& row) {
      return row.key_written_in_new
                 ? std::optional<Value>(schema_.key_texts(row.now.ordinal, row.now.variant)[index])
                 : std::nullopt;
    });
  }
  for (std::size_t index = 0; index < schema_.columns.size(); ++index) {
    overwrite(schema_.columns[index].name, schema_.columns[index].target_type, [&](const LedgerRow& row) {
      return row.written_in_new[index] ? std::optional<Value>(row.now.values[index]) : std::nullopt;
    });
  }
}

void Expectation::compute_generated() {
  for (const DerivedColumn& column : schema_.derived) {
    if (column.generated)
      database_.execute(fmt::format("UPDATE oracle_expected AS e SET {} = {}", quote_identifier(column.name),
                                    column.otherwise));
  }
}

std::vector<std::string> Expectation::compare() {
  std::vector<std::string> found = database_.column(fmt::format(
      R"sql(
SELECT pg_catalog.format('column %I has not the type, collation or presence that it should have', attname)
  FROM (SELECT attrelid, attname, atttypid, atttypmod, attcollation FROM pg_catalog.pg_attribute
         WHERE attnum > 0 AND NOT attisdropped AND attname <> 'ledger_number'
           AND attrelid IN ('oracle_expected'::regclass, {}::regclass)) AS columns
 GROUP BY attname, atttypid, atttypmod, attcollation HAVING count(*) <> 2
 ORDER BY attname)sql",
      quote_literal(schema_.table.quoted())));
  if (!found.empty()) return found;

  std::string key;
  std::string names;
  std::string unequal;
  // As records, by image: two bare row constructors would be compared column by column, by equality.
  const auto add = [&](const std::string& name) {
    const std::string quoted = quote_identifier(name);
    names += (names.empty() ? "" : ", ") + quoted;
    unequal += fmt::format(
        "{0}CASE WHEN ROW(e.{1})::record OPERATOR(pg_catalog.*=) ROW(n.{1})::record THEN NULL ELSE {2} || "
        "coalesce(left(e.{1}::text, 60), 'NULL') || ' / ' || coalesce(left(n.{1}::text, 60), 'NULL') END",
        unequal.empty() ? "" : ", ", quoted, quote_literal(name + ": "));
  };
  for (const KeyColumn& column : schema_.key) {
    key += (key.empty() ? "" : ", ") + quote_identifier(column.name);
    add(column.name);
  }
  for (const WrittenColumn& column : schema_.columns) add(column.name);
  for (const DerivedColumn& column : schema_.derived) add(column.name);
  const auto side = [&](const std::string& table) {
    return fmt::format(
        "(SELECT ROW({0})::text COLLATE \"C\" AS key_text, row_number() OVER (PARTITION BY ROW({0})::text "
        "COLLATE \"C\") AS copy, {1} FROM {2})",
        key, names, table);
  };
  return database_.column(fmt::format(
      R"sql(
SELECT CASE WHEN n.key_text IS NULL THEN 'missing ' || e.key_text WHEN e.key_text IS NULL THEN 'extra ' || n.key_text
            ELSE 'changed ' || e.key_text || ' (expected / found) ' || unequal END
  FROM {} AS e FULL JOIN {} AS n ON e.key_text = n.key_text AND e.copy = n.copy
 CROSS JOIN LATERAL (SELECT pg_catalog.concat_ws('; ', {}) AS unequal) AS cells
 WHERE e.key_text IS NULL OR n.key_text IS NULL OR unequal <> ''
 ORDER BY coalesce(e.key_text, n.key_text) LIMIT 12)sql",
      side("oracle_expected"), side(schema_.table.quoted()), unequal));
}

}  // namespace crossfade::tests
