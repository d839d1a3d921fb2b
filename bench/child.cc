#include "bench/child.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "postgres/problem.h"

namespace crossfade::bench {

using std::chrono::steady_clock;

Child::MemoryFile::MemoryFile(const char* name) : descriptor_(::memfd_create(name, MFD_CLOEXEC)) {
  if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "memfd_create");
}

Child::MemoryFile::~MemoryFile() {
  ::close(descriptor_);
}

std::string Child::MemoryFile::text() const {
  std::string text;
  std::array<char, 65536> block;
  for (;;) {
    const ssize_t length = ::pread(descriptor_, block.data(), block.size(), static_cast<off_t>(text.size()));
    if (length <= 0) return text;
    text.append(block.data(), static_cast<std::size_t>(length));
  }
}

Child::Child(std::vector<std::string> command, const std::filesystem::path& folder)
    : started_(steady_clock::now()) {
  std::vector<char*> arguments;
  for (std::string& argument : command) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  child_ = ::fork();
  if (child_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child_ > 0) return;
  const bool ready = ::dup2(output_.descriptor(), STDOUT_FILENO) >= 0 &&
                     ::dup2(errors_.descriptor(), STDERR_FILENO) >= 0 && ::chdir(folder.c_str()) == 0;
  if (ready) ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

Child::~Child() {
  if (child_ == 0) return;
  ::kill(child_, SIGKILL);
  wait();
}

Finished Child::wait() {
  int status = 0;
  rusage usage{};
  while (::wait4(child_, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  child_ = 0;
  Finished finished;
  finished.milliseconds = std::chrono::duration<double, std::milli>(steady_clock::now() - started_).count();
  finished.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  finished.output = output_.text();
  finished.errors = errors_.text();
  finished.peak_kilobytes = usage.ru_maxrss;
  return finished;
}

void require(const Finished& finished, const std::string& program, const std::vector<int>& accepted) {
  if (std::find(accepted.begin(), accepted.end(), finished.exit_code) != accepted.end()) return;
  throw Failure(ExitCode::failed, {.code = "benchmark",
                                   .object = program,
                                   .message = "a program of the measurement failed",
                                   .expected = fmt::format("exit code {}", fmt::join(accepted, " or ")),
                                   .found = fmt::format("exit code {}; {}{}", finished.exit_code,
                                                        finished.output, finished.errors),
                                   .next = "Correct the cause and measure again; nothing was written."});
}

Finished run(const std::vector<std::string>& command, const std::filesystem::path& folder,
             const std::vector<int>& accepted) {
  Finished finished = Child(command, folder).wait();
  require(finished, command.front(), accepted);
  return finished;
}

}  // namespace crossfade::bench
