// Work off the loop: its result comes back on the loop.
#include "daemon/async/blocking.hpp"

#include <stdexcept>
#include <string>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace kmux::daemon {
namespace {

namespace asio = boost::asio;

asio::awaitable<void> ask(blocking& disk, std::string& got, std::thread::id& worked,
                          std::thread::id& went_on) {
  auto work = [&worked] {
    worked = std::this_thread::get_id();
    return std::string("read");
  };
  got = co_await disk.run(std::move(work));
  went_on = std::this_thread::get_id();
}

TEST(blocking, works_on_a_thread_and_goes_on_on_the_loop) {
  asio::io_context io(1);
  blocking disk;
  std::string got;
  std::thread::id worked, went_on;
  asio::co_spawn(io, ask(disk, got, worked, went_on), asio::detached);
  io.run();  // not before the work is done: it counts as work of the loop
  EXPECT_EQ(got, "read");
  EXPECT_EQ(went_on, std::this_thread::get_id());
  EXPECT_NE(worked, std::this_thread::get_id());
  EXPECT_NE(worked, std::thread::id());
}

asio::awaitable<void> fail(blocking& disk, std::string& said) {
  auto work = []() -> int { throw std::runtime_error("no disk"); };
  try {
    co_await disk.run(std::move(work));
  } catch (const std::runtime_error& e) {
    said = e.what();
  }
}

TEST(blocking, what_work_throws_is_thrown_to_who_waits) {
  asio::io_context io(1);
  blocking disk;
  std::string said;
  asio::co_spawn(io, fail(disk, said), asio::detached);
  io.run();
  EXPECT_EQ(said, "no disk");
}

}  // namespace
}  // namespace kmux::daemon
