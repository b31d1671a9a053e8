// /api/kernels/{id}/channels: the WebSocket.
#include <charconv>

#include "daemon/api/api.hpp"
#include "daemon/http/strict.hpp"
#include "daemon/http/text.hpp"
#include "daemon/http/trace_context.hpp"
#include "protocol/ids.hpp"
#include "protocol/ws_v1.hpp"

namespace kmux::daemon {

namespace {

constexpr std::size_t longest_session_id = 256;

http_response open_channels(const api_context& api, const http_request& request) {
  const auto found = api.kernels.find(request.parameters[0], request.who);
  if (!found) return error_response(404, "Kernel does not exist: " + request.parameters[0]);
  if (std::string problem; !is_websocket_upgrade(request, problem)) {
    auto refusal = error_response(426, problem);
    refusal.headers.emplace_back("Upgrade", "websocket");
    return refusal;
  }
  const auto* const session = request.argument("session_id");
  if (session != nullptr && session->size() > longest_session_id) {
    return error_response(400, "session_id may have at most 256 bytes.");
  }
  resume_point resume;
  if (const auto* const wish = request.argument("resume"); wish != nullptr) {
    const char* const end = wish->data() + wish->size();
    const auto [stopped, failed] = std::from_chars(wish->data(), end, resume.number);
    resume.what = resume_point::from::number;
    if (*wish == "now") {
      resume.what = resume_point::from::now;
    } else if (failed != std::errc() || stopped != end) {
      return error_response(400, "resume must be the number of a message, or \"now\".");
    }
  }
  http_response response;
  response.status = 101;
  ws_protocol protocol = ws_protocol::legacy;
  for (const auto& [name, value] : request.headers) {
    if (iequals(name, "Sec-WebSocket-Protocol") && has_token(value, ws_v1_subprotocol)) {
      protocol = ws_protocol::v1;
      response.subprotocol = ws_v1_subprotocol;
    }
  }
  channels_socket::settings s;
  s.protocol = protocol;
  s.resume = resume;
  s.read_only = !request.who.may(access::use);
  // Who only reads must not confirm what is meant for the session's own client.
  s.named = session != nullptr && !session->empty() && !s.read_only;
  s.session_id = s.named ? *session : make_uuid();
  s.client = {++found->services().clients_so_far, request.who.owner, request.peer.address,
              std::chrono::system_clock::now(), std::string(trace_id_of(request.traceparent))};
  response.websocket = std::make_shared<channels_socket>(found, std::move(s));
  return response;
}

}  // namespace

void add_channel_routes(router& routes, api_context& api) {
  routes
      .add_simple("GET", "/api/kernels/{id}/channels",
                  [&](auto& r) { return open_channels(api, r); })
      .needs = access::read;
}

}  // namespace kmux::daemon
