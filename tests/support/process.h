// Runs a command as a child process: the crossfade binary or any other. Output goes to memory files, so
// nothing blocks on a full pipe and a left-over grandchild cannot hold the test up. A Process belongs to one
// thread; its destructor kills the whole process group and reaps the child.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace crossfade::tests {

struct Command {
  std::vector<std::string> arguments;  ///< the program first; looked up in PATH
  std::map<std::string, std::string>
      environment;                           ///< over the test's own; an empty value removes the variable
  std::string input;                         ///< the child's standard input
  std::chrono::milliseconds limit{120'000};  ///< run() kills the process group after it
};

/// How a process ended. Exactly one of exit_code and signal is set.
struct Finished {
  std::optional<int> exit_code;
  std::optional<int> signal;
  bool timed_out = false;
  std::string output;
  std::string errors;
  std::chrono::milliseconds elapsed{0};
};

/// For failure messages: how it ended, and everything it printed.
std::string describe(const Finished& finished);
/// For GoogleTest's own messages.
void PrintTo(const Finished& finished, std::ostream* stream);

class Process {
 public:
  /// Starts the command in a process group of its own. Throws std::system_error where there can be no
  /// process; a program that cannot be executed ends with exit code 127.
  explicit Process(Command command);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  pid_t pid() const { return child_; }
  bool running();
  /// To the child alone; does nothing once it has ended.
  void send_signal(int signal);

  /// Everything written so far.
  std::string output() const;
  std::string errors() const;
  /// Waits until standard output (or standard error) holds `text`; false where the process ends or time runs
  /// out first.
  bool wait_for_output(std::string_view text, std::chrono::milliseconds limit = std::chrono::seconds(60));
  bool wait_for_errors(std::string_view text, std::chrono::milliseconds limit = std::chrono::seconds(60));

  /// Waits for the end; nullopt where it still runs after `limit`.
  std::optional<Finished> wait_for(std::chrono::milliseconds limit);
  /// Waits for the end within the command's limit, then kills the process group.
  Finished wait();

 private:
  struct MemoryFile {
    explicit MemoryFile(const char* name);
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    ~MemoryFile();
    std::string text() const;
    int descriptor;
  };

  bool wait_for_text(const MemoryFile& file, std::string_view text, std::chrono::milliseconds limit);
  Finished finished() const;

  Command command_;
  MemoryFile input_{"input"};
  MemoryFile output_{"output"};
  MemoryFile errors_{"errors"};
  std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point ended_;
  pid_t child_ = 0;
  bool reaped_ = false;
  bool timed_out_ = false;
  int status_ = 0;
};

/// Runs the command to its end.
Finished run(Command command);

#ifdef CROSSFADE_BINARY
/// The crossfade binary of this build with these arguments.
inline Command crossfade_command(std::vector<std::string> arguments) {
  Command command{.arguments = std::move(arguments), .environment = {}, .input = {}};
  command.arguments.insert(command.arguments.begin(), CROSSFADE_BINARY);
  return command;
}

inline Finished run_crossfade(std::vector<std::string> arguments) {
  return run(crossfade_command(std::move(arguments)));
}
#endif

}  // namespace crossfade::tests
