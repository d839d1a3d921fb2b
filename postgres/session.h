// One connection to one backend. `Session` is the interface that everything above uses; PqxxSession
// implements it with libpqxx, LibpqSession (a CopySession) with libpq, and Faulting<> decorates either with
// fault points. A session belongs to one thread at a time; `cancel()` alone may be called from any thread. A
// session never reconnects: after a DatabaseError with connection_dead() it is good for nothing but
// destruction.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "postgres/query.h"

namespace crossfade::postgres {

class Session {
 public:
  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  virtual ~Session() = default;

  /// Runs one statement with parameters, or several without (the last one's rows are returned). Throws
  /// DatabaseError.
  virtual Rows run(const Query& query, const Parameters& parameters = {}) = 0;

  /// The backend's process id, as asserted when the session was opened.
  virtual int backend_pid() const = 0;

  /// Asks the server to cancel what the session is running. Thread-safe; does nothing when it is idle or
  /// dead.
  virtual void cancel() noexcept = 0;
};

/// A session that also streams COPY. Between start and finish no other call is allowed.
class CopySession : public Session {
 public:
  virtual void start_copy_out(const Query& query) = 0;
  /// The next piece of the stream, valid until the next call; false at the end of the data, after the server
  /// has said COMMAND_OK.
  virtual bool read_copy_out(std::string_view& data) = 0;
  /// Rows, as the server counted them; to be called after read_copy_out returned false.
  virtual std::uint64_t rows_copied_out() const = 0;

  virtual void start_copy_in(const Query& query) = 0;
  virtual void write_copy_in(std::string_view data) = 0;
  /// Ends the stream and returns the rows as the server counted them.
  virtual std::uint64_t finish_copy_in() = 0;
};

enum class Isolation { read_committed, repeatable_read, repeatable_read_read_only };

/// A transaction by statement: BEGIN with its isolation level stated, COMMIT, and ROLLBACK by the destructor
/// unless committed. The queries are named NAME.begin, NAME.commit and NAME.rollback. A COMMIT that loses its
/// connection throws a DatabaseError with in_doubt().
class Transaction {
 public:
  Transaction(Session& session, std::string name, Isolation isolation = Isolation::read_committed);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  void commit();
  void rollback();

 private:
  Session& session_;
  std::string name_;
  bool open_ = true;
};

}  // namespace crossfade::postgres
