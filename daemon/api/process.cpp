// What is done to a kernel's process, and what it wrote: /api/kernels/{id}/signal, pin and stdio.
#include <array>
#include <cstring>
#include <utility>

#include <boost/asio/steady_timer.hpp>

#include "daemon/api/api.hpp"
#include "daemon/api/body.hpp"
#include "daemon/http/body_source.hpp"
#include "proc/log_tail.hpp"
#include "protocol/json.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;

namespace {

constexpr auto look_pause = std::chrono::milliseconds(200);  ///< between two looks at a log
constexpr auto keep_alive = std::chrono::seconds(15);        ///< as for messages

http_response no_such_kernel(const http_request& request) {
  return error_response(404, "Kernel does not exist: " + request.parameters[0]);
}

http_response done() {
  http_response response;
  response.status = 204;
  return response;
}

/// "SIGUSR1", "USR1"; 0 where it is none.
int signal_named(std::string_view name) {
  if (name.starts_with("SIG")) name.remove_prefix(3);
  for (int number = 1; number < NSIG; ++number) {
    const char* const known = ::sigabbrev_np(number);
    if (known != nullptr && name == known) return number;
  }
  return 0;
}

http_response send_signal(const api_context& api, const http_request& request) {
  const auto found = api.kernels.find(request.parameters[0], request.who);
  if (!found) return no_such_kernel(request);
  const auto body = body_object(request);
  if (!body) return error_response(400, body.error().detail);
  const auto* const wanted = json::find(*body, "signal");
  int number = 0;
  if (wanted != nullptr && wanted->IsInt()) {
    number = wanted->GetInt();
  } else if (const auto name = json::string_at(*body, "signal")) {
    number = signal_named(*name);
  }
  if (number <= 0 || number >= NSIG) {
    return error_response(400, "\"signal\" must be a signal's name or number: \"USR1\", 15.");
  }
  if (const auto sent = found->signal(number); !sent) {
    return error_response(409, sent.error().detail);
  }
  found->say("signal_sent",
             {{"by", request.who.owner}, {"kernel", found->id()}, {"signal", number}});
  return done();
}

http_response pin(const api_context& api, const http_request& request, bool wanted) {
  const auto found = api.kernels.find(request.parameters[0], request.who);
  if (!found) return no_such_kernel(request);
  found->pin(wanted);
  found->say(wanted ? "kernel_pinned" : "kernel_unpinned",
             {{"by", request.who.owner}, {"kernel", found->id()}});
  return done();
}

/// As lines of JSON, so that an empty one can say that the connection lives.
class log_source : public body_source {
public:
  log_source(std::shared_ptr<kernel> of, blocking& disk, std::size_t bytes, bool follow)
      : kernel_(std::move(of)),
        disk_(disk),
        follow_(follow),
        log_(std::make_shared<log_tail>(kernel_->stdio_log(), bytes)) {}

  asio::awaitable<std::string> next() override {
    const auto until = std::chrono::steady_clock::now() + keep_alive;
    for (;;) {
      auto read = [log = log_] { return log->next(); };
      const std::string text = co_await disk_.run(std::move(read));
      if (!text.empty()) co_return "{\"text\": " + json_quote(text) + "}\n";
      if (!follow_ || kernel_->is_gone()) co_return std::string();
      if (std::chrono::steady_clock::now() >= until) co_return "\n";
      asio::steady_timer timer(kernel_->services().io, look_pause);
      const auto [ended] = co_await timer.async_wait(as_result);
      if (ended) co_return std::string();
    }
  }

private:
  std::shared_ptr<kernel> kernel_;
  blocking& disk_;
  bool follow_;
  std::shared_ptr<log_tail> log_;
};

http_response show_stdio(const api_context& api, const http_request& request) {
  const auto found = api.kernels.find(request.parameters[0], request.who);
  if (!found) return no_such_kernel(request);
  const auto bytes = number_argument(request, "bytes", ~std::uint64_t{0});
  if (!bytes) return error_response(400, "bytes must be a whole number.");
  const auto* const follow = request.argument("follow");
  http_response response;
  response.content_type = "application/x-ndjson";
  response.source = std::make_shared<log_source>(
      found, api.disk, *bytes, follow != nullptr && (*follow == "1" || *follow == "true"));
  return response;
}

}  // namespace

void add_process_routes(router& routes, api_context& api) {
  routes.add_simple("POST", "/api/kernels/{id}/signal",
                    [&](auto& r) { return send_signal(api, r); });
  routes.add_simple("POST", "/api/kernels/{id}/pin", [&](auto& r) { return pin(api, r, true); });
  routes.add_simple("DELETE", "/api/kernels/{id}/pin", [&](auto& r) { return pin(api, r, false); });
  routes.add_simple("GET", "/api/kernels/{id}/stdio", [&](auto& r) { return show_stdio(api, r); })
      .needs = access::read;
}

}  // namespace kmux::daemon
