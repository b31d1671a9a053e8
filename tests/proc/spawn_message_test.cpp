#include "proc/spawn_message.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <gtest/gtest.h>

#include "proc/packet.hpp"

namespace kmux {
namespace {

spawn_request full_request() {
  spawn_request r;
  r.user = "ann";
  r.kernel_id = "1-2-3-4-5";
  r.child = launch_spec::kind::native;
  r.stdio_log = "/a/b";
  r.spec_dir = "/c";
  r.env = {{"A", "1"}, {"B", "x=y"}};
  r.memory = 1ULL << 40;
  r.processes = 7;
  r.cpus = 1500;
  r.signal = 2;
  r.group = true;
  r.leader = {4711, 99, "boot"};
  r.directory = "/d";
  r.noted = {{5, 6}, {7, 8}};
  return r;
}

TEST(spawn_message, requests_and_answers_come_back_as_they_were) {
  for (const auto what : {spawn_request::kind::start, spawn_request::kind::signal,
                          spawn_request::kind::end, spawn_request::kind::remove}) {
    auto r = full_request();
    r.what = what;
    const auto again = parse_spawn_request(write_spawn_request(r));
    ASSERT_TRUE(again) << again.error().detail;
    EXPECT_EQ(*again, r);
  }
  spawn_answer a;
  a.code = errc::refused;
  a.detail = "no";
  a.process = {4711, 99, "boot"};
  a.cgroup = "/sys/fs/cgroup/x";
  a.exit = exit_status{.how = exit_status::cause::signaled, .code = 0, .signal = 9, .detail = {}};
  a.out_of_memory = true;
  const auto again = parse_spawn_answer(write_spawn_answer(a));
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(*again, a);
}

TEST(spawn_message, what_is_wrong_is_named) {
  const auto problem = [](auto change) {
    auto r = full_request();
    change(r);
    const auto parsed = parse_spawn_request(write_spawn_request(r));
    return parsed ? std::string() : parsed.error().detail;
  };
  using r = spawn_request;
  EXPECT_EQ(problem([](r&) {}), "");
  EXPECT_NE(problem([](r& x) { x.user.clear(); }).find("user"), std::string::npos);
  EXPECT_NE(problem([](r& x) { x.kernel_id = "../x"; }).find("kernel_id"), std::string::npos);
  EXPECT_NE(problem([](r& x) { x.stdio_log = "x"; }).find("stdio_log"), std::string::npos);
  EXPECT_NE(problem([](r& x) { x.leader.pid = 1; }).find("pid"), std::string::npos);
  EXPECT_NE(problem([](r& x) {
              x.what = r::kind::signal;
              x.signal = 0;
            }).find("signal"),
            std::string::npos);
}

TEST(packet, carries_descriptors_and_says_what_does_not_fit) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  unique_fd near(ends[0]);
  const unique_fd far(ends[1]);
  const unique_fd given(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int both[] = {given.get(), given.get()};
  ASSERT_TRUE(send_packet(near.get(), "hello", both));
  const auto got = receive_packet(far.get(), 100);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->text, "hello");
  ASSERT_EQ(got->descriptors.size(), 2U);
  EXPECT_NE(::fcntl(got->descriptors[0].get(), F_GETFD) & FD_CLOEXEC, 0);

  ASSERT_TRUE(send_packet(near.get(), "far too long"));
  const auto cut = receive_packet(far.get(), 3);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, errc::too_large);

  near.reset();
  EXPECT_EQ(receive_packet(far.get(), 10)->text, "");
}

}  // namespace
}  // namespace kmux
