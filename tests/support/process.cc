#include "tests/support/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ostream>
#include <system_error>
#include <thread>

extern char** environ;

namespace crossfade::tests {

namespace {

using std::chrono::steady_clock;
constexpr auto kPoll = std::chrono::milliseconds(2);

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& changes) {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view variable = *entry;
    if (!changes.contains(std::string(variable.substr(0, variable.find('=')))))
      variables.emplace_back(variable);
  }
  for (const auto& [name, value] : changes) {
    if (!value.empty()) variables.push_back(name + "=" + value);
  }
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

std::string describe(const Finished& finished) {
  std::string text = finished.exit_code ? fmt::format("exit code {}", *finished.exit_code)
                                        : fmt::format("signal {}", finished.signal.value_or(0));
  if (finished.timed_out) text += " (time limit)";
  return text + fmt::format(" after {} ms\n--- stdout\n{}\n--- stderr\n{}\n", finished.elapsed.count(),
                            finished.output, finished.errors);
}

void PrintTo(const Finished& finished, std::ostream* stream) {
  *stream << describe(finished);
}

Process::MemoryFile::MemoryFile(const char* name) : descriptor(::memfd_create(name, MFD_CLOEXEC)) {
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "memfd_create");
}

Process::MemoryFile::~MemoryFile() {
  ::close(descriptor);
}

std::string Process::MemoryFile::text() const {
  std::string text;
  std::array<char, 65536> block;
  // pread leaves the offset alone, which is the child's too.
  for (;;) {
    const ssize_t length = ::pread(descriptor, block.data(), block.size(), static_cast<off_t>(text.size()));
    if (length <= 0) return text;
    text.append(block.data(), static_cast<std::size_t>(length));
  }
}

Process::Process(Command command)
    : command_(std::move(command)), started_(steady_clock::now()), ended_(started_) {
  std::size_t written = 0;
  while (written < command_.input.size()) {
    const ssize_t length = ::pwrite(input_.descriptor, command_.input.data() + written,
                                    command_.input.size() - written, static_cast<off_t>(written));
    if (length < 0) throw std::system_error(errno, std::generic_category(), "write the child's input");
    written += static_cast<std::size_t>(length);
  }
  std::vector<std::string> variable_texts = merged_environment(command_.environment);
  const std::vector<char*> variables = pointers(variable_texts);
  const std::vector<char*> arguments = pointers(command_.arguments);
  child_ = ::fork();
  if (child_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child_ > 0) {
    ::setpgid(child_, child_);
    return;
  }
  // Only calls that need no lock until exec: the test may have other threads.
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::setpgid(0, 0);
  ::dup2(input_.descriptor, STDIN_FILENO);
  ::dup2(output_.descriptor, STDOUT_FILENO);
  ::dup2(errors_.descriptor, STDERR_FILENO);
  ::execvpe(arguments[0], arguments.data(), variables.data());
  ::_exit(127);
}

Process::~Process() {
  ::kill(-child_, SIGKILL);
  while (!reaped_) wait_for(std::chrono::seconds(1));
}

bool Process::running() {
  if (reaped_) return false;
  pid_t result = 0;
  do {
    result = ::waitpid(child_, &status_, WNOHANG);
  } while (result < 0 && errno == EINTR);
  if (result == 0) return true;
  reaped_ = true;
  ended_ = steady_clock::now();
  return false;
}

void Process::send_signal(int signal) {
  if (running()) ::kill(child_, signal);
}

std::string Process::output() const {
  return output_.text();
}

std::string Process::errors() const {
  return errors_.text();
}

bool Process::wait_for_output(std::string_view text, std::chrono::milliseconds limit) {
  return wait_for_text(output_, text, limit);
}

bool Process::wait_for_errors(std::string_view text, std::chrono::milliseconds limit) {
  return wait_for_text(errors_, text, limit);
}

bool Process::wait_for_text(const MemoryFile& file, std::string_view text, std::chrono::milliseconds limit) {
  const auto deadline = steady_clock::now() + limit;
  for (;;) {
    // In this order, so that the last words of a process that has just ended are not missed.
    const bool alive = running();
    if (file.text().find(text) != std::string::npos) return true;
    if (!alive || steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(kPoll * 5);
  }
}

std::optional<Finished> Process::wait_for(std::chrono::milliseconds limit) {
  const auto deadline = steady_clock::now() + limit;
  while (running()) {
    if (steady_clock::now() > deadline) return std::nullopt;
    std::this_thread::sleep_for(kPoll);
  }
  return finished();
}

Finished Process::wait() {
  if (auto result = wait_for(command_.limit)) return *result;
  timed_out_ = true;
  ::kill(-child_, SIGKILL);
  while (running()) std::this_thread::sleep_for(kPoll);
  return finished();
}

Finished Process::finished() const {
  Finished result;
  if (WIFEXITED(status_)) result.exit_code = WEXITSTATUS(status_);
  if (WIFSIGNALED(status_)) result.signal = WTERMSIG(status_);
  result.timed_out = timed_out_;
  result.output = output_.text();
  result.errors = errors_.text();
  result.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(ended_ - started_);
  return result;
}

Finished run(Command command) {
  return Process(std::move(command)).wait();
}

}  // namespace crossfade::tests
