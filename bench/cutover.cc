#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

#include "bench/measurements.h"
#include "bench/statistics.h"
#include "postgres/problem.h"

namespace crossfade::bench {

namespace {

namespace fs = std::filesystem;

constexpr int kClients = 4;
constexpr int kStoppedOnPurpose = 4;

std::optional<std::int64_t> number_after(const std::string& text, std::string_view label) {
  const auto at = text.find(label);
  if (at == std::string::npos) return std::nullopt;
  return std::stoll(text.substr(at + label.size()));
}

/// Reads and removes the latencies that pgbench logged; the longest, in milliseconds.
double longest_transaction(const fs::path& folder) {
  double longest = 0;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with("latency")) files.push_back(entry.path());
  }
  for (const fs::path& file : files) {
    std::ifstream stream(file);
    std::string client, number, latency;
    for (std::string line; std::getline(stream, line);) {
      std::istringstream words(line);
      if (words >> client >> number >> latency) longest = std::max(longest, std::stod(latency) / 1000);
    }
    fs::remove(file);
  }
  return longest;
}

/// One cutover in the midst of pgbench's own traffic. False where the traffic ended first: nothing was
/// measured.
bool cut_over_under_load(const Database& database, int seconds, CutoverTimes& times) {
  Child traffic(database.pgbench_command(
                    {fmt::format("--client={}", kClients), "--jobs=2", "--protocol=prepared", "--no-vacuum",
                     fmt::format("--time={}", seconds), "--log", "--log-prefix=latency"}),
                database.folder());
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const auto started = std::chrono::steady_clock::now();
  const Finished cutover = database.crossfade({"cutover"});
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
  const Finished ended = traffic.wait();
  // A client that meets an error gives up, and pgbench then ends with 2.
  require(ended, "pgbench", {0, 2});
  const double longest = longest_transaction(database.folder());
  const bool covered = elapsed.count() + 2 < seconds;
  times.transactions += number_after(ended.output, "number of transactions actually processed: ").value_or(0);
  times.failed += number_after(ended.output, "number of failed transactions: ").value_or(0);
  if (ended.exit_code != 0) times.failed += 1;
  if (!covered) return false;
  const boost::json::object run = only_run(cutover);
  times.hold_ms.push_back(run.at("cutover").at("hold_ms").to_number<double>());
  times.wait_ms.push_back(run.at("cutover").at("wait_ms").to_number<double>());
  times.longest_transaction_ms.push_back(longest);
  return true;
}

}  // namespace

CutoverTimes measure_cutover(Laboratory& laboratory, std::int64_t rows, int rounds,
                             const Announce& announce) {
  CutoverTimes times{.clients = kClients};
  const auto database = laboratory.fresh_database(rows);
  int seconds = 10;
  for (int file = 1; static_cast<int>(times.hold_ms.size()) < rounds; ++file) {
    announce(fmt::format("cutover under load, {} of {}", times.hold_ms.size() + 1, rounds));
    database->add_migration(fmt::format("{:04}_rewrite.sql", file),
                            file == 1 ? kWidenKey : "-- crossfade:rewrite public.pgbench_accounts\n");
    database->crossfade({"up", "--postpone-cutover", "--skip-verification"}, {kStoppedOnPurpose});
    if (!cut_over_under_load(*database, seconds, times)) seconds *= 2;
    if (seconds > 640) {
      throw Failure(ExitCode::failed, {.code = "benchmark",
                                       .object = "crossfade cutover",
                                       .message = "does not end while pgbench runs",
                                       .expected = "a cutover within ten minutes",
                                       .next = "Measure with fewer --rows."});
    }
    database->crossfade({"contract"});
  }
  return times;
}

}  // namespace crossfade::bench
