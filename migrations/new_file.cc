#include "migrations/new_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "migrations/migration_file.h"
#include "postgres/problem.h"

namespace crossfade::migrations {

namespace {

constexpr std::size_t kLongestSlug = 60;

Failure cannot_write(const std::filesystem::path& path, const std::error_code& error) {
  return Failure(ExitCode::failed, {.code = "cannot-write",
                                    .object = path.string(),
                                    .message = "the file cannot be written: " + error.message(),
                                    .expected = "a folder that you may write to, with space left",
                                    .next = "check its permissions and the disk"});
}

std::error_code last_error() {
  return {errno, std::generic_category()};
}

class OpenFile {
 public:
  explicit OpenFile(int descriptor) : descriptor_(descriptor) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() { ::close(descriptor_); }

  /// False with errno set where not everything could be written.
  bool write_all(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t written = ::write(descriptor_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }

 private:
  int descriptor_;
};

}  // namespace

std::string slug(std::string_view message) {
  std::string out;
  for (const char c : lower_case(message)) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (kept) out.push_back(c);
    if (!kept && !out.empty() && out.back() != '_') out.push_back('_');
  }
  out.resize(std::min(out.size(), kLongestSlug));
  while (out.ends_with('_')) out.pop_back();
  if (!out.empty()) return out;
  throw Failure(ExitCode::usage, {.code = "no-slug",
                                  .object = std::string(message),
                                  .message = "the message gives no file name",
                                  .expected = "a message with letters a to z or digits",
                                  .next = "say in a few words what the revision does"});
}

std::string new_file_name(std::string_view name_template, std::string_view message,
                          const std::tm& local_time) {
  struct Placeholder {
    std::string_view word;
    std::string value;
  };
  const auto two_digits = [](int value) { return fmt::format("{:02}", value); };
  const std::string month = two_digits(local_time.tm_mon + 1);
  const std::string minute = two_digits(local_time.tm_min);
  const std::array<Placeholder, 6> placeholders = {{{"YYYY", fmt::format("{:04}", local_time.tm_year + 1900)},
                                                    {"DD", two_digits(local_time.tm_mday)},
                                                    {"HH", two_digits(local_time.tm_hour)},
                                                    {"SS", two_digits(local_time.tm_sec)},
                                                    {"MM", month},
                                                    {"slug", slug(message)}}};
  const bool plain = name_template.find('/') == std::string_view::npos && !name_template.starts_with('.');
  if (!plain || name_template.find("slug") == std::string_view::npos) {
    throw Failure(ExitCode::usage, {.code = "bad-template",
                                    .object = std::string(name_template),
                                    .message = "the file name's template cannot be used",
                                    .expected = fmt::format("a plain file name with slug in it, such as {}",
                                                            kFileNameTemplate),
                                    .next = "correct the template in the configuration"});
  }
  std::string out;
  bool hour_seen = false;
  while (!name_template.empty()) {
    const auto* found = std::find_if(placeholders.begin(), placeholders.end(), [&](const Placeholder& each) {
      return name_template.starts_with(each.word);
    });
    if (found == placeholders.end()) {
      out.push_back(name_template.front());
      name_template.remove_prefix(1);
      continue;
    }
    if (found->word == "HH") hour_seen = true;
    out.append(found->word == "MM" && hour_seen ? minute : found->value);
    name_template.remove_prefix(found->word.size());
  }
  if (!out.ends_with(".sql")) out.append(".sql");
  return out;
}

std::string new_file_text(const NewRevision& revision) {
  std::string message = revision.message;
  for (char& c : message) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  std::string out = fmt::format("-- {}\n", trimmed(message));
  const auto add = [&out](std::string_view directive, const std::vector<std::string>& names) {
    if (!names.empty()) out += fmt::format("-- crossfade:{} {}\n", directive, fmt::join(names, ", "));
  };
  add("revises", revision.revises);
  add("depends-on", revision.depends_on);
  add("labels", revision.labels);
  return out + "-- migrate:up\n\n-- migrate:down\n\n";
}

std::filesystem::path create_migration_file(const std::filesystem::path& folder,
                                            std::string_view name_template, const NewRevision& revision,
                                            std::time_t now) {
  std::tm local_time{};
  ::localtime_r(&now, &local_time);
  const std::filesystem::path path = folder / new_file_name(name_template, revision.message, local_time);
  refuse_foreign_file_name(path);
  const std::string text = new_file_text(revision);
  // A message or a name that reads as a directive must not get into the folder: every later command would
  // refuse it.
  parse_migration_text(path.stem().string(), path.string(), text);

  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw cannot_write(folder, error);
  // O_EXCL and not a look beforehand, so that nothing can come in between.
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0 && errno == EEXIST) {
    throw Failure(ExitCode::usage, {.code = "file-exists",
                                    .object = path.string(),
                                    .message = "there is a file of this name already",
                                    .expected = "a new name",
                                    .next = "use another message, or edit the file that is there"});
  }
  if (descriptor < 0) throw cannot_write(path, last_error());
  const OpenFile file(descriptor);
  if (!file.write_all(text)) {
    const std::error_code reason = last_error();
    std::filesystem::remove(path, error);
    throw cannot_write(path, reason);
  }
  return path;
}

}  // namespace crossfade::migrations
