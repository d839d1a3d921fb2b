// Partitioned tables, and plain ones that become such, with what hangs on them. Plain values.
#pragma once

#include <vector>

#include "tests/oracle/fidelity_cases.h"

namespace crossfade::tests {

void add_partition_cases(std::vector<FidelityCase>& out);

}  // namespace crossfade::tests
