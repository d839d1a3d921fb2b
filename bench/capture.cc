#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "bench/measurements.h"
#include "bench/statistics.h"
#include "postgres/problem.h"
#include "postgres/quoting.h"

namespace crossfade::bench {

namespace {

namespace fs = std::filesystem;

constexpr const char* kTriggers = R"sql(
SELECT tgname, pg_catalog.pg_get_triggerdef(oid) AS definition
  FROM pg_catalog.pg_trigger WHERE tgrelid = 'public.pgbench_accounts'::regclass AND NOT tgisinternal
)sql";

/// The run's own triggers, taken away and put back as they were: a disabled trigger would still cost
/// something.
class Capture {
 public:
  explicit Capture(postgres::Session& session) : session_(session) {
    const postgres::Rows rows = session_.run({"bench.triggers", kTriggers});
    for (const postgres::Row row : rows) {
      const std::string name = postgres::quote_identifier(row.text("tgname"));
      on_.push_back(row.text("definition"));
      on_.push_back("ALTER TABLE public.pgbench_accounts ENABLE ALWAYS TRIGGER " + name);
      off_.push_back("DROP TRIGGER " + name + " ON public.pgbench_accounts");
    }
    if (off_.empty()) {
      throw Failure(ExitCode::failed, {.code = "benchmark",
                                       .object = "public.pgbench_accounts",
                                       .message = "there are no capture triggers to measure",
                                       .next = "Check that the run is postponed before its cutover."});
    }
  }

  void turn(bool on) {
    if (on == on_now_) return;
    for (const std::string& statement : on ? on_ : off_) session_.run({"bench.capture", statement});
    on_now_ = on;
  }

 private:
  postgres::Session& session_;
  std::vector<std::string> on_;
  std::vector<std::string> off_;
  bool on_now_ = true;
};

struct Slice {
  double rate = 0;  ///< transactions a second
  double p99_ms = 0;
};

/// pgbench writes one file a thread; the third word of a line is the latency in microseconds.
std::vector<double> latencies(const fs::path& folder, const std::string& prefix) {
  std::vector<double> milliseconds;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with(prefix)) continue;
    std::ifstream file(entry.path());
    std::string client, number, latency;
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      if (words >> client >> number >> latency) milliseconds.push_back(std::stod(latency) / 1000);
    }
  }
  return milliseconds;
}

Slice measure_slice(const Database& database, const std::string& script, int seconds) {
  const std::string prefix = "latency";
  run(database.pgbench_command({"--client=4", "--jobs=2", "--protocol=prepared", "--no-vacuum",
                                fmt::format("--time={}", seconds), "--file=" + script, "--log",
                                "--log-prefix=" + prefix}),
      database.folder());
  const std::vector<double> measured = latencies(database.folder(), prefix);
  for (const auto& entry : fs::directory_iterator(database.folder())) {
    if (entry.path().filename().string().starts_with(prefix)) fs::remove(entry.path());
  }
  return {static_cast<double>(measured.size()) / seconds, percentile(measured, 0.99)};
}

}  // namespace

CaptureSlices PostponedRun::measure_capture(const CaptureOptions& options, const Announce& announce) {
  const std::string script = (database_->folder() / "update.sql").string();
  std::ofstream(script) << fmt::format(
      "\\set aid random(1, {})\n\\set delta random(-5000, 5000)\n"
      "UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;\n",
      options.rows);
  const auto session = database_->open();
  Capture capture(*session);
  CaptureSlices slices;
  const auto measure = [&](bool captured) {
    capture.turn(captured);
    const Slice slice = measure_slice(*database_, script, options.seconds);
    (captured ? slices.rate_with : slices.rate_without).push_back(slice.rate);
    (captured ? slices.p99_with : slices.p99_without).push_back(slice.p99_ms);
  };
  // The first slice fills caches and writes full pages after the checkpoint; it counts for nobody.
  capture.turn(false);
  measure_slice(*database_, script, options.seconds);
  for (int slice = 0; slice < options.slices; ++slice) {
    announce(fmt::format("capture, slice {} of {}", slice + 1, options.slices));
    measure(slice % 2 == 0);
    measure(slice % 2 != 0);
  }
  return slices;
}

}  // namespace crossfade::bench
