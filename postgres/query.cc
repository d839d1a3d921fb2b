#include "postgres/query.h"

#include <algorithm>
#include <stdexcept>

namespace crossfade::postgres {

const Value& Row::value(std::string_view column) const {
  return rows_->values(index_)[rows_->column_index(column)];
}

const std::string& Row::text(std::string_view column) const {
  const Value& found = value(column);
  if (!found) throw std::logic_error("column " + std::string(column) + " is NULL where a value was promised");
  return *found;
}

std::string Row::text_or(std::string_view column, std::string_view fallback) const {
  return value(column).value_or(std::string(fallback));
}

std::int64_t Row::integer(std::string_view column) const {
  return std::stoll(text(column));
}

double Row::real(std::string_view column) const {
  return std::stod(text(column));
}

bool Row::boolean(std::string_view column) const {
  return text(column) == "t";
}

Rows::Rows(std::vector<std::string> columns, std::vector<Value> values, std::uint64_t affected)
    : columns_(std::move(columns)), values_(std::move(values)), affected_(affected) {}

Row Rows::operator[](std::size_t index) const {
  if (index >= size())
    throw std::logic_error("row " + std::to_string(index) + " of " + std::to_string(size()));
  return Row(*this, index);
}

Row Rows::only() const {
  if (size() != 1) throw std::logic_error("expected one row, got " + std::to_string(size()));
  return Row(*this, 0);
}

std::span<const Value> Rows::values(std::size_t index) const {
  return std::span(values_).subspan(index * columns_.size(), columns_.size());
}

std::size_t Rows::column_index(std::string_view column) const {
  const auto found = std::find(columns_.begin(), columns_.end(), column);
  if (found == columns_.end()) throw std::logic_error("the result has no column " + std::string(column));
  return static_cast<std::size_t>(found - columns_.begin());
}

}  // namespace crossfade::postgres
