#include "migrations/python_text.h"

#include <algorithm>
#include <string>

namespace crossfade::migrations {

namespace {

bool is_name_character(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool is_string_prefix(std::string_view name) {
  return name.size() <= 2 && std::all_of(name.begin(), name.end(), [](char c) {
           return std::string_view("rRbBuUfF").find(c) != std::string_view::npos;
         });
}

class Scanner {
 public:
  explicit Scanner(std::string_view source) : source_(source) {}

  std::optional<std::vector<PythonToken>> run() {
    start_line();
    while (at_ < source_.size()) {
      const char c = source_[at_];
      if (c == '\n') {
        end_line();
      } else if (c == '\\' && source_.substr(at_ + 1).starts_with("\n")) {
        at_ += 2;
        ++line_;
      } else if (c == '#') {
        at_ = std::min(source_.find('\n', at_), source_.size());
      } else if (c == ' ' || c == '\t' || c == '\r' || c == '\f') {
        ++at_;
      } else if (!read_token(c)) {
        return std::nullopt;
      }
    }
    if (depth_ != 0) return std::nullopt;
    return std::move(tokens_);
  }

 private:
  void start_line() {
    indentation_ = 0;
    for (; at_ < source_.size(); ++at_) {
      if (source_[at_] == ' ') {
        ++indentation_;
      } else if (source_[at_] == '\t') {
        indentation_ += 8 - indentation_ % 8;
      } else {
        break;
      }
    }
  }

  void end_line() {
    ++at_;
    ++line_;
    if (depth_ > 0) return;
    ++logical_line_;
    start_line();
  }

  bool read_token(char c) {
    if (c == '"' || c == '\'') return read_string(at_);
    std::size_t end = at_;
    while (end < source_.size() && is_name_character(source_[end])) ++end;
    const std::string_view name = source_.substr(at_, end - at_);
    const bool quote = end < source_.size() && (source_[end] == '"' || source_[end] == '\'');
    if (!name.empty() && quote && is_string_prefix(name)) return read_string(end);
    if (!name.empty()) {
      add(PythonKind::name, end);
      return true;
    }
    if (c == '(' || c == '[' || c == '{') ++depth_;
    if (c == ')' || c == ']' || c == '}') --depth_;
    add(PythonKind::mark, at_ + 1);
    return depth_ >= 0;
  }

  bool read_string(std::size_t quote) {
    const char mark = source_[quote];
    const bool triple = source_.substr(quote).starts_with(std::string(3, mark));
    const std::string close(triple ? 3 : 1, mark);
    for (std::size_t end = quote + close.size(); end < source_.size(); ++end) {
      if (source_[end] == '\\') {
        ++end;
      } else if (source_.substr(end).starts_with(close)) {
        add(PythonKind::string, end + close.size());
        return true;
      } else if (source_[end] == '\n' && !triple) {
        return false;
      }
    }
    return false;
  }

  void add(PythonKind kind, std::size_t end) {
    const std::string_view text = source_.substr(at_, end - at_);
    tokens_.push_back({kind, text, line_, logical_line_, indentation_});
    line_ += static_cast<int>(std::count(text.begin(), text.end(), '\n'));
    at_ = end;
  }

  std::string_view source_;
  std::size_t at_ = 0;
  int line_ = 1;
  int depth_ = 0;
  std::size_t logical_line_ = 0;
  std::size_t indentation_ = 0;
  std::vector<PythonToken> tokens_;
};

}  // namespace

std::optional<std::vector<PythonToken>> scan_python(std::string_view source) {
  return Scanner(source).run();
}

bool has_tab(std::string_view string) {
  bool indents = false;
  for (const char c : string) {
    if (c == '\t' && !indents) return true;
    indents = c == '\n' || (indents && (c == '\t' || c == ' '));
  }
  const std::size_t quote = string.find_first_of("\"'");
  if (string.substr(0, quote).find_first_of("rR") != std::string_view::npos) return false;
  for (std::size_t at = 0; at + 1 < string.size(); ++at) {
    if (string[at] != '\\') continue;
    if (string[at + 1] == 't') return true;
    ++at;
  }
  return false;
}

}  // namespace crossfade::migrations
