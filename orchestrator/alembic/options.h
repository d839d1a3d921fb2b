// What the operator says of an Alembic project: how to get its SQL, and how much of it. Plain values.
#pragma once

#include <filesystem>
#include <string>

namespace crossfade::orchestrator {

struct AlembicOptions {
  std::string target = "head";  ///< as Alembic takes it: head, heads, a revision, +N, branch@head

  // One of these three says where the SQL comes from; none means alembic.ini in this folder.
  std::filesystem::path config;    ///< an alembic.ini
  std::string command;             ///< a command line in front of Alembic's own words: "flask db"
  std::filesystem::path sql_file;  ///< offline SQL that somebody has printed; "-" is standard input

  std::string version_table = "alembic_version";  ///< perhaps with its schema
  std::string percent_signs;      ///< "plain" or "doubled" where the SQL does not tell; empty: find out
  std::filesystem::path sources;  ///< the revisions' Python files, where Alembic itself is not asked for them
  bool unchecked_sources = false;  ///< go on where a revision's Python cannot be read

  bool record = false;              ///< run the revisions against a copy and take the SQL from its log
  std::string record_url_variable;  ///< one more environment variable that gets the copy's URL
  std::string record_argument;      ///< the copy's URL goes into `-x NAME=…` as well
};

}  // namespace crossfade::orchestrator
