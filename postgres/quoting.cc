#include "postgres/quoting.h"

namespace crossfade::postgres {

namespace {

std::string doubled(std::string_view text, char quote) {
  std::string out;
  out.reserve(text.size() + 2);
  out.push_back(quote);
  for (const char c : text) {
    if (c == quote) out.push_back(c);
    out.push_back(c);
  }
  out.push_back(quote);
  return out;
}

void append_element(std::string& out, std::string_view element) {
  out.push_back('"');
  for (const char c : element) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
}

}  // namespace

std::string quote_identifier(std::string_view identifier) {
  return doubled(identifier, '"');
}

std::string quote_literal(std::string_view value) {
  std::string quoted = doubled(value, '\'');
  if (value.find('\\') == std::string_view::npos) return quoted;
  std::string escaped = "E";
  for (const char c : quoted) {
    if (c == '\\') escaped.push_back('\\');
    escaped.push_back(c);
  }
  return escaped;
}

std::string quote_identifiers(std::span<const std::string> identifiers) {
  std::string out;
  for (const std::string& identifier : identifiers) {
    if (!out.empty()) out.append(", ");
    out.append(quote_identifier(identifier));
  }
  return out;
}

std::string array_literal(std::span<const std::optional<std::string>> elements) {
  std::string out = "{";
  for (const auto& element : elements) {
    if (out.size() > 1) out.push_back(',');
    if (element) {
      append_element(out, *element);
    } else {
      out.append("NULL");
    }
  }
  out.push_back('}');
  return out;
}

std::string array_literal(std::span<const std::string> elements) {
  std::string out = "{";
  for (const std::string& element : elements) {
    if (out.size() > 1) out.push_back(',');
    append_element(out, element);
  }
  out.push_back('}');
  return out;
}

std::string QualifiedName::quoted() const {
  return quote_identifier(schema) + "." + quote_identifier(name);
}

}  // namespace crossfade::postgres
