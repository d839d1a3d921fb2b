#include "tests/oracle/ledger.h"

#include <stdexcept>

namespace crossfade::tests {

namespace {

std::string page_of(const std::string& place) {
  return place.substr(0, place.find(','));
}

}  // namespace

const LedgerRow* Ledger::find(int ordinal) const {
  const auto found = rows_.find(ordinal);
  return found == rows_.end() ? nullptr : &found->second;
}

LedgerRow& Ledger::change(int ordinal) {
  LedgerRow& row = rows_.at(ordinal);
  previous_.emplace_back(ordinal, row);
  return row;
}

void Ledger::remember_cutover(LedgerRow& row, bool in_new) {
  if (in_new && !row.inserted_in_new && !row.at_cutover) row.at_cutover = row.now;
}

void Ledger::insert(LedgerRow row) {
  row.written_in_new.assign(row.now.values.size(), row.inserted_in_new);
  row.key_written_in_new = row.inserted_in_new;
  const int ordinal = row.now.ordinal;
  previous_.emplace_back(ordinal, std::nullopt);
  if (!rows_.emplace(ordinal, std::move(row)).second)
    throw std::logic_error("a ledger row is inserted twice");
}

void Ledger::update(int ordinal, const std::vector<std::pair<std::size_t, postgres::Value>>& changes,
                    bool in_new) {
  LedgerRow& row = change(ordinal);
  remember_cutover(row, in_new);
  for (const auto& [column, value] : changes) {
    row.now.values[column] = value;
    row.written_in_new[column] = in_new;
  }
}

void Ledger::change_key(int ordinal, int new_ordinal, int new_variant, bool in_new) {
  LedgerRow& row = change(ordinal);
  remember_cutover(row, in_new);
  row.now.ordinal = new_ordinal;
  row.now.variant = new_variant;
  row.key_written_in_new = in_new;
  if (new_ordinal == ordinal) return;
  LedgerRow moving = std::move(row);
  rows_.erase(ordinal);
  previous_.emplace_back(new_ordinal, std::nullopt);
  if (!rows_.emplace(new_ordinal, std::move(moving)).second)
    throw std::logic_error("a ledger row gets a key that another one has");
}

void Ledger::erase(int ordinal) {
  change(ordinal);
  rows_.erase(ordinal);
}

bool Ledger::moved(int ordinal, const std::string& place, bool in_new) {
  LedgerRow& row = change(ordinal);
  const bool moved = row.place_in_new == in_new && page_of(row.place) != page_of(place);
  row.place = place;
  row.place_in_new = in_new;
  return moved;
}

void Ledger::take_back_to(std::size_t mark) {
  while (previous_.size() > mark) {
    auto [ordinal, row] = std::move(previous_.back());
    previous_.pop_back();
    rows_.erase(ordinal);
    if (row) rows_.emplace(ordinal, std::move(*row));
  }
}

void Ledger::merge(Ledger other) {
  rows_.merge(other.rows_);
  if (!other.rows_.empty()) throw std::logic_error("two writers' ledgers hold the same key");
}

}  // namespace crossfade::tests
