#include "proc/child/overdue_queries.hpp"

namespace kmux::child {

overdue_queries::clock::time_point overdue_queries::look(shell_loop& loop, clock::time_point now) {
  const auto oldest = loop.queue().oldest_pressing();
  if (oldest == clock::time_point::max()) return oldest;
  if (oldest + shell_patience > now) return oldest + shell_patience;
  for (auto& each : loop.queue().take_overdue(now - shell_patience)) {
    auto q = std::make_shared<query>();
    q->asked = std::move(each);
    q->deadline = language_.answers_from_any_thread() ? now + helper_patience : now;
    open_.push_back(q);
    if (q->deadline == now) continue;
    // Where no thread can be made nobody answers, and end_late() does.
    helper_.post([this, q] {
      const auto content = answer_query(language_, *q->asked);
      if (q->answered.exchange(true)) return;
      out_.status(*q->asked, "busy");
      out_.reply(*q->asked, reply_type(q->asked->head.msg_type), content);
      out_.status(*q->asked, "idle");
    });
  }
  return look(loop, now);
}

overdue_queries::clock::time_point overdue_queries::end_late(clock::time_point now) {
  while (!open_.empty() && open_.front()->deadline <= now) {
    const auto q = std::move(open_.front());
    open_.pop_front();
    if (q->answered.exchange(true)) continue;
    late_(*q->asked);
  }
  return open_.empty() ? clock::time_point::max() : open_.front()->deadline;
}

}  // namespace kmux::child
