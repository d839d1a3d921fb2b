// What all commands share: the global options, how to reach the database, and the one result that main prints
// either as text or as one JSON document. Values; a command runs on the main thread.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "orchestrator/journal.h"
#include "orchestrator/reporter.h"
#include "orchestrator/run_context.h"
#include "postgres/connection.h"
#include "postgres/fault.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

/// sarif and github are lint's alone.
enum class OutputFormat { text, json, sarif, github };

struct GlobalOptions {
  std::string
      database;  ///< empty: CROSSFADE_DATABASE_URL, DATABASE_URL, libpq's own variables, in this order
  std::filesystem::path directory = "migrations";
  OutputFormat format = OutputFormat::text;
  bool json = false;  ///< whether that is json
  ProgressStyle progress = ProgressStyle::automatic;
};

struct CommandEnvironment {
  GlobalOptions options;
  std::stop_token stop;
  std::shared_ptr<postgres::FaultPlan> faults;  ///< one a process, so that it counts over all connections

  postgres::SessionFactory connect() const;
  /// Whether the options or the environment name one; libpq's own variables do not count.
  bool database_given() const;
};

/// `document` holds the command's own members; main adds schema, command, exit_code and error.
struct CommandResult {
  ExitCode exit_code = ExitCode::done;
  boost::json::object document;
  std::string text;
  std::optional<Problem> problem;  ///< a failure that still has something to show
};

/// The run that a command means: the given one, or the only eligible one. Throws Failure: exit 2 when several
/// are eligible (it lists them), exit 5 when there is none or the given one does not exist or is not
/// eligible.
Run choose_run(postgres::Session& session, std::optional<std::int64_t> given, const std::string& command,
               const std::function<bool(const Run&)>& eligible);

/// A run as the documents of `up`, `cutover`, `contract` … show it.
boost::json::object run_document(const Run& run, bool resumed, double total_ms);
std::string run_text(const Run& run, double total_ms);

/// user@host, for the audit trail.
std::string operator_name();

}  // namespace crossfade::orchestrator
