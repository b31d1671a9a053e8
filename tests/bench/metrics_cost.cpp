// What counting costs: all that is done for /metrics on a message's way.
#include <array>
#include <string>

#include <benchmark/benchmark.h>

#include "daemon/metrics/counters.hpp"

namespace {

using namespace kmux;
using namespace kmux::daemon;

/// A message of a kernel, to so many clients.
void to_clients(benchmark::State& state) {
  counters counted;
  stopwatch interrupting;
  const std::string header(200, 'h'), content(100, 'c');
  message_view m{header, header, "{}", content, {}};
  for (auto _ : state) {
    benchmark::DoNotOptimize(m);
    counted.count(channel::iopub, direction::from_kernel, m);
    benchmark::DoNotOptimize(interrupting.running());
    for (auto client = state.range(0); client > 0; --client) {
      counted.count(channel::iopub, direction::to_client, content.size());
      benchmark::DoNotOptimize(counted);
      benchmark::ClobberMemory();  // or they would be counted all at once
    }
  }
}
BENCHMARK(to_clients)->Arg(1)->Arg(100);

/// A request of a client's.
void to_kernel(benchmark::State& state) {
  counters counted;
  const std::string header(200, 'h'), content(100, 'c');
  message_view m{header, "{}", "{}", content, {}};
  for (auto _ : state) {
    benchmark::DoNotOptimize(m);
    counted.count(channel::shell, direction::to_kernel, m);
    benchmark::DoNotOptimize(counted);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(to_kernel);

/// An answer of HTTP, with its time.
void request(benchmark::State& state) {
  counters counted;
  for (auto _ : state) {
    const auto begun = std::chrono::steady_clock::now();
    counted.count_response(200, std::chrono::steady_clock::now() - begun);
    benchmark::DoNotOptimize(counted);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(request);

}  // namespace

BENCHMARK_MAIN();
