// Measures crossfade against the blocking ALTER TABLE, side by side on one throw-away server, and writes
// docs/performance.md. scripts/bench builds and runs it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ctime>
#include <fstream>
#include <iostream>
#include <set>

#include "bench/performance_page.h"
#include "postgres/error.h"
#include "postgres/problem.h"

namespace {

using namespace crossfade::bench;  // NOLINT: main is the one place that names everything

constexpr std::int64_t kRowsPerScale = 100'000;
const std::set<std::string> kSubjects = {"rewrite", "memory", "verification", "capture", "cutover"};

struct Options {
  std::int64_t rows = 10'000'000;
  int pairs = 3;
  int slices = 7;
  int slice_seconds = 5;
  int cutovers = 5;
  std::string fsync = "on";
  std::vector<std::string> only;
  std::string output = "docs/performance.md";

  bool wants(const std::string& subject) const {
    return only.empty() || std::find(only.begin(), only.end(), subject) != only.end();
  }
};

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &parts);
  return text;
}

/// The command as it is documented; what it writes to does not matter to the figures.
std::string command_line(const Options& options) {
  std::string out = fmt::format(
      "scripts/bench --rows {} --pairs {} --slices {} --slice-seconds {} --cutovers {} --fsync {}",
      options.rows, options.pairs, options.slices, options.slice_seconds, options.cutovers, options.fsync);
  for (const std::string& subject : options.only) out += " --only " + subject;
  return out;
}

Laboratory::Settings server_settings(const Options& options) {
  // Autovacuum would start somewhere in the middle of one side. Both sides vacuum by themselves.
  return {{"shared_buffers", "2GB"},    {"max_wal_size", "16GB"}, {"maintenance_work_mem", "512MB"},
          {"checkpoint_timeout", "1h"}, {"fsync", options.fsync}, {"autovacuum", "off"}};
}

Results measure(const Options& options, Laboratory& laboratory, const Conditions& conditions) {
  const Announce announce = [](const std::string& text) { std::cerr << text << std::endl; };
  Results results;
  if (options.wants("rewrite"))
    results.rewrite = measure_rewrite(laboratory, options.rows, options.pairs, announce);
  if (options.wants("memory")) {
    announce("memory");
    if (!results.rewrite) {
      results.rewrite.emplace();
      results.rewrite->peak_megabytes.push_back(measure_peak_memory(laboratory, options.rows));
    }
    results.small_peak_megabytes = measure_peak_memory(laboratory, conditions.small_rows);
  }
  if (options.wants("verification") || options.wants("capture")) {
    announce("verification");
    PostponedRun run(laboratory, options.rows);
    if (options.wants("verification")) results.verification = run.measure_verification(options.pairs);
    if (options.wants("capture")) results.capture = run.measure_capture(conditions.capture, announce);
  }
  if (options.wants("cutover"))
    results.cutover = measure_cutover(laboratory, conditions.small_rows, options.cutovers, announce);
  return results;
}

int measure_and_write(const Options& options) {
  Laboratory laboratory(CROSSFADE_BINARY, server_settings(options));
  const Conditions conditions{
      .command = command_line(options),
      .date = today(),
      .server_version = laboratory.server_version(),
      .settings = laboratory.settings(),
      .rows = options.rows,
      .small_rows = std::max(kRowsPerScale, options.rows / 10 / kRowsPerScale * kRowsPerScale),
      .capture = {options.rows, options.slices, options.slice_seconds}};
  const std::string page = performance_page(conditions, measure(options, laboratory, conditions));
  if (options.output == "-") {
    std::cout << page;
    return 0;
  }
  std::ofstream file(options.output);
  file << page;
  file.close();
  if (!file) {
    std::cerr << options.output << " cannot be written; the page follows\n" << page;
    return 1;
  }
  std::cout << page;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App application{
      "Measures crossfade against the blocking ALTER TABLE on a server of its own and writes "
      "docs/performance.md."};
  application.name("scripts/bench");
  application.option_defaults()->always_capture_default();
  application.add_option("--rows", options.rows, "rows of the table, a multiple of 100,000")
      ->check(CLI::Range(kRowsPerScale, std::int64_t{2'000'000'000}));
  application.add_option("--pairs", options.pairs, "rounds of each comparison")->check(CLI::Range(1, 100));
  application.add_option("--slices", options.slices, "slices with capture, and as many without")
      ->check(CLI::Range(1, 1000));
  application.add_option("--slice-seconds", options.slice_seconds, "length of a slice")
      ->check(CLI::Range(1, 600));
  application.add_option("--cutovers", options.cutovers, "cutovers under load")->check(CLI::Range(1, 100));
  application.add_option("--fsync", options.fsync, "the server's setting")
      ->check(CLI::IsMember({"on", "off"}));
  application.add_option("--only", options.only, "measure this only and print the page; may be repeated")
      ->check(CLI::IsMember(kSubjects));
  CLI::Option* output = application.add_option("--output", options.output, "the page; - prints it only");
  try {
    application.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return application.exit(error) == 0 ? 0 : 2;
  }
  options.rows = options.rows / kRowsPerScale * kRowsPerScale;
  // A part of the figures must not replace the page that has them all.
  if (!options.only.empty() && output->count() == 0) options.output = "-";
  try {
    return measure_and_write(options);
  } catch (const crossfade::Failure& failure) {
    std::cerr << describe(failure.problem()) << '\n';
  } catch (const crossfade::postgres::DatabaseError& error) {
    std::cerr << error.query_name() << ": " << error.report().message << '\n';
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
  }
  return 1;
}
