// A fixture with one small table and one migration of it, for tests of what an operator does with a run that
// stands still. One thread.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/scratch_database.h"

namespace crossfade::tests {

class SmallRun : public ::testing::Test {
 protected:
  SmallRun() {
    folder_ = std::filesystem::path(shared_server().folder()) / database_.name();
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / "1_wider.sql") << "ALTER TABLE public.items ALTER COLUMN price TYPE bigint;\n";
    database_.execute(
        "CREATE TABLE public.items (id int PRIMARY KEY, price int);"
        "INSERT INTO public.items SELECT i, i FROM pg_catalog.generate_series(1, 1000) AS i");
  }

  Command command(std::vector<std::string> arguments) {
    for (const std::string& argument :
         {std::string("--database"), database_.connection_string(), std::string("--dir"), folder_.string()})
      arguments.push_back(argument);
    return crossfade_command(std::move(arguments));
  }
  Finished crossfade(std::vector<std::string> arguments, const std::string& fault = "") {
    Command started = command(std::move(arguments));
    started.environment["CROSSFADE_FAULT"] = fault;
    return run(std::move(started));
  }

  ScratchDatabase database_;
  std::filesystem::path folder_;
};

}  // namespace crossfade::tests
