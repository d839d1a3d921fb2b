#include "migrations/foreign_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace crossfade::migrations {

namespace {

std::string_view digits_in_front(std::string_view name) {
  return name.substr(0, std::min(name.find_first_not_of("0123456789"), name.size()));
}

Failure foreign(std::string object, std::string message, std::string expected, std::string found,
                std::string next) {
  return Failure(ExitCode::usage, {.code = "foreign-format",
                                   .object = std::move(object),
                                   .message = std::move(message),
                                   .expected = std::move(expected),
                                   .found = std::move(found),
                                   .next = std::move(next)});
}

/// Numbers of any length; the leading zeros say nothing.
bool smaller_number(std::string_view left, std::string_view right) {
  const auto significant = [](std::string_view digits) {
    return digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
  };
  left = significant(left);
  right = significant(right);
  return left.size() != right.size() ? left.size() < right.size() : left < right;
}

void refuse_go(const std::filesystem::path& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (digits_in_front(name).empty() || !name.ends_with(".go") || name.ends_with("_test.go")) continue;
    throw foreign(entry.path().string(), "goose runs this migration in Go, and crossfade cannot",
                  "migrations in SQL alone", name,
                  "write it in SQL, or move it out of the folder once applied");
  }
}

/// Rails, Django, Knex, Ecto, Phinx … and Liquibase's list: SQL beside them is a part of the migrations only.
void refuse_other_languages(const std::filesystem::path& folder) {
  constexpr std::array<std::string_view, 8> kLanguages = {".rb",  ".py",  ".js", ".ts",
                                                          ".exs", ".php", ".cs", ".java"};
  constexpr std::array<std::string_view, 4> kLists = {".xml", ".yaml", ".yml", ".json"};
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    const std::string extension = entry.path().extension().string();
    const bool code = !digits_in_front(name).empty() &&
                      std::find(kLanguages.begin(), kLanguages.end(), extension) != kLanguages.end();
    const bool list = name.find("changelog") != std::string::npos &&
                      std::find(kLists.begin(), kLists.end(), extension) != kLists.end();
    if (!code && !list) continue;
    throw foreign(
        entry.path().string(), "another tool's migration stands among the files, and crossfade cannot run it",
        "migrations in SQL alone", name, "move it out of the folder, or point --dir at another one");
  }
}

void refuse_order(std::vector<const MigrationFile*> files) {
  std::sort(files.begin(), files.end(), [](const MigrationFile* left, const MigrationFile* right) {
    return left->revision < right->revision;
  });
  for (std::size_t index = 0; index < files.size(); ++index) {
    const std::string_view number = digits_in_front(files[index]->revision);
    const bool named = !number.empty() && files[index]->revision.substr(number.size()).starts_with('_');
    if (!named) {
      throw foreign(files[index]->path, "goose does not take this file for a migration",
                    "a name that begins with a number and an underscore", files[index]->revision,
                    "rename the file, or take its annotations out");
    }
    if (index == 0 || smaller_number(digits_in_front(files[index - 1]->revision), number)) continue;
    throw foreign(files[index]->path, "goose orders files by number, and by name the order is another",
                  "numbers of one length, so that both orders are the same",
                  fmt::format("{} behind {}", files[index]->revision, files[index - 1]->revision),
                  "rename them with leading zeros; goose reads the same numbers");
  }
}

bool says_nothing(const MigrationFile& file) {
  return file.style == MarkerStyle::none && !file.revises_given && file.depends_on.empty() &&
         file.labels.empty() && file.backfills.empty() && file.downs.empty() && file.rewrites.empty() &&
         file.directives.empty();
}

}  // namespace

void refuse_foreign_directory(const std::filesystem::path& folder, std::span<const MigrationFile> files) {
  refuse_other_languages(folder);
  std::vector<const MigrationFile*> goose;
  bool dbmate = false;
  for (const MigrationFile& file : files) {
    if (file.style == MarkerStyle::goose) goose.push_back(&file);
    dbmate = dbmate || (file.style == MarkerStyle::dbmate && !digits_in_front(file.revision).empty());
  }
  if (!goose.empty()) {
    refuse_go(folder);
    refuse_order(goose);
  }
  if (!dbmate && goose.empty()) return;
  for (const MigrationFile& file : files) {
    if (!says_nothing(file) || !digits_in_front(file.revision).empty()) continue;
    throw foreign(file.path, "the file has no markers and no number, and dbmate and goose pass over it",
                  "files whose names begin with a number, or -- migrate:up where this one is a migration",
                  file.revision, "move the file out of the folder, or mark it");
  }
}

}  // namespace crossfade::migrations
