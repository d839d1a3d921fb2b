#include "orchestrator/copy_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <stdexcept>
#include <stop_token>

#include "orchestrator/rejected_rows.h"
#include "orchestrator/workers.h"
#include "postgres/error.h"
#include "postgres/quoting.h"
#include "strategies/transform.h"

namespace crossfade::orchestrator {

namespace {

/// Rows between two updates of the progress; each piece of the stream is one row.
constexpr std::int64_t kReportEvery = 10000;

std::string page_range(const RunContext& context, const Chunk& chunk) {
  const std::string alias = strategies::source_alias(context.plan);
  return fmt::format(
      "WHERE {0}.ctid >= '({1},0)'::pg_catalog.tid AND {0}.ctid < '({2},0)'::pg_catalog.tid{3}", alias,
      chunk.first_page, chunk.last_page,
      context.plan.source_partitions.empty() ? ""
                                             : fmt::format(" AND {}.tableoid = {}", alias, chunk.relation));
}

/// The partition that the chunk is one of; null: the source itself.
const postgres::Table* partition_of(const RunContext& context, const Chunk& chunk) {
  for (const postgres::Table& partition : context.plan.source_partitions) {
    if (partition.oid == chunk.relation) return &partition;
  }
  return nullptr;
}

std::string rows_of(const RunContext& context, const Chunk& chunk) {
  return strategies::transform_select(context.plan, page_range(context, chunk), partition_of(context, chunk));
}

/// What binary COPY cannot carry but the server itself can: a row near 1 GB (out of memory, program limit,
/// "invalid memory alloc request size"), text that is not valid in the server's encoding (rule 20).
bool needs_server_side_copy(const postgres::DatabaseError& error) {
  static constexpr std::array<std::string_view, 5> kStates = {"54000", "53200", "22021", "22P05", "XX000"};
  return !error.connection_dead() &&
         std::find(kStates.begin(), kStates.end(), error.sqlstate()) != kStates.end();
}

/// A message in an encoding of the server's that is not UTF-8, made fit for one that is.
postgres::DatabaseError readable(const postgres::DatabaseError& error) {
  postgres::ErrorReport report = error.report();
  for (std::string* text : {&report.message, &report.detail, &report.hint, &report.context}) {
    std::replace_if(
        text->begin(), text->end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  }
  return postgres::DatabaseError(std::move(report));
}

class CopyWorker {
 public:
  CopyWorker(const RunContext& context, int number, std::stop_token stop)
      : context_(context), number_(number), stop_(std::move(stop)) {
    open();
  }

  /// False when no chunk is left to lease.
  bool copy_next() {
    try {
      return stream_next();
    } catch (const postgres::DatabaseError& error) {
      if (!needs_server_side_copy(error)) {
        if (error.data_error()) {
          throw_rejected_row(context_, encoding_.empty() ? error : readable(error),
                             page_range(context_, current_));
        }
        throw;
      }
    }
    open();  // the failed stream leaves its sessions in the middle of COPY
    copy_current_inside_server();
    return true;
  }

 private:
  void open() {
    cancel_.reset();
    reader_.reset();
    writer_.reset();
    reader_ = context_.sessions.open_copy(fmt::format("read {}", number_));
    writer_ = context_.sessions.open_copy(fmt::format("write {}", number_));
    reading_ = false;
    // The same bytes on both sides, until the transaction ends: nothing is converted, so nothing can fail to
    // be. In one message with COPY, whose text is still read as UTF-8.
    encoding_ = context_.server_encoding == "UTF8"
                    ? ""
                    : fmt::format("SET LOCAL client_encoding = {}; ",
                                  postgres::quote_literal(context_.server_encoding));
    // A lock that somebody else holds may be a long wait.
    cancel_.emplace(stop_, [this] {
      reader_->cancel();
      writer_->cancel();
    });
  }

  bool stream_next() {
    WorkerTransaction write(*writer_, context_.sessions, "copy.write");
    Journal journal(*writer_);
    const auto chunk = journal.lease_chunk(context_.run());
    if (!chunk) return false;
    current_ = *chunk;
    reported_ = 0;
    const std::int64_t rows = stream();
    journal.finish_chunk(context_.run(), *chunk, rows);
    write.commit();
    // The reader's table lock is held until the rows are committed, so that the source cannot be rewritten in
    // between.
    if (reading_) {
      reader_->run({"copy.read.commit", "COMMIT"});
      reading_ = false;
    }
    context_.progress.add_rows(rows - reported_);
    return true;
  }

  /// The chunk whose stream has failed. Its lease goes with the old session, which may take a moment to end;
  /// or another worker has got it.
  void copy_current_inside_server() {
    WorkerTransaction write(*writer_, context_.sessions, "copy.write");
    Journal journal(*writer_);
    const auto chunk = journal.lease_chunk_again(context_.run(), current_);
    if (!chunk) return;
    const std::int64_t rows = copy_inside_server();
    journal.finish_chunk(context_.run(), *chunk, rows);
    write.commit();
    context_.progress.add_rows(rows - reported_);
  }

  std::int64_t stream() {
    reader_->run({"copy.read.begin", "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"});
    reading_ = true;
    lock_and_check_source(context_, *reader_, "copy");
    const std::string format = context_.plan.binary_copy ? "binary" : "text";
    reader_->start_copy_out({"copy.out", fmt::format("{}COPY ({}) TO STDOUT (FORMAT {})", encoding_,
                                                     rows_of(context_, current_), format)});
    writer_->start_copy_in({"copy.in", fmt::format("{}COPY {} ({}) FROM STDIN (FORMAT {})", encoding_,
                                                   context_.plan.shadow.quoted(),
                                                   strategies::copied_columns(context_.plan), format)});
    std::int64_t unreported = 0;
    for (std::string_view data; reader_->read_copy_out(data);) {
      writer_->write_copy_in(data);
      if (++unreported == kReportEvery) {
        context_.progress.add_rows(unreported);
        reported_ += unreported;
        unreported = 0;
      }
    }
    const std::uint64_t read = reader_->rows_copied_out();
    const std::uint64_t written = writer_->finish_copy_in();
    if (read != written) {
      throw std::logic_error(
          fmt::format("chunk {}: {} rows read, {} written", current_.number, read, written));
    }
    return static_cast<std::int64_t>(written);
  }

  std::int64_t copy_inside_server() {
    lock_and_check_source(context_, *writer_, "copy.server_side");
    const postgres::Rows rows = writer_->run(
        {"copy.server_side",
         fmt::format("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE {}", context_.plan.shadow.quoted(),
                     strategies::copied_columns(context_.plan), rows_of(context_, current_))});
    return static_cast<std::int64_t>(rows.affected());
  }

  const RunContext& context_;
  int number_;
  std::stop_token stop_;
  std::string encoding_;  ///< sets the server's own encoding; empty where that is UTF-8
  std::unique_ptr<postgres::CopySession> reader_;
  std::unique_ptr<postgres::CopySession> writer_;
  Chunk current_;
  std::int64_t reported_ = 0;  ///< rows of the current chunk that the progress has already
  bool reading_ = false;
  std::optional<std::stop_callback<std::function<void()>>> cancel_;  ///< the last: it uses the sessions
};

}  // namespace

void copy_all_chunks(RunContext& context) {
  while (const std::int64_t chunks = context.journal.unfinished_chunks(context.run())) {
    context.check_stop();
    try {
      run_on_workers(static_cast<int>(std::min<std::int64_t>(context.options.copy_workers, chunks)),
                     context.stop, [&](int number, const std::stop_token& stop) {
                       CopyWorker worker(context, number, stop);
                       while (!stop.stop_requested() && worker.copy_next()) {
                       }
                     });
    } catch (const postgres::DatabaseError& error) {
      if (error.cancelled()) context.check_stop();
      throw;
    }
    context.check_stop();
    // What is left is leased by a worker of another process, which finishes it or lets it go.
    if (context.journal.unfinished_chunks(context.run()) > 0) {
      context.progress.set_waiting("chunks that another process is copying");
      sleep_unless_stopped(std::chrono::milliseconds(200), context.stop);
    }
  }
}

}  // namespace crossfade::orchestrator
