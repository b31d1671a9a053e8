// Directories, small files and records, on a real file system.
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "proc/launch_spec.hpp"
#include "proc/supervise/directories.hpp"
#include "proc/supervise/record.hpp"
#include "proc/supervise/summary.hpp"
#include "proc/unique_fd.hpp"

namespace kmux::supervise {
namespace {

namespace fs = std::filesystem;

class files : public testing::Test {
protected:
  files() {
    std::string pattern = (fs::temp_directory_path() / "kmux-test-XXXXXX").string();
    top_ = ::mkdtemp(pattern.data());
  }
  ~files() override { fs::remove_all(top_); }
  std::string path(const std::string& name) const { return top_ + "/" + name; }
  static mode_t mode(const std::string& p) {
    struct stat info {};
    EXPECT_EQ(::stat(p.c_str(), &info), 0) << p;
    return info.st_mode & 07777;
  }
  std::string top_;
};

TEST_F(files, are_written_whole_and_private) {
  ASSERT_TRUE(write_file(path("f"), "one").has_value());
  ASSERT_TRUE(write_file(path("f"), "two").has_value());
  EXPECT_EQ(*read_file(path("f")), "two");
  EXPECT_EQ(mode(path("f")), 0600U);
  EXPECT_EQ(std::distance(fs::directory_iterator(top_), {}), 1) << "no temporary file stays";
  EXPECT_EQ(read_file(path("f"), 2).error().code, errc::too_large);
  EXPECT_EQ(read_file(path("none")).error().code, errc::not_found);
  fs::create_symlink(path("f"), path("link"));
  EXPECT_FALSE(read_file(path("link")).has_value());
}

TEST_F(files, are_written_whatever_was_put_in_their_way) {
  // Whoever opened that fifo would wait for ever.
  ASSERT_EQ(::mkfifo(path("f.new").c_str(), 0666), 0);
  ASSERT_TRUE(write_file(path("f"), "one").has_value());
  EXPECT_EQ(*read_file(path("f")), "one");
  std::ofstream(path("other")) << "mine";
  fs::create_symlink(path("other"), path("f.new"));
  ASSERT_TRUE(write_file(path("f"), "two").has_value());
  EXPECT_EQ(*read_file(path("f")), "two");
  EXPECT_EQ(*read_file(path("other")), "mine");
  fs::remove(path("f"));
  fs::create_symlink(path("other"), path("f"));
  ASSERT_TRUE(write_file(path("f"), "three").has_value());
  EXPECT_EQ(*read_file(path("f")), "three");
  EXPECT_EQ(*read_file(path("other")), "mine");
  fs::create_directory(path("f.new"));
  EXPECT_NE(write_file(path("f"), "four").error().detail.find("f.new"), std::string::npos);
}

TEST_F(files, tails_are_for_people) {
  std::ofstream(path("log")) << "first\nsecond\n\x1b[31mred\xff\x01\tend\n";
  EXPECT_EQ(tail_of_file(path("log"), 2).find("first"), std::string::npos);
  const auto tail = tail_of_file(path("log"), 1);
  EXPECT_EQ(tail.find('\x1b'), std::string::npos);
  EXPECT_NE(tail.find("\tend"), std::string::npos);
  EXPECT_EQ(tail_of_file(path("none")), "");
}

TEST_F(files, the_lock_has_one_holder_and_names_it) {
  const auto first = directories::open(path("run"), path("state"));
  ASSERT_TRUE(first.has_value()) << first.error().detail;
  EXPECT_EQ(mode(path("run")), 0700U);
  const auto second = directories::open(path("run"), path("state"));
  ASSERT_FALSE(second.has_value());
  EXPECT_NE(second.error().detail.find(std::to_string(::getpid())), std::string::npos);
}

TEST_F(files, a_directory_that_others_may_write_is_refused) {
  fs::create_directory(path("run"));
  fs::permissions(path("run"), fs::perms::all);
  EXPECT_FALSE(directories::open(path("run"), path("state")).has_value());
}

TEST_F(files, kernels_come_and_go) {
  const auto d = directories::open(path("run"), path("state"));
  ASSERT_TRUE(d.has_value());
  ASSERT_TRUE(d->create_kernel("a-b-c-d-e").has_value());
  ASSERT_TRUE(d->create_kernel("f-b-c-d-e").has_value());
  EXPECT_EQ(*d->list_kernels(), (std::vector<std::string>{"a-b-c-d-e", "f-b-c-d-e"}));
  const auto moved = d->quarantine("f-b-c-d-e");
  ASSERT_TRUE(moved.has_value());
  EXPECT_TRUE(fs::exists(*moved));
  EXPECT_EQ(d->list_kernels()->size(), 1U);
  ASSERT_TRUE(d->remove_kernel("a-b-c-d-e").has_value());
  EXPECT_FALSE(fs::exists(d->kernel_runtime("a-b-c-d-e")));
  EXPECT_FALSE(fs::exists(d->kernel_state("a-b-c-d-e")));
}

// Whoever is killed in the middle leaves what the next daemon finishes by.
TEST_F(files, a_kernels_summary_and_record_are_the_last_to_go) {
  const auto d = directories::open(path("run"), path("state"));
  ASSERT_TRUE(d.has_value());
  ASSERT_TRUE(d->create_kernel("a-b-c-d-e").has_value());
  const auto runtime = d->kernel_runtime("a-b-c-d-e"), state = d->kernel_state("a-b-c-d-e");
  fs::create_directory(state + "/user");
  for (const auto& file :
       {d->summary_file("a-b-c-d-e"), state + "/a", state + "/user/b", state + "/z",
        d->record_file("a-b-c-d-e"), d->connection_file("a-b-c-d-e"), runtime + "/z"}) {
    std::ofstream(file) << "x";
  }
  const unique_fd watch(::inotify_init1(IN_CLOEXEC));
  for (const auto& each : {state, runtime}) {
    ASSERT_GE(::inotify_add_watch(watch.get(), each.c_str(), IN_DELETE), 0);
  }
  ASSERT_TRUE(d->remove_kernel("a-b-c-d-e").has_value());
  std::array<char, 4096> told{};
  const auto size = ::read(watch.get(), told.data(), told.size());
  std::vector<std::string> gone;
  for (ssize_t at = 0; at < size;) {
    inotify_event each{};
    std::memcpy(&each, told.data() + at, sizeof each);
    if (each.len > 0) gone.emplace_back(told.data() + at + sizeof each);
    at += static_cast<ssize_t>(sizeof each + each.len);
  }
  ASSERT_EQ(gone.size(), 7U);
  EXPECT_EQ(gone[3], "summary.json");
  EXPECT_EQ(gone[6], "record.json");
}

TEST_F(files, what_a_link_leads_to_is_not_removed) {
  const auto d = directories::open(path("run"), path("state"));
  ASSERT_TRUE(d.has_value());
  fs::create_directory(path("other"));
  std::ofstream(path("other/file")) << "mine";
  fs::create_directory_symlink(path("other"), d->kernel_state("a-b-c-d-e"));
  ASSERT_TRUE(d->remove_kernel("a-b-c-d-e").has_value());
  EXPECT_FALSE(fs::exists(fs::symlink_status(d->kernel_state("a-b-c-d-e"))));
  EXPECT_TRUE(fs::exists(path("other/file")));
}

TEST_F(files, socket_paths_fit) {
  const auto near = directories::open(path("run"), path("state"));
  ASSERT_TRUE(near->create_kernel("a-b-c-d-e").has_value());
  EXPECT_EQ(*near->choose_socket_prefix("a-b-c-d-e"), near->kernel_runtime("a-b-c-d-e") + "/k");
  const auto far = directories::open(path(std::string(120, 'x')), path("state2"));
  ASSERT_TRUE(far.has_value()) << far.error().detail;
  ASSERT_TRUE(far->create_kernel("a-b-c-d-e").has_value());
  const auto prefix = far->choose_socket_prefix("a-b-c-d-e");
  ASSERT_TRUE(prefix.has_value());
  EXPECT_LE(prefix->size() + 3, max_socket_path);
  EXPECT_EQ(mode(fs::path(*prefix).parent_path().string()), 0700U);
  ASSERT_TRUE(directories::remove_sockets(*prefix).has_value());
  EXPECT_FALSE(fs::exists(fs::path(*prefix).parent_path()));
}

TEST_F(files, socket_paths_for_kernels_are_short_and_private) {
  const auto prefix = directories::choose_short_socket_prefix();
  ASSERT_TRUE(prefix.has_value());
  EXPECT_LE(prefix->size() + 2, 20U);
  EXPECT_EQ(mode(fs::path(*prefix).parent_path().string()), 0700U);
  EXPECT_TRUE(directories::owns_sockets(*prefix));
  ASSERT_TRUE(directories::remove_sockets(*prefix).has_value());
  EXPECT_FALSE(fs::exists(fs::path(*prefix).parent_path()));
}

TEST_F(files, a_socket_directory_that_others_could_use_is_not_ours) {
  const auto prefix = directories::choose_short_socket_prefix();
  ASSERT_TRUE(prefix.has_value());
  const auto folder = fs::path(*prefix).parent_path();
  fs::permissions(folder, fs::perms::all);
  EXPECT_FALSE(directories::owns_sockets(*prefix));
  fs::permissions(folder, fs::perms::owner_all);
  EXPECT_TRUE(directories::owns_sockets(*prefix));
  ASSERT_EQ(::chown(folder.c_str(), ::geteuid() == 0 ? 65534 : ::geteuid(), ::getegid()), 0);
  EXPECT_EQ(directories::owns_sockets(*prefix), ::geteuid() != 0);
  fs::remove_all(folder);
  fs::create_symlink(path("elsewhere"), folder);
  EXPECT_FALSE(directories::owns_sockets(*prefix));
  fs::remove(folder);
  EXPECT_FALSE(directories::owns_sockets(*prefix));
  EXPECT_FALSE(directories::owns_sockets(""));
}

TEST_F(files, only_directories_made_for_sockets_are_removed_with_them) {
  fs::create_directory(path("kept"));
  fs::permissions(path("kept"), fs::perms::owner_all);
  for (const auto& prefix : {path("kept") + "/k", std::string("/tmp/k"), std::string()})
    EXPECT_TRUE(directories::remove_sockets(prefix).has_value());
  EXPECT_TRUE(fs::exists(path("kept")));
}

TEST(record, is_read_as_it_was_written) {
  record r;
  r.id = "a-b-c-d-e";
  r.kernelspec = "python3";
  r.owner = "me";
  r.process = {42, 123456789, "boot"};
  r.restarts = 3;
  r.idle_ms = 1234;
  r.pinned = true;
  r.age_ms = 500'000'000'000;
  r.created = "2026-01-01T00:00:00.000000Z";
  r.last_exit = exit_status{exit_status::cause::signaled, 0, 11, ""};
  r.env = {{"A", "\"quoted\"\n"}};
  r.socket_prefix = "/tmp/k";
  r.kernel_socket_prefix = "/tmp/kmux-x/k";
  const auto back = parse_record(write_record(r), "record.json");
  ASSERT_TRUE(back.has_value()) << back.error().detail;
  EXPECT_EQ(*back, r);
}

TEST(summary, is_read_as_it_was_written) {
  summary s;
  s.id = "a-b-c-d-e";
  s.kernelspec = "python3";
  s.owner = "me";
  s.path = "a/b";
  s.cwd = "/home";
  s.created = "2026-01-31T12:00:00Z";
  s.directory = "/run/kmux/kernels/a-b-c-d-e";
  s.process = {4711, 99, "boot"};
  EXPECT_EQ(*parse_summary(write_summary(s), "f"), s);
  s.ended = "2026-01-31T13:00:00Z";
  s.exit = exit_status{exit_status::cause::signaled, 0, 11, ""};
  EXPECT_EQ(*parse_summary(write_summary(s), "f"), s);
}

TEST(summary, what_is_not_known_is_refused) {
  const std::string rest = R"("id":"a-b-c-d-e","kernelspec":"k","owner":"me")";
  EXPECT_TRUE(parse_summary(R"({"schema":1,)" + rest + "}", "f").has_value());
  for (const std::string bad :
       {"", "{}", "[]", R"({"schema":2,"id":"a-b-c-d-e","kernelspec":"k","owner":"me"})",
        R"({"schema":1,"id":"../x","kernelspec":"k","owner":"me"})",
        R"({"schema":1,"id":"a-b-c-d-e","kernelspec":"k","owner":"me","pid":1})",
        R"({"schema":1,"id":"a-b-c-d-e","kernelspec":"k","owner":"me","exit":{"cause":"x"}})"}) {
    const auto r = parse_summary(bad, "the/file");
    ASSERT_FALSE(r.has_value()) << bad;
    EXPECT_NE(r.error().detail.find("the/file"), std::string::npos) << r.error().detail;
  }
}

TEST(record, errors_name_the_file) {
  for (
      const auto* text :
      {"", "{", "[]", "{}", R"({"schema": 99})", R"({"schema": 1, "id": 5})",
       R"({"schema": 1, "id": "a-b-c-d-e", "kernelspec": "x", "owner": "me", "age_ms": 1000000000001})"}) {
    const auto r = parse_record(text, "some/record.json");
    ASSERT_FALSE(r.has_value()) << text;
    EXPECT_NE(r.error().detail.find("some/record.json"), std::string::npos) << r.error().detail;
  }
}

TEST(launch_spec, is_read_as_it_was_written) {
  launch_spec s;
  s.kernel_id = "id";
  s.connection_file = "/c";
  s.argv = {"a", "b c", "\xc3\xa9"};
  s.env = {{"X", "1"}};
  s.kernel_connection_file = "/k";
  s.kernel_socket_prefix = "/s";
  s.interrupt_by_message = true;
  s.limits = {1ULL << 40, 2, 3, 4, 5, 6, 7};
  const auto back = parse_launch_spec(write_launch_spec(s));
  ASSERT_TRUE(back.has_value()) << back.error().detail;
  EXPECT_EQ(back->argv, s.argv);
  EXPECT_EQ(back->env, s.env);
  EXPECT_EQ(back->limits, s.limits);
  EXPECT_TRUE(back->interrupt_by_message);
  EXPECT_FALSE(parse_launch_spec("{").has_value());
  s.limits.nice = 20;
  EXPECT_FALSE(parse_launch_spec(write_launch_spec(s)).has_value());
}

}  // namespace
}  // namespace kmux::supervise
