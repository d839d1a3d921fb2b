// Replay quotes every key of a batch into one array parameter.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "postgres/quoting.h"

namespace {

using namespace crossfade::postgres;  // NOLINT

void array_literal_of_numbers(benchmark::State& state) {
  std::vector<std::string> keys;
  for (int key = 0; key < state.range(0); ++key) keys.push_back(std::to_string(key * 7919));
  for (auto _ : state) benchmark::DoNotOptimize(array_literal(keys));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(array_literal_of_numbers)->Arg(5000);

void array_literal_of_texts_to_escape(benchmark::State& state) {
  const std::vector<std::string> keys(static_cast<std::size_t>(state.range(0)), R"(a "quoted" \ key)");
  for (auto _ : state) benchmark::DoNotOptimize(array_literal(keys));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(array_literal_of_texts_to_escape)->Arg(5000);

void quote_a_table_name(benchmark::State& state) {
  const QualifiedName name{"public", "pgbench_accounts"};
  for (auto _ : state) benchmark::DoNotOptimize(name.quoted());
}
BENCHMARK(quote_a_table_name);

}  // namespace
