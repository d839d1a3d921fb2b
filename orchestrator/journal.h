// The journal in the database: schema `crossfade`. One Journal is a set of named queries over one Session
// that the caller owns; it is used by one thread, and its writes belong to whatever transaction that session
// has open, so that an effect and its journal row commit together.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "migrations/migration_file.h"
#include "orchestrator/phase_table.h"
#include "postgres/session.h"
#include "strategies/plan.h"

namespace crossfade::orchestrator {

struct Owner {
  int pid = 0;
  std::string host;
  std::string since;
};

/// How a run ends its revision; nothing where parts of the revision are still to come.
struct RevisionEnd {
  bool completes = true;  ///< it is the revision's last part
  migrations::Direction direction = migrations::Direction::up;
  std::vector<std::string> completion;       ///< SQL that commits with the last effect, one changed row each
  std::vector<std::string> completion_back;  ///< takes it back
  std::vector<strategies::NumberedStatement> statements;  ///< that the run carries out
};

struct Run {
  std::int64_t run = 0;
  std::string revision;
  std::string file_fingerprint;
  std::string table_schema;  ///< of the table that the run is about; all three empty where it is about none
  std::string table_name;
  std::uint32_t table_oid = 0;
  std::string strategy;
  Phase phase = Phase::planned;
  State state = State::running;
  std::string reason;
  std::string paused_by;
  std::string paused_at;
  bool postponed = false;
  bool waits = false;  ///< cut over together with the next run of its revision
  std::string epoch;
  std::optional<Owner> owner;  ///< the process that holds the table's lock now; null where none lives
  std::string system_identifier;
  boost::json::object session_settings;
  boost::json::value plan;
  boost::json::value source_fingerprint;
  std::int64_t rows_total = 0;
  std::int64_t rows_copied = 0;
  std::int64_t keys_replayed = 0;
  std::optional<double> verified_age_s;  ///< seconds since the last full pass without a difference
  boost::json::value verification;
  int cutover_attempts = 0;
  boost::json::value cutover;
  boost::json::value carried;  ///< strategies::CarriedObjects as of the cutover; null before
  boost::json::object milliseconds;
  RevisionEnd end;

  /// In sync and verified, and nothing is left to do before the other tables of its group are.
  bool waits_for_others() const { return waits && phase == Phase::ready; }
  std::string table() const { return table_name.empty() ? "" : table_schema + "." + table_name; }
  /// "run 12 of public.orders"
  std::string display() const;
};

struct Chunk {
  int number = 0;
  std::int64_t first_page = 0;
  std::int64_t last_page = 0;  ///< exclusive
  std::uint32_t relation = 0;  ///< whose pages they are: the source, or one of its partitions; 0: the source
};

class Journal {
 public:
  explicit Journal(postgres::Session& session) : session_(session) {}

  /// The run's statements are finished; where it is the revision's last part, the revision is applied or
  /// taken back, and its completion is carried out. In the caller's transaction. Throws Failure (exit 1)
  /// where a completion does not change exactly one row.
  void finish_part(const Run& run);
  /// A revision without anything to run.
  void finish_empty_revision(const migrations::MigrationFile& file);
  /// These statements of the run, and its revision, count as not carried out; of a `down`, the revision
  /// counts as applied again.
  void forget_revision(const Run& run, std::span<const int> statements);
  void finish_statement(const Run& run, const strategies::NumberedStatement& statement);
  std::vector<strategies::NumberedStatement> finished_statements(const std::string& revision,
                                                                 migrations::Direction direction);

  void approve(const std::string& revision, migrations::Direction direction, const std::string& fingerprint,
               const std::string& who);
  bool approved(const std::string& revision, migrations::Direction direction, const std::string& fingerprint);

  /// A saved plan (`plan --out`) is known by its fingerprint. `run` is a part of it that `up --plan` starts;
  /// null: a revision of it that had nothing to run.
  void note_saved_plan(std::optional<std::int64_t> run, const std::string& fingerprint);
  bool saved_plan_begun(const std::string& fingerprint);
  bool is_part_of_saved_plan(std::int64_t run, const std::string& fingerprint);
  /// Tables that runs of the saved plan have changed, as schema.name.
  std::vector<std::string> tables_changed_by_saved_plan(const std::string& fingerprint);

  /// A table's definition before the run's first step and after its last; JSON of postgres::Table. One that
  /// the run makes has none before.
  void save_definition(std::int64_t run, const postgres::QualifiedName& table,
                       const boost::json::value& before);
  std::optional<boost::json::value> definition_after(std::int64_t run, const postgres::QualifiedName& table);
  void save_definition_after(std::int64_t run, const postgres::QualifiedName& table,
                             const boost::json::value& after);

  std::int64_t create_run(const Run& run);
  std::optional<Run> load(std::int64_t run);
  std::vector<Run> all_runs();
  /// Runs that are neither contracted nor aborted.
  std::vector<Run> open_runs();
  std::int64_t next_run_number();

  /// What planning has found out of a run that was created for its number: strategy, table, statements.
  void describe_run(const Run& run);
  void save_plan(std::int64_t run, const boost::json::value& plan, std::int64_t rows_total);
  /// Checks the pair against the phase table and the journal's own phase; the state becomes running unless
  /// paused.
  void advance(std::int64_t run, Phase from, Phase to);
  void set_state(std::int64_t run, State state, const std::string& reason);
  void set_postponed(std::int64_t run, bool postponed);
  /// False where the run has been cut over or ended meanwhile: there is nothing left to pause.
  bool pause(std::int64_t run, const std::string& who);
  void lift_pause(std::int64_t run);
  void save_fingerprint(std::int64_t run, const boost::json::value& fingerprint);
  void save_verification(std::int64_t run, const boost::json::value& summary,
                         const boost::json::value& report, bool equal);
  void save_cutover(std::int64_t run, const boost::json::value& cutover);
  void save_carried(std::int64_t run, const boost::json::value& carried);
  void count_cutover_attempt(std::int64_t run);
  void add_milliseconds(std::int64_t run, const std::string& name, double milliseconds);
  void add_keys_replayed(std::int64_t run, std::int64_t keys, std::int64_t requeued);

  bool step_finished(std::int64_t run, const std::string& step);
  void finish_step(std::int64_t run, const std::string& step);
  void forget_steps(std::int64_t run);
  void forget_step(std::int64_t run, const std::string& name);

  void list_chunks(std::int64_t run, std::uint32_t relation, std::int64_t pages,
                   std::int64_t pages_per_chunk);
  /// The next unfinished chunk that nobody holds, locked until the transaction ends.
  std::optional<Chunk> lease_chunk(std::int64_t run);
  /// That chunk, waited for where somebody holds it; null where it is finished.
  std::optional<Chunk> lease_chunk_again(std::int64_t run, const Chunk& chunk);
  /// Throws std::logic_error unless exactly one leased row was hit (docs/protocol.md, rule 11).
  void finish_chunk(std::int64_t run, const Chunk& chunk, std::int64_t rows);
  std::int64_t unfinished_chunks(std::int64_t run);

  void event(std::int64_t run, const std::string& what, const boost::json::value& detail = {});

 private:
  void throw_if_paused(std::int64_t run);
  std::vector<Run> load_where(const std::string& name, const std::string& condition,
                              const postgres::Parameters& parameters);

  postgres::Session& session_;
};

}  // namespace crossfade::orchestrator
