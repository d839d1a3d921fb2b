// An application that writes to public.orders all the time, and keeps a mirror: every change is made to
// public.mirror as well, in the same transaction and in the target's types. Whatever happens in between, the
// finished table must equal the mirror. Each thread writes to rows of its own, so that the threads never wait
// for one another. The writer stops with its destructor at the latest; errors() after stop().
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "postgres/error.h"
#include "tests/support/scratch_database.h"

namespace crossfade::tests {

enum class ServerCrashes { never, expected };

class ApplicationWriter {
 public:
  static constexpr int kThreads = 2;

  /// `rows` are there from 1 on; with 0 nothing is written. `pause` is between two transactions of a thread.
  ApplicationWriter(const ScratchDatabase& database, int rows, ServerCrashes crashes = ServerCrashes::never,
                    std::chrono::milliseconds pause = std::chrono::milliseconds(5))
      : database_(database), rows_(rows), crashes_(crashes), pause_(pause) {
    for (int number = 0; number < kThreads && rows > 0; ++number)
      threads_.emplace_back([this, number](const std::stop_token& stop) { write(number, stop); });
  }
  ~ApplicationWriter() { stop(); }

  void stop() { threads_.clear(); }

  std::int64_t transactions() const { return transactions_; }
  /// The longest that one transaction took, its wait for locks included.
  std::chrono::milliseconds longest() const { return std::chrono::milliseconds(longest_.load()); }
  std::vector<std::string> errors() const {
    const std::lock_guard lock(mutex_);
    return errors_;
  }

 private:
  void write(int number, const std::stop_token& stop) {
    std::mt19937 random(static_cast<unsigned>(number) + 1);
    std::unique_ptr<postgres::Session> session;
    while (!stop.stop_requested()) {
      const auto started = std::chrono::steady_clock::now();
      try {
        if (!session) session = database_.application_session();
        session->run({"test.write", transaction(number, random)});
        ++transactions_;
      } catch (const postgres::DatabaseError& error) {
        if (error.connection_dead() || !session) session.reset();
        // Committed or not: the mirror shares the transaction's fate.
        if (crashes_ == ServerCrashes::never || (session && !error.connection_dead())) note(error);
      }
      const auto spent =
          std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started)
              .count();
      if (spent > longest_) longest_ = spent;
      std::this_thread::sleep_for(pause_);
    }
  }

  void note(const postgres::DatabaseError& error) {
    const std::lock_guard lock(mutex_);
    errors_.push_back(error.sqlstate() + ": " + error.what());
  }

  /// Several statements in one message are one transaction.
  std::string transaction(int number, std::mt19937& random) const {
    const int mine = static_cast<int>(random() % static_cast<unsigned>(rows_ / kThreads)) * kThreads + number;
    const auto both = [](std::string_view statement) {
      return fmt::format(fmt::runtime(statement), "public.orders") + ";" +
             fmt::format(fmt::runtime(statement), "public.mirror");
    };
    switch (random() % 10) {
      case 0:
      case 1:
        return fmt::format(
            "WITH new AS (INSERT INTO public.orders (customer, amount, note) VALUES ({}, {}, 'new') "
            "RETURNING "
            "id, customer, amount, note, code) INSERT INTO public.mirror SELECT * FROM new",
            random() % 1000, random() % 100000);
      case 2:
        return both(fmt::format("DELETE FROM {{}} WHERE id = {}", mine));
      case 3:  // the key itself changes
        return both(fmt::format("UPDATE {{}} SET id = id + 10000000 WHERE id = {}", mine));
      case 4:  // a unique value moves to another row
        return fmt::format(
            "DELETE FROM public.orders WHERE id = {0};"
            "WITH new AS (INSERT INTO public.orders (customer, amount, code) SELECT customer, amount::int + "
            "1, "
            "code FROM public.mirror WHERE id = {0} RETURNING id, customer, amount, note, code), gone AS "
            "(DELETE FROM public.mirror WHERE id "
            "= {0}) INSERT INTO public.mirror SELECT * FROM new",
            mine);
      default:
        return both(fmt::format("UPDATE {{}} SET amount = amount + 1, note = 'changed {}' WHERE id = {}",
                                random(), mine));
    }
  }

  const ScratchDatabase& database_;
  int rows_;
  ServerCrashes crashes_;
  std::chrono::milliseconds pause_;
  std::atomic<std::int64_t> transactions_ = 0;
  std::atomic<std::int64_t> longest_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> errors_;
  std::vector<std::jthread> threads_;
};

}  // namespace crossfade::tests
