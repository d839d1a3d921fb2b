// What hangs on a table and is no part of it, as plain values: triggers, rules, policies, foreign keys either
// way, publications, security labels; and the objects that are bound to it by its oid, as views and functions
// are. Loaded from one snapshot of the catalog. Every definition names objects in full, so that it means the
// same under any search_path. Values without references into anything; safe to copy.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/catalog.h"
#include "postgres/quoting.h"
#include "postgres/session.h"

namespace crossfade::postgres {

struct Trigger {
  std::string name;
  std::string definition;  ///< CREATE [CONSTRAINT] TRIGGER …
  std::string enabled;     ///< O, D, R, A: origin, disabled, replica, always
  std::optional<std::string> comment;
  std::vector<std::string> extensions;  ///< that it is marked to depend on
};
BOOST_DESCRIBE_STRUCT(Trigger, (), (name, definition, enabled, comment, extensions))

struct Rule {
  std::string name;
  std::string definition;  ///< CREATE RULE …
  std::string enabled;     ///< as of a trigger
  std::optional<std::string> comment;
};
BOOST_DESCRIBE_STRUCT(Rule, (), (name, definition, enabled, comment))

struct Policy {
  std::string name;
  bool permissive = true;
  std::string command;             ///< ALL, SELECT, INSERT, UPDATE, DELETE
  std::vector<std::string> roles;  ///< empty: PUBLIC
  std::optional<std::string> using_expression;
  std::optional<std::string> check_expression;
  std::optional<std::string> comment;
};
BOOST_DESCRIBE_STRUCT(Policy, (),
                      (name, permissive, command, roles, using_expression, check_expression, comment))

struct ForeignKey {
  std::string name;
  QualifiedName table;                          ///< that has the constraint
  QualifiedName referenced;                     ///< that it refers to
  std::string definition;                       ///< FOREIGN KEY … as pg_get_constraintdef prints it
  std::vector<std::string> columns;             ///< of `table`
  std::vector<std::string> referenced_columns;  ///< of `referenced`
  bool validated = true;
  bool table_is_partitioned = false;
  std::uint32_t table_oid = 0;
  std::uint32_t referenced_oid = 0;
  std::optional<std::string> comment;
};
BOOST_DESCRIBE_STRUCT(ForeignKey, (),
                      (name, table, referenced, definition, columns, referenced_columns, validated,
                       table_is_partitioned, table_oid, referenced_oid, comment))

struct Publication {
  std::string name;
  std::vector<std::string> columns;   ///< empty: all
  std::optional<std::string> filter;  ///< with its parentheses
};
BOOST_DESCRIBE_STRUCT(Publication, (), (name, columns, filter))

struct SecurityLabel {
  std::string column;  ///< empty: of the relation
  std::string provider;
  std::string label;
};
BOOST_DESCRIBE_STRUCT(SecurityLabel, (), (column, provider, label))

/// A view or materialized view that reads the table, or another such view.
struct DependentView {
  std::uint32_t oid = 0;
  int level = 1;            ///< those of a lower one come first
  std::string definition;   ///< the query, without a semicolon
  bool populated = true;    ///< of a materialized view
  std::vector<Rule> rules;  ///< but for the one that makes it a view
  std::vector<Trigger> triggers;
  std::vector<SecurityLabel> labels;
};
BOOST_DESCRIBE_STRUCT(DependentView, (), (oid, level, definition, populated, rules, triggers, labels))

struct DependentFunction {
  std::uint32_t oid = 0;
  int level = 1;
  QualifiedName name;
  std::string arguments;   ///< what tells it from others of its name: the types of its arguments
  std::string definition;  ///< CREATE OR REPLACE …
  std::string owner;
  bool default_grants = true;
  std::vector<Grant> grants;
  std::optional<std::string> comment;
  std::vector<std::string> extensions;
};
BOOST_DESCRIBE_STRUCT(DependentFunction, (),
                      (oid, level, name, arguments, definition, owner, default_grants, grants, comment,
                       extensions))

/// Something elsewhere that names the table in an expression or body of its own and can be made to name the
/// new one without a new identity: a function with a parsed body, a policy or rule of another table, an
/// attribute of a composite type.
struct Rebinding {
  std::string object;  ///< as pg_identify_object names it, with its kind in front
  std::string statement;
  QualifiedName locked;    ///< the table that the statement locks; empty where it locks none
  QualifiedName function;  ///< where it is one
};
BOOST_DESCRIBE_STRUCT(Rebinding, (), (object, statement, locked, function))

struct Dependents {
  std::vector<Trigger> triggers;
  std::vector<Rule> rules;
  std::vector<Policy> policies;
  std::vector<ForeignKey> foreign_keys;  ///< out of the table and into it, those of the table itself once
  std::vector<Publication> publications;
  std::vector<SecurityLabel> labels;
  std::vector<DependentView> views;  ///< by level
  std::vector<DependentFunction>
      functions;  ///< whose arguments or result have the type of its rows, by level
  std::vector<Rebinding> rebindings;
};
BOOST_DESCRIBE_STRUCT(Dependents, (),
                      (triggers, rules, policies, foreign_keys, publications, labels, views, functions,
                       rebindings))

/// The recursive query `bound` (classid, objid, level): the relation $1 and every view and function that
/// cannot outlive its identity. Stands behind WITH RECURSIVE; for queries of other folders.
extern const std::string_view kBoundObjects;

/// Of the relation with this oid; empty where there is none. Takes no lock beyond the catalog's.
Dependents load_dependents(Session& session, std::uint32_t oid);

/// Of all these relations: changes when any of their dependents does, when one comes or goes, or changes its
/// owner or grants. One quick query, fit to be asked under the lock.
std::string dependents_digest(Session& session, const std::vector<std::uint32_t>& oids);

}  // namespace crossfade::postgres
