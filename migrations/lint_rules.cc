#include "migrations/lint_rules.h"

#include <algorithm>
#include <array>

namespace crossfade::migrations {

namespace {

constexpr LintLevel kNote = LintLevel::note;
constexpr LintLevel kWarning = LintLevel::warning;
constexpr LintLevel kError = LintLevel::error;

constexpr std::string_view kByHand =
    "crossfade refuses it. Run it by hand in a maintenance window, and stamp the revision.";
constexpr std::string_view kShadow = "Nothing: crossfade writes a shadow table beside the live one.";

// clang-format off
constexpr std::array kRules = {
    LintRule{"add-check", kNote, "27", "ADD CHECK, which scans the table under the lock",
             "Nothing: crossfade adds it NOT VALID and validates it in a transaction of its own."},
    LintRule{"add-checked-column", kNote, "8b", "a new column with a CHECK",
             "Nothing: crossfade adds the column, then the CHECK as NOT VALID, then validates it."},
    LintRule{"add-column-not-null", kError, "4", "a new column that is NOT NULL and gets no value: it fails where there are rows",
             "Give it a DEFAULT, a `-- crossfade:backfill` directive, or an UPDATE in the same file that fills it."},
    LintRule{"add-column-volatile-default", kNote, "3", "a new column whose default differs from row to row",
             "Nothing: crossfade fills the rows in batches."},
    LintRule{"add-domain-column", kNote, "7", "a new column of a domain with a constraint, or of a type that may be one",
             "Nothing: crossfade asks the catalog. Lint knows too when it is given a database."},
    LintRule{"add-exclusion", kError, "34", "ADD EXCLUDE, which builds an index under the lock", kByHand},
    LintRule{"add-foreign-key", kNote, "29", "ADD FOREIGN KEY, which scans the table while both tables are locked",
             "Nothing: crossfade adds it NOT VALID and validates it in a transaction of its own."},
    LintRule{"add-generated-column", kNote, "6", "a new column that is GENERATED … STORED", kShadow},
    LintRule{"add-json-column", kWarning, "10", "a json column: the type has no =, so DISTINCT, GROUP BY and UNION over it fail",
             "Use jsonb, unless white space and the order of keys have to be kept."},
    LintRule{"add-primary-key", kNote, "33", "ADD PRIMARY KEY, which builds an index under the lock",
             "Nothing: crossfade builds the index CONCURRENTLY and makes it the key."},
    LintRule{"add-referencing-column", kNote, "9", "a new column with a default and REFERENCES, which scans the table",
             "Nothing: crossfade adds the key NOT VALID and validates it in a transaction of its own."},
    LintRule{"add-serial-column", kNote, "5", "a new serial or identity column", kShadow},
    LintRule{"add-unique", kNote, "32", "ADD UNIQUE, which builds an index under the lock",
             "Nothing: crossfade looks for duplicates, builds the index CONCURRENTLY and makes it the constraint."},
    LintRule{"add-unique-column", kNote, "8", "a new column with UNIQUE or PRIMARY KEY",
             "Nothing: crossfade adds the column, builds the index CONCURRENTLY and makes it the constraint."},
    LintRule{"alter-composite-type", kWarning, "46b", "the attributes of a composite type change",
             "Deploy an application first that can live with both."},
    LintRule{"attach-partition", kNote, "57", "ATTACH PARTITION, which scans the partition under the lock",
             "Nothing: crossfade validates a CHECK that says the same first."},
    LintRule{"change-access", kWarning, "62", "row-level security is switched on, or the owner changes: somebody may lose access",
             "Create the policies in the same file, and try it as the application's role."},
    LintRule{"change-citext", kNote, "22", "a change between text and citext, which builds every index on the column anew", kShadow},
    LintRule{"change-collation", kNote, "21", "another collation, which builds every index on the column anew", kShadow},
    LintRule{"change-key-type", kError, "23", "another type for a column in a foreign key", kByHand, true},
    LintRule{"change-rows", kNote, "67", "UPDATE or DELETE of many rows",
             "Nothing: crossfade runs it in batches by key, with a commit each."},
    LintRule{"change-time-zone", kNote, "19", "a change between timestamp and timestamptz",
             "Nothing: in a UTC session it is instant, else crossfade writes a shadow table."},
    LintRule{"change-type", kNote, "18", "a change to a type that is stored otherwise", kShadow},
    LintRule{"change-type-harmless-looking", kNote, "16b", "a change of type that looks harmless and rewrites the table", kShadow},
    LintRule{"change-viewed-column", kError, "66", "another type for a column that a view or a rule uses",
             "Drop the view in front of it, in the same file, and create it anew behind.", true},
    LintRule{"char-column", kNote, "", "a char(n) column: shorter values are padded, and blanks at the end do not count",
             "Use text, with a CHECK on its length where that matters."},
    LintRule{"constrain-domain", kNote, "48", "a constraint on a domain, which scans every table that uses it",
             "Nothing: crossfade adds it NOT VALID and validates it afterwards."},
    LintRule{"convert-type", kNote, "20", "a change of type with a conversion", kShadow},
    LintRule{"create-index", kNote, "36", "CREATE INDEX, during which writes wait",
             "Nothing: crossfade builds it CONCURRENTLY."},
    LintRule{"create-index-on-partitioned", kNote, "40", "CREATE INDEX on a partitioned table",
             "Nothing: crossfade builds it CONCURRENTLY on each partition and attaches these.", true},
    LintRule{"create-partition", kNote, "59", "CREATE TABLE … PARTITION OF, which locks the parent",
             "Nothing: crossfade makes a table of its own and attaches it."},
    LintRule{"data-change-with-ddl", kWarning, "68", "rows and the shape of tables change in one file",
             "Put the data change into a file of its own, so that each can be undone, tried again and waited for alone."},
    LintRule{"detach-partition", kNote, "58", "DETACH PARTITION, which locks the parent",
             "Nothing: crossfade detaches it CONCURRENTLY."},
    LintRule{"drop-column", kError, "11", "DROP COLUMN: the values are lost, and the running application may read it",
             "Deploy an application first that does not know the column. Then say `-- crossfade:allow drop-column REASON`; `up` wants an approval as well."},
    LintRule{"drop-index", kNote, "41", "DROP INDEX, which locks the table",
             "Nothing: crossfade drops it CONCURRENTLY."},
    LintRule{"drop-object", kWarning, "65b", "DROP of a view, a function, a type …; an error where columns or tables go with it",
             "Deploy an application first that does not use it."},
    LintRule{"drop-table", kError, "65", "DROP TABLE: the rows are lost, and the running application may read it",
             "Deploy an application first that does not know the table. Then say `-- crossfade:allow drop-table REASON`; `up` wants an approval as well."},
    LintRule{"foreign-key-on-partitioned", kNote, "31", "ADD FOREIGN KEY on a partitioned table",
             "Nothing: crossfade adds it to each partition first.", true},
    LintRule{"foreign-key-type", kWarning, "73", "a foreign key whose column has another type than the one that it refers to",
             "Give both the same type: joins would cast, and the narrower one overflows first."},
    LintRule{"integer-key", kWarning, "73", "a new key of type integer or smallint, which runs out at 2,147,483,647 or 32,767",
             "Use bigint, or bigserial."},
    LintRule{"lock-table", kError, "63b", "LOCK TABLE, which crossfade refuses",
             "Take it out: crossfade takes the locks that it needs, each under a budget."},
    LintRule{"many-locks-in-transaction", kNote, "69", "several live tables are altered, whose locks would pile up in one transaction",
             "Nothing: crossfade takes a transaction for each."},
    LintRule{"missing-down", kNote, "", "there is no down section", "Add `-- migrate:down` with the statements that undo the change."},
    LintRule{"narrow-type", kNote, "17", "a change to varchar(n), which rewrites the table where it is shorter than before; a warning where a database shows that it is",
             "Look for longer values first: they stop the run. Else nothing, crossfade writes a shadow table."},
    LintRule{"no-such-table", kError, "", "a statement about a table that neither the database nor an earlier file has",
             "Correct the name, or the file's place in the order.", true},
    LintRule{"opaque-sql", kError, "74", "DO, CALL, COPY, a function with effects, or SQL that crossfade does not know; it refuses these",
             "Write the change as plain SQL, or say `-- crossfade:opaque REASON`; then it runs as it stands."},
    LintRule{"refresh-materialized-view", kWarning, "71", "REFRESH MATERIALIZED VIEW, during which its readers wait",
             "Use REFRESH MATERIALIZED VIEW CONCURRENTLY; the view needs a unique index."},
    LintRule{"reindex", kNote, "43", "REINDEX, during which writes wait", "Nothing: crossfade runs it CONCURRENTLY."},
    LintRule{"rename-column", kWarning, "12", "RENAME COLUMN: the running application fails until it knows the new name",
             "Add a new column, write to both, fill the old rows, and drop the old one in a later file."},
    LintRule{"rename-enum-value", kWarning, "46", "an enum's value is renamed: the running application fails until it knows the new one",
             "Add the new value, move the rows, and leave the old one unused."},
    LintRule{"rename-relation", kWarning, "13", "a table, view or schema is renamed or moved: the running application fails until it knows the new name",
             "Leave a view of the old name in place until the application has been deployed."},
    LintRule{"replace-index", kWarning, "42", "an index is dropped before its successor is built: queries go without for as long as that takes",
             "Build the new index first, then drop the old one."},
    LintRule{"rewrite-table", kNote, "63", "VACUUM FULL or CLUSTER", kShadow},
    LintRule{"session-setting", kWarning, "70b", "SET or RESET: crossfade uses sessions of its own, with its own time limits",
             "Take it out; what must hold for all sessions belongs to the role (ALTER ROLE … SET)."},
    LintRule{"set-access-method", kError, "51", "SET ACCESS METHOD", kByHand},
    LintRule{"set-logged", kError, "50", "SET LOGGED or SET UNLOGGED", kByHand},
    LintRule{"set-not-null", kNote, "24", "SET NOT NULL, which scans the table under the lock",
             "Nothing: crossfade validates a CHECK first, which saves the scan."},
    LintRule{"set-tablespace", kError, "49", "SET TABLESPACE, which copies the files under the lock", kByHand},
    LintRule{"several-application-changes", kWarning, "", "several changes of one file want another application: no one version fits before, between and after them",
             "One file for each, and a deployment in between."},
    LintRule{"several-foreign-keys", kNote, "30", "several foreign keys, whose locks would pile up in one transaction",
             "Nothing: crossfade takes a transaction for each."},
    LintRule{"statement-fails", kError, "", "a statement that the server refuses on an empty table of the same shape",
             "Correct the statement.", true},
    LintRule{"timestamp-without-time-zone", kNote, "", "a timestamp column without time zone: what it means depends on who reads it",
             "Use timestamptz."},
    LintRule{"transaction-control", kError, "74b", "BEGIN, COMMIT, ROLLBACK, SAVEPOINT …, which crossfade refuses",
             "Take it out: crossfade opens and commits its own transactions."},
    LintRule{"truncate", kError, "64", "TRUNCATE: every row goes at once; `up` keeps them aside until contract where it can",
             "DELETE runs in batches and can be stopped. Else say `-- crossfade:allow truncate REASON`, which also lets `up` lose the rows where it cannot keep them; it wants an approval as well."},
    LintRule{"unindexed-foreign-key", kWarning, "73", "a foreign key without an index on its columns: a DELETE in the referenced table scans this one for each row",
             "Add CREATE INDEX on the columns, in this file or a later one."},
    LintRule{"unused-allow", kNote, "", "a `crossfade:allow` that silences nothing", "Take the directive out."},
    LintRule{"unused-opaque", kNote, "", "a `crossfade:opaque` in a file without opaque SQL", "Take the directive out."},
    LintRule{"validate-at-once", kNote, "28", "NOT VALID and VALIDATE in one file: in one transaction the first one's lock is held during the scan",
             "Nothing: crossfade takes a transaction for each."},
    LintRule{"widen-type", kNote, "16", "a change of type that is instant between some types, and a rewrite or a scan between others",
             "Nothing: crossfade asks the server, and writes a shadow table where one is needed. Lint knows too when it is given a database."},
};
// clang-format on

constexpr std::array<std::string_view, 3> kLevels = {"note", "warning", "error"};

}  // namespace

std::string_view to_string(LintLevel level) {
  return kLevels.at(static_cast<std::size_t>(level));
}

std::span<const LintRule> lint_rules() {
  return kRules;
}

const LintRule* lint_rule(std::string_view code) {
  const auto* found =
      std::find_if(kRules.begin(), kRules.end(), [&](const LintRule& rule) { return rule.code == code; });
  return found == kRules.end() ? nullptr : found;
}

}  // namespace crossfade::migrations
