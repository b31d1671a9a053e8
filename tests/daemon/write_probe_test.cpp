// Whether directories can be written to: on a real file system.
#include "daemon/system/write_probe.hpp"

#include <cstdlib>
#include <filesystem>
#include <future>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "captured_log.hpp"

namespace kmux::daemon {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

class write_probes : public testing::Test {
protected:
  write_probes() {
    std::string pattern = (fs::temp_directory_path() / "kmux-probe-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~write_probes() override { fs::remove_all(directory_); }

  write_probe make(write_probe::settings s) {
    return {io_, disk_, tasks_, {{"the directory", directory_}}, s};
  }
  std::string ask(write_probe& probe) {
    auto answer = asio::co_spawn(io_, probe.problem(), asio::use_future);
    io_.restart();
    while (answer.wait_for(0s) != std::future_status::ready)
      io_.run_one();
    return answer.get();
  }

  captured_log log_;
  std::string directory_;
  asio::io_context io_;
  blocking disk_;
  task_group tasks_{io_};
};

TEST_F(write_probes, tells_what_is_so_now) {
  auto probe = make({.every = 0s, .patience = 1min});
  EXPECT_EQ(ask(probe), "");
  EXPECT_TRUE(fs::is_empty(directory_)) << "nothing is left behind";
  fs::remove(directory_);
  EXPECT_EQ(ask(probe), "the directory cannot be written to: No such file or directory");
  EXPECT_EQ(ask(probe), "the directory cannot be written to: No such file or directory");
  const auto said = log_.text();
  EXPECT_NE(said.find("event=not_writable error=\"" + directory_), std::string::npos) << said;
  EXPECT_EQ(said.find("event=not_writable"), said.rfind("event=not_writable")) << said;
  fs::create_directory(directory_);
  EXPECT_EQ(ask(probe), "");
}

TEST_F(write_probes, an_answer_is_good_for_a_while) {
  auto probe = make({.every = 1h, .patience = 1min});
  EXPECT_EQ(ask(probe), "");
  fs::remove(directory_);
  EXPECT_EQ(ask(probe), "");
}

TEST_F(write_probes, a_disk_that_hangs_is_not_waited_for) {
  std::promise<void> go_on;
  auto held = go_on.get_future().share();
  auto hang = [held] {
    held.wait();
    return 0;
  };
  auto job = [](blocking& disk, decltype(hang) work) -> asio::awaitable<void> {
    co_await disk.run(std::move(work));
  };
  asio::co_spawn(io_, job(disk_, hang), asio::detached);
  io_.poll();
  auto probe = make({.every = 0s, .patience = 20ms});
  EXPECT_EQ(ask(probe), "the disk does not answer");
  EXPECT_EQ(ask(probe), "the disk does not answer");
  EXPECT_EQ(tasks_.size(), 1U) << "one attempt at a time";
  go_on.set_value();
  io_.restart();
  io_.run();
  EXPECT_EQ(tasks_.size(), 0U);
  // It answers; but each answer may take a busy machine longer than this probe waits for it.
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  std::string last;
  do {
    last = ask(probe);
  } while (!last.empty() && std::chrono::steady_clock::now() < deadline);
  EXPECT_EQ(last, "");
}

}  // namespace
}  // namespace kmux::daemon
