#include <string>
#include <utility>

#include "postgres/error.h"
#include "postgres/session.h"

namespace crossfade::postgres {

namespace {

std::string_view begin_statement(Isolation isolation) {
  switch (isolation) {
    case Isolation::read_committed:
      return "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
    case Isolation::repeatable_read:
      return "BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE";
    case Isolation::repeatable_read_read_only:
      return "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
  }
  return {};
}

}  // namespace

Transaction::Transaction(Session& session, std::string name, Isolation isolation)
    : session_(session), name_(std::move(name)) {
  session_.run({name_ + ".begin", std::string(begin_statement(isolation))});
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    rollback();
  } catch (...) {
    // The connection is gone; the server has rolled back or will.
  }
}

void Transaction::commit() {
  open_ = false;
  try {
    session_.run({name_ + ".commit", "COMMIT"});
  } catch (const DatabaseError& error) {
    if (!error.connection_dead()) throw;
    ErrorReport report = error.report();
    report.commit_in_doubt = true;
    throw DatabaseError(std::move(report));
  }
}

void Transaction::rollback() {
  open_ = false;
  session_.run({name_ + ".rollback", "ROLLBACK"});
}

}  // namespace crossfade::postgres
