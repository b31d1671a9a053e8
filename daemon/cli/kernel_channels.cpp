#include "daemon/cli/kernel_channels.hpp"

#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "daemon/cli/json_members.hpp"
#include "daemon/http/text.hpp"
#include "protocol/header.hpp"
#include "protocol/ids.hpp"
#include "protocol/json.hpp"
#include "protocol/requests.hpp"

namespace kmux::cli {

using namespace std::chrono_literals;

namespace {

constexpr auto patience = 30s;  ///< for a kmuxd that is started anew
constexpr std::uint16_t going_away = 1001, restarting = 1012;

std::string date_now() {
  return iso_date(std::chrono::duration_cast<std::chrono::microseconds>(
                      std::chrono::system_clock::now().time_since_epoch())
                      .count());
}

/// The JSON of a message of the default WebSocket protocol: with buffers it stands in a binary one,
/// [u32be count, u32be offset × count, JSON, buffer…].
std::string_view json_of(const ws_client::message& m) {
  const std::string_view bytes = m.payload;
  if (m.text) return bytes;
  const auto number = [&](std::size_t at) {
    std::size_t out = 0;
    for (const char c : bytes.substr(std::min(at, bytes.size()), 4))
      out = out << 8 | static_cast<unsigned char>(c);
    return out;
  };
  const std::size_t count = number(0), begin = number(4);
  const std::size_t end = count > 1 ? number(8) : bytes.size();
  if (begin > end || end > bytes.size()) return {};
  return bytes.substr(begin, end - begin);
}

}  // namespace

kernel_channels::kernel_channels(const daemon_client& daemon, std::string kernel,
                                 std::uint64_t after)
    : daemon_(&daemon), kernel_(std::move(kernel)), session_(make_uuid()), seen_(after) {
}

outcome<kernel_channels> kernel_channels::open(const daemon_client& daemon, std::string kernel,
                                               std::uint64_t after) {
  kernel_channels out(daemon, std::move(kernel), after);
  if (const auto done = out.connect(clock::now() + patience); !done) return done.error();
  return out;
}

outcome<void> kernel_channels::connect(clock::time_point until) {
  auto opened = ws_client::open(*daemon_,
                                fmt::format("api/kernels/{}/channels?session_id={}&resume={}",
                                            daemon::percent_encode(kernel_), session_, seen_),
                                until);
  if (!opened) return opened.error();
  socket_ = std::make_unique<ws_client>(std::move(*opened));
  for (const auto& [id, text] : unanswered_) {
    if (const auto sent = socket_->send(text); !sent) return sent.error();
  }
  return {};
}

/// After an end that is none: kmuxd is started anew, or gives way to another.
outcome<void> kernel_channels::come_back(const failure& why) {
  const auto code = socket_->close_code();
  if (code != 0 && code != restarting && code != going_away) return why;
  const auto until = clock::now() + patience;
  for (;;) {
    const auto done = connect(until);
    if (done || done.error().code == exit_code::not_found || clock::now() > until) return done;
    std::this_thread::sleep_for(50ms);
  }
}

outcome<void> kernel_channels::send_message(channel where, const std::string& msg_id,
                                            std::string_view type, std::string_view parent,
                                            std::string_view content) {
  const std::string date = date_now();
  const std::string text = fmt::format(
      R"({{"channel": "{}", "header": {}, "parent_header": {}, "metadata": {{}}, "content": {}, "buffers": []}})",
      to_string(where), make_header({msg_id, session_, "kmux", date, type}), parent, content);
  unanswered_[msg_id] = text;
  const auto sent = socket_->send(text);
  if (sent) return {};
  return come_back(sent.error());
}

outcome<std::string> kernel_channels::send(channel where, std::string_view type,
                                           std::string_view content) {
  std::string id = make_uuid();
  if (const auto sent = send_message(where, id, type, "{}", content); !sent) return sent.error();
  return id;
}

outcome<void> kernel_channels::answer(std::string_view question, std::string_view value) {
  const std::string id = make_uuid();
  const auto sent = send_message(channel::stdin_, id, "input_reply", question,
                                 fmt::format(R"({{"value": {}}})", json_quote(value)));
  unanswered_.erase(id);  // it has no answer
  return sent;
}

std::optional<said> kernel_channels::read(const ws_client::message& m) {
  const auto text = json_of(m);
  const auto document = json::parse_object(text, "a message");
  if (!document) return std::nullopt;
  const auto& parent = object_at(*document, "parent_header");
  const auto seq = integer_at(object_at(object_at(*document, "metadata"), "kmux"), "seq");
  said out;
  out.json = text;
  out.seq = seq > 0 ? static_cast<std::uint64_t>(seq) : 0;
  out.channel = text_at(*document, "channel");
  const auto& header = object_at(*document, "header");
  out.header = json::dump(header);
  out.type = text_at(header, "msg_type");
  out.msg_id = text_at(header, "msg_id");
  out.session = text_at(header, "session");
  out.parent_id = text_at(parent, "msg_id");
  out.parent_session = text_at(parent, "session");
  out.content = json::dump(object_at(*document, "content"));
  seen_ = std::max(seen_, out.seq);
  // Whatever is said of a request says that it has arrived.
  unanswered_.erase(out.parent_id);
  return out;
}

outcome<std::optional<said>> kernel_channels::receive(clock::time_point until) {
  for (;;) {
    const auto got = socket_->receive(until);
    if (!got) {
      if (const auto back = come_back(got.error()); !back) return back.error();
      continue;
    }
    if (!*got) return std::nullopt;
    if (auto message = read(**got)) return message;
  }
}

}  // namespace kmux::cli
