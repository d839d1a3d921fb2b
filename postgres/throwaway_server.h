// A PostgreSQL server of one's own in a temporary folder below TMPDIR: initdb, started on a Unix socket only,
// removed with everything in it at the end. For the demo, the tests and the benchmarks. Works as root too:
// the server's processes then run as the user `postgres` (or `nobody`), and the socket stays reachable for
// everybody. One thread starts and stops it; the destructor stops and removes. A process of its own watches
// over the owner: the server and its folder disappear as well where the owner is killed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace crossfade::postgres {

struct ThrowawayServerOptions {
  /// Folder of initdb and postgres; empty: CROSSFADE_POSTGRES_BIN, then PATH, then the newest below
  /// /usr/lib/postgresql. Shared libraries in a `lib` beside the folder are found.
  std::filesystem::path binaries;
  /// postgresql.conf lines after the defaults (listen_addresses = '', fsync = off, a small shared_buffers …),
  /// so that they win. Values are written as literals.
  std::vector<std::pair<std::string, std::string>> settings;
  std::string locale = "C.UTF-8";
  /// How long a start, with its crash recovery, may take.
  std::chrono::seconds start_limit{60};
};

class ThrowawayServer {
 public:
  /// Everybody may connect as anybody; the superuser is `postgres`. Throws Failure (exit 1) with the server's
  /// own log where initdb or the start fails.
  explicit ThrowawayServer(ThrowawayServerOptions options = {});
  ThrowawayServer(const ThrowawayServer&) = delete;
  ThrowawayServer& operator=(const ThrowawayServer&) = delete;
  ~ThrowawayServer();

  /// A key/value connection string: host=<socket folder> port=… dbname=… user=….
  std::string connection_string(const std::string& database = "postgres",
                                const std::string& user = "postgres") const;
  /// Holds the socket, `data` and `server.log`.
  const std::filesystem::path& folder() const;
  int port() const;
  const std::filesystem::path& binaries() const { return binaries_; }
  /// 0 while the server is stopped.
  pid_t postmaster_pid() const { return postmaster_; }

  /// Ends every process of the server at once, without a checkpoint, and starts it again: what a crash of the
  /// database does to its clients. Waits until it accepts connections after its recovery.
  void crash_and_restart();
  /// A clean (fast) shutdown; sessions are ended. Does nothing where the server is stopped.
  void stop();
  /// Starts the stopped server and waits until it accepts connections. Throws Failure (exit 1).
  void start();

 private:
  class Folder;

  void end_postmaster(int signal) noexcept;

  std::filesystem::path binaries_;
  std::chrono::seconds start_limit_;
  std::unique_ptr<Folder> folder_;
  pid_t postmaster_ = 0;
};

}  // namespace crossfade::postgres
