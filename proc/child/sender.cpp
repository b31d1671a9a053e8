#include "proc/child/sender.hpp"

#include <fmt/format.h>

namespace kmux::child {

void sender::publish(const request* parent, outgoing_message m, outbox::haste when) {
  if (parent != nullptr) m.parent_header = parent->message().header;
  std::unique_lock lock(mutex_);
  auto frames = composer_.broadcast(m);
  const auto bytes = composer_.bytes();
  lock.unlock();
  out_.push(channel::iopub, std::move(frames), bytes, when);
}

void sender::status(const request& parent, std::string_view state) {
  const std::string content = fmt::format(R"({{"execution_state": "{}"}})", state);
  publish(&parent, {"status", {}, content, "{}", {}},
          state == "idle" ? outbox::haste::now : outbox::haste::soon);
}

void sender::reply(const request& r, std::string_view type, std::string_view content,
                   std::string_view metadata) {
  send(r.from, r, type, content, metadata);
}

void sender::send(channel where, const request& r, std::string_view type, std::string_view content,
                  std::string_view metadata) {
  std::unique_lock lock(mutex_);
  auto frames = composer_.reply(r.identities(), {type, r.message().header, content, metadata, {}});
  const auto bytes = composer_.bytes();
  lock.unlock();
  // What is a reply has its idle behind it, and goes with that.
  const auto when = where == channel::stdin_ ? outbox::haste::now : outbox::haste::soon;
  out_.push(where, std::move(frames), bytes, when);
}

void sender::write(const std::shared_ptr<const request>& parent, std::string_view name,
                   std::string_view text) {
  while (out_.try_write(parent, name, text) == outbox::written::no_room)
    out_.wait_for_room(std::chrono::seconds(1));
}

std::string reply_type(std::string_view request_type) {
  return std::string(request_type.substr(0, request_type.rfind('_'))) + "_reply";
}

}  // namespace kmux::child
