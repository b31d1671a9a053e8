#pragma once
// The REST API: each file adds its routes to the router.

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "daemon/auth/token_store.hpp"
#include "daemon/events/event_stream.hpp"
#include "daemon/http/router.hpp"
#include "daemon/kernels/kernel_manager.hpp"
#include "daemon/metrics/counters.hpp"
#include "daemon/metrics/storage_probe.hpp"
#include "daemon/sessions/session_store.hpp"
#include "daemon/specs/spec_store.hpp"
#include "daemon/system/successor.hpp"
#include "daemon/system/write_probe.hpp"

namespace kmux::daemon {

/// What /metrics shows that is not the kernels' own.
struct metrics_sources {
  const counters& counted;
  storage_probe& stored;
  std::function<std::size_t()> connections;
  bool per_kernel = false;
};

/// What handlers work on. Outlives the router.
struct api_context {
  kernel_manager& kernels;
  session_store& sessions;
  spec_store& specs;
  blocking& disk;
  blocking& journals;
  event_stream& events;
  token_store& tokens;
  std::string base_url;  ///< begins and ends with '/'
  std::chrono::system_clock::time_point started;
  write_probe& writable;
  const successor& next;
  std::function<void()> begin_upgrade;   ///< once requests under way are answered
  std::function<result<void>()> reload;  ///< the configuration, all of it or nothing
  bool stopping = false;                 ///< the daemon's end has begun
  metrics_sources metrics;
};

void add_server_routes(router&, api_context&);   ///< /api, /api/status, /api/me, /api/spec.yaml
void add_kernel_routes(router&, api_context&);   ///< /api/kernels…
void add_channel_routes(router&, api_context&);  ///< /api/kernels/{id}/channels
void add_client_routes(router&, api_context&);   ///< /api/clients
void add_process_routes(router&, api_context&);  ///< /api/kernels/{id}/signal, pin, stdio
void add_journal_routes(router&, api_context&);  ///< /api/kernels/{id}/messages, executions
void add_event_routes(router&, api_context&);    ///< /api/events
void add_spec_routes(router&, api_context&);     ///< /api/kernelspecs…, /kernelspecs/…
void add_session_routes(router&, api_context&);  ///< /api/sessions…
void add_drain_routes(router&, api_context&);    ///< /api/drain
void add_upgrade_routes(router&, api_context&);  ///< /api/upgrade, /api/reload
void add_token_routes(router&, api_context&);    ///< /api/tokens…
/// /ui…, and / that leads there; what whoever wants the page needs: they may have to log in first.
void add_ui_routes(router&, api_context&, access page);
void add_health_routes(router&, api_context&);   ///< /healthz, /readyz
void add_metrics_routes(router&, api_context&);  ///< /metrics

/// As kernel_manager::start(), for that request: of its trace, which the kernel is told in
/// TRACEPARENT where the request sets no other.
kernel_manager::started start_for(const api_context&, kernel_request, const http_request&);
http_response refusal_response(const kernel_manager::refusal&);

}  // namespace kmux::daemon
