#include "checkers/preflight_check.h"

// What else in the database reacts to the run: replication, event triggers, prepared transactions.
namespace crossfade::checkers {

namespace {

// A slot does not say which publication it serves.
constexpr std::string_view kPublicationsOfAll = R"sql(
SELECT 'publication ' || pg_catalog.quote_ident(p.pubname) AS object, 'slot ' || pg_catalog.quote_ident(s.slot_name) AS found
  FROM pg_catalog.pg_publication p
  JOIN pg_catalog.pg_replication_slots s ON s.slot_type = 'logical' AND s.database = pg_catalog.current_database() AND s.plugin = 'pgoutput'
 WHERE $1::pg_catalog.oid IS NOT NULL AND p.puballtables
 ORDER BY 1, 2
)sql";

constexpr std::string_view kSubscriptions = R"sql(
SELECT 'subscription ' || pg_catalog.quote_ident(s.subname) AS object, NULL AS found
  FROM pg_catalog.pg_subscription_rel r JOIN pg_catalog.pg_subscription s ON s.oid = r.srsubid
 WHERE r.srrelid = $1::pg_catalog.oid
 ORDER BY 1
)sql";

// 'R' fires under replica role alone, 'O' under any other, 'A' always.
constexpr std::string_view kEventTriggers = R"sql(
SELECT 'event trigger ' || pg_catalog.quote_ident(e.evtname) AS object,
       'ON ' || e.evtevent || ' EXECUTE FUNCTION '
       || (pg_catalog.pg_identify_object('pg_catalog.pg_proc'::pg_catalog.regclass, e.evtfoid, 0)).identity AS found
  FROM pg_catalog.pg_event_trigger e
 WHERE $1::pg_catalog.oid IS NOT NULL
   AND e.evtevent IN ('ddl_command_start', 'ddl_command_end', 'sql_drop', 'table_rewrite')
   AND (e.evtenabled = 'A'
        OR e.evtenabled = CASE pg_catalog.current_setting('session_replication_role') WHEN 'replica' THEN 'R' ELSE 'O' END::"char")
   AND (e.evttags IS NULL OR e.evttags && ARRAY[
        'ALTER FUNCTION', 'ALTER INDEX', 'ALTER SCHEMA', 'ALTER SEQUENCE', 'ALTER TABLE', 'ALTER TRIGGER', 'COMMENT',
        'CREATE FUNCTION', 'CREATE INDEX', 'CREATE SCHEMA', 'CREATE SEQUENCE', 'CREATE TABLE', 'CREATE TABLE AS',
        'CREATE TRIGGER', 'DROP FUNCTION', 'DROP INDEX', 'DROP SCHEMA', 'DROP SEQUENCE', 'DROP TABLE', 'DROP TRIGGER',
        'GRANT', 'REVOKE']::pg_catalog.text[])
 ORDER BY 1
)sql";

// A prepared transaction has no process; its locks share a virtual transaction with the lock on its own xid.
constexpr std::string_view kPreparedTransactions = R"sql(
SELECT DISTINCT 'prepared transaction ' || pg_catalog.quote_literal(x.gid) AS object,
       'by role ' || pg_catalog.quote_ident(x.owner) || ' since ' || x.prepared::pg_catalog.text AS found
  FROM pg_catalog.pg_locks l
  JOIN pg_catalog.pg_locks own ON own.virtualtransaction = l.virtualtransaction AND own.pid IS NULL
                              AND own.locktype = 'transactionid'
  JOIN pg_catalog.pg_prepared_xacts x ON x.transaction = own.transactionid
 WHERE l.locktype = 'relation' AND l.pid IS NULL AND l.relation = $1::pg_catalog.oid
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
 ORDER BY 1
)sql";

using enum CheckScope;

constexpr PreflightCheck kChecks[] = {
    {"publication-of-all-tables", database, kEveryVersion, "preflight.publications_of_all",
     kPublicationsOfAll,
     "{object} is FOR ALL TABLES, and what {found} serves would be sent the copy of {table} and stop at "
     "tables "
     "that it does not know",
     "a publication that lists its tables or schemas, or no subscriber",
     "Publish the tables by name or by schema for the time of the run (the slot can stay), or accept it with "
     "`-- crossfade:allow publication-of-all-tables REASON`."},
    {"subscription", database, kEveryVersion, "preflight.subscriptions", kSubscriptions,
     "{object} writes into {table} by its oid, and would go on writing into the old table",
     "a table that no subscription writes into",
     "Run the change on the publishing side, or drop the subscription first."},
    {"event-trigger", database, kEveryVersion, "preflight.event_triggers", kEventTriggers,
     "{object} fires on statements of the run and could fail or delay it while it holds the lock",
     "no enabled event trigger on DDL",
     "ALTER {object} DISABLE for the time of the run, or accept it with `-- crossfade:allow event-trigger "
     "REASON`."},
    {"prepared-transaction", database, kEveryVersion, "preflight.prepared_transactions",
     kPreparedTransactions, "{object} holds a lock on {table} and will not end by itself",
     "no prepared transaction that uses the table", "COMMIT PREPARED or ROLLBACK PREPARED it."},
};

}  // namespace

std::span<const PreflightCheck> database_checks() {
  return kChecks;
}

}  // namespace crossfade::checkers
