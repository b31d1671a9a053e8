#include "protocol/requests.hpp"

#include <chrono>

#include <fmt/format.h>

#include "protocol/header.hpp"
#include "protocol/ids.hpp"
#include "protocol/json.hpp"

namespace kmux {

namespace {

owned_message make(const sender& who, std::string_view msg_type, std::string content) {
  owned_message out;
  out.header = make_header({make_uuid(), who.session, who.username, who.date, msg_type});
  out.content = std::move(content);
  return out;
}

}  // namespace

owned_message make_kernel_info_request(const sender& who) {
  return make(who, "kernel_info_request", "{}");
}

owned_message make_interrupt_request(const sender& who) {
  return make(who, "interrupt_request", "{}");
}

owned_message make_shutdown_request(const sender& who, bool restart) {
  return make(who, "shutdown_request", fmt::format(R"({{"restart": {}}})", restart));
}

owned_message make_status(const sender& who, std::string_view state, std::string_view reason,
                          std::string_view stderr_tail) {
  std::string content = fmt::format(R"({{"execution_state": {})", json_quote(state));
  if (!reason.empty()) content += fmt::format(R"(, "reason": {})", json_quote(reason));
  if (!stderr_tail.empty())
    content += fmt::format(R"(, "stderr_tail": {})", json_quote(stderr_tail));
  return make(who, "status", content + "}");
}

owned_message make_stream(const sender& who, std::string_view name, std::string_view text) {
  return make(who, "stream",
              fmt::format(R"({{"name": {}, "text": {}}})", json_quote(name), json_quote(text)));
}

owned_message make_gap(const sender& who, std::uint64_t first, std::uint64_t last) {
  return make(who, "kmux_gap", fmt::format(R"({{"first": {}, "last": {}}})", first, last));
}

owned_message make_culling(const sender& who, std::uint64_t seconds, std::string_view reason) {
  return make(who, "kmux_culling",
              fmt::format(R"({{"seconds": {}, "reason": {}}})", seconds, json_quote(reason)));
}

std::string iso_date(long long microseconds) {
  using namespace std::chrono;
  const sys_time<std::chrono::microseconds> t{std::chrono::microseconds(microseconds)};
  const auto day = floor<days>(t);
  const year_month_day date{day};
  const hh_mm_ss time{t - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     time.subseconds().count());
}

}  // namespace kmux
