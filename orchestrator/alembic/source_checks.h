// Whether a revision's SQL is all that the revision does. Alembic prints what goes through `op`; what its
// Python does beside that is not in the SQL, and must not get lost silently. Pure functions over values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "migrations/alembic_script.h"
#include "migrations/alembic_source.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

/// A revision's Python file, as far as it could be read.
struct SourceFile {
  std::string path;     ///< empty where nobody knows it
  std::string message;  ///< what the revision is about
  std::optional<migrations::RevisionSource> source;
};

/// Reads the file. A file that cannot be read, or is not understood, leaves `source` empty.
SourceFile read_source_file(const std::string& path, std::string message);

/// SQLAlchemy prints a backslash of a literal twice when it is not connected; of SQL that the revision has as
/// text it does not. Which it was cannot be told.
std::optional<Problem> check_backslashes(const migrations::AlembicRevision& revision,
                                         const std::string& message);

/// A session or engine of the revision's own: whatever prints its SQL would carry its effects out. To be
/// asked before its Python runs.
std::optional<Problem> check_connections(const std::string& revision, const SourceFile& file);

/// For SQL that was printed. `unchecked` accepts revisions whose Python is not known.
std::vector<Problem> check_printed(const migrations::AlembicRevision& revision, const SourceFile& file,
                                   bool unchecked);

/// For statements that were recorded on a copy without rows. `queries` are those of them whose rows the
/// Python may have used.
std::vector<Problem> check_recorded(const migrations::AlembicRevision& revision, const SourceFile& file,
                                    const std::vector<std::string>& queries, bool unchecked);

/// "revision 1975ea83b712 (Add an account)"
std::string revision_title(const std::string& revision, const std::string& message);

}  // namespace crossfade::orchestrator
