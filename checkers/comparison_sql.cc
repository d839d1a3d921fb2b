#include "checkers/comparison_sql.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "postgres/quoting.h"

namespace crossfade::checkers {

namespace {

std::string collated(std::string expression, const std::string& collation) {
  return collation.empty() ? expression : "(" + expression + " COLLATE " + collation + ")";
}

const std::string& operator_schema(const KeyColumn& key, Side side) {
  return side == Side::left ? key.left_operator_schema : key.right_operator_schema;
}

std::string signed_with(const KeyColumn& key, Side side, std::string_view sign) {
  return " OPERATOR(" + postgres::quote_identifier(operator_schema(key, side)) + "." + std::string(sign) +
         ") ";
}

std::string joined(std::size_t count, std::string_view separator,
                   const std::function<std::string(std::size_t)>& part) {
  std::string out;
  for (std::size_t index = 0; index < count; ++index) {
    if (index > 0) out.append(separator);
    out.append(part(index));
  }
  return out;
}

std::string key_name(std::size_t index) {
  return "crossfade_key_" + std::to_string(index + 1);
}

std::string parameter_name(std::size_t index) {
  return "key_" + std::to_string(index + 1);
}

std::string parameters_as_rows(const Comparison& comparison, std::string_view suffix) {
  return "ROWS FROM (" +
         joined(comparison.keys.size(), ", ",
                [](std::size_t index) {
                  return "pg_catalog.unnest($" + std::to_string(index + 1) + "::pg_catalog.text[])";
                }) +
         ")" + std::string(suffix);
}

std::string distinct_keys(const Comparison& comparison, Side side, std::string_view source,
                          const std::function<std::string(std::size_t)>& column,
                          const std::string& condition) {
  return "SELECT DISTINCT " +
         joined(comparison.keys.size(), ", ",
                [&](std::size_t index) {
                  return as_key(comparison.keys[index], side, column(index)) + " AS " + key_name(index);
                }) +
         " FROM " + std::string(source) + " WHERE " + condition;
}

std::vector<std::string> bound(const Comparison& comparison, Side side, const KeyText& texts) {
  std::vector<std::string> literals;
  for (std::size_t index = 0; index < comparison.keys.size(); ++index)
    literals.push_back(key_literal(comparison, side, index, texts.at(index)));
  return literals;
}

std::string within(const Comparison& comparison, Side side, const std::vector<std::string>& key,
                   const KeyRange& range) {
  std::string condition;
  if (range.lower)
    condition = compare_rows(comparison, side, key, ">=", bound(comparison, side, *range.lower));
  if (range.upper) {
    if (!condition.empty()) condition += " AND ";
    condition += compare_rows(comparison, side, key, "<", bound(comparison, side, *range.upper));
  }
  return condition.empty() ? "true" : condition;
}

}  // namespace

std::string side_rows(const Comparison& comparison, Side side) {
  return "(" + (side == Side::left ? comparison.left_select : comparison.right_select) + ")";
}

std::string key_of(std::string_view row, std::size_t index) {
  return std::string(row) + "." + key_name(index);
}

std::string right_key(const Comparison& comparison, Side side, std::string_view row, std::size_t index) {
  return side == Side::left ? as_key(comparison.keys[index], Side::right, key_of(row, index))
                            : key_of(row, index);
}

std::string key_texts(const Comparison& comparison, std::string_view row) {
  return joined(comparison.keys.size(), ", ", [&](std::size_t index) {
    return "CAST(" + key_of(row, index) + " AS pg_catalog.text) AS text_" + std::to_string(index + 1);
  });
}

KeyText read_key(const Comparison& comparison, const postgres::Row& row) {
  KeyText key;
  for (std::size_t index = 0; index < comparison.keys.size(); ++index)
    key.push_back(row.text_or("text_" + std::to_string(index + 1), ""));
  return key;
}

std::string in_range(const Comparison& comparison, Side side, std::string_view row, const KeyRange& range) {
  std::vector<std::string> key;
  for (std::size_t index = 0; index < comparison.keys.size(); ++index) key.push_back(key_of(row, index));
  return within(comparison, side, key, range);
}

std::string same_key(const Comparison& comparison, Side side, std::string_view row, std::string_view other) {
  return joined(comparison.keys.size(), " AND ", [&](std::size_t index) {
    return key_of(row, index) + signed_with(comparison.keys[index], side, "=") + key_of(other, index);
  });
}

std::string logged_keys(const Comparison& comparison, Side side, const KeyRange& range) {
  const auto column = [](std::size_t index) { return "logged.key_" + std::to_string(index + 1); };
  std::vector<std::string> key;
  for (std::size_t index = 0; index < comparison.keys.size(); ++index)
    key.push_back(as_key(comparison.keys[index], Side::left, column(index)));
  return distinct_keys(comparison, side, comparison.log.value().quoted() + " AS logged", column,
                       within(comparison, Side::left, key, range));
}

std::string given_keys(const Comparison& comparison, Side side) {
  const auto column = [](std::size_t index) { return "given.key_" + std::to_string(index + 1); };
  return distinct_keys(comparison, side,
                       parameters_as_rows(comparison, "") + " AS given(" +
                           joined(comparison.keys.size(), ", ", parameter_name) + ")",
                       column, "true");
}

std::string given_keys_in_order(const Comparison& comparison, std::string_view alias) {
  const auto column = [&](std::size_t index) {
    return as_key(comparison.keys[index], Side::left, "parameter." + parameter_name(index)) + " AS " +
           key_name(index);
  };
  return "(SELECT " + joined(comparison.keys.size(), ", ", column) + ", ordinality FROM " +
         parameters_as_rows(comparison, " WITH ORDINALITY") + " AS parameter(" +
         joined(comparison.keys.size(), ", ", parameter_name) + ", ordinality)) AS " + std::string(alias);
}

std::string compare_rows(const Comparison& comparison, Side side, const std::vector<std::string>& first,
                         std::string_view sign, const std::vector<std::string>& second) {
  const std::vector<KeyColumn>& keys = comparison.keys;
  if (keys.size() == 1) return first[0] + signed_with(keys[0], side, sign) + second[0];
  const bool one_schema = std::all_of(keys.begin(), keys.end(), [&](const KeyColumn& key) {
    return operator_schema(key, side) == operator_schema(keys[0], side);
  });
  const auto list = [&](const std::vector<std::string>& expressions) {
    return "ROW(" + joined(keys.size(), ", ", [&](std::size_t index) { return expressions[index]; }) + ")";
  };
  if (one_schema) return list(first) + signed_with(keys[0], side, sign) + list(second);
  // A row comparison takes all its operators from one schema; spelled out, every column can have its own.
  const std::string strict(1, sign.front());
  std::string condition = first.back() + signed_with(keys.back(), side, sign) + second.back();
  for (std::size_t index = keys.size() - 1; index-- > 0;) {
    const auto with = [&](std::string_view text) {
      return first[index] + signed_with(keys[index], side, text) + second[index];
    };
    condition = with(strict + "=") + " AND (" + with(strict) + " OR " + condition + ")";
  }
  return "(" + condition + ")";
}

std::string as_key(const KeyColumn& key, Side side, std::string_view expression) {
  const std::string left = "CAST(" + std::string(expression) + " AS " + key.left_type + ")";
  if (side == Side::left) return collated(left, key.left_collation);
  return collated("CAST(" + left + " AS " + key.right_type + ")", key.right_collation);
}

std::string key_literal(const Comparison& comparison, Side side, std::size_t index, std::string_view text) {
  return as_key(comparison.keys[index], side, postgres::quote_literal(text));
}

}  // namespace crossfade::checkers
