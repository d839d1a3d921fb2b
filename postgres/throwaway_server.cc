#include "postgres/throwaway_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>
#include <thread>

#include "postgres/problem.h"

extern char** environ;

namespace crossfade::postgres {

namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr int kPort = 5432;  // names the socket's file only; the folder makes it unique
constexpr std::string_view kSocketName = "/.s.PGSQL.5432";
constexpr std::size_t kLongestSocketPath = 107;
constexpr auto kStopLimit = std::chrono::seconds(20);

[[noreturn]] void fail(std::string message, std::string found, std::string next) {
  throw Failure(ExitCode::failed, {.code = "throwaway-server",
                                   .object = "temporary PostgreSQL server",
                                   .message = std::move(message),
                                   .found = std::move(found),
                                   .next = std::move(next)});
}

std::string last_error() {
  return std::error_code(errno, std::generic_category()).message();
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

bool holds_server(const fs::path& folder) {
  return ::access((folder / "initdb").c_str(), X_OK) == 0 &&
         ::access((folder / "postgres").c_str(), X_OK) == 0;
}

/// "15" of /usr/lib/postgresql/15; 0 for anything else.
int major_version(const fs::path& folder) {
  const std::string name = folder.filename().string();
  int version = 0;
  std::from_chars(name.data(), name.data() + name.size(), version);
  return version;
}

fs::path find_binaries(const fs::path& asked) {
  const std::string named = asked.empty() ? environment("CROSSFADE_POSTGRES_BIN") : asked.string();
  if (!named.empty()) {
    if (holds_server(named)) return fs::canonical(named);
    fail("the folder has no initdb and postgres", named, "Name the `bin` folder of a PostgreSQL server.");
  }
  std::istringstream path(environment("PATH"));
  for (std::string entry; std::getline(path, entry, ':');) {
    // A folder of links would hide the server's own `lib` and `share`.
    if (!entry.empty() && holds_server(entry))
      return fs::canonical(fs::path(entry) / "postgres").parent_path();
  }
  fs::path newest;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    if (!holds_server(entry.path() / "bin")) continue;
    if (newest.empty() || major_version(entry.path()) > major_version(newest)) newest = entry.path();
  }
  if (newest.empty()) {
    fail("no PostgreSQL server is installed", "no initdb and postgres in PATH or below /usr/lib/postgresql",
         "Install the package `postgresql`, or set CROSSFADE_POSTGRES_BIN to the `bin` folder of a server.");
  }
  return newest / "bin";
}

/// The server refuses to run as root; nullopt where we are not root.
struct Account {
  uid_t user;
  gid_t group;
};

std::optional<Account> server_account() {
  if (::geteuid() != 0) return std::nullopt;
  for (const char* name : {"postgres", "nobody"}) {
    if (const passwd* entry = ::getpwnam(name); entry != nullptr)
      return Account{entry->pw_uid, entry->pw_gid};
  }
  fail("PostgreSQL does not run as root, and there is no other user to run it as",
       "neither `postgres` nor `nobody`", "Run as an ordinary user, or create the user `postgres`.");
}

bool everybody_can_enter(fs::path folder) {
  for (;; folder = folder.parent_path()) {
    struct stat entry {};
    if (::stat(folder.c_str(), &entry) != 0 || (entry.st_mode & S_IXOTH) == 0) return false;
    if (folder == folder.root_path()) return true;
  }
}

fs::path temporary_root(bool other_account) {
  std::error_code error;
  const fs::path wanted = fs::temp_directory_path(error);
  const bool too_long =
      wanted.string().size() + std::strlen("/crossfade-XXXXXX") + kSocketName.size() > kLongestSocketPath;
  if (error || too_long || (other_account && !everybody_can_enter(wanted))) return "/tmp";
  return wanted;
}

/// The environment without PG* variables, which would change what the server and initdb do.
std::vector<std::string> server_environment(const fs::path& binaries) {
  std::vector<std::string> variables;
  const fs::path libraries = binaries.parent_path() / "lib";
  std::string library_path = fs::is_directory(libraries) ? libraries.string() : std::string();
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view variable = *entry;
    if (variable.starts_with("PG")) continue;
    constexpr std::string_view kLibraryPath = "LD_LIBRARY_PATH=";
    if (variable.starts_with(kLibraryPath)) {
      if (!library_path.empty()) library_path += ":";
      library_path += variable.substr(kLibraryPath.size());
      continue;
    }
    variables.emplace_back(variable);
  }
  if (!library_path.empty()) variables.push_back("LD_LIBRARY_PATH=" + library_path);
  return variables;
}

struct ChildOptions {
  std::vector<std::string> command;
  std::vector<std::string> variables;
  fs::path folder;
  fs::path log;    ///< stdout and stderr are appended to it
  int input = -1;  ///< stdin; -1: nothing
  std::optional<Account> account;
};

/// Starts a process in a session of its own, so that a Ctrl-C at the terminal reaches its owner alone.
pid_t start_child(const ChildOptions& options) {
  std::vector<char*> arguments;
  for (const std::string& argument : options.command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  std::vector<char*> variables;
  for (const std::string& variable : options.variables)
    variables.push_back(const_cast<char*>(variable.c_str()));
  variables.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) fail("cannot start a process", last_error(), "Check the limits on processes and memory.");
  if (child > 0) return child;
  // Other threads may have held any lock at the fork: from here to exec only calls that need none.
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::setsid();
  const int log = ::open(options.log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  const int input = options.input >= 0 ? options.input : ::open("/dev/null", O_RDONLY);
  const bool ready = ::dup2(input, STDIN_FILENO) >= 0 && ::dup2(log, STDOUT_FILENO) >= 0 &&
                     ::dup2(log, STDERR_FILENO) >= 0 && ::chdir(options.folder.c_str()) == 0;
  ::close_range(STDERR_FILENO + 1, UINT_MAX, 0);
  const bool dropped =
      !options.account || (::setgroups(0, nullptr) == 0 && ::setgid(options.account->group) == 0 &&
                           ::setuid(options.account->user) == 0);
  if (ready && dropped) ::execve(arguments[0], arguments.data(), variables.data());
  constexpr std::string_view kMessage = "cannot be executed by the server's user\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kMessage.data(), kMessage.size());
  ::_exit(127);
}

/// True once the child has ended. A child that somebody else reaped has ended too.
bool has_ended(pid_t child, int wait_options, int* status = nullptr) {
  for (;;) {
    const pid_t result = ::waitpid(child, status, wait_options);
    if (result < 0 && errno == EINTR) continue;
    return result != 0;
  }
}

std::string read_text(const fs::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::string tail(const fs::path& file) {
  constexpr std::size_t kLongest = 4000;
  std::string text = read_text(file);
  if (text.size() > kLongest) text.erase(0, text.size() - kLongest);
  return text.empty() ? "an empty log" : text;
}

/// Ends the server and removes its folder once its standard input closes, which the kernel does for every way
/// in which the owner can end. Removing is repeated because dying backends may still write.
constexpr const char* kWatch = R"sh(
read -r line
pid=$(head -n 1 data/postmaster.pid 2>/dev/null) && kill -QUIT "$pid"
cd /
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  rm -rf -- "$1" && exit 0
  sleep 0.5
done
)sh";

}  // namespace

/// The temporary folder and the process that removes it, whatever happens to us.
class ThrowawayServer::Folder {
 public:
  Folder() : account_(server_account()) {
    std::string pattern = (temporary_root(account_.has_value()) / "crossfade-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
      fail("cannot create a temporary folder", pattern + ": " + last_error(),
           "Set TMPDIR to a folder that may be written to.");
    }
    path_ = pattern;
    int ends[2] = {-1, -1};
    try {
      // Clients need to reach the socket; the data folder itself is private to the server's user.
      fs::permissions(path_, fs::perms(0755));
      if (account_ && ::chown(path_.c_str(), account_->user, account_->group) != 0) {
        fail("cannot give the temporary folder to the server's user", last_error(),
             "Run as an ordinary user.");
      }
      if (::pipe2(ends, O_CLOEXEC) != 0)
        fail("cannot open a pipe", last_error(), "Check the limit on open files.");
      ChildOptions watch{.command = {"/bin/sh", "-c", kWatch, "crossfade-watch", path_.string()},
                         .variables = {"PATH=/usr/bin:/bin"},
                         .folder = path_,
                         .log = "/dev/null",
                         .input = ends[0]};
      watcher_ = start_child(watch);
    } catch (...) {
      for (const int end : ends) ::close(end);
      std::error_code ignored;
      fs::remove_all(path_, ignored);
      throw;
    }
    ::close(ends[0]);
    lifeline_ = ends[1];
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    ::close(lifeline_);
    has_ended(watcher_, 0);
  }

  const fs::path& path() const { return path_; }
  fs::path data() const { return path_ / "data"; }
  fs::path log() const { return path_ / "server.log"; }

  pid_t launch(std::vector<std::string> command, const fs::path& binaries, const fs::path& log) const {
    return start_child({.command = std::move(command),
                        .variables = server_environment(binaries),
                        .folder = path_,
                        .log = log,
                        .account = account_});
  }

 private:
  std::optional<Account> account_;
  fs::path path_;
  pid_t watcher_ = 0;
  int lifeline_ = -1;
};

namespace {

void append_settings(const fs::path& file, const fs::path& socket_folder,
                     const ThrowawayServerOptions& options) {
  std::vector<std::pair<std::string, std::string>> settings = {
      {"listen_addresses", ""},        {"unix_socket_directories", socket_folder.string()},
      {"port", std::to_string(kPort)}, {"fsync", "off"},
      {"shared_buffers", "64MB"},      {"logging_collector", "off"},
      {"log_destination", "stderr"},
  };
  settings.insert(settings.end(), options.settings.begin(), options.settings.end());
  std::ofstream stream(file, std::ios::app);
  for (const auto& [name, value] : settings) {
    std::string escaped;
    for (const char c : value) escaped += c == '\'' || c == '\\' ? std::string{c, c} : std::string{c};
    stream << name << " = '" << escaped << "'\n";
  }
  stream.close();
  if (!stream)
    fail("cannot write the server's settings", file.string(),
         "Check the free space of the temporary folder.");
}

}  // namespace

ThrowawayServer::ThrowawayServer(ThrowawayServerOptions options)
    : binaries_(find_binaries(options.binaries)),
      start_limit_(options.start_limit),
      folder_(std::make_unique<Folder>()) {
  const fs::path log = folder_->path() / "initdb.log";
  const pid_t initdb = folder_->launch(
      {(binaries_ / "initdb").string(), "--pgdata", folder_->data().string(), "--username", "postgres",
       "--auth", "trust", "--encoding", "UTF8", "--locale", options.locale, "--no-sync", "--no-instructions"},
      binaries_, log);
  int status = 0;
  has_ended(initdb, 0, &status);
  if (status != 0) {
    fail("initdb failed", tail(log),
         fmt::format("Check that the server in {} is complete and that other users may read it.",
                     binaries_.string()));
  }
  append_settings(folder_->data() / "postgresql.conf", folder_->path(), options);
  start();
}

ThrowawayServer::~ThrowawayServer() {
  // Nothing is kept, so there is no need to wait for a checkpoint.
  end_postmaster(SIGQUIT);
}

std::string ThrowawayServer::connection_string(const std::string& database, const std::string& user) const {
  const auto quoted = [](std::string_view value) {
    std::string text = "'";
    for (const char c : value) {
      if (c == '\'' || c == '\\') text.push_back('\\');
      text.push_back(c);
    }
    return text + "'";
  };
  return fmt::format("host={} port={} dbname={} user={}", quoted(folder().string()), kPort, quoted(database),
                     quoted(user));
}

const std::filesystem::path& ThrowawayServer::folder() const {
  return folder_->path();
}

int ThrowawayServer::port() const {
  return kPort;
}

void ThrowawayServer::crash_and_restart() {
  end_postmaster(SIGQUIT);
  start();
}

void ThrowawayServer::stop() {
  end_postmaster(SIGINT);
}

void ThrowawayServer::start() {
  if (postmaster_ != 0) return;
  const fs::path log = folder_->log();
  postmaster_ =
      folder_->launch({(binaries_ / "postgres").string(), "-D", folder_->data().string()}, binaries_, log);
  const std::string target = connection_string() + " connect_timeout=5";
  const auto deadline = steady_clock::now() + start_limit_;
  while (::PQping(target.c_str()) != PQPING_OK) {
    if (has_ended(postmaster_, WNOHANG)) {
      postmaster_ = 0;
      fail("the server ended while it was starting", tail(log), "Read the server's own message above.");
    }
    if (steady_clock::now() > deadline) {
      end_postmaster(SIGQUIT);
      fail(fmt::format("the server was not ready within {} s", start_limit_.count()), tail(log),
           "Try again when the machine is less busy.");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

void ThrowawayServer::end_postmaster(int signal) noexcept {
  if (postmaster_ == 0) return;
  ::kill(postmaster_, signal);
  const auto deadline = steady_clock::now() + kStopLimit;
  while (!has_ended(postmaster_, WNOHANG)) {
    if (steady_clock::now() > deadline) ::kill(postmaster_, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  postmaster_ = 0;
}

}  // namespace crossfade::postgres
