// Fault points for tests: a crash, a lost connection, an error or a pause exactly before or after a named
// query. The plan comes from the environment variable CROSSFADE_FAULT as
// NAME[#OCCURRENCE]:before|after:kill|terminate|stop|error (OCCURRENCE counts from 1), several of them
// separated by commas, and CROSSFADE_FAULT_TRACE names a file to which every query's name is appended. With
// neither variable set nothing is decorated. A COPY's first piece of data is a point as well: NAME.data. A
// FaultPlan is shared by all sessions of a process and thread-safe.
#pragma once

#include <cstdint>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/session.h"

namespace crossfade::postgres {

class FaultPlan {
 public:
  enum class Moment { before, after };
  enum class Action { kill, terminate, stop, error };
  struct Point {
    std::string query_name;
    int occurrence = 1;
    Moment moment = Moment::before;
    Action action = Action::kill;
    int seen = 0;  ///< how often it was passed
  };

  FaultPlan(std::vector<Point> points, std::string trace_file);

  /// From the environment; null where neither variable is set. Throws Failure (exit 2) on a malformed plan.
  static std::shared_ptr<FaultPlan> from_environment();

  /// Called by the decorators around every query. `session` is the one that runs it.
  void reached(Moment moment, const std::string& query_name, Session& session);

 private:
  std::mutex mutex_;
  std::vector<Point> points_;
  std::ofstream trace_;
};

std::unique_ptr<Session> with_faults(std::unique_ptr<Session> session, std::shared_ptr<FaultPlan> plan);
std::unique_ptr<CopySession> with_faults(std::unique_ptr<CopySession> session,
                                         std::shared_ptr<FaultPlan> plan);

}  // namespace crossfade::postgres
