// What the writers know to be in the table, row by row, from the answers that they got. A change is applied
// when its statement succeeded and taken back when its transaction or savepoint was. Each write says whether
// it landed in the new table: what was there at the cutover stays remembered, because only that is
// transformed. A value without locks; one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "postgres/query.h"

namespace crossfade::tests {

struct RowImage {
  int ordinal = 0;  ///< the key, as RandomSchema::key_texts() counts them
  int variant = 0;
  std::vector<postgres::Value> values;  ///< by RandomSchema::columns
};

struct LedgerRow {
  std::int64_t number = 0;  ///< its value of RandomSchema::position; stays when the key changes
  RowImage now;
  std::vector<bool> written_in_new;  ///< by column
  bool key_written_in_new = false;
  bool inserted_in_new = false;
  std::optional<RowImage> at_cutover;  ///< set by the first write in the new table to a row that was there
  std::string place;                   ///< its ctid after the last write
  bool place_in_new = false;

  /// What the old table held at the cutover; nullptr where the row came later.
  const RowImage* old_image() const {
    if (inserted_in_new) return nullptr;
    return at_cutover ? &*at_cutover : &now;
  }
};

class Ledger {
 public:
  using Rows = std::map<int, LedgerRow>;  ///< by ordinal

  const Rows& rows() const { return rows_; }
  const LedgerRow* find(int ordinal) const;

  void insert(LedgerRow row);
  void update(int ordinal, const std::vector<std::pair<std::size_t, postgres::Value>>& changes, bool in_new);
  void change_key(int ordinal, int new_ordinal, int new_variant, bool in_new);
  void erase(int ordinal);
  /// Returns whether the row has moved to another page of the same table.
  bool moved(int ordinal, const std::string& place, bool in_new);

  /// A point to go back to; points end with forget_changes().
  std::size_t mark() const { return previous_.size(); }
  void take_back_to(std::size_t mark);
  void forget_changes() { previous_.clear(); }

  /// The other's rows as well; no ordinal may be in both.
  void merge(Ledger other);

 private:
  LedgerRow& change(int ordinal);
  static void remember_cutover(LedgerRow& row, bool in_new);

  Rows rows_;
  std::vector<std::pair<int, std::optional<LedgerRow>>> previous_;
};

}  // namespace crossfade::tests
