// Parts of the pages below docs/ that are made from the code, between `<!-- name -->` and `<!-- /name -->`.
// A test compares each with what the code says now; with CROSSFADE_WRITE_DOCS=1 it writes it instead.
#pragma once

#include <string>

namespace crossfade::tests {

/// Fails the current test where the part is another than `text`, which ends with a line end. `page` is a
/// file's name below docs.
void expect_generated(const std::string& page, const std::string& name, const std::string& text);

}  // namespace crossfade::tests
