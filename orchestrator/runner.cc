#include "orchestrator/runner.h"

#include <fmt/format.h>

#include <chrono>

#include "postgres/error.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kReconnects =
    12;  ///< in a row without any progress; with their pauses about a minute and a half
constexpr milliseconds kLongestReconnectPause{15000};

Failure stopped(std::int64_t run) {
  return Failure(ExitCode::resumable, {.code = "stopped",
                                       .object = fmt::format("run {}", run),
                                       .message = "stopped on request",
                                       .expected = "",
                                       .found = "",
                                       .next = "Run `crossfade up` again; it goes on where it stopped."});
}

Failure out_of_space(const Run& run, const postgres::DatabaseError& error) {
  return Failure(ExitCode::failed,
                 {.code = "disk-full",
                  .object = run.display(),
                  .message = "the server's disk is full: " + error.report().message,
                  .expected = "room for the new table, its indexes and WAL",
                  .found = "SQLSTATE " + error.sqlstate(),
                  .next = fmt::format(
                      "Make room and run `crossfade up` again; it goes on where it stopped. `crossfade abort "
                      "{}` gives the room back that the run has taken.",
                      run.run)});
}

}  // namespace

Runner::Runner(const postgres::SessionFactory& factory, Reporter& reporter, std::stop_token stop)
    : factory_(factory), reporter_(reporter), stop_(std::move(stop)) {}

RunResult Runner::execute(const RunRequest& request) {
  const auto started = Clock::now();
  milliseconds pause{250};
  std::string own_epoch;
  for (int reconnects = 0;; ++reconnects) {
    std::unique_ptr<RunExecution> execution;
    bool progressed = false;
    std::string trouble;
    try {
      execution = make_execution({factory_, reporter_, stop_, request, own_epoch});
      own_epoch = execution->epoch();
      RunResult result = execution->run(progressed);
      result.total_ms = std::chrono::duration<double, std::milli>(Clock::now() - started).count();
      return result;
    } catch (const postgres::DatabaseError& error) {
      if (error.out_of_space()) {
        if (execution) execution->record_stop(State::failed, error.what());
        throw out_of_space(execution ? execution->journalled() : Run{.run = request.run}, error);
      }
      if (stop_.stop_requested() && error.retryable()) {
        if (execution) execution->record_stop(State::interrupted, "stopped on request");
        throw stopped(request.run);
      }
      if (!error.retryable()) {
        if (execution) execution->record_stop(State::failed, error.what());
        throw;
      }
      trouble = error.report().message;
    } catch (const Failure& failure) {
      // After a lost connection the server may be away for a while, or still hold our own last session's
      // lock.
      const bool passing =
          (failure.problem().code == "unreachable" && (reconnects > 0 || execution != nullptr)) ||
          ((failure.problem().code == "table-held" || failure.problem().code == "run-held") &&
           reconnects > 0);
      if (!passing) {
        if (execution) {
          const State state = failure.exit_code() != ExitCode::resumable ? State::failed
                              : failure.problem().code == "postponed"    ? State::postponed
                                                                         : State::interrupted;
          execution->record_stop(state, failure.problem().message);
        }
        throw;
      }
      trouble = failure.problem().message;
    }
    execution.reset();
    if (progressed) {
      reconnects = 0;
      pause = milliseconds(250);
    }
    if (stop_.stop_requested()) throw stopped(request.run);
    if (reconnects >= kReconnects) {
      throw Failure(
          ExitCode::failed,
          {.code = "connection-lost",
           .object = fmt::format("run {}", request.run),
           .message = "the server went away and did not come back: " + trouble,
           .expected = factory_.target().display(),
           .found = fmt::format("{} attempts to go on", reconnects),
           .next = "When the server is back, run `crossfade up` again; it goes on where it stopped."});
    }
    reporter_.note(
        fmt::format("run {}: {}; going on from the journal in {} ms", request.run, trouble, pause.count()));
    sleep_unless_stopped(pause, stop_);
    pause = std::min(pause * 2, kLongestReconnectPause);
  }
}

}  // namespace crossfade::orchestrator
