#include "checkers/type_facts.h"

#include <map>
#include <stdexcept>

#include "postgres/quoting.h"

namespace crossfade::checkers {

namespace {

// Enums, arrays, ranges and composites find their operators through the polymorphic operator classes of
// pg_catalog.
constexpr std::string_view kTypeFacts = R"sql(
WITH RECURSIVE asked AS (
  SELECT DISTINCT unnest AS oid FROM pg_catalog.unnest($1::pg_catalog.oid[])
), resolved AS (
  SELECT asked.oid AS asked_oid, type.oid, type.typbasetype, type.typtype
    FROM asked JOIN pg_catalog.pg_type type ON type.oid = asked.oid
   UNION ALL
  SELECT resolved.asked_oid, type.oid, type.typbasetype, type.typtype
    FROM resolved JOIN pg_catalog.pg_type type ON type.oid = resolved.typbasetype
   WHERE resolved.typtype = 'd'
)
SELECT resolved.asked_oid, type.oid AS base_oid, pg_catalog.format_type(type.oid, NULL) AS base_type,
       type.typtype AS kind,
       CASE WHEN send.oid IS NULL THEN ''
            ELSE pg_catalog.format('%I.%I', send_schema.nspname, send.proname) END AS send_function,
       coalesce((SELECT schema.nspname
                   FROM pg_catalog.pg_opclass class
                   JOIN pg_catalog.pg_am method ON method.oid = class.opcmethod AND method.amname = 'btree'
                   JOIN pg_catalog.pg_amop member ON member.amopfamily = class.opcfamily
                        AND member.amoplefttype = class.opcintype AND member.amoprighttype = class.opcintype
                        AND member.amopstrategy = 3
                   JOIN pg_catalog.pg_operator operator ON operator.oid = member.amopopr
                   JOIN pg_catalog.pg_namespace schema ON schema.oid = operator.oprnamespace
                  WHERE class.opcintype = type.oid AND class.opcdefault), 'pg_catalog') AS operator_schema
  FROM resolved
  JOIN pg_catalog.pg_type type ON type.oid = resolved.oid
  LEFT JOIN pg_catalog.pg_proc send ON send.oid = type.typsend
  LEFT JOIN pg_catalog.pg_namespace send_schema ON send_schema.oid = send.pronamespace
 WHERE resolved.typtype <> 'd'
)sql";

// Types of pg_catalog keep their oids for ever.
enum BuiltIn : std::uint32_t {
  kBool = 16,
  kBytea = 17,
  kChar = 18,
  kName = 19,
  kInt8 = 20,
  kInt2 = 21,
  kInt4 = 23,
  kText = 25,
  kOid = 26,
  kXml = 142,
  kXmlArray = 143,
  kBpchar = 1042,
  kVarchar = 1043,
  kDate = 1082,
  kUuid = 2950,
};

/// Kinds of types (pg_type.typtype): composites, enums, ranges and multiranges.
constexpr std::string_view kCastFromDomain = "cerm";

constexpr std::string_view kInteger = "CAST($value AS pg_catalog.int8)";
// The "C" collation costs nothing at run time, and takes the folding of a nondeterministic one away.
constexpr std::string_view kBytewiseText = "(CAST($value AS pg_catalog.text) COLLATE pg_catalog.\"C\")";

/// `type` without its schema; it is one of pg_catalog.
HashForm form(std::string chained, std::string_view image, std::string_view type, std::string_view constant,
              std::string_view seed = {}) {
  const std::string qualified = "pg_catalog." + std::string(type);
  return {.chained = std::move(chained),
          .image = std::string(image),
          .image_type = qualified,
          .constant = "CAST('" + std::string(constant) + "' AS " + qualified + ")",
          .seed = std::string(seed)};
}

HashForm text_form(std::string chained) {
  return form(std::move(chained), kBytewiseText, "text", "");
}

HashForm bytes_form(std::string chained, const std::string& image, std::string_view seed = {}) {
  return form(std::move(chained), image, "bytea", "", seed);
}

HashForm sent_form(const TypeFacts& facts) {
  if (facts.send_function.empty()) return text_form({});
  return bytes_form({}, facts.send_function + "($value)");
}

}  // namespace

std::vector<TypeFacts> load_type_facts(postgres::Session& session, std::span<const std::uint32_t> oids) {
  std::vector<std::string> texts;
  for (const std::uint32_t oid : oids) texts.push_back(std::to_string(oid));
  const postgres::Rows rows =
      session.run({"comparison.type_facts", std::string(kTypeFacts)}, {postgres::array_literal(texts)});
  std::map<std::string, TypeFacts> found;
  for (const postgres::Row row : rows) {
    found[row.text("asked_oid")] = {.oid = static_cast<std::uint32_t>(row.integer("asked_oid")),
                                    .base_oid = static_cast<std::uint32_t>(row.integer("base_oid")),
                                    .base_type = row.text("base_type"),
                                    .kind = row.text("kind"),
                                    .send_function = row.text("send_function"),
                                    .operator_schema = row.text("operator_schema")};
  }
  std::vector<TypeFacts> facts;
  for (const std::string& text : texts) {
    const auto entry = found.find(text);
    if (entry == found.end()) throw std::logic_error("there is no type with oid " + text);
    facts.push_back(entry->second);
  }
  return facts;
}

HashForm hash_form(const TypeFacts& facts, int type_modifier) {
  switch (facts.base_oid) {
    case kBool:
      return form("pg_catalog.hashint4extended(CAST($value AS pg_catalog.int4), $seed)", "$value", "bool",
                  "false");
    case kInt2:
      return form("pg_catalog.hashint2extended($value, $seed)", "$value", "int2", "0", kInteger);
    case kInt4:
      return form("pg_catalog.hashint4extended($value, $seed)", "$value", "int4", "0", kInteger);
    case kInt8:
      // The type's own hash folds the two halves into one, so the upper half goes into the seed as well.
      return bytes_form(
          "pg_catalog.hashint8extended($value, ($seed) OPERATOR(pg_catalog.#) ($value "
          "OPERATOR(pg_catalog.>>) 32))",
          "pg_catalog.int8send($value)", kInteger);
    case kOid:
      return form("pg_catalog.hashoidextended($value, $seed)", "$value", "oid", "0", kInteger);
    case kChar:
      return form("pg_catalog.hashcharextended($value, $seed)", "$value", "\"char\"", "");
    case kName:
      return form("pg_catalog.hashnameextended($value, $seed)", "$value", "name", "");
    case kUuid:
      return form("pg_catalog.uuid_hash_extended($value, $seed)", "$value", "uuid",
                  "00000000-0000-0000-0000-000000000000");
    case kText:
    case kVarchar:
      return text_form("pg_catalog.hashtextextended(" + std::string(kBytewiseText) + ", $seed)");
    case kBpchar: {
      // The type's own hash ignores trailing blanks. Only without a length can two values differ in them.
      if (type_modifier < 0) return sent_form(facts);
      const std::string bytewise = "($value COLLATE pg_catalog.\"C\")";
      return form("pg_catalog.hashbpcharextended(" + bytewise + ", $seed)", bytewise, "bpchar", "");
    }
    case kBytea:
      return bytes_form({}, "$value");
    case kDate:
      return form({}, "$value", "date", "2000-01-01");
    case kXml:
      // xml_send rewrites the declaration.
      return text_form({});
    case kXmlArray:
      return bytes_form({}, "pg_catalog.array_send(CAST($value AS pg_catalog.text[]))");
    default:
      break;
  }
  HashForm sent = sent_form(facts);
  // Functions of any enum or range do not accept a domain of one. None of these kinds has a length to lose.
  if (facts.oid != facts.base_oid && !facts.send_function.empty() &&
      kCastFromDomain.find(facts.kind) != std::string_view::npos)
    sent.image = facts.send_function + "(CAST($value AS " + facts.base_type + "))";
  if (facts.kind == "e")
    sent.chained = "pg_catalog.hashenumextended(CAST($value AS " + facts.base_type + "), $seed)";
  return sent;
}

}  // namespace crossfade::checkers
