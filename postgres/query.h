// A named query and its result. The name is for logs, errors and fault points: dotted, from the general to
// the particular ("copy.chunk.finish"). Rows hold text values, because every path of the product that moves
// much data uses COPY. Values, safe to move between threads; a Row refers into its Rows and must not outlive
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace crossfade::postgres {

struct Query {
  std::string name;
  std::string text;
  /// Prepared on the session's first use, under its name: for a large query of fixed text that one session
  /// asks often, where planning takes longer than running. Every query of that name must have this text.
  bool prepared = false;
};

/// A parameter or a result value in text form; nullopt is NULL.
using Value = std::optional<std::string>;
using Parameters = std::vector<Value>;

class Rows;

class Row {
 public:
  Row(const Rows& rows, std::size_t index) : rows_(&rows), index_(index) {}

  const Value& value(std::string_view column) const;
  /// Throws std::logic_error where the value is NULL: the query promised one.
  const std::string& text(std::string_view column) const;
  std::string text_or(std::string_view column, std::string_view fallback) const;
  std::int64_t integer(std::string_view column) const;
  double real(std::string_view column) const;
  bool boolean(std::string_view column) const;
  bool is_null(std::string_view column) const { return !value(column).has_value(); }

 private:
  const Rows* rows_;
  std::size_t index_;
};

class Rows {
 public:
  Rows() = default;
  Rows(std::vector<std::string> columns, std::vector<Value> values, std::uint64_t affected);

  std::size_t size() const { return columns_.empty() ? 0 : values_.size() / columns_.size(); }
  bool empty() const { return size() == 0; }
  /// Rows changed by INSERT, UPDATE, DELETE, or returned by SELECT.
  std::uint64_t affected() const { return affected_; }
  const std::vector<std::string>& columns() const { return columns_; }

  Row operator[](std::size_t index) const;
  /// The only row; throws std::logic_error where there is not exactly one.
  Row only() const;
  /// All values of one row, in column order.
  std::span<const Value> values(std::size_t index) const;
  std::vector<Value> take_values() && { return std::move(values_); }

  class Iterator {
   public:
    Iterator(const Rows& rows, std::size_t index) : rows_(&rows), index_(index) {}
    Row operator*() const { return Row(*rows_, index_); }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return index_ != other.index_; }

   private:
    const Rows* rows_;
    std::size_t index_;
  };
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, size()}; }

 private:
  friend class Row;
  std::size_t column_index(std::string_view column) const;

  std::vector<std::string> columns_;
  std::vector<Value> values_;
  std::uint64_t affected_ = 0;
};

}  // namespace crossfade::postgres
