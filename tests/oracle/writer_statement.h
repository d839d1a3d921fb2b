// One SQL statement of an oracle's writer against its random table, with parameters numbered from 1 as they
// are added. A value that borrows the schema; one thread.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "postgres/query.h"
#include "postgres/quoting.h"
#include "tests/oracle/ledger.h"
#include "tests/oracle/random_schema.h"

namespace crossfade::tests {

class WriterStatement {
 public:
  explicit WriterStatement(const RandomSchema& schema) : schema_(schema) {}

  std::string add(postgres::Value value) {
    parameters_.push_back(std::move(value));
    return "$" + std::to_string(parameters_.size());
  }

  std::string key_is(const RowImage& row) {
    const std::vector<std::string> texts = schema_.key_texts(row.ordinal, row.variant);
    std::string out;
    for (std::size_t index = 0; index < texts.size(); ++index) {
      const KeyColumn& column = schema_.key[index];
      out += (out.empty() ? "" : " AND ") + postgres::quote_identifier(column.name) + " = " +
             add(texts[index]) + column.parameter_cast;
    }
    return "(" + out + ")";
  }

  std::string keys_are(const std::vector<const LedgerRow*>& rows) {
    std::string out;
    for (const LedgerRow* row : rows) out += (out.empty() ? "" : " OR ") + key_is(row->now);
    return out;
  }

  std::string assigned_key(int ordinal, int variant) {
    const std::vector<std::string> texts = schema_.key_texts(ordinal, variant);
    std::string out;
    for (std::size_t index = 0; index < texts.size(); ++index)
      out += (out.empty() ? "" : ", ") + postgres::quote_identifier(schema_.key[index].name) + " = " +
             add(texts[index]);
    return out;
  }

  /// Every column but the one whose value the server gives.
  std::string insert_columns() const {
    std::string out;
    for (const KeyColumn& column : schema_.key)
      out += (out.empty() ? "" : ", ") + postgres::quote_identifier(column.name);
    for (std::size_t index = 0; index < schema_.columns.size(); ++index) {
      if (schema_.identity != index) out += ", " + postgres::quote_identifier(schema_.columns[index].name);
    }
    return out;
  }

  std::string insert_values(const RowImage& row) {
    std::string out;
    for (const std::string& text : schema_.key_texts(row.ordinal, row.variant))
      out += (out.empty() ? "" : ", ") + add(text);
    for (std::size_t index = 0; index < schema_.columns.size(); ++index) {
      if (schema_.identity != index) out += ", " + add(row.values[index]);
    }
    return "(" + out + ")";
  }

  std::string assignments(const std::vector<std::pair<std::size_t, postgres::Value>>& changes) {
    std::string out;
    for (const auto& [column, value] : changes) {
      if (schema_.identity == column) continue;
      out += (out.empty() ? "" : ", ") + postgres::quote_identifier(schema_.columns[column].name) + " = " +
             (value ? add(value) : "NULL");
    }
    return out;
  }

  std::string returning() const {
    return fmt::format(
        " RETURNING tableoid::text AS relation, ctid::text AS place, {} AS number, {} AS serial",
        postgres::quote_identifier(schema_.columns[schema_.position].name),
        schema_.identity ? postgres::quote_identifier(schema_.columns[*schema_.identity].name) : "NULL");
  }

  std::string table() const { return schema_.table.quoted(); }
  std::string column(std::size_t index) const {
    return postgres::quote_identifier(schema_.columns[index].name);
  }
  const postgres::Parameters& parameters() const { return parameters_; }

 private:
  const RandomSchema& schema_;
  postgres::Parameters parameters_;
};

}  // namespace crossfade::tests
