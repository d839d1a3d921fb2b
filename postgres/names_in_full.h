// While one lives, the session prints definitions with every name in full: nothing but pg_catalog is in its
// search_path. The old path comes back at its end, or with the transaction's rollback. Keeps a reference to
// the session, which must outlive it; one thread.
#pragma once

#include <string>

#include "postgres/session.h"

namespace crossfade::postgres {

class NamesInFull {
 public:
  /// Throws DatabaseError.
  explicit NamesInFull(Session& session);
  NamesInFull(const NamesInFull&) = delete;
  NamesInFull& operator=(const NamesInFull&) = delete;
  ~NamesInFull();

 private:
  Session& session_;
  std::string path_;
};

}  // namespace crossfade::postgres
