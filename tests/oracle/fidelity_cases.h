// Schemas of which everything that hangs on a table must survive its rewrite, by kind of object. The table is
// the source of docs/fidelity.md as well. Plain values.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

namespace crossfade::tests {

struct FidelityCase {
  std::string name;
  std::string kind;         ///< a FidelityKind's name
  std::string setup;        ///< what hangs on the tables of kFidelityBase
  std::string change = "";  ///< empty: kFidelityChange
  std::string role = "keeper";
  bool as_superuser = false;  ///< the setup needs one; the change is still the role's
  int since_version = 140000;
  std::string plainly = {};  ///< the change in plain SQL, where it is another; empty: the same
};

inline void PrintTo(const FidelityCase& each, std::ostream* stream) {
  *stream << each.name;
}

struct FidelityKind {
  std::string name;
  std::string fate;  ///< what becomes of it, for operators
};

/// Customers, orders and lines, 200 rows each, without anything between them.
extern const char* const kFidelityBase;
/// Orders get a wider key.
extern const char* const kFidelityChange;

const std::vector<FidelityKind>& fidelity_kinds();
const std::vector<FidelityCase>& fidelity_cases();

/// A mixture of the cases' objects on the same tables.
FidelityCase random_fidelity_case(std::uint64_t seed);

}  // namespace crossfade::tests
