// The fingerprint of a migration file, and what the same hash would cost on a copied stream.
#include <benchmark/benchmark.h>
#include <xxhash.h>

#include <string>

#include "migrations/fingerprint.h"

namespace {

void fingerprint_of_a_file(benchmark::State& state) {
  const std::string text(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(crossfade::migrations::fingerprint(text));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(fingerprint_of_a_file)->Arg(1 << 10)->Arg(64 << 10);

void hash_of_copied_rows(benchmark::State& state) {
  const std::string row(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(XXH3_64bits(row.data(), row.size()));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(hash_of_copied_rows)->Arg(120);

}  // namespace
