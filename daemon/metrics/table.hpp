#pragma once
// All metrics: one table makes /metrics and the manual.

#include <string>
#include <string_view>
#include <vector>

#include "daemon/metrics/counters.hpp"
#include "daemon/metrics/process_usage.hpp"
#include "daemon/metrics/samples.hpp"
#include "daemon/metrics/storage_probe.hpp"

namespace kmux::daemon {

/// One kernel, as it is when it is asked. Views are into the kernel.
struct kernel_sample {
  std::string_view id, owner, spec, state;
  std::uint64_t clients = 0, clients_behind = 0;
  std::uint64_t queue_bytes = 0, longest_queue = 0;  ///< longest: of one client
  std::uint64_t messages = 0;                        ///< the number of its newest
  bool journal_fails = false;
  double last_activity = 0;  ///< seconds since 1970
};

/// What /metrics is made of. Valid as long as what it refers to.
struct snapshot {
  const counters& counted;
  const storage* stored = nullptr;  ///< nullptr: not known yet
  std::vector<kernel_sample> kernels{};
  std::vector<std::string> specs{};  ///< those that are installed
  std::uint64_t connections = 0;
  bool draining = false;
  bool per_kernel = false;  ///< metrics with the labels kernel and owner as well
  double started = 0;       ///< seconds since 1970
  process_usage process{};
};

struct metric {
  std::string_view name;
  std::string_view type;    ///< counter, gauge or histogram
  std::string_view labels;  ///< for people: "channel, direction"; empty: none
  std::string_view help;
  std::string_view normal;  ///< what to expect where all is well
  void (*write)(const snapshot&, samples&);
  bool per_kernel = false;
};

/// Value of the label `spec` where a kernelspec has none of its own: it is not installed, or there
/// are more than so many.
inline constexpr std::string_view other_spec = "other";
inline constexpr std::size_t most_specs = 32;

const std::vector<metric>& all_metrics();

/// Prometheus' text format 0.0.4.
std::string exposition(const snapshot&);

/// The table of docs/metrics.md.
std::string metrics_as_markdown();

}  // namespace kmux::daemon
