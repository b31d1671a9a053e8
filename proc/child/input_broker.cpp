#include "proc/child/input_broker.hpp"

#include <algorithm>

#include "protocol/json_document.hpp"

namespace kmux::child {

namespace {

/// By its session, or by its socket: behind a kmuxd that has been started anew that is another one.
bool is_of_same_client(const request& a, const request& b) {
  if (!a.head.session.empty() && a.head.session == b.head.session) return true;
  const auto one = a.identities(), other = b.identities();
  return std::equal(one.begin(), one.end(), other.begin(), other.end());
}

}  // namespace

std::optional<std::string> pending_input::take() {
  const std::lock_guard lock(mutex_);
  ready_.clear();
  return std::exchange(value_, std::nullopt);
}

void pending_input::answer(std::string value) {
  const std::lock_guard lock(mutex_);
  value_ = std::move(value);
  ready_.set();
}

std::shared_ptr<pending_input> input_broker::open(std::shared_ptr<const request> asked_for) {
  auto out = std::make_shared<pending_input>(std::move(asked_for));
  const std::lock_guard lock(mutex_);
  waiting_.remove_if([](const auto& each) { return each.expired(); });
  waiting_.push_front(out);
  return out;
}

void input_broker::deliver(const request& reply) {
  if (reply.head.msg_type != "input_reply") return;
  const auto said = json::parse_object(reply.message().content, "content");
  header parent;
  if (!said || peek_header(reply.message().parent_header, parent) != errc::ok) return;
  std::shared_ptr<pending_input> found;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& each : waiting_) {
      const auto open = each.lock();
      if (!open) continue;
      if (!parent.msg_id.empty() && open->asked_for().head.msg_id == parent.msg_id) {
        found = open;
        break;
      }
      // The parent is the question in some clients, nothing in others: then the client decides.
      if (!found && is_of_same_client(open->asked_for(), reply)) found = open;
    }
  }
  if (found) found->answer(std::string(json::string_at(*said, "value").value_or("")));
}

}  // namespace kmux::child
