// What an operator has to know when something cannot go on: the object, what was expected, what was found and
// what to do next. A Problem is a value that checks return; a Failure carries one up to the command, together
// with the exit code it stands for. Both are plain values, safe to copy between threads.
#pragma once

#include <boost/describe.hpp>
#include <stdexcept>
#include <string>
#include <utility>

namespace crossfade {

/// The process exit codes; docs/commands.md explains them to users.
enum class ExitCode {
  done = 0,
  failed = 1,       ///< unreachable, disk full, left-overs found …
  usage = 2,        ///< wrong usage, a file that does not parse, no migrations, several heads
  differences = 3,  ///< verification found differences
  resumable = 4,    ///< stopped on purpose or out of patience
  refused = 5,      ///< unsafe as asked
};

struct Problem {
  std::string code;      ///< stable, kebab-case: "no-usable-key"
  std::string object;    ///< the thing itself: "public.orders", "20261120_add.sql:12:7"
  std::string message;   ///< one sentence
  std::string expected;  ///< may be empty
  std::string found;     ///< may be empty
  std::string next;      ///< what the operator can do now
};
BOOST_DESCRIBE_STRUCT(Problem, (), (code, object, message, expected, found, next))

/// The problem as text for a terminal: one line for the message, indented lines for the rest.
std::string describe(const Problem& problem);

class Failure : public std::runtime_error {
 public:
  Failure(ExitCode exit_code, Problem problem)
      : std::runtime_error(describe(problem)), exit_code_(exit_code), problem_(std::move(problem)) {}

  ExitCode exit_code() const { return exit_code_; }
  const Problem& problem() const { return problem_; }

 private:
  ExitCode exit_code_;
  Problem problem_;
};

}  // namespace crossfade
