// Requests on their way to a shell loop: order, cells that wait, aborts, completions that cannot.
#include "proc/child/request_queue.hpp"

#include <gtest/gtest.h>

namespace kmux::child {
namespace {

using namespace std::chrono_literals;

request_queue::clock::time_point at(std::chrono::milliseconds since) {
  return request_queue::clock::time_point(1h) + since;
}

std::shared_ptr<const request> make(std::string type) {
  auto out = std::make_shared<request>();
  frame_list frames;
  frames.push_back(zmq::message_t(type.data(), type.size()));
  out->wire = std::make_shared<wire_message<frame_list>>(std::move(frames));
  out->head.msg_type = std::move(type);
  return out;
}

std::string pop(request_queue& queue, bool cells) {
  const auto next = queue.pop(cells);
  if (!next) return "none";
  return (next->aborted ? "aborted " : "") + next->what->head.msg_type;
}

TEST(request_queue, keeps_the_order_and_lets_others_pass_while_a_cell_runs) {
  request_queue queue;
  for (const char* const type : {"execute_request", "comm_msg", "execute_request", "comm_close"})
    queue.push(make(type), at(0ms));
  EXPECT_EQ(pop(queue, true), "execute_request");
  EXPECT_EQ(pop(queue, false), "comm_msg");
  EXPECT_EQ(pop(queue, false), "comm_close");
  EXPECT_EQ(pop(queue, false), "none");
  EXPECT_EQ(pop(queue, true), "execute_request");
  EXPECT_EQ(pop(queue, true), "none");
}

TEST(request_queue, aborts_cells_up_to_the_end_of_the_abort) {
  request_queue queue;
  queue.push(make("execute_request"), at(0ms));
  queue.begin_abort();
  queue.push(make("execute_request"), at(0ms));
  queue.push(make("history_request"), at(0ms));
  queue.end_abort();
  queue.push(make("execute_request"), at(0ms));
  EXPECT_EQ(pop(queue, true), "aborted execute_request");
  EXPECT_EQ(pop(queue, true), "aborted execute_request");
  EXPECT_EQ(pop(queue, true), "history_request");
  EXPECT_EQ(pop(queue, true), "execute_request");
}

TEST(request_queue, gives_up_completions_that_have_waited_and_nothing_else) {
  request_queue queue;
  EXPECT_EQ(queue.oldest_pressing(), request_queue::clock::time_point::max());
  queue.push(make("inspect_request"), at(0ms));
  queue.push(make("complete_request"), at(1ms));
  queue.push(make("complete_request"), at(2ms));
  EXPECT_EQ(queue.oldest_pressing(), at(1ms));
  EXPECT_EQ(queue.take_overdue(at(1ms)).size(), 1U);
  EXPECT_EQ(queue.oldest_pressing(), at(2ms));
  EXPECT_EQ(queue.take_overdue(at(9ms)).size(), 1U);
  EXPECT_EQ(queue.oldest_pressing(), request_queue::clock::time_point::max());
  EXPECT_EQ(pop(queue, true), "inspect_request");
  EXPECT_EQ(pop(queue, true), "none");
  EXPECT_FALSE(queue.full());
}

TEST(request_queue, knows_how_long_requests_waited) {
  request_queue queue;
  for (const auto since : {0ms, 10ms, 20ms})
    queue.push(make("execute_request"), at(since));
  EXPECT_EQ(queue.times().served, 0U);
  EXPECT_EQ(queue.times().waiting, 3U);
  queue.pop(true, [] { return at(1ms); });
  queue.pop(true, [] { return at(40ms); });
  queue_times times = queue.times();
  EXPECT_EQ(times.served, 2U);
  EXPECT_EQ(times.waiting, 1U);
  EXPECT_EQ(times.total, 31ms);
  EXPECT_EQ(times.longest, 30ms);
  queue.pop(false, []() -> request_queue::clock::time_point { throw "nothing to time"; });
  times += {5, 1, 100ms, 20ms};
  EXPECT_EQ(times.served, 7U);
  EXPECT_EQ(times.waiting, 2U);
  EXPECT_EQ(times.total, 131ms);
  EXPECT_EQ(times.longest, 30ms);
}

TEST(request_queue, is_full_with_many_requests) {
  request_queue queue;
  const auto one = make("execute_request");
  for (int i = 0; i < 100'000; ++i)
    queue.push(one, at(0ms));
  EXPECT_TRUE(queue.full());
  queue.pop(true);
  EXPECT_FALSE(queue.full());
}

}  // namespace
}  // namespace kmux::child
