// The demo's progress while it runs: a small block that is redrawn four times a second on a terminal, plain
// lines every two seconds and at each new phase, or JSON lines. All functions are thread-safe; a thread of
// its own draws from construction to destruction. The stream must outlive the screen and nobody else writes
// to it meanwhile.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <ostream>
#include <string>
#include <thread>

#include "orchestrator/demo/application_traffic.h"
#include "orchestrator/demo/migration_run.h"

namespace crossfade::orchestrator::demo {

enum class ScreenStyle { none, block, lines, json_lines };

using TrafficReading = std::function<TrafficSnapshot()>;

class DemoScreen {
 public:
  DemoScreen(ScreenStyle style, std::ostream& stream);
  DemoScreen(const DemoScreen&) = delete;
  DemoScreen& operator=(const DemoScreen&) = delete;
  ~DemoScreen();

  /// Shows `progress`; another phase than before closes the last one with its duration.
  void update(const MigrationProgress& progress);
  /// From now on the application's figures are shown too; an empty function ends that. After it has returned,
  /// the former reading is not called any more.
  void watch(TrafficReading reading);
  /// A line that stays.
  void note(const std::string& line);
  /// Closes the last phase. Nothing is drawn afterwards.
  void finish();

 private:
  void draw_until_stopped(const std::stop_token& stop);
  void draw();
  void draw_block(const std::optional<TrafficSnapshot>& traffic);
  void draw_line(const std::optional<TrafficSnapshot>& traffic);
  void draw_json(const std::optional<TrafficSnapshot>& traffic);
  void close_phase();
  void erase_block();

  const ScreenStyle style_;
  std::ostream& stream_;
  const TrafficClock::time_point started_ = TrafficClock::now();

  std::mutex mutex_;  ///< for all that follows, and the stream
  std::condition_variable_any stopped_;
  MigrationProgress progress_;
  TrafficClock::time_point phase_started_ = started_;
  TrafficReading reading_;
  int block_height_ = 0;
  bool finished_ = false;
  std::jthread thread_;
};

/// A bar of `width` characters for a share in [0, 1]: "[#####-----]".
std::string progress_bar(double share, int width);
/// "1,234,567"
std::string with_separators(std::uint64_t number);
/// "1:05" or "2:03:04"
std::string clock_time(double seconds);

}  // namespace crossfade::orchestrator::demo
