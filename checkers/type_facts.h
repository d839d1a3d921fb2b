// What has to be known of a type before its values can be compared bit by bit: its base type, its send
// function, and where its operators live. Plain values; load_type_facts() is one query and needs no
// privilege.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "checkers/comparison.h"
#include "postgres/session.h"

namespace crossfade::checkers {

struct TypeFacts {
  std::uint32_t oid = 0;                       ///< as asked for
  std::uint32_t base_oid = 0;                  ///< domains resolved
  std::string base_type;                       ///< SQL, qualified, without length or precision
  std::string kind;                            ///< pg_type.typtype of the base type: b, c, e, m, r
  std::string send_function;                   ///< quoted and qualified; empty where the type has none
  std::string operator_schema = "pg_catalog";  ///< of the default btree operators; unquoted
};
BOOST_DESCRIBE_STRUCT(TypeFacts, (), (oid, base_oid, base_type, kind, send_function, operator_schema))

/// One entry for each of `oids`, in their order. Throws DatabaseError, and std::logic_error where an oid
/// names no type.
std::vector<TypeFacts> load_type_facts(postgres::Session& session, std::span<const std::uint32_t> oids);

/// `type_modifier` is pg_attribute.atttypmod, -1 where the type has none (of a domain: the domain's own).
HashForm hash_form(const TypeFacts& facts, int type_modifier);

}  // namespace crossfade::checkers
