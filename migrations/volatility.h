// What the text of an expression tells of its volatility: functions are known by name, everything else that
// SQL has built in is not volatile. Private to this folder. Pure, thread-safe.
#pragma once

#include <boost/json.hpp>
#include <cstdint>

namespace crossfade::migrations {

enum class Volatility : std::uint8_t {
  not_volatile,
  unknown,  ///< calls a function that only the catalog knows
  is_volatile,
};

/// Of everything below `node`, the worst.
Volatility volatility_of(const boost::json::value& node);

/// As volatility_of, but functions that aggregate, and those of sequences, pass: for a SELECT that stands
/// alone, where only an unknown function can have effects.
bool calls_unknown_function(const boost::json::value& node);

}  // namespace crossfade::migrations
