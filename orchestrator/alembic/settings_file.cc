#include "orchestrator/alembic/settings_file.h"

#include <cstdlib>
#include <fstream>
#include <functional>

#include "migrations/source_text.h"
#include "orchestrator/alembic/project.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

namespace fs = std::filesystem;
using migrations::trimmed;

/// Calls `visit` for each line with its line end, and with whether it stands in [alembic].
void for_each_line(std::string_view text, const std::function<void(std::string_view, bool)>& visit) {
  bool inside = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end);
    if (line.starts_with('[')) inside = trimmed(line) == "[alembic]";
    visit(line, inside);
  }
}

/// The value in `name = value` or `name: value`.
std::optional<std::string_view> value_in(std::string_view line, std::string_view name) {
  const std::size_t mark = line.find_first_of("=:");
  if (mark == std::string_view::npos || trimmed(line.substr(0, mark)) != name) return std::nullopt;
  return trimmed(line.substr(mark + 1));
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

}  // namespace

std::optional<std::string> setting(std::string_view text, std::string_view name) {
  std::optional<std::string> out;
  for_each_line(text, [&](std::string_view line, bool inside) {
    if (const auto value = inside ? value_in(line, name) : std::nullopt) out = *value;
  });
  return out;
}

std::string with_setting(std::string_view text, std::string_view name, std::string_view value,
                         std::string_view here) {
  const std::string line = std::string(name) + " = " + replaced(std::string(value), "%", "%%") + "\n";
  const std::string folder = replaced(std::string(here), "%", "%%");
  std::string out;
  for_each_line(text, [&](std::string_view old, bool inside) {
    if (inside && value_in(old, name)) return;
    out += replaced(std::string(old), "%(here)s", folder);
    if (inside && old.starts_with('[')) out += (old.ends_with('\n') ? "" : "\n") + line;
  });
  return out;
}

SettingsCopy::SettingsCopy(const fs::path& original, std::string_view name, std::string_view value) {
  std::string pattern = (fs::temp_directory_path() / "crossfade-alembic-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    throw Failure(ExitCode::failed, {.code = "no-temporary-folder",
                                     .object = pattern,
                                     .message = "a temporary folder cannot be made",
                                     .expected = "a folder that may be written to",
                                     .next = "Set TMPDIR to such a folder."});
  }
  folder_ = pattern;
  std::ofstream(path()) << with_setting(read_text_file(original), name, value,
                                        fs::absolute(original).parent_path().string());
}

SettingsCopy::~SettingsCopy() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

}  // namespace crossfade::orchestrator
