#include "orchestrator/demo/demo_screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <utility>

namespace crossfade::orchestrator::demo {

namespace {

using namespace std::chrono_literals;

double seconds_since(TrafficClock::time_point moment) {
  return std::chrono::duration<double>(TrafficClock::now() - moment).count();
}

std::optional<double> share_of(const MigrationProgress& progress) {
  if (!progress.rows_done || progress.rows_total.value_or(0) == 0) return std::nullopt;
  return std::min(1.0, static_cast<double>(*progress.rows_done) / static_cast<double>(*progress.rows_total));
}

std::string migration_figures(const MigrationProgress& progress) {
  std::string text;
  const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : "   ") + part; };
  if (progress.rows_per_s) {
    add(with_separators(static_cast<std::uint64_t>(std::max(0.0, *progress.rows_per_s))) + " rows/s");
  }
  if (progress.eta_s) add("ETA " + clock_time(*progress.eta_s));
  if (progress.backlog_keys) add("backlog " + with_separators(*progress.backlog_keys) + " keys");
  return text;
}

std::string traffic_figures(const TrafficSnapshot& traffic) {
  return fmt::format("{:.0f} tx/s   p99 {}   failed {}   skipped {}",
                     traffic.last_second.transactions_per_s.value_or(0.0),
                     traffic.last_second.p99_ms ? fmt::format("{:.1f} ms", *traffic.last_second.p99_ms) : "-",
                     traffic.counts.failed, traffic.counts.skipped);
}

template <class Number>
boost::json::value or_null(const std::optional<Number>& number) {
  return number ? boost::json::value(*number) : boost::json::value(nullptr);
}

}  // namespace

std::string progress_bar(double share, int width) {
  const int filled = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * width));
  return fmt::format("[{:#<{}}{:-<{}}]", "", filled, "", width - filled);
}

std::string with_separators(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (auto place = static_cast<std::ptrdiff_t>(text.size()) - 3; place > 0; place -= 3) {
    text.insert(static_cast<std::size_t>(place), ",");
  }
  return text;
}

std::string clock_time(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::ceil(std::max(seconds, 0.0)));
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

DemoScreen::DemoScreen(ScreenStyle style, std::ostream& stream) : style_(style), stream_(stream) {
  if (style_ == ScreenStyle::none) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { draw_until_stopped(stop); });
}

DemoScreen::~DemoScreen() {
  finish();
}

void DemoScreen::update(const MigrationProgress& progress) {
  const std::scoped_lock lock(mutex_);
  const bool new_phase = progress.phase != progress_.phase;
  if (new_phase) {
    close_phase();
    phase_started_ = TrafficClock::now();
  }
  progress_ = progress;
  // Drawn at once, because a short phase would be over before the next turn.
  if (new_phase && !finished_) draw();
}

void DemoScreen::watch(TrafficReading reading) {
  const std::scoped_lock lock(mutex_);
  reading_ = std::move(reading);
}

void DemoScreen::note(const std::string& line) {
  const std::scoped_lock lock(mutex_);
  if (style_ == ScreenStyle::none || style_ == ScreenStyle::json_lines) return;
  erase_block();
  stream_ << line << '\n' << std::flush;
}

void DemoScreen::finish() {
  thread_ = std::jthread();
  const std::scoped_lock lock(mutex_);
  if (finished_) return;
  finished_ = true;
  close_phase();
}

void DemoScreen::draw_until_stopped(const std::stop_token& stop) {
  const auto interval = style_ == ScreenStyle::block ? 250ms : 2000ms;
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    stopped_.wait_for(lock, stop, interval, [] { return false; });
    if (!stop.stop_requested() && !progress_.phase.empty()) draw();
  }
}

void DemoScreen::draw() {
  const auto traffic = reading_ ? std::optional(reading_()) : std::nullopt;
  switch (style_) {
    case ScreenStyle::none:
      return;
    case ScreenStyle::block:
      return draw_block(traffic);
    case ScreenStyle::lines:
      return draw_line(traffic);
    case ScreenStyle::json_lines:
      return draw_json(traffic);
  }
}

void DemoScreen::draw_block(const std::optional<TrafficSnapshot>& traffic) {
  constexpr std::size_t kWidth = 79;
  std::vector<std::string> lines;
  const auto share = share_of(progress_);
  const std::string elapsed = clock_time(std::floor(seconds_since(phase_started_)));
  if (share) {
    lines.push_back(fmt::format("  {:<15}{} {:>3.0f} %  {} of {} rows", progress_.phase,
                                progress_bar(*share, 24), std::floor(*share * 100),
                                with_separators(*progress_.rows_done),
                                with_separators(*progress_.rows_total)));
  } else {
    lines.push_back(fmt::format("  {:<15}{}", progress_.phase, elapsed));
  }
  lines.push_back("                 " + migration_figures(progress_));
  if (traffic) lines.push_back("  application    " + traffic_figures(*traffic));
  if (!progress_.waiting_reason.empty()) lines.push_back("  waiting        " + progress_.waiting_reason);
  erase_block();
  for (std::string& line : lines) {
    // A wrapped line would be counted as one and leave its rest on the screen.
    if (line.size() > kWidth) line.resize(kWidth);
    stream_ << line << '\n';
  }
  stream_ << std::flush;
  block_height_ = static_cast<int>(lines.size());
}

void DemoScreen::draw_line(const std::optional<TrafficSnapshot>& traffic) {
  std::string line = fmt::format("{:7.1f} s  {:<15}", seconds_since(started_), progress_.phase);
  if (const auto share = share_of(progress_)) {
    line +=
        fmt::format("  {:.0f} %  {} rows", std::floor(*share * 100), with_separators(*progress_.rows_done));
  }
  if (const std::string figures = migration_figures(progress_); !figures.empty()) line += "   " + figures;
  if (traffic) line += "   application " + traffic_figures(*traffic);
  if (!progress_.waiting_reason.empty()) line += "   waiting: " + progress_.waiting_reason;
  stream_ << line << '\n' << std::flush;
}

void DemoScreen::draw_json(const std::optional<TrafficSnapshot>& traffic) {
  boost::json::object line{
      {"schema", 1}, {"command", "demo"}, {"elapsed_s", seconds_since(started_)}, {"phase", progress_.phase}};
  line["progress"] = {{"rows_done", or_null(progress_.rows_done)},
                      {"rows_total", or_null(progress_.rows_total)},
                      {"rows_per_s", or_null(progress_.rows_per_s)},
                      {"eta_s", or_null(progress_.eta_s)}};
  line["backlog_keys"] = or_null(progress_.backlog_keys);
  line["reason"] = progress_.waiting_reason.empty() ? boost::json::value(nullptr)
                                                    : boost::json::value(progress_.waiting_reason);
  line["application"] = nullptr;
  if (traffic) {
    line["application"] = {{"transactions_per_s", or_null(traffic->last_second.transactions_per_s)},
                           {"p99_ms", or_null(traffic->last_second.p99_ms)},
                           {"failed", traffic->counts.failed},
                           {"skipped", traffic->counts.skipped}};
  }
  stream_ << boost::json::serialize(line) << '\n' << std::flush;
}

void DemoScreen::close_phase() {
  if (progress_.phase.empty() || style_ == ScreenStyle::none || style_ == ScreenStyle::json_lines) return;
  erase_block();
  std::string line = style_ == ScreenStyle::lines ? fmt::format("{:7.1f} s", seconds_since(started_)) : "";
  line += fmt::format("  {:<15}done in {:.1f} s", progress_.phase, seconds_since(phase_started_));
  if (progress_.rows_done) line += fmt::format(", {} rows", with_separators(*progress_.rows_done));
  stream_ << line << '\n' << std::flush;
  progress_.phase.clear();
}

void DemoScreen::erase_block() {
  if (block_height_ > 0) stream_ << fmt::format("\x1b[{}A\x1b[J", block_height_);
  block_height_ = 0;
}

}  // namespace crossfade::orchestrator::demo
