#include "orchestrator/alembic/percent_signs.h"

#include <fmt/format.h>

#include <optional>

#include "migrations/alembic_script.h"
#include "migrations/alembic_source.h"
#include "migrations/source_text.h"
#include "orchestrator/alembic/project.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

namespace fs = std::filesystem;
using migrations::PercentSigns;

constexpr int kLevelsAbove = 4;

std::optional<std::string> environment_script(fs::path folder) {
  if (folder.empty()) return std::nullopt;
  folder = fs::absolute(folder);
  for (int level = 0; level < kLevelsAbove; ++level, folder = folder.parent_path()) {
    std::error_code ignored;
    if (fs::is_regular_file(folder / "env.py", ignored)) return read_text_file(folder / "env.py");
  }
  return std::nullopt;
}

/// Their parameter style, or what SQLAlchemy does about it, changed between versions.
bool names_unclear_driver(std::string_view text) {
  return text.find("asyncpg") != std::string_view::npos || text.find("pg8000") != std::string_view::npos;
}

PercentSigns according_to(const std::optional<std::string>& script) {
  if (!script) return PercentSigns::unclear;
  const auto style = migrations::named_parameter_style(*script);
  if (!style) return names_unclear_driver(*script) ? PercentSigns::unclear : PercentSigns::doubled;
  return *style == "format" || *style == "pyformat" ? PercentSigns::doubled : PercentSigns::plain;
}

}  // namespace

std::string resolve_percent_signs(const std::string& sql, const AlembicOptions& options,
                                  const fs::path& sources) {
  PercentSigns signs = migrations::percent_signs(sql);
  if (signs == PercentSigns::plain && options.percent_signs == "doubled") {
    throw Failure(ExitCode::usage, {.code = "percent-signs",
                                    .object = "--percent-signs",
                                    .message = "the SQL has single percent signs, so they are not doubled",
                                    .expected = "plain",
                                    .found = "doubled",
                                    .next = "Leave the option out."});
  }
  if (signs == PercentSigns::unclear) {
    if (options.percent_signs.empty()) {
      signs = according_to(environment_script(sources));
    } else {
      signs = options.percent_signs == "doubled" ? PercentSigns::doubled : PercentSigns::plain;
    }
  }
  if (signs == PercentSigns::doubled) return migrations::with_single_percents(sql);
  if (signs != PercentSigns::unclear) return sql;
  const std::size_t at = sql.find("%%");
  const std::size_t begin = at == 0 ? 0 : sql.rfind('\n', at - 1) + 1;
  throw Failure(
      ExitCode::usage,
      {.code = "percent-signs",
       .object = "the offline SQL",
       .message = "every percent sign is there twice; whether one or two are meant cannot be told",
       .expected = "an env.py that says so, for example with dialect_opts={\"paramstyle\": \"named\"}",
       .found = std::string(migrations::trimmed(
           std::string_view(sql).substr(begin, std::min<std::size_t>(sql.find('\n', at) - begin, 120)))),
       .next = "Give --percent-signs doubled where the revisions have single ones (psycopg's way), else "
               "--percent-signs plain."});
}

}  // namespace crossfade::orchestrator
