#include "orchestrator/command_line/hidden_passwords.h"

#include <algorithm>
#include <string_view>

namespace crossfade::orchestrator {

namespace {

/// Masks every value that follows `password` in a key/value string or a URL's query: password=…, quoted or
/// not.
void mask_password_values(char* text, std::size_t size) {
  const std::string_view all(text, size);
  for (auto at = all.find("password"); at != std::string_view::npos; at = all.find("password", at)) {
    at += 8;
    const auto skip_spaces = [&] {
      while (at < size && all[at] == ' ') ++at;
    };
    skip_spaces();
    if (at >= size || all[at] != '=') continue;
    ++at;
    skip_spaces();
    const bool quoted = at < size && all[at] == '\'';
    if (quoted) ++at;
    for (; at < size && all[at] != (quoted ? '\'' : ' ') && all[at] != '&'; ++at) {
      const bool escape = all[at] == '\\' && at + 1 < size;
      text[at] = '*';
      if (escape) text[++at] = '*';
    }
  }
}

}  // namespace

void hide_passwords(int argc, char** argv) {
  for (int index = 1; index < argc; ++index) {
    const std::string_view text = argv[index];
    if (const auto scheme = text.find("://"); scheme != std::string_view::npos) {
      const auto at = text.rfind('@');
      const auto colon = text.find(':', scheme + 3);
      if (at != std::string_view::npos && colon != std::string_view::npos && colon < at)
        std::fill(argv[index] + colon + 1, argv[index] + at, '*');
    }
    mask_password_values(argv[index], text.size());
  }
}

}  // namespace crossfade::orchestrator
