#include "postgres/libpq_session.h"

#include <libpq-fe.h>

#include <array>
#include <set>
#include <stdexcept>
#include <utility>

#include "postgres/error.h"

namespace crossfade::postgres {

namespace {

constexpr std::size_t kBlockBytes = 64 * 1024;

struct FinishConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
struct FreeCancel {
  void operator()(PGcancel* handle) const { PQfreeCancel(handle); }
};
struct FreeMemory {
  void operator()(char* memory) const { PQfreemem(memory); }
};

using ConnectionHandle = std::unique_ptr<PGconn, FinishConnection>;
using ResultHandle = std::unique_ptr<PGresult, ClearResult>;

std::string trimmed(const char* text) {
  std::string out = text == nullptr ? "" : text;
  while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
  return out;
}

class LibpqSession final : public CopySession {
 public:
  explicit LibpqSession(const std::string& connection_string)
      : connection_(PQconnectdb(connection_string.c_str())) {
    if (PQstatus(connection_.get()) != CONNECTION_OK) {
      throw DatabaseError({.sqlstate = "08001",
                           .query_name = "session.connect",
                           .message = trimmed(PQerrorMessage(connection_.get())),
                           .connection_lost = true});
    }
    PQsetNoticeProcessor(
        connection_.get(), [](void*, const char*) {}, nullptr);
    cancel_.reset(PQgetCancel(connection_.get()));
    block_.reserve(kBlockBytes + 8192);
  }

  Rows run(const Query& query, const Parameters& parameters) override {
    if (parameters.empty() && !query.prepared)
      return to_rows(query, PQexec(connection_.get(), query.text.c_str()));
    std::vector<const char*> values;
    values.reserve(parameters.size());
    for (const Value& parameter : parameters) values.push_back(parameter ? parameter->c_str() : nullptr);
    if (query.prepared) {
      prepare(query);
      return to_rows(query,
                     PQexecPrepared(connection_.get(), query.name.c_str(), static_cast<int>(values.size()),
                                    values.data(), nullptr, nullptr, 0));
    }
    return to_rows(query, PQexecParams(connection_.get(), query.text.c_str(), static_cast<int>(values.size()),
                                       nullptr, values.data(), nullptr, nullptr, 0));
  }

  int backend_pid() const override { return PQbackendPID(connection_.get()); }

  void cancel() noexcept override {
    std::array<char, 256> message{};
    PQcancel(cancel_.get(), message.data(), static_cast<int>(message.size()));
  }

  void start_copy_out(const Query& query) override { start(query, PGRES_COPY_OUT); }

  bool read_copy_out(std::string_view& data) override {
    char* row = nullptr;
    const int bytes = PQgetCopyData(connection_.get(), &row, 0);
    row_.reset(row);
    if (bytes > 0) {
      data = {row, static_cast<std::size_t>(bytes)};
      return true;
    }
    rows_out_ = finish();
    return false;
  }

  std::uint64_t rows_copied_out() const override { return rows_out_; }

  void start_copy_in(const Query& query) override {
    block_.clear();
    start(query, PGRES_COPY_IN);
  }

  void write_copy_in(std::string_view data) override {
    // The server takes the stream in any pieces. Small ones cost it a message each, large ones would be kept
    // whole by the library.
    if (block_.size() + data.size() < kBlockBytes) {
      block_.append(data);
      return;
    }
    flush_block();
    for (; data.size() >= kBlockBytes; data.remove_prefix(kBlockBytes)) put(data.substr(0, kBlockBytes));
    block_.append(data);
  }

  std::uint64_t finish_copy_in() override {
    flush_block();
    if (PQputCopyEnd(connection_.get(), nullptr) != 1) throw_error(copying_, nullptr);
    return finish();
  }

 private:
  void start(const Query& query, ExecStatusType expected) {
    const ResultHandle result(PQexec(connection_.get(), query.text.c_str()));
    if (PQresultStatus(result.get()) != expected) throw_error(query, result.get());
    copying_ = query;
  }

  void prepare(const Query& query) {
    if (prepared_.contains(query.name)) return;
    to_rows(query, PQprepare(connection_.get(), query.name.c_str(), query.text.c_str(), 0, nullptr));
    prepared_.insert(query.name);
  }

  void flush_block() {
    if (block_.empty()) return;
    put(block_);
    block_.clear();
  }

  void put(std::string_view data) {
    if (PQputCopyData(connection_.get(), data.data(), static_cast<int>(data.size())) != 1)
      throw_error(copying_, nullptr);
  }

  /// The end of a COPY: exactly one COMMAND_OK, then nothing. Anything else is an error (rule 11).
  std::uint64_t finish() {
    std::uint64_t rows = 0;
    bool completed = false;
    while (ResultHandle result{PQgetResult(connection_.get())}) {
      if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) throw_error(copying_, result.get());
      rows = std::stoull(PQcmdTuples(result.get()));
      completed = true;
    }
    if (!completed) throw_error(copying_, nullptr);
    return rows;
  }

  Rows to_rows(const Query& query, PGresult* raw) {
    const ResultHandle result(raw);
    const ExecStatusType status = PQresultStatus(raw);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY)
      throw_error(query, raw);
    std::vector<std::string> columns;
    for (int column = 0; column < PQnfields(raw); ++column) columns.emplace_back(PQfname(raw, column));
    std::vector<Value> values;
    for (int row = 0; row < PQntuples(raw); ++row) {
      for (int column = 0; column < PQnfields(raw); ++column) {
        if (PQgetisnull(raw, row, column) != 0) {
          values.emplace_back(std::nullopt);
        } else {
          values.emplace_back(std::string(PQgetvalue(raw, row, column),
                                          static_cast<std::size_t>(PQgetlength(raw, row, column))));
        }
      }
    }
    const std::string affected = trimmed(PQcmdTuples(raw));
    return Rows(std::move(columns), std::move(values), affected.empty() ? 0 : std::stoull(affected));
  }

  [[noreturn]] void throw_error(const Query& query, const PGresult* result) {
    const auto field = [result](int code) {
      return result == nullptr ? std::string() : trimmed(PQresultErrorField(result, code));
    };
    ErrorReport report{.sqlstate = field(PG_DIAG_SQLSTATE),
                       .query_name = query.name,
                       .message = field(PG_DIAG_MESSAGE_PRIMARY),
                       .detail = field(PG_DIAG_MESSAGE_DETAIL),
                       .hint = field(PG_DIAG_MESSAGE_HINT),
                       .context = field(PG_DIAG_CONTEXT),
                       .constraint = field(PG_DIAG_CONSTRAINT_NAME)};
    report.connection_lost = PQstatus(connection_.get()) != CONNECTION_OK;
    if (report.message.empty()) report.message = trimmed(PQerrorMessage(connection_.get()));
    if (report.sqlstate.empty()) {
      report.sqlstate = "08006";
      report.connection_lost = true;
    }
    throw DatabaseError(std::move(report));
  }

  ConnectionHandle connection_;
  std::unique_ptr<PGcancel, FreeCancel> cancel_;
  std::unique_ptr<char, FreeMemory> row_;
  std::set<std::string> prepared_;
  std::string block_;
  Query copying_;
  std::uint64_t rows_out_ = 0;
};

}  // namespace

std::unique_ptr<CopySession> connect_libpq(const std::string& connection_string) {
  return std::make_unique<LibpqSession>(connection_string);
}

}  // namespace crossfade::postgres
