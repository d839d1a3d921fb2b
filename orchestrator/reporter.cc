#include "orchestrator/reporter.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <mutex>

namespace crossfade::orchestrator {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kPlainEvery{5};

std::string eta_text(const std::optional<double>& seconds) {
  if (!seconds) return "";
  const auto whole = static_cast<std::int64_t>(*seconds + 0.5);
  if (whole < 60) return fmt::format(", {} s left", whole);
  if (whole < 3600) return fmt::format(", {}:{:02} min left", whole / 60, whole % 60);
  return fmt::format(", {}:{:02} h left", whole / 3600, whole / 60 % 60);
}

std::string line_of(const ProgressSnapshot& now) {
  std::string text = fmt::format("run {} {} {}", now.run, now.table, now.phase);
  if (now.rows_total > 0) {
    const double share =
        std::min(1.0, static_cast<double>(now.rows_done) / static_cast<double>(now.rows_total));
    text += fmt::format(" {:3.0f} %  {} of about {} rows, {:.0f} rows/s{}", share * 100, now.rows_done,
                        now.rows_total, now.rows_per_s, eta_text(now.eta_s));
  }
  if (now.backlog_keys > 0) text += fmt::format(", {} changes to replay", now.backlog_keys);
  if (!now.waiting_for.empty()) text += "; waiting for " + now.waiting_for;
  return text;
}

/// Ages and attempts count on while the reason stays the same.
std::string without_numbers(std::string text) {
  std::erase_if(text, [](unsigned char c) { return std::isdigit(c) != 0; });
  return text;
}

class PlainReporter : public Reporter {
 public:
  void progress(const ProgressSnapshot& snapshot) override {
    const std::string waiting_for = without_numbers(snapshot.waiting_for);
    const bool changed = snapshot.phase != phase_ || waiting_for != waiting_for_;
    if (!changed && Clock::now() - shown_ < kPlainEvery) return;
    phase_ = snapshot.phase;
    waiting_for_ = waiting_for;
    shown_ = Clock::now();
    std::cerr << line_of(snapshot) << '\n' << std::flush;
  }
  void note(const std::string& text) override { std::cerr << text << '\n' << std::flush; }

 private:
  std::string phase_;
  std::string waiting_for_;
  Clock::time_point shown_;
};

/// One line, drawn again in place; a change of phase leaves the last one standing.
class TerminalReporter : public Reporter {
 public:
  ~TerminalReporter() override {
    if (!phase_.empty()) std::cerr << '\n';
  }
  void progress(const ProgressSnapshot& snapshot) override {
    if (!phase_.empty() && snapshot.phase != phase_) std::cerr << '\n';
    phase_ = snapshot.phase;
    std::cerr << "\r\033[K" << line_of(snapshot) << std::flush;
  }
  void note(const std::string& text) override { std::cerr << "\r\033[K" << text << '\n' << std::flush; }

 private:
  std::string phase_;
};

class JsonReporter : public Reporter {
 public:
  void progress(const ProgressSnapshot& snapshot) override {
    boost::json::object line = boost::json::value_from(snapshot).as_object();
    line["event"] = "progress";
    std::cerr << boost::json::serialize(line) << '\n' << std::flush;
  }
  void note(const std::string& text) override {
    std::cerr << boost::json::serialize(boost::json::object{{"event", "note"}, {"text", text}}) << '\n'
              << std::flush;
  }
};

class SilentReporter : public Reporter {
 public:
  void progress(const ProgressSnapshot&) override {}
  void note(const std::string&) override {}
};

/// The main thread's notes and the monitor's progress come from two threads.
class LockedReporter : public Reporter {
 public:
  explicit LockedReporter(std::unique_ptr<Reporter> reporter) : reporter_(std::move(reporter)) {}
  void progress(const ProgressSnapshot& snapshot) override {
    const std::lock_guard lock(mutex_);
    reporter_->progress(snapshot);
  }
  void note(const std::string& text) override {
    const std::lock_guard lock(mutex_);
    reporter_->note(text);
  }

 private:
  std::mutex mutex_;
  std::unique_ptr<Reporter> reporter_;
};

}  // namespace

std::unique_ptr<Reporter> make_reporter(ProgressStyle style) {
  std::unique_ptr<Reporter> reporter;
  switch (style) {
    case ProgressStyle::automatic:
      if (::isatty(STDERR_FILENO) != 0) {
        reporter = std::make_unique<TerminalReporter>();
      } else {
        reporter = std::make_unique<PlainReporter>();
      }
      break;
    case ProgressStyle::plain:
      reporter = std::make_unique<PlainReporter>();
      break;
    case ProgressStyle::json:
      reporter = std::make_unique<JsonReporter>();
      break;
    case ProgressStyle::none:
      reporter = std::make_unique<SilentReporter>();
      break;
  }
  return std::make_unique<LockedReporter>(std::move(reporter));
}

}  // namespace crossfade::orchestrator
