// Real processes: pidfds, signals, ends.
#include "proc/supervise/process.hpp"

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <optional>
#include <spawn.h>
#include <sys/wait.h>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace kmux::supervise {
namespace {

using namespace std::chrono_literals;

/// A shell in a session of its own.
pid_t start(const std::string& script) {
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  std::string shell = "/bin/sh", flag = "-c", text = script;
  char* argv[] = {shell.data(), flag.data(), text.data(), nullptr};
  pid_t pid = -1;
  EXPECT_EQ(::posix_spawn(&pid, "/bin/sh", nullptr, &attributes, argv, environ), 0);
  posix_spawnattr_destroy(&attributes);
  return pid;
}

struct watched {
  boost::asio::io_context io;
  std::unique_ptr<process> it;
  std::optional<exit_status> ended;

  explicit watched(const std::string& script) {
    auto made = process::from_child(io, start(script));
    EXPECT_TRUE(made.has_value());
    it = std::move(*made);
    it->on_exit([this](exit_status s) { ended = std::move(s); });
  }
  exit_status wait() {
    while (!ended && io.run_one_for(60s) > 0) {
    }
    EXPECT_TRUE(ended.has_value()) << "the process did not end";
    return ended.value_or(exit_status{});
  }
};

/// Whatever carries it is ended, anywhere on this machine: another test must not have the same.
std::string mark() {
  return "k-" + std::to_string(::getpid());
}

/// A pipe's end to read; to write into it is 9: a shell's redirections take numbers of one digit.
int pipe_of_shell() {
  int ends[2], high[2];
  EXPECT_EQ(::pipe(ends), 0);
  for (int i = 0; i < 2; ++i) {
    high[i] = ::fcntl(ends[i], F_DUPFD, 20);
    ::close(ends[i]);
  }
  EXPECT_EQ(::dup2(high[1], 9), 9);
  ::close(high[1]);
  return high[0];
}

TEST(process, tells_codes_and_signals) {
  EXPECT_EQ(watched("exit 7").wait(), (exit_status{exit_status::cause::exited, 7, 0, ""}));
  const auto killed = watched("kill -SEGV $$").wait();
  EXPECT_EQ(killed.how, exit_status::cause::signaled);
  EXPECT_EQ(killed.signal, SIGSEGV);
  EXPECT_NE(describe(killed).find("SIGSEGV"), std::string::npos);
}

TEST(process, signals_reach_the_group_and_nobody_after_the_end) {
  watched w("sleep 1000");
  EXPECT_TRUE(w.it->alive());
  EXPECT_TRUE(w.it->signal_group(SIGTERM).has_value());
  EXPECT_EQ(w.wait().signal, SIGTERM);
  EXPECT_FALSE(w.it->alive());
  EXPECT_EQ(w.it->signal_group(SIGTERM).error().code, errc::not_found);
  EXPECT_EQ(w.it->signal(SIGTERM).error().code, errc::not_found);
}

TEST(process, leftovers_of_the_group_are_killed) {
  const int pipe = pipe_of_shell();
  // The child that is left behind holds the pipe open as long as it lives.
  watched w("sleep 1000 >&9 & exit 0");
  ::close(9);
  EXPECT_TRUE(w.wait().clean());
  char byte = 0;
  EXPECT_EQ(::read(pipe, &byte, 1), 0) << "end of file: it is gone";
  ::close(pipe);
}

TEST(process, leftovers_of_other_sessions_are_found_by_what_they_carry) {
  const int pipe = pipe_of_shell();
  // One that goes at SIGTERM, one that does not, and one that says it is another directory's.
  const std::string deaf = "trap '' TERM; printf a >&9; while :; do sleep 1000; done";
  watched w("export KERNEL_ID=" + mark() + "; setsid sleep 1000 >&9 & setsid sh -c \"" + deaf +
            "\" & wait");
  w.it->set_mark(mark(), "/mine");
  ::close(9);  // before the other is started: it would hold the pipe open
  const pid_t other = start("exec env KERNEL_ID=" + mark() + " KMUX_KERNEL_DIR=/other sleep 1000");
  char byte = 0;
  EXPECT_EQ(::read(pipe, &byte, 1), 1) << "it has its trap";
  while (variable_of(other, "KMUX_KERNEL_DIR") != "/other") {
  }
  w.it->signal(SIGKILL);
  EXPECT_EQ(w.wait().signal, SIGKILL);
  EXPECT_EQ(::read(pipe, &byte, 1), 0) << "end of file: all are gone";
  ::close(pipe);
  EXPECT_EQ(::waitpid(other, nullptr, WNOHANG), 0) << "another daemon's kernel lives on";
  ::kill(other, SIGKILL);
  ::waitpid(other, nullptr, 0);
}

TEST(process_table, reads_names_with_blanks_and_parentheses) {
  const auto entry = parse_stat(
      "12 (a) b) S 3 12 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 10 20 18446744073709551615\n");
  ASSERT_TRUE(entry.has_value());
  EXPECT_EQ(entry->pid, 12);
  EXPECT_EQ(entry->parent, 3);
  EXPECT_EQ(entry->session, 7);
  EXPECT_EQ(entry->start_ticks, 4711U);
  EXPECT_EQ(entry->cpu_ticks, 11U);
  EXPECT_EQ(entry->resident_pages, 20U);
  EXPECT_FALSE(entry->ended);
  for (const std::string_view bad : {"", "12", "12 (a", "12 (a)", "x (a) S 3", "12 (a) S 3 12 7"}) {
    EXPECT_FALSE(parse_stat(bad).has_value()) << bad;
  }
}

TEST(process, a_kill_that_the_cgroup_counted_names_its_limit) {
  std::string folder = "/tmp/kmux-test-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string events = folder + "/memory.events";
  const auto run = [&](const std::string& script) {
    std::ofstream(events) << "low 0\noom 0\noom_kill 0\n";
    boost::asio::io_context io;
    auto it = process::from_child(io, start(script)).value();
    it->set_mark(mark(), "/mine", folder);
    it->set_memory_limit("512MiB");
    std::optional<exit_status> ended;
    it->on_exit([&](exit_status s) { ended = std::move(s); });
    // Only now: what was counted before is another's.
    std::ofstream(folder + "/go") << "x";
    while (!ended && io.run_one_for(60s) > 0) {
    }
    ::unlink((folder + "/go").c_str());
    return ended ? describe(*ended) : "nothing";
  };
  const std::string wait = "until [ -s " + folder + "/go ]; do sleep 0.01; done; ";
  EXPECT_EQ(run(wait + "printf 'oom 1\\noom_kill 1\\n' > " + events + "; kill -KILL $$"),
            "killed: out of memory (limit 512MiB)");
  EXPECT_EQ(run(wait + "kill -KILL $$"), "killed by SIGKILL");
  std::filesystem::remove_all(folder);
}

TEST(process, a_limit_that_was_passed_is_named) {
  EXPECT_NE(describe(watched("kill -XCPU $$").wait()).find("kernels.limit_cpu"), std::string::npos);
  EXPECT_NE(describe(watched("kill -XFSZ $$").wait()).find("kernels.limit_file_size"),
            std::string::npos);
}

TEST(process, adoption_wants_the_very_same) {
  watched w("sleep 1000");
  boost::asio::io_context io;
  auto identity = w.it->identity();
  EXPECT_TRUE(process::adopt(io, identity).has_value());
  auto older = identity;
  older.start_ticks -= 1;
  EXPECT_EQ(process::adopt(io, older).error().code, errc::not_found);
  auto other_boot = identity;
  other_boot.boot_id = "another";
  EXPECT_EQ(process::adopt(io, other_boot).error().code, errc::not_found);
  w.it->signal(SIGKILL);
  w.wait();
  EXPECT_EQ(process::adopt(io, identity).error().code, errc::not_found);
}

TEST(process, identities_differ) {
  const auto mine = identify(::getpid());
  ASSERT_TRUE(mine.has_value());
  EXPECT_EQ(mine->boot_id, current_boot_id());
  EXPECT_NE(*mine, *identify(::getppid()));
  EXPECT_FALSE(identify(-1).has_value());
}

}  // namespace
}  // namespace kmux::supervise
