// JSON documents in tests: parse one, and reach into it by pointer. Pure functions; errors are exceptions
// whose text holds the document, so that a failing test shows what was printed.
#pragma once

#include <boost/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

namespace crossfade::tests {

/// Exactly one document, with nothing but white space around it.
inline boost::json::value parse_document(std::string_view text) {
  boost::system::error_code error;
  boost::json::value document = boost::json::parse(boost::json::string_view(text.data(), text.size()), error);
  if (error)
    throw std::runtime_error("not one JSON document (" + error.message() + "): " + std::string(text));
  return document;
}

/// The value at a JSON pointer such as "/runs/0/verify/differences".
inline const boost::json::value& at(const boost::json::value& document, std::string_view pointer) {
  boost::system::error_code error;
  const auto* found = document.find_pointer(boost::json::string_view(pointer.data(), pointer.size()), error);
  if (found == nullptr) {
    throw std::runtime_error("nothing at " + std::string(pointer) + " in " +
                             boost::json::serialize(document));
  }
  return *found;
}

/// The same, as text without quotes: strings as they are, everything else serialized ("null", "3", "true").
inline std::string text_at(const boost::json::value& document, std::string_view pointer) {
  const boost::json::value& value = at(document, pointer);
  if (value.is_string()) return {value.get_string().data(), value.get_string().size()};
  return boost::json::serialize(value);
}

}  // namespace crossfade::tests
