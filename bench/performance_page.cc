#include "bench/performance_page.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "bench/statistics.h"

namespace crossfade::bench {

namespace {

constexpr const char* kIntroduction = R"md(# Performance

This page is written by a program; edit `bench/performance_page.cc`, not the page. All figures of the first tables come from one run:

    {command}

Measured on {date}: PostgreSQL {server}, {machine}. The table is `pgbench_accounts` with {rows} rows, the change
`ALTER COLUMN aid TYPE bigint`. Another machine gives other times; the ratios are what to compare.

Server settings, the same for both sides of every comparison; everything else is as `initdb` leaves it:
{settings}.

)md";

constexpr const char* kMethod = R"md(
## How each figure is taken

Both sides run on one server, one after the other, each on a fresh copy of the same database, after the table was read
into the server's buffers and a checkpoint. The order is reversed in every second round. A figure is the median; ratios
are taken round by round, so that a machine which slows down over time does not decide. `scripts/bench --only NAME`
repeats one of them.

- `rewrite`: the blocking way is the `ALTER TABLE` and `VACUUM (ANALYZE)`; crossfade's is `ms.total` of the run, from
  its first step to the cutover, with its own `VACUUM (ANALYZE)`. Planning is before that: about 0.2 s, whatever the
  size. Both must end with equal columns, indexes, validated constraints, statistics and rows, or there are no figures.
- `verification`: the whole `crossfade verify` process of a run before its cutover, against `SELECT count(*)` of both
  tables one after the other, without parallel workers.
- `capture`: four pgbench clients update single rows by primary key, prepared. Slices with and without the run's
  triggers take turns on the same table. Nobody replays meanwhile, so this is the cost of the triggers alone.
- `memory`: the largest resident set of the `crossfade up` process, as the kernel reports it (`getrusage`).
- `cutover`: `crossfade cutover` while four pgbench clients run the TPC-B-like transaction, prepared. The lock's hold
  time is crossfade's own measurement; a failed transaction or an aborted client counts as failed.

## Where the time of a rewrite goes

On two cores a copy is bound by the processor: a row is turned into its binary form by one backend and back into a row
by another, and `char(n)` columns have their characters counted once more (`perf record -a`: four fifths of the samples
are the server's, one fifteenth crossfade's own). The blocking ALTER does less for a row, on one core. What is left idle
is waiting for WAL. These were tried for the first line of the table, and none changed it by more than two runs differ:
three and four copy workers (`--workers`), larger chunks (`--chunk-pages`), a thread each for reading and for writing a
stream, VACUUM before the index or beside the copy, other amounts of `maintenance_work_mem` and of parallel workers for
the index. With more cores the copy has more workers, and the ALTER still has one.

## Where the time of capture goes

For each changed row the server queues an event, calls the trigger, and inserts the key into the log. Three other forms of
the trigger were timed beside the one in use, in slices that take turns as in `capture`: without SECURITY DEFINER; with the
part for a changed key in a trigger of its own behind WHEN; with an empty body. The first two differ from the one in use by
less than two rounds differ, and the empty one from no trigger at all likewise. What costs is the INSERT of the key itself:
a tuple, its WAL and the executor's start. It is also what makes a change safe from a crash, so it stays.

## On a slower machine

The same command on 2026-11-27, on two cores of an AMD EPYC that share their execution units (two busy threads get
half as much again as one) and on which a page that a process touches for the first time costs 7 µs. Its blocking ALTER
takes 22.7 s. Medians:

| figure | target | there |
|---|---|---|
| first step to cutover, without verification / blocking ALTER | ≤ 0.90 | 1.33 (1.33, 1.51, 1.21) |
| first step to cutover, with full verification / blocking ALTER | ≤ 1.30 | 1.70 (1.70, 2.13, 1.56) |
| verification of both tables / `count(*)` of both | ≤ 5.00 | 7.12 (5.47, 7.12, 7.43) |
| update throughput with capture / without | ≥ 0.95 | 0.98 (0.86 to 1.35) |
| peak memory at 10 and at 1 million rows | < 64 MB | 17.7 and 17.6 MB |
| lock held at the cutover, 4 busy clients, worst of 5 | < 50 ms | 40.9 ms (`--only cutover`, after the change below) |

The copy and the verification use both cores, the ALTER and `count(*)` one of them, so they lose what the cores share.
Every session of a run is a new process of the server, which meets each page of the table for the first time. The
cutover held its lock for 50 to 83 ms there, until its sessions ran their statements once before the lock, about no row,
and the last replay came right before it.
)md";

struct Line {
  std::string figure;
  std::string target;
  std::string measured;
  std::string rounds;
  std::string command;
  bool met = false;
};

std::string with_separators(std::int64_t number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

std::string seconds(const std::vector<double>& milliseconds) {
  return fmt::format("{:.1f} s", median(milliseconds) / 1000);
}

Line ratio_line(std::string figure, const std::vector<double>& values, double bound, bool at_most,
                std::string command) {
  const double middle = median(values);
  return {.figure = std::move(figure),
          .target = fmt::format("{} {:.2f}", at_most ? "≤" : "≥", bound),
          .measured = fmt::format("{:.2f}", middle),
          .rounds = listed(values),
          .command = std::move(command),
          .met = at_most ? middle <= bound : middle >= bound};
}

std::vector<Line> lines_of(const Conditions& conditions, const Results& results) {
  std::vector<Line> lines;
  if (results.rewrite && !results.rewrite->blocking.empty()) {
    const RewriteTimes& times = *results.rewrite;
    lines.push_back(ratio_line("first step to cutover, without verification / blocking ALTER",
                               ratios(times.unverified, times.blocking), 0.90, true,
                               "`crossfade up --skip-verification`"));
    lines.push_back(ratio_line("first step to cutover, with full verification / blocking ALTER",
                               ratios(times.verified, times.blocking), 1.30, true, "`crossfade up`"));
  }
  if (results.verification) {
    lines.push_back(ratio_line("verification of both tables / `count(*)` of both",
                               ratios(results.verification->verify, results.verification->count), 5, true,
                               "`crossfade verify`"));
  }
  if (results.capture) {
    lines.push_back(ratio_line("update throughput with capture / without",
                               ratios(results.capture->rate_with, results.capture->rate_without), 0.95, false,
                               "`pgbench -c 4 -M prepared`"));
  }
  if (results.rewrite && !results.rewrite->peak_megabytes.empty()) {
    const double peak = largest(results.rewrite->peak_megabytes);
    lines.push_back({.figure = fmt::format("peak memory at {} rows", with_separators(conditions.rows)),
                     .target = "< 64 MB",
                     .measured = fmt::format("{:.1f} MB", peak),
                     .rounds = listed(results.rewrite->peak_megabytes, "{:.1f}"),
                     .command = "`crossfade up`",
                     .met = peak < 64});
    if (results.small_peak_megabytes) {
      const double small = *results.small_peak_megabytes;
      lines.push_back(
          {.figure = fmt::format("peak memory at {} rows", with_separators(conditions.small_rows)),
           .target = "the same",
           .measured = fmt::format("{:.1f} MB", small),
           .rounds = "",
           .command = "`crossfade up`",
           .met = peak < small * 1.25});
    }
  }
  if (results.cutover) {
    const CutoverTimes& times = *results.cutover;
    lines.push_back({.figure = fmt::format("lock held at the cutover, {} busy clients, worst", times.clients),
                     .target = "< 50 ms",
                     .measured = fmt::format("{:.1f} ms", largest(times.hold_ms)),
                     .rounds = listed(times.hold_ms, "{:.1f}"),
                     .command = "`crossfade cutover`",
                     .met = largest(times.hold_ms) < 50});
    lines.push_back({.figure = "failed transactions around the cutovers",
                     .target = "0",
                     .measured = fmt::format("{} of {}", with_separators(times.failed),
                                             with_separators(times.transactions)),
                     .rounds = "",
                     .command = "`crossfade cutover`",
                     .met = times.failed == 0});
  }
  return lines;
}

std::string targets_table(const std::vector<Line>& lines) {
  std::string out =
      "| figure | target | measured | met | every round | command |\n|---|---|---|---|---|---|\n";
  for (const Line& line : lines) {
    out += fmt::format("| {} | {} | **{}** | {} | {} | {} |\n", line.figure, line.target, line.measured,
                       line.met ? "yes" : "**no**", line.rounds, line.command);
  }
  return out;
}

std::string absolute_times(const Conditions& conditions, const Results& results) {
  std::string out = "\n## Behind the ratios\n\n| what | median |\n|---|---|\n";
  const auto add = [&](std::string_view what, const std::string& value) {
    out += fmt::format("| {} | {} |\n", what, value);
  };
  if (results.rewrite && !results.rewrite->blocking.empty()) {
    const RewriteTimes& times = *results.rewrite;
    add("blocking `ALTER TABLE`, then `VACUUM (ANALYZE)`", seconds(times.blocking));
    add("`crossfade up --skip-verification`", seconds(times.unverified));
    add("`crossfade up`", seconds(times.verified));
    add("… of it copy", seconds(times.phases.copy));
    add("… of it key index, `VACUUM (ANALYZE)`", seconds(times.phases.build));
    add("… of it verification", seconds(times.phases.verify));
    const double copy = median(times.phases.copy) / 1000;
    if (copy > 0)
      add("rows copied a second",
          with_separators(static_cast<std::int64_t>(static_cast<double>(conditions.rows) / copy)));
  }
  if (results.verification) {
    add(fmt::format("`count(*)` of both tables ({})", results.verification->count_plan),
        seconds(results.verification->count));
    add("`crossfade verify` of both", seconds(results.verification->verify));
  }
  if (results.capture) {
    const CaptureSlices& slices = *results.capture;
    add("updates a second without capture",
        with_separators(static_cast<std::int64_t>(median(slices.rate_without))));
    add("updates a second with capture",
        with_separators(static_cast<std::int64_t>(median(slices.rate_with))));
    add("p99 of an update without capture", fmt::format("{:.2f} ms", median(slices.p99_without)));
    add("p99 of an update with capture", fmt::format("{:.2f} ms", median(slices.p99_with)));
    add("p99 with capture / without",
        fmt::format("{:.2f}", median(ratios(slices.p99_with, slices.p99_without))));
  }
  if (results.cutover) {
    const CutoverTimes& times = *results.cutover;
    add("lock held at the cutover", fmt::format("{:.1f} ms", median(times.hold_ms)));
    add("wait for the lock", fmt::format("{:.1f} ms", median(times.wait_ms)));
    add("longest transaction of the application, the cutover included",
        fmt::format("{:.0f} ms", median(times.longest_transaction_ms)));
  }
  return out;
}

std::string settings_text(const Laboratory::Settings& settings) {
  std::string out;
  for (const auto& [name, value] : settings)
    out += fmt::format("{}`{} = {}`", out.empty() ? "" : ", ", name, value);
  return out;
}

std::string value_of(const char* file, std::string_view label) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    if (!line.starts_with(label)) continue;
    const auto colon = line.find(':');
    const auto begin = colon == std::string::npos ? colon : line.find_first_not_of(" \t", colon + 1);
    if (begin != std::string::npos) return line.substr(begin);
  }
  return {};
}

}  // namespace

std::string describe_machine() {
  std::string processor = value_of("/proc/cpuinfo", "model name");
  if (processor.empty()) processor = "an unnamed processor";
  const std::string memory = value_of("/proc/meminfo", "MemTotal");
  const double gigabytes = memory.empty() ? 0 : std::stod(memory) / (1 << 20);
  utsname system{};
  ::uname(&system);
  return fmt::format("{} cores of {}, {:.0f} GB of memory, {} {}", std::thread::hardware_concurrency(),
                     processor, gigabytes, system.sysname, system.machine);
}

std::string performance_page(const Conditions& conditions, const Results& results) {
  return fmt::format(fmt::runtime(kIntroduction), fmt::arg("command", conditions.command),
                     fmt::arg("date", conditions.date), fmt::arg("server", conditions.server_version),
                     fmt::arg("machine", describe_machine()),
                     fmt::arg("settings", settings_text(conditions.settings)),
                     fmt::arg("rows", with_separators(conditions.rows))) +
         targets_table(lines_of(conditions, results)) + absolute_times(conditions, results) + kMethod;
}

}  // namespace crossfade::bench
