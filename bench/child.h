// Runs a program to its end and says how long it took and how much memory it needed at its peak. A Child
// belongs to one thread; its destructor ends a program that still runs.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace crossfade::bench {

struct Finished {
  int exit_code = 0;  ///< 128 + signal where a signal ended it
  std::string output;
  std::string errors;
  double milliseconds = 0;          ///< from the start to the end of the process
  std::int64_t peak_kilobytes = 0;  ///< the largest resident set, as the kernel counted it
};

class Child {
 public:
  /// The program first; looked up in PATH. It starts in `folder`. Throws std::system_error where there can be
  /// no process; a program that cannot be executed ends with exit code 127.
  Child(std::vector<std::string> command, const std::filesystem::path& folder);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  /// Waits for the end. To be called once.
  Finished wait();

 private:
  class MemoryFile {
   public:
    explicit MemoryFile(const char* name);
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    ~MemoryFile();
    int descriptor() const { return descriptor_; }
    std::string text() const;

   private:
    int descriptor_;
  };

  MemoryFile output_{"output"};
  MemoryFile errors_{"errors"};
  std::chrono::steady_clock::time_point started_;
  pid_t child_ = 0;
};

/// Throws Failure (exit 1) with everything the program printed where it does not end with one of `accepted`.
Finished run(const std::vector<std::string>& command, const std::filesystem::path& folder,
             const std::vector<int>& accepted = {0});
/// Throws like run() where `finished` is not one of `accepted`.
void require(const Finished& finished, const std::string& program, const std::vector<int>& accepted = {0});

}  // namespace crossfade::bench
