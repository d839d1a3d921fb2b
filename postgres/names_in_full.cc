#include "postgres/names_in_full.h"

#include "postgres/error.h"

namespace crossfade::postgres {

NamesInFull::NamesInFull(Session& session) : session_(session) {
  path_ = session_.run({"names_in_full.path", "SELECT pg_catalog.current_setting('search_path') AS path"})
              .only()
              .text("path");
  session_.run({"names_in_full.set", "SET search_path = pg_catalog, pg_temp"});
}

NamesInFull::~NamesInFull() {
  try {
    session_.run({"names_in_full.reset", "SELECT pg_catalog.set_config('search_path', $1, false)"}, {path_});
  } catch (const DatabaseError&) {
    // The transaction has failed; its rollback takes the setting back as well.
  }
}

}  // namespace crossfade::postgres
