// Aims a statement at another relation by replacing the name in its own text, so that everything else stays
// as the operator wrote it. Pure functions, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "migrations/statement.h"
#include "postgres/quoting.h"

namespace crossfade::migrations {

/// The statement's text with its target relation replaced by the quoted name. The statement must have a
/// `table`; throws std::logic_error where it has none. Ask names_other_relations first.
std::string with_relation(const Statement& statement, const postgres::QualifiedName& relation);

/// Whether the statement refers to relations beside its target: REFERENCES, sub-queries, INHERIT, LIKE,
/// ATTACH PARTITION, OF, a schema-qualified column, a named sequence. With another target these would still
/// mean the live relations, or no longer resolve, so such a statement must not be re-pointed blindly.
bool names_other_relations(const Statement& statement);

/// CREATE INDEX, DROP INDEX, REINDEX and REFRESH MATERIALIZED VIEW with CONCURRENTLY, unless it is there
/// already. Throws std::logic_error for other statements.
std::string with_concurrently(const Statement& statement);

/// CREATE … IF NOT EXISTS of a table, view, sequence or statistics, without these words and under another
/// name. Null where the text has no such words, or a name with an escape character.
std::optional<std::string> with_new_name(const Statement& statement, const postgres::QualifiedName& name);

/// The text with every table behind REFERENCES and PARTITION OF moved to the schema. Null where such a name
/// has an escape character.
std::optional<std::string> with_related_tables_in(std::string_view text, const std::string& schema);

/// CREATE SEQUENCE without OWNED BY.
std::string without_owner_column(std::string_view text);

/// CREATE TABLE AS and CREATE MATERIALIZED VIEW with NO DATA.
std::string without_data(std::string_view text);

/// The same without the word, where it is there: for a trial, which is in a transaction.
std::string without_concurrently(const Statement& statement);

}  // namespace crossfade::migrations
