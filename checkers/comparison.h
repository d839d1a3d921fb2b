// What is compared with what: two SELECTs that yield the same rows in the same final types, the key by which
// a row of one is found in the other, and the log of keys that are left out (docs/protocol.md, "Verify"). A
// Comparison is a plain value without references, journalled as JSON and safe to copy between threads. The
// planner fills it, or comparison_of_tables() does for two existing tables; every check in this folder only
// reads it.
#pragma once

#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <vector>

#include "postgres/quoting.h"

namespace crossfade::checkers {

/// How values of one type are hashed so that whatever differs bit by bit hashes differently (rule 22). SQL
/// with the placeholders $value and $seed. Made by hash_form() from the facts about a type.
struct HashForm {
  std::string chained;  ///< a call that is NULL where the value or the seed is; empty where the type has none
  std::string image;    ///< a value whose own hash sees every bit of $value
  std::string image_type;  ///< of `image`; images of one type are hashed together
  std::string constant;    ///< any value of image_type: hashed along, because NULLs alone would lose the seed
  std::string seed;        ///< the value as a 64-bit seed of its own; empty where it is not an integer
};
BOOST_DESCRIBE_STRUCT(HashForm, (), (chained, image, image_type, constant, seed))

/// One column of the key. The right key is CAST(left key AS right_type); the cast must be injective.
struct KeyColumn {
  std::string left_type;  ///< SQL, qualified; the log's column has it too
  std::string right_type;
  std::string left_collation;  ///< quoted and qualified; empty where the type has none
  std::string right_collation;
  /// Schemas of the comparison operators, unquoted: sessions have no search_path, and for an extension's type
  /// the bare name would find another type's operator. TypeFacts::operator_schema.
  std::string left_operator_schema = "pg_catalog";
  std::string right_operator_schema = "pg_catalog";
  HashForm form;            ///< of right_type
  std::string compared_as;  ///< the ComparedColumn that holds the right key; empty where none does
};
BOOST_DESCRIBE_STRUCT(KeyColumn, (),
                      (left_type, right_type, left_collation, right_collation, left_operator_schema,
                       right_operator_schema, form, compared_as))

struct ComparedColumn {
  std::string name;
  std::string type;  ///< formatted; what both sides yield
  HashForm form;
  bool often_null = false;  ///< only speed depends on it; mark_often_null() sets it
};
BOOST_DESCRIBE_STRUCT(ComparedColumn, (), (name, type, form, often_null))

struct Comparison {
  std::string left_name;  ///< for people and documents: "public.orders"
  std::string right_name;
  /// Each yields the key as crossfade_key_1 … (left: in left_type; right: in right_type) and every compared
  /// column under its own name. Simple enough for the server to see through: no DISTINCT, no LIMIT, no
  /// volatile function.
  std::string left_select;
  std::string right_select;
  std::vector<KeyColumn> keys;
  std::vector<std::string> key_names;  ///< as documents show them, one for each of `keys`
  std::vector<ComparedColumn> columns;
  std::vector<std::string> not_compared;
  /// Ascending left keys map to ascending right keys. Otherwise there is one range: everything.
  bool key_order_preserved = true;
  /// Columns key_1 … in left_type; no index, duplicates allowed. Null: nothing is left out.
  std::optional<postgres::QualifiedName> log;
  /// The tables behind the SELECTs. Locked in ACCESS SHARE MODE, together with the log, before the snapshot
  /// is taken, so that no rewrite or TRUNCATE slips in between.
  std::vector<postgres::QualifiedName> relations;
};
BOOST_DESCRIBE_STRUCT(Comparison, (),
                      (left_name, right_name, left_select, right_select, keys, key_names, columns,
                       not_compared, key_order_preserved, log, relations))

/// A key as text, one value for each key column, in the left key's types.
using KeyText = std::vector<std::string>;

/// Keys from `lower` (included) to `upper` (left out), by the order of the left key's columns as a row.
struct KeyRange {
  std::optional<KeyText> lower;  ///< null: from the first key
  std::optional<KeyText> upper;  ///< null: to the last key

  friend bool operator==(const KeyRange&, const KeyRange&) = default;
};
BOOST_DESCRIBE_STRUCT(KeyRange, (), (lower, upper))

}  // namespace crossfade::checkers
