#include "postgres/fault.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>

#include "postgres/error.h"
#include "postgres/problem.h"

namespace crossfade::postgres {

namespace {

using Moment = FaultPlan::Moment;

[[noreturn]] void refuse(std::string_view text) {
  throw Failure(ExitCode::usage, {.code = "bad-fault-point",
                                  .object = "CROSSFADE_FAULT",
                                  .message = "cannot be understood",
                                  .expected = "NAME[#OCCURRENCE]:before|after:kill|terminate|stop|error, …",
                                  .found = std::string(text),
                                  .next = "Correct the variable or remove it."});
}

FaultPlan::Point parse_point(std::string_view text) {
  const auto first = text.find(':');
  const auto second = first == std::string_view::npos ? first : text.find(':', first + 1);
  if (second == std::string_view::npos) refuse(text);
  FaultPlan::Point point;
  std::string_view name = text.substr(0, first);
  if (const auto hash = name.find('#'); hash != std::string_view::npos) {
    point.occurrence = std::atoi(std::string(name.substr(hash + 1)).c_str());
    name = name.substr(0, hash);
  }
  point.query_name = name;
  const std::string_view moment = text.substr(first + 1, second - first - 1);
  const std::string_view action = text.substr(second + 1);
  if (moment == "before") {
    point.moment = Moment::before;
  } else if (moment == "after") {
    point.moment = Moment::after;
  } else {
    refuse(text);
  }
  if (action == "kill") {
    point.action = FaultPlan::Action::kill;
  } else if (action == "terminate") {
    point.action = FaultPlan::Action::terminate;
  } else if (action == "stop") {
    point.action = FaultPlan::Action::stop;
  } else if (action == "error") {
    point.action = FaultPlan::Action::error;
  } else {
    refuse(text);
  }
  return point;
}

std::vector<FaultPlan::Point> parse_points(std::string_view text) {
  std::vector<FaultPlan::Point> points;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    points.push_back(parse_point(text.substr(start, end - start)));
    start = end + 1;
  }
  return points;
}

template <class Base>
class Faulting : public Base {
 public:
  Faulting(std::unique_ptr<Base> session, std::shared_ptr<FaultPlan> plan)
      : session_(std::move(session)), plan_(std::move(plan)) {}

  Rows run(const Query& query, const Parameters& parameters) override {
    plan_->reached(Moment::before, query.name, *session_);
    Rows rows = session_->run(query, parameters);
    plan_->reached(Moment::after, query.name, *session_);
    return rows;
  }

  int backend_pid() const override { return session_->backend_pid(); }
  void cancel() noexcept override { session_->cancel(); }

 protected:
  Base& session() { return *session_; }
  FaultPlan& plan() { return *plan_; }

 private:
  std::unique_ptr<Base> session_;
  std::shared_ptr<FaultPlan> plan_;
};

class FaultingCopy final : public Faulting<CopySession> {
 public:
  using Faulting::Faulting;

  void start_copy_out(const Query& query) override {
    out_name_ = query.name;
    plan().reached(Moment::before, out_name_, session());
    session().start_copy_out(query);
    out_began_ = false;
  }

  bool read_copy_out(std::string_view& data) override {
    const bool first = !std::exchange(out_began_, true);
    if (first) plan().reached(Moment::before, out_name_ + ".data", session());
    const bool more = session().read_copy_out(data);
    if (first) plan().reached(Moment::after, out_name_ + ".data", session());
    if (!more) plan().reached(Moment::after, out_name_, session());
    return more;
  }

  std::uint64_t rows_copied_out() const override {
    return const_cast<FaultingCopy*>(this)->session().rows_copied_out();
  }

  void start_copy_in(const Query& query) override {
    in_name_ = query.name;
    plan().reached(Moment::before, in_name_, session());
    session().start_copy_in(query);
    in_began_ = false;
  }

  void write_copy_in(std::string_view data) override {
    const bool first = !std::exchange(in_began_, true);
    if (first) plan().reached(Moment::before, in_name_ + ".data", session());
    session().write_copy_in(data);
    if (first) plan().reached(Moment::after, in_name_ + ".data", session());
  }

  std::uint64_t finish_copy_in() override {
    const std::uint64_t rows = session().finish_copy_in();
    plan().reached(Moment::after, in_name_, session());
    return rows;
  }

 private:
  std::string out_name_;
  std::string in_name_;
  bool out_began_ = false;
  bool in_began_ = false;
};

}  // namespace

FaultPlan::FaultPlan(std::vector<Point> points, std::string trace_file) : points_(std::move(points)) {
  if (!trace_file.empty()) trace_.open(trace_file, std::ios::app);
}

std::shared_ptr<FaultPlan> FaultPlan::from_environment() {
  const char* point = std::getenv("CROSSFADE_FAULT");
  const char* trace = std::getenv("CROSSFADE_FAULT_TRACE");
  if (point == nullptr && trace == nullptr) return nullptr;
  return std::make_shared<FaultPlan>(point == nullptr ? std::vector<Point>{} : parse_points(point),
                                     trace == nullptr ? "" : trace);
}

void FaultPlan::reached(Moment moment, const std::string& query_name, Session& session) {
  std::optional<Action> action;
  {
    const std::lock_guard lock(mutex_);
    if (trace_.is_open() && moment == Moment::before) trace_ << query_name << '\n' << std::flush;
    for (Point& point : points_) {
      if (point.query_name != query_name || point.moment != moment) continue;
      if (++point.seen == point.occurrence) action = point.action;
    }
    if (!action) return;
    if (trace_.is_open()) trace_ << "fired " << query_name << '\n' << std::flush;
  }
  switch (*action) {
    case Action::kill:
      ::kill(::getpid(), SIGKILL);
      break;
    case Action::stop:
      // To this thread, which then cannot run on until the others have noticed.
      ::raise(SIGSTOP);
      break;
    case Action::terminate:
      // The statement that asks for it fails itself; what follows on this session sees a dead connection. In
      // the middle of a COPY it ends that first, which leaves the transaction aborted.
      try {
        session.run({"fault.terminate",
                     "ROLLBACK; SELECT pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid())"});
      } catch (const DatabaseError&) {
        if (moment == Moment::after) throw;
      }
      break;
    case Action::error:
      throw DatabaseError(
          {.sqlstate = "XX000", .query_name = query_name, .message = "fault injected by CROSSFADE_FAULT"});
  }
}

std::unique_ptr<Session> with_faults(std::unique_ptr<Session> session, std::shared_ptr<FaultPlan> plan) {
  if (!plan) return session;
  return std::make_unique<Faulting<Session>>(std::move(session), std::move(plan));
}

std::unique_ptr<CopySession> with_faults(std::unique_ptr<CopySession> session,
                                         std::shared_ptr<FaultPlan> plan) {
  if (!plan) return session;
  return std::make_unique<FaultingCopy>(std::move(session), std::move(plan));
}

}  // namespace crossfade::postgres
