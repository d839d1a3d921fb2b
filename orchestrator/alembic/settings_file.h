// An alembic.ini as far as it is needed: one setting of its section [alembic], and a copy in which that
// setting is another. The copy is private to this user and goes with its object.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace crossfade::orchestrator {

/// The value as written; nullopt where the section has no such setting.
std::optional<std::string> setting(std::string_view text, std::string_view name);

/// The text with the setting replaced, or added to the section; %(here)s becomes `here`, because the copy
/// stands elsewhere. `value` is taken literally.
std::string with_setting(std::string_view text, std::string_view name, std::string_view value,
                         std::string_view here);

class SettingsCopy {
 public:
  SettingsCopy(const std::filesystem::path& original, std::string_view name, std::string_view value);
  SettingsCopy(const SettingsCopy&) = delete;
  SettingsCopy& operator=(const SettingsCopy&) = delete;
  ~SettingsCopy();

  std::filesystem::path path() const { return folder_ / "alembic.ini"; }

 private:
  std::filesystem::path folder_;
};

}  // namespace crossfade::orchestrator
