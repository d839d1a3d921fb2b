// One application session of the oracle: random transactions on keys of its own, on unique values that wander
// between all writers and on rows that all share, with a ledger of what the server has acknowledged. Runs on
// a thread of its own between start() and join(); everything else is called before or after.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "postgres/error.h"
#include "postgres/session.h"
#include "tests/oracle/random.h"
#include "tests/oracle/writer_statement.h"
#include "tests/oracle/writers_shared.h"

namespace crossfade::tests {

class Writer {
 public:
  Writer(std::shared_ptr<WritersShared> shared, int number, std::unique_ptr<postgres::Session> session)
      : shared_(std::move(shared)),
        schema_(shared_->schema),
        number_(number),
        random_(schema_.seed * 1000 + static_cast<std::uint64_t>(number)),
        session_(std::move(session)),
        next_number_((number + 1) * kNumbersEach) {}

  int first_ordinal() const { return kSharedKeys + number_ * kOwnKeys; }
  Ledger& ledger() { return ledger_; }
  const std::vector<SharedChange>& shared_changes() const { return shared_changes_; }

  RowImage new_image(int ordinal) {
    RowImage image{.ordinal = ordinal, .variant = any_variant(), .values = {}};
    for (std::size_t column = 0; column < schema_.columns.size(); ++column)
      image.values.push_back(any_value(column));
    image.values[schema_.position] = std::to_string(next_number_++);
    image.values[schema_.revision] = "0";
    image.values[schema_.handed] = random_.chance(50) ? taken(shared_->handed) : std::nullopt;
    if (schema_.slot) image.values[*schema_.slot] = random_.chance(40) ? taken(shared_->slots) : std::nullopt;
    if (schema_.identity) image.values[*schema_.identity] = std::nullopt;
    return image;
  }

  /// What load() took from the pools stands in rows now.
  void forget_touched() {
    handed_touched_.clear();
    slots_touched_.clear();
  }

  void start() {
    thread_ = std::jthread([this](const std::stop_token& stop) {
      try {
        while (!stop.stop_requested()) {
          transaction();
          if (const auto pause = shared_->pause_us.load(); pause > 0)
            std::this_thread::sleep_for(std::chrono::microseconds(pause));
        }
      } catch (const postgres::DatabaseError& error) {
        shared_->fail(fmt::format("writer {}: {} ({} {}) in: {}", number_, error.what(), error.sqlstate(),
                                  error.report().detail, last_sql_));
      } catch (const std::exception& error) {
        shared_->fail(fmt::format("writer {}: {} in: {}", number_, error.what(), last_sql_));
      }
    });
  }
  void request_stop() { thread_.request_stop(); }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  using Changes = std::vector<std::pair<std::size_t, postgres::Value>>;

  int any_variant() {
    return static_cast<int>(random_.below(static_cast<std::size_t>(schema_.key_variants)));
  }

  postgres::Value any_value(std::size_t column) {
    if (schema_.columns[column].nullable && random_.chance(15)) return std::nullopt;
    return schema_.columns[column].value(random_);
  }

  /// From the pool; given back when the transaction has ended and no row of ours holds it.
  postgres::Value taken(ValuePool& pool) {
    postgres::Value value = pool.take();
    if (value) (&pool == &shared_->handed ? handed_touched_ : slots_touched_).insert(*value);
    return value;
  }

  bool server_or_pool_gives(std::size_t column) const {
    return column == schema_.position || column == schema_.revision || column == schema_.handed ||
           schema_.slot == column || schema_.identity == column;
  }

  postgres::Rows run(const std::string& sql, const postgres::Parameters& parameters = {}) {
    last_sql_ = sql;
    return session_->run({"oracle.write", sql}, parameters);
  }

  void plain(const std::string& sql) { run(sql); }

  /// A write whose effect on exactly `expected` rows is known.
  postgres::Rows write(WriterStatement& statement, const std::string& sql, std::size_t expected) {
    postgres::Rows rows = run(sql + statement.returning(), statement.parameters());
    if (rows.size() != expected) {
      std::string values;
      for (const postgres::Value& value : statement.parameters())
        values += " [" + value.value_or("NULL").substr(0, 40) + "]";
      throw std::runtime_error(fmt::format("{} rows instead of {}, with{}", rows.size(), expected, values));
    }
    for (const postgres::Row row : rows) in_new_ = row.text("relation") != shared_->source_oid;
    return rows;
  }

  // ---- transactions

  void transaction() {
    ledger_.forget_changes();
    own_shared_.clear();
    rows_touched_.clear();
    in_new_ = false;
    if (random_.chance(25)) {
      operation();
      committed();
    } else {
      plain("BEGIN");
      const int operations = static_cast<int>(random_.between(1, 4));
      for (int count = 0; count < operations; ++count) random_.chance(25) ? savepoint() : operation();
      if (random_.chance(20)) shared_rows();
      if (random_.chance(12)) {
        plain("ROLLBACK");
        ledger_.take_back_to(0);
        ++shared_->rollbacks;
      } else {
        plain("COMMIT");
        committed();
      }
    }
    settle_values();
  }

  void committed() {
    shared_changes_.insert(shared_changes_.end(), own_shared_.begin(), own_shared_.end());
    ++shared_->commits;
    if (in_new_) ++shared_->commits_in_new;
  }

  /// Values that were touched and are held by no row of ours any more are free for everybody, now that the
  /// transaction has ended.
  void settle_values() {
    const auto settle = [&](std::set<std::string>& touched, ValuePool& pool, std::size_t column) {
      for (const std::string& value : touched) {
        const bool held = std::any_of(rows_touched_.begin(), rows_touched_.end(), [&](int ordinal) {
          const LedgerRow* row = ledger_.find(ordinal);
          return row != nullptr && row->now.values[column] == value;
        });
        if (!held) pool.put(value);
      }
      touched.clear();
    };
    settle(handed_touched_, shared_->handed, schema_.handed);
    if (schema_.slot) settle(slots_touched_, shared_->slots, *schema_.slot);
  }

  void savepoint() {
    const std::size_t mark = ledger_.mark();
    plain("SAVEPOINT inner_changes");
    operation();
    if (random_.chance(50)) operation();
    if (random_.chance(60)) {
      plain("ROLLBACK TO SAVEPOINT inner_changes");
      ledger_.take_back_to(mark);
      ++shared_->rollbacks;
    } else if (random_.chance(50)) {
      plain("RELEASE SAVEPOINT inner_changes");
    }
  }

  void operation() {
    const std::int64_t dice = random_.between(1, 100);
    if (dice <= 34) {
      update_some_columns();
    } else if (dice <= 42) {
      update_several_rows();
    } else if (dice <= 50) {
      insert_rows();
    } else if (dice <= 56) {
      delete_rows();
    } else if (dice <= 66) {
      change_key();
    } else if (dice <= 71) {
      upsert();
    } else if (dice <= 84) {
      give_value_away_or_take_one();
    } else if (dice <= 92) {
      swap_slots();
    } else {
      read_back();
    }
  }

  // ---- rows

  /// One of ours that is in the table; nullptr where luck finds none.
  const LedgerRow* any_row(const std::vector<const LedgerRow*>& others = {}) {
    for (int attempt = 0; attempt < 50; ++attempt) {
      const LedgerRow* row = ledger_.find(first_ordinal() + static_cast<int>(random_.below(kOwnKeys)));
      if (row != nullptr && std::find(others.begin(), others.end(), row) == others.end()) return touch(row);
    }
    return nullptr;
  }

  std::vector<const LedgerRow*> any_rows(std::size_t count) {
    std::vector<const LedgerRow*> rows;
    while (rows.size() < count) {
      const LedgerRow* row = any_row(rows);
      if (row == nullptr) break;
      rows.push_back(row);
    }
    return rows;
  }

  const LedgerRow* touch(const LedgerRow* row) {
    rows_touched_.insert(row->now.ordinal);
    if (const postgres::Value& value = row->now.values[schema_.handed]) handed_touched_.insert(*value);
    if (schema_.slot && row->now.values[*schema_.slot])
      slots_touched_.insert(*row->now.values[*schema_.slot]);
    return row;
  }

  std::optional<int> free_ordinal() {
    for (int attempt = 0; attempt < 50; ++attempt) {
      const int ordinal = first_ordinal() + static_cast<int>(random_.below(kOwnKeys));
      if (ledger_.find(ordinal) == nullptr) {
        rows_touched_.insert(ordinal);
        return ordinal;
      }
    }
    return std::nullopt;
  }

  /// Ordinals of the rows that a statement returned, by their numbers.
  void note_places(const postgres::Rows& rows, const std::vector<int>& ordinals) {
    for (const postgres::Row row : rows) {
      for (const int ordinal : ordinals) {
        if (ledger_.find(ordinal)->number != row.integer("number")) continue;
        if (ledger_.moved(ordinal, row.text("place"), in_new_)) ++shared_->moved_rows;
      }
    }
  }

  static std::vector<int> ordinals_of(const std::vector<const LedgerRow*>& rows) {
    std::vector<int> out;
    for (const LedgerRow* row : rows) out.push_back(row->now.ordinal);
    return out;
  }

  // ---- operations

  Changes some_changes() {
    Changes changes;
    for (std::size_t column = 0; column < schema_.columns.size(); ++column) {
      if (!server_or_pool_gives(column) && random_.chance(35))
        changes.emplace_back(column, any_value(column));
    }
    if (changes.empty() || random_.chance(30))
      changes.emplace_back(schema_.revision, std::to_string(random_.between(0, 1000000)));
    return changes;
  }

  void update_some_columns() {
    const LedgerRow* row = any_row();
    if (row == nullptr) return;
    update({row}, some_changes());
  }

  void update_several_rows() {
    const auto rows = any_rows(static_cast<std::size_t>(random_.between(2, 8)));
    if (rows.empty()) return;
    update(rows, some_changes());
  }

  void update(const std::vector<const LedgerRow*>& rows, const Changes& changes) {
    WriterStatement statement(schema_);
    const std::string assignments = statement.assignments(changes);
    const std::string sql =
        fmt::format("UPDATE {} SET {} WHERE {}", statement.table(), assignments, statement.keys_are(rows));
    const std::vector<int> ordinals = ordinals_of(rows);
    const postgres::Rows written = write(statement, sql, rows.size());
    for (const int ordinal : ordinals) ledger_.update(ordinal, changes, in_new_);
    note_places(written, ordinals);
  }

  void insert_rows() {
    std::vector<RowImage> images;
    const std::int64_t wanted = random_.chance(60) ? 1 : random_.between(2, 4);
    for (std::int64_t count = 0; count < wanted; ++count) {
      const auto ordinal = free_ordinal();
      if (!ordinal) break;
      const bool twice = std::any_of(images.begin(), images.end(),
                                     [&](const RowImage& image) { return image.ordinal == *ordinal; });
      if (!twice) images.push_back(new_image(*ordinal));
    }
    if (!images.empty()) insert(images);
  }

  void insert(const std::vector<RowImage>& images) {
    WriterStatement statement(schema_);
    std::string values;
    for (const RowImage& image : images)
      values += (values.empty() ? "" : ", ") + statement.insert_values(image);
    const postgres::Rows written = write(
        statement,
        fmt::format("INSERT INTO {} ({}) VALUES {}", statement.table(), statement.insert_columns(), values),
        images.size());
    for (const RowImage& image : images) {
      LedgerRow row{.number = std::stoll(image.values[schema_.position].value()), .now = image};
      row.inserted_in_new = in_new_;
      for (const postgres::Row answer : written) {
        if (answer.integer("number") != row.number) continue;
        row.place = answer.text("place");
        row.place_in_new = in_new_;
        if (schema_.identity) row.now.values[*schema_.identity] = answer.text("serial");
      }
      if (ever_deleted_.contains(image.ordinal)) ++shared_->reinserts;
      ledger_.insert(std::move(row));
    }
  }

  void delete_rows() {
    const auto rows = any_rows(random_.chance(70) ? 1 : 3);
    if (rows.empty()) return;
    erase(rows);
    // At once again under the same key, by another statement of the same transaction.
    if (random_.chance(40)) insert({new_image(*last_erased_.begin())});
  }

  void erase(const std::vector<const LedgerRow*>& rows) {
    WriterStatement statement(schema_);
    const std::string sql =
        fmt::format("DELETE FROM {} WHERE {}", statement.table(), statement.keys_are(rows));
    const std::vector<int> ordinals = ordinals_of(rows);
    write(statement, sql, rows.size());
    for (const int ordinal : ordinals) ledger_.erase(ordinal);
    ever_deleted_.insert(ordinals.begin(), ordinals.end());
    last_erased_ = ordinals;
  }

  void change_key() {
    const LedgerRow* row = any_row();
    if (row == nullptr) return;
    const int ordinal = row->now.ordinal;
    // Often only the image changes: another case, another scale.
    const bool image_only = schema_.key_variants > 1 && random_.chance(50);
    const int to = image_only ? ordinal : free_ordinal().value_or(ordinal);
    const int variant = any_variant();
    WriterStatement statement(schema_);
    const std::string assigned = statement.assigned_key(to, variant);
    const std::string sql =
        fmt::format("UPDATE {} SET {} WHERE {}", statement.table(), assigned, statement.key_is(row->now));
    const postgres::Rows written = write(statement, sql, 1);
    ledger_.change_key(ordinal, to, variant, in_new_);
    if (to != ordinal) ever_deleted_.insert(ordinal);
    ++shared_->key_changes;
    note_places(written, {to});
  }

  /// INSERT … ON CONFLICT DO UPDATE of a row that is there: the key keeps its image.
  void upsert() {
    const LedgerRow* row = any_row();
    if (row == nullptr) return;
    RowImage proposed = row->now;
    proposed.values[schema_.handed] = std::nullopt;
    if (schema_.slot) proposed.values[*schema_.slot] = std::nullopt;
    Changes changes = some_changes();
    for (const auto& [column, value] : changes) proposed.values[column] = value;
    WriterStatement statement(schema_);
    std::string key;
    for (const KeyColumn& column : schema_.key)
      key += (key.empty() ? "" : ", ") + postgres::quote_identifier(column.name);
    std::string set;
    for (const auto& change : changes)
      set += (set.empty() ? "" : ", ") + statement.column(change.first) + " = EXCLUDED." +
             statement.column(change.first);
    const std::string sql =
        fmt::format("INSERT INTO {} ({}) VALUES {} ON CONFLICT ({}) DO UPDATE SET {}", statement.table(),
                    statement.insert_columns(), statement.insert_values(proposed), key, set);
    const int ordinal = row->now.ordinal;
    const postgres::Rows written = write(statement, sql, 1);
    ledger_.update(ordinal, changes, in_new_);
    note_places(written, {ordinal});
  }

  void give_value_away_or_take_one() {
    const std::int64_t dice = random_.between(1, 100);
    const LedgerRow* row = any_row();
    if (row == nullptr) return;
    if (dice <= 25) {
      // Free for other writers once this has committed.
      update({row}, {{schema_.handed, std::nullopt}});
    } else if (dice <= 55) {
      if (const postgres::Value value = taken(shared_->handed)) {
        update({row}, {{schema_.handed, value}});
        ++shared_->handed_over;
      }
    } else {
      swap_handed(row);
    }
  }

  /// Inside one transaction from row to row, through NULL.
  void swap_handed(const LedgerRow* first) {
    const LedgerRow* second = any_row({first});
    if (second == nullptr) return;
    const postgres::Value of_first = first->now.values[schema_.handed];
    const postgres::Value of_second = second->now.values[schema_.handed];
    if (!of_first && !of_second) return;
    update({first}, {{schema_.handed, std::nullopt}});
    update({ledger_.find(second->now.ordinal)}, {{schema_.handed, of_first}});
    if (random_.chance(70)) update({ledger_.find(first->now.ordinal)}, {{schema_.handed, of_second}});
    ++shared_->handed_over;
  }

  /// One statement that a constraint can only allow where it is checked at the statement's end.
  void swap_slots() {
    if (!schema_.slot) return update_some_columns();
    const auto rows = any_rows(2);
    if (rows.size() < 2) return;
    const postgres::Value first = rows[0]->now.values[*schema_.slot];
    const postgres::Value second = rows[1]->now.values[*schema_.slot];
    if (!first || !second) {
      if (const postgres::Value value = first || second ? std::nullopt : taken(shared_->slots))
        update({rows[0]}, {{*schema_.slot, value}});
      return;
    }
    WriterStatement statement(schema_);
    const std::string slot = statement.column(*schema_.slot);
    const std::string a = statement.add(first);
    const std::string b = statement.add(second);
    const std::string sql = fmt::format(
        "UPDATE {0} SET {1} = CASE {1} WHEN {2} THEN {3}::integer ELSE {2}::integer END WHERE {4}",
        statement.table(), slot, a, b, statement.keys_are(rows));
    const std::vector<int> ordinals = ordinals_of(rows);
    const postgres::Rows written = write(statement, sql, 2);
    ledger_.update(ordinals[0], {{*schema_.slot, second}}, in_new_);
    ledger_.update(ordinals[1], {{*schema_.slot, first}}, in_new_);
    note_places(written, ordinals);
    ++shared_->handed_over;
  }

  /// The application reads what it wrote, before, at and after the cutover.
  void read_back() {
    const LedgerRow* row = any_row();
    if (row == nullptr) return;
    WriterStatement statement(schema_);
    const std::string sql =
        fmt::format("SELECT {} AS number, {} AS revision, {} AS handed FROM {} WHERE {}",
                    statement.column(schema_.position), statement.column(schema_.revision),
                    statement.column(schema_.handed), statement.table(), statement.key_is(row->now));
    const postgres::Rows rows = run(sql, statement.parameters());
    if (rows.size() != 1 || rows[0].integer("number") != row->number ||
        rows[0].value("revision") != row->now.values[schema_.revision] ||
        rows[0].value("handed") != row->now.values[schema_.handed]) {
      throw std::runtime_error(
          fmt::format("row {} (ordinal {}) reads {} rows or other values than were written", row->number,
                      row->now.ordinal, rows.size()));
    }
  }

  // ---- the shared region

  /// Two rows that everybody changes, locked in the order of their numbers, exchange their unique values.
  void shared_rows() {
    int first = static_cast<int>(random_.below(kSharedKeys));
    int second = static_cast<int>(random_.below(kSharedKeys));
    if (first == second) return;
    if (first > second) std::swap(first, second);
    WriterStatement lock(schema_);
    const std::string where = lock.key_is({.ordinal = first, .variant = 0, .values = {}}) + " OR " +
                              lock.key_is({.ordinal = second, .variant = 0, .values = {}});
    std::string list;
    for (std::size_t index = 0; index < schema_.columns.size(); ++index)
      list += fmt::format("{}{} AS c{}", list.empty() ? "" : ", ", lock.column(index), index);
    const postgres::Rows rows = run(fmt::format("SELECT {} FROM {} WHERE {} ORDER BY {} FOR UPDATE", list,
                                                lock.table(), where, lock.column(schema_.position)),
                                    lock.parameters());
    // A row that was deleted and inserted again meanwhile is not seen by a statement that waited for it.
    if (rows.size() != 2) return;
    std::vector<SharedChange> changes;
    for (std::size_t index = 0; index < 2; ++index) {
      const auto values = rows.values(index);
      SharedChange change{.ordinal = index == 0 ? first : second, .values = {values.begin(), values.end()}};
      change.revision = std::stoll(change.values[schema_.revision].value()) + 1;
      for (std::size_t column = 0; column < schema_.columns.size(); ++column) {
        if (!server_or_pool_gives(column)) change.values[column] = any_value(column);
      }
      change.values[schema_.revision] = std::to_string(change.revision);
      changes.push_back(std::move(change));
    }
    write_shared(changes[0], {{schema_.handed, std::nullopt}});
    std::swap(changes[0].values[schema_.handed], changes[1].values[schema_.handed]);
    for (const std::size_t index : {1U, 0U}) {
      if (random_.chance(25)) {
        reinsert_shared(changes[index]);
      } else {
        Changes all;
        for (std::size_t column = 0; column < schema_.columns.size(); ++column) {
          if (column != schema_.position) all.emplace_back(column, changes[index].values[column]);
        }
        write_shared(changes[index], all);
      }
      changes[index].in_new = in_new_;
      own_shared_.push_back(changes[index]);
    }
    ++shared_->handed_over;
  }

  void write_shared(const SharedChange& change, const Changes& assigned) {
    WriterStatement statement(schema_);
    const std::string assignments = statement.assignments(assigned);
    const std::string key = statement.key_is({.ordinal = change.ordinal, .variant = 0, .values = {}});
    write(statement, fmt::format("UPDATE {} SET {} WHERE {}", statement.table(), assignments, key), 1);
  }

  void reinsert_shared(SharedChange& change) {
    const RowImage image{.ordinal = change.ordinal, .variant = 0, .values = change.values};
    WriterStatement gone(schema_);
    const std::string key = gone.key_is(image);
    write(gone, fmt::format("DELETE FROM {} WHERE {}", gone.table(), key), 1);
    WriterStatement statement(schema_);
    const std::string values = statement.insert_values(image);
    const postgres::Rows rows = write(
        statement,
        fmt::format("INSERT INTO {} ({}) VALUES {}", statement.table(), statement.insert_columns(), values),
        1);
    if (schema_.identity) change.values[*schema_.identity] = rows.only().text("serial");
    change.inserted = true;
    ++shared_->reinserts;
  }

  std::shared_ptr<WritersShared> shared_;
  const RandomSchema& schema_;
  int number_;
  Random random_;
  std::unique_ptr<postgres::Session> session_;
  std::int64_t next_number_;
  Ledger ledger_;
  bool in_new_ = false;
  std::string last_sql_;
  std::vector<SharedChange> own_shared_;  ///< of the open transaction
  std::vector<SharedChange> shared_changes_;
  std::set<int> rows_touched_;
  std::set<std::string> handed_touched_;
  std::set<std::string> slots_touched_;
  std::set<int> ever_deleted_;
  std::vector<int> last_erased_;
  std::jthread thread_;
};

}  // namespace crossfade::tests
