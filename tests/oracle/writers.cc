#include "tests/oracle/writers.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "tests/oracle/writer.h"

namespace crossfade::tests {

Writers::Writers(const ScratchDatabase& database, const std::string& role, const RandomSchema& schema)
    : shared_(std::make_shared<WritersShared>(schema)) {
  for (int number = 0; number < kWriters; ++number)
    writers_.push_back(std::make_unique<Writer>(shared_, number, database.application_session(role)));
}

Writers::~Writers() {
  stop();
}

void Writers::load(ScratchDatabase& database, const std::string& owner) {
  const RandomSchema& schema = shared_->schema;
  Ledger& shared_rows = shared_->shared_at_start;
  // Own keys and shared ones in turn, so that every page has some of everybody.
  std::vector<std::pair<Ledger*, RowImage>> images;
  for (int index = 0; index < kOwnKeys; ++index) {
    for (const auto& writer : writers_)
      images.emplace_back(&writer->ledger(), writer->new_image(writer->first_ordinal() + index));
    if (index < kSharedKeys) {
      RowImage image = writers_.front()->new_image(index);
      image.variant = 0;
      image.values[schema.position] = std::to_string(index);
      images.emplace_back(&shared_rows, std::move(image));
    }
  }
  const auto session = database.application_session(owner);
  constexpr std::size_t kAtOnce = 200;
  for (std::size_t first = 0; first < images.size(); first += kAtOnce) {
    WriterStatement statement(schema);
    std::string values;
    for (std::size_t index = first; index < std::min(first + kAtOnce, images.size()); ++index)
      values += (values.empty() ? "" : ", ") + statement.insert_values(images[index].second);
    const postgres::Rows rows =
        session->run({"oracle.load", fmt::format("INSERT INTO {} ({}) VALUES {}{}", statement.table(),
                                                 statement.insert_columns(), values, statement.returning())},
                     statement.parameters());
    std::map<std::int64_t, postgres::Row> by_number;
    for (const postgres::Row row : rows) by_number.emplace(row.integer("number"), row);
    for (std::size_t index = first; index < std::min(first + kAtOnce, images.size()); ++index) {
      auto& [ledger, image] = images[index];
      LedgerRow row{.number = std::stoll(image.values[schema.position].value()), .now = image};
      const postgres::Row& answer = by_number.at(row.number);
      row.place = answer.text("place");
      if (schema.identity) row.now.values[*schema.identity] = answer.text("serial");
      ledger->insert(std::move(row));
    }
  }
  // Every fourth row of the writers' own goes, and VACUUM gives its room to whoever updates next.
  const std::string position = postgres::quote_identifier(schema.columns[schema.position].name);
  session->run({"oracle.load", fmt::format("DELETE FROM {} WHERE {} >= {} AND {} % 4 = 1",
                                           schema.table.quoted(), position, kNumbersEach, position)});
  for (const auto& writer : writers_) {
    std::vector<int> gone;
    for (const auto& [ordinal, row] : writer->ledger().rows()) {
      if (row.number % 4 == 1) gone.push_back(ordinal);
    }
    for (const int ordinal : gone) {
      if (const postgres::Value& value = writer->ledger().find(ordinal)->now.values[schema.handed])
        shared_->handed.put(*value);
      if (schema.slot) {
        if (const postgres::Value& value = writer->ledger().find(ordinal)->now.values[*schema.slot])
          shared_->slots.put(*value);
      }
      writer->ledger().erase(ordinal);
    }
    writer->ledger().forget_changes();
    writer->forget_touched();
  }
  session->run({"oracle.load", "VACUUM (ANALYZE) " + schema.table.quoted()});
  shared_->source_oid =
      session->run({"oracle.load", "SELECT $1::regclass::oid::text AS oid"}, {schema.table.quoted()})
          .only()
          .text("oid");
}

void Writers::start() {
  for (const auto& writer : writers_) writer->start();
}

void Writers::set_pause(std::chrono::microseconds pause) {
  shared_->pause_us = pause.count();
}

void Writers::stop() {
  for (const auto& writer : writers_) writer->request_stop();
  for (const auto& writer : writers_) writer->join();
}

WriterCounts Writers::counts() const {
  return {shared_->commits,     shared_->rollbacks, shared_->moved_rows,    shared_->key_changes,
          shared_->handed_over, shared_->reinserts, shared_->commits_in_new};
}

std::vector<std::string> Writers::failures() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->failures;
}

Ledger Writers::ledger() const {
  const RandomSchema& schema = shared_->schema;
  Ledger all = shared_->shared_at_start;
  std::vector<SharedChange> changes;
  for (const auto& writer : writers_)
    changes.insert(changes.end(), writer->shared_changes().begin(), writer->shared_changes().end());
  std::stable_sort(changes.begin(), changes.end(), [](const SharedChange& left, const SharedChange& right) {
    return left.revision < right.revision;
  });
  for (const SharedChange& change : changes) {
    if (change.inserted) {
      all.erase(change.ordinal);
      LedgerRow row{.number = change.ordinal, .now = {change.ordinal, 0, change.values}};
      row.inserted_in_new = change.in_new;
      all.insert(std::move(row));
      continue;
    }
    std::vector<std::pair<std::size_t, postgres::Value>> assigned;
    for (std::size_t column = 0; column < schema.columns.size(); ++column) {
      // What the server gave at the insertion is the same in every later image, and is not written by an
      // update.
      if (column != schema.position && schema.identity != column)
        assigned.emplace_back(column, change.values[column]);
    }
    all.update(change.ordinal, assigned, change.in_new);
  }
  for (const auto& writer : writers_) all.merge(writer->ledger());
  all.forget_changes();
  return all;
}

}  // namespace crossfade::tests
