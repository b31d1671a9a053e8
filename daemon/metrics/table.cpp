#include "daemon/metrics/table.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include "daemon/version.hpp"

namespace kmux::daemon {

namespace {

using table = std::vector<metric>;

constexpr std::array<std::string_view, 7> states = {
    "starting", "idle", "busy", "restarting", "dead", "terminating", "unknown"};
constexpr std::array<std::string_view, directions_counted> directions = {"from_kernel", "to_kernel",
                                                                         "to_client"};
constexpr std::array<std::string_view, deaths_counted> deaths = {
    "exited", "signaled", "out_of_memory", "launch_failed", "unanswering", "silent", "unknown"};
constexpr std::array<std::string_view, auth_failures_counted> auth_failures = {
    "missing", "wrong", "forbidden", "throttled", "unavailable"};
constexpr std::array<std::string_view, 5> status_classes = {"1xx", "2xx", "3xx", "4xx", "5xx"};

/// The sum of a member over all kernels.
template <auto Member>
std::uint64_t sum_of(const snapshot& s) {
  return std::accumulate(s.kernels.begin(), s.kernels.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const kernel_sample& k) { return sum + k.*Member; });
}

template <std::size_t N>
void add_each(samples& out, std::string_view label, const std::array<std::string_view, N>& names,
              const std::array<std::uint64_t, N>& values) {
  for (std::size_t i = 0; i < N; ++i)
    out.add({{label, names[i]}}, values[i]);
}

/// Each installed kernelspec has all states: what is 0 is there, too.
void write_kernels(const snapshot& s, samples& out) {
  std::map<std::string_view, std::array<std::uint64_t, states.size()>> counts;
  for (std::size_t i = 0; i < s.specs.size() && i < most_specs; ++i)
    counts[s.specs[i]] = {};
  for (const auto& each : s.kernels) {
    const auto spec = counts.contains(each.spec) ? each.spec : other_spec;
    const auto* const state = std::find(states.begin(), states.end() - 1, each.state);
    ++counts[spec][static_cast<std::size_t>(state - states.begin())];
  }
  for (const auto& [spec, by_state] : counts) {
    for (std::size_t i = 0; i < states.size(); ++i)
      out.add({{"spec", spec}, {"state", states[i]}}, by_state[i]);
  }
}

template <auto Member>
void write_traffic(const snapshot& s, samples& out) {
  for (std::size_t c = 0; c < channels_counted; ++c) {
    for (std::size_t d = 0; d < directions_counted; ++d) {
      const auto from = static_cast<channel>(c);
      // Clients have nothing to say there.
      if (from == channel::iopub && d == static_cast<std::size_t>(direction::to_kernel)) continue;
      out.add({{"channel", to_string(from)}, {"direction", directions[d]}},
              s.counted.messages[c][d].*Member);
    }
  }
}

template <auto Member>
void write_file_systems(const snapshot& s, samples& out) {
  if (s.stored == nullptr) return;
  if (s.stored->runtime) out.add({{"directory", "runtime"}}, *s.stored->runtime.*Member);
  if (s.stored->state) out.add({{"directory", "state"}}, *s.stored->state.*Member);
}

template <auto Member>
void write_each(const snapshot& s, samples& out) {
  for (const auto& k : s.kernels)
    out.add({{"kernel", k.id}, {"owner", k.owner}}, k.*Member);
}

void add_kernels(table& t) {
  t.push_back({"kmux_kernels", "gauge", "spec, state", "Kernels that are there.",
               "what users start; none for long in starting or dead", write_kernels});
  t.push_back({"kmux_kernel_start_duration_seconds", "histogram", "",
               "From the launch of a kernel's process until it answers.",
               "under 1 s for Python, and what the slowest kernelspec needs",
               [](auto& s, auto& out) { out.add(s.counted.starts); }});
  t.push_back({"kmux_kernel_interrupt_duration_seconds", "histogram", "",
               "From an interrupt of a busy kernel until it is idle.", "under 1 s",
               [](auto& s, auto& out) { out.add(s.counted.interrupts); }});
  t.push_back({"kmux_kernel_stop_duration_seconds", "histogram", "",
               "From the order to end a kernel until its process and files are gone.",
               "under kernels.stop_message + kernels.stop_term",
               [](auto& s, auto& out) { out.add(s.counted.stops); }});
  t.push_back({"kmux_kernel_deaths_total", "counter", "cause",
               "Kernels whose process ended, or never began, and nobody had asked for it.",
               "0, but for users whose code ends it",
               [](auto& s, auto& out) { add_each(out, "cause", deaths, s.counted.deaths); }});
  t.push_back({"kmux_kernel_restarts_total", "counter", "reason",
               "Restarts of kernels, by users (asked) and after a death (death).",
               "death: as rare as deaths", [](auto& s, auto& out) {
                 out.add({{"reason", "asked"}}, s.counted.restarts_asked);
                 out.add({{"reason", "death"}}, s.counted.restarts_by_death);
               }});
  t.push_back({"kmux_kernels_culled_total", "counter", "reason",
               "Kernels that were ended because nobody used them (idle) or for their age (age).",
               "as culling.* wants", [](auto& s, auto& out) {
                 out.add({{"reason", "idle"}}, s.counted.culled_idle);
                 out.add({{"reason", "age"}}, s.counted.culled_age);
               }});
}

void add_adoption(table& t) {
  t.push_back({"kmux_adoption_kernels", "gauge", "result",
               "What this daemon found of earlier ones' kernels when it began.",
               "0 for quarantined and left_alone", [](auto& s, auto& out) {
                 const auto& a = s.counted.adoption;
                 out.add({{"result", "adopted"}}, a.adopted);
                 out.add({{"result", "found_dead"}}, a.found_dead);
                 out.add({{"result", "quarantined"}}, a.quarantined);
                 out.add({{"result", "left_alone"}}, a.left_alone);
               }});
  t.push_back({"kmux_adoption_duration_seconds", "gauge", "", "How long that took.",
               "about 1 ms a kernel", [](auto& s, auto& out) {
                 out.add(std::chrono::duration<double>(s.counted.adoption.took).count());
               }});
  t.push_back({"kmux_draining", "gauge", "", "1 while no kernels are started, for maintenance.",
               "0", [](auto& s, auto& out) { out.add(std::uint64_t{s.draining}); }});
}

void add_messages(table& t) {
  t.push_back({"kmux_messages_total", "counter", "channel, direction",
               "Messages of kernels (from_kernel), of clients (to_kernel), and what was sent to "
               "clients, to each of them (to_client).",
               "any", write_traffic<&traffic::messages>});
  t.push_back({"kmux_message_bytes_total", "counter", "channel, direction",
               "Their bytes, without signatures; to clients with the WebSocket's framing.", "any",
               write_traffic<&traffic::bytes>});
  t.push_back({"kmux_messages_dropped_total", "counter", "",
               "Messages of kernels that were passed to nobody: badly signed, repeated, too long, "
               "or no messages at all.",
               "0", [](auto& s, auto& out) { out.add(s.counted.messages_dropped); }});
  t.push_back({"kmux_gaps_total", "counter", "",
               "Gaps that clients were told of: what they had not taken is not kept any more.", "0",
               [](auto& s, auto& out) { out.add(s.counted.gaps); }});
  t.push_back({"kmux_messages_lost_total", "counter", "", "Messages in those gaps.", "0",
               [](auto& s, auto& out) { out.add(s.counted.messages_lost); }});
}

void add_clients(table& t) {
  t.push_back({"kmux_clients", "gauge", "", "WebSockets on kernels.", "any",
               [](auto& s, auto& out) { out.add(sum_of<&kernel_sample::clients>(s)); }});
  t.push_back({"kmux_clients_behind", "gauge", "",
               "Those that are slow or were away, and are fed from the journal.",
               "0, or soon again",
               [](auto& s, auto& out) { out.add(sum_of<&kernel_sample::clients_behind>(s)); }});
  t.push_back({"kmux_client_queue_bytes", "gauge", "", "What waits in memory for all clients.",
               "near 0",
               [](auto& s, auto& out) { out.add(sum_of<&kernel_sample::queue_bytes>(s)); }});
  t.push_back({"kmux_client_queue_largest_bytes", "gauge", "",
               "What waits for the one for whom most waits.", "below limits.client_queue_bytes",
               [](auto& s, auto& out) {
                 std::uint64_t most = 0;
                 for (const auto& k : s.kernels)
                   most = std::max(most, k.longest_queue);
                 out.add(most);
               }});
  t.push_back({"kmux_resumes_total", "counter", "by",
               "Clients that came back to where they had been: their session's cursor, or a number "
               "that they gave.",
               "as often as connections break", [](auto& s, auto& out) {
                 out.add({{"by", "cursor"}}, s.counted.resumed_by_cursor);
                 out.add({{"by", "number"}}, s.counted.resumed_by_number);
               }});
}

void add_storage(table& t) {
  t.push_back({"kmux_journal_bytes", "gauge", "", "Journals of all kernels, on disk.",
               "below kernels × journal.max_bytes", [](auto& s, auto& out) {
                 if (s.stored != nullptr) out.add(s.stored->journal_bytes);
               }});
  t.push_back({"kmux_journals_failing", "gauge", "",
               "Kernels whose journal could not be written when they spoke last.", "0",
               [](auto& s, auto& out) {
                 out.add(static_cast<std::uint64_t>(std::ranges::count_if(
                     s.kernels, [](const auto& k) { return k.journal_fails; })));
               }});
  t.push_back({"kmux_filesystem_size_bytes", "gauge", "directory",
               "Of the file system with the runtime or the state directory.", "does not change",
               write_file_systems<&file_system::size>});
  t.push_back({"kmux_filesystem_available_bytes", "gauge", "directory",
               "What kmuxd may still write there.", "above a tenth of the size",
               write_file_systems<&file_system::available>});
}

void add_serving(table& t) {
  t.push_back({"kmux_connections", "gauge", "", "Connections of HTTP and WebSockets.",
               "below limits.max_connections", [](auto& s, auto& out) { out.add(s.connections); }});
  t.push_back(
      {"kmux_http_requests_total", "counter", "code",
       "Requests that were answered, by the status's class; 1xx became WebSockets.", "5xx: 0",
       [](auto& s, auto& out) { add_each(out, "code", status_classes, s.counted.requests); }});
  t.push_back({"kmux_http_request_duration_seconds", "histogram", "",
               "From a request's last byte until its answer begins.",
               "milliseconds; starts and stops of kernels take as long as those",
               [](auto& s, auto& out) { out.add(s.counted.request_times); }});
  t.push_back({"kmux_auth_failures_total", "counter", "reason",
               "Requests that were not let in: credentials missing, wrong, not good for that "
               "(forbidden), tried too often (throttled), or the Hub unavailable.",
               "wrong and throttled: about 0", [](auto& s, auto& out) {
                 add_each(out, "reason", auth_failures, s.counted.auth_failures);
               }});
  t.push_back({"kmux_loop_lag_seconds", "histogram", "",
               "How much later than it wanted the loop woke, four times a second.",
               "nearly all under 0.01", [](auto& s, auto& out) { out.add(s.counted.loop_lag); }});
}

void add_process(table& t) {
  t.push_back({"kmux_build_info", "gauge", "version", "1; the label says which kmuxd this is.", "1",
               [](auto&, auto& out) {
                 out.add({{"version", kmux_version}}, std::uint64_t{1});
               }});
  t.push_back({"process_cpu_seconds_total", "counter", "", "CPU time of kmuxd, without kernels.",
               "far below 1 a second", [](auto& s, auto& out) { out.add(s.process.cpu_seconds); }});
  t.push_back({"process_resident_memory_bytes", "gauge", "", "Memory of kmuxd, without kernels.",
               "10 MiB, 10 KiB a kernel, and what waits for clients",
               [](auto& s, auto& out) { out.add(s.process.resident_bytes); }});
  t.push_back({"process_virtual_memory_bytes", "gauge", "", "Its address space.", "any",
               [](auto& s, auto& out) { out.add(s.process.virtual_bytes); }});
  t.push_back({"process_open_fds", "gauge", "", "Its descriptors.", "six a kernel, one a client",
               [](auto& s, auto& out) {
                 if (s.stored != nullptr) out.add(s.stored->open_files);
               }});
  t.push_back({"process_max_fds", "gauge", "", "How many it may have.", "does not change",
               [](auto& s, auto& out) { out.add(s.process.max_files); }});
  t.push_back({"process_start_time_seconds", "gauge", "",
               "When this daemon began, an upgraded one anew, in seconds since 1970.",
               "does not change", [](auto& s, auto& out) { out.add(s.started); }});
}

void add_each_kernel(table& t) {
  const auto first = t.size();
  t.push_back(
      {"kmux_kernel_state", "gauge", "kernel, owner, spec, state",
       "1; the labels say which kernel this is, and how it fares.", "1", [](auto& s, auto& out) {
         for (const auto& k : s.kernels)
           out.add({{"kernel", k.id}, {"owner", k.owner}, {"spec", k.spec}, {"state", k.state}},
                   std::uint64_t{1});
       }});
  t.push_back({"kmux_kernel_clients", "gauge", "kernel, owner", "Its WebSockets.", "any",
               write_each<&kernel_sample::clients>});
  t.push_back({"kmux_kernel_client_queue_bytes", "gauge", "kernel, owner",
               "What waits in memory for them.", "near 0",
               write_each<&kernel_sample::queue_bytes>});
  t.push_back({"kmux_kernel_messages_total", "counter", "kernel, owner",
               "Messages that it has numbered, over restarts too.", "any",
               write_each<&kernel_sample::messages>});
  t.push_back({"kmux_kernel_last_activity_timestamp_seconds", "gauge", "kernel, owner",
               "When it was used last, in seconds since 1970.", "any",
               write_each<&kernel_sample::last_activity>});
  t.push_back({"kmux_kernel_journal_bytes", "gauge", "kernel, owner", "Its journal, on disk.",
               "below journal.max_bytes", [](auto& s, auto& out) {
                 if (s.stored == nullptr) return;
                 for (const auto& k : s.kernels) {
                   const auto found = s.stored->journals.find(std::string(k.id));
                   if (found == s.stored->journals.end()) continue;  // began after the last look
                   out.add({{"kernel", k.id}, {"owner", k.owner}}, found->second);
                 }
               }});
  for (auto i = first; i < t.size(); ++i)
    t[i].per_kernel = true;
}

std::string_view unit_of(std::string_view name) {
  if (name.ends_with("_total")) name.remove_suffix(6);
  if (name.ends_with("_seconds")) return "seconds";
  if (name.ends_with("_bytes")) return "bytes";
  return "";
}

}  // namespace

death death_by(exit_status::cause how) noexcept {
  switch (how) {
    case exit_status::cause::exited:
      return death::exited;
    case exit_status::cause::signaled:
      return death::signaled;
    case exit_status::cause::out_of_memory:
      return death::out_of_memory;
    case exit_status::cause::launch_failed:
      return death::launch_failed;
    case exit_status::cause::unknown:
      break;
  }
  return death::unknown;
}

const std::vector<metric>& all_metrics() {
  static const table all = [] {
    table t;
    add_kernels(t);
    add_adoption(t);
    add_messages(t);
    add_clients(t);
    add_storage(t);
    add_serving(t);
    add_process(t);
    add_each_kernel(t);
    return t;
  }();
  return all;
}

std::string exposition(const snapshot& s) {
  std::string out;
  for (const auto& each : all_metrics()) {
    if (each.per_kernel && !s.per_kernel) continue;
    samples lines(out, each.name, each.type, each.help);
    each.write(s, lines);
  }
  return out;
}

std::string metrics_as_markdown() {
  std::string out =
      "| metric | type | unit | labels | meaning | normal |\n|---|---|---|---|---|---|\n";
  for (const auto& each : all_metrics()) {
    fmt::format_to(std::back_inserter(out), "| `{}` | {} | {} | {} | {} | {} |\n", each.name,
                   each.type, unit_of(each.name), each.labels, each.help, each.normal);
  }
  return out;
}

}  // namespace kmux::daemon
