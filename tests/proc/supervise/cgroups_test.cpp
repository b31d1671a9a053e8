// The files of a cgroup, in a plain directory; the real ones are tested end to end.
#include "proc/supervise/cgroups.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <unistd.h>

#include <gtest/gtest.h>

namespace kmux::supervise {
namespace {

namespace fs = std::filesystem;

class cgroup_files : public testing::Test {
protected:
  cgroup_files() {
    std::string pattern = (fs::temp_directory_path() / "kmux-test-XXXXXX").string();
    top_ = ::mkdtemp(pattern.data());
    write("cgroup.controllers", "cpuset cpu io memory pids");
    write("cgroup.subtree_control", "");
    write("cgroup.procs", "");
  }
  ~cgroup_files() override { fs::remove_all(top_); }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(top_ + "/" + name) << text;
  }
  std::string read(const std::string& name) {
    std::ifstream in(top_ + "/" + name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string top_;
};

TEST_F(cgroup_files, the_daemon_leaves_before_others_are_limited) {
  const auto made = cgroups::divide(top_, true);
  ASSERT_TRUE(made.has_value());
  EXPECT_TRUE(made->on());
  EXPECT_TRUE(made->missing().empty());
  EXPECT_EQ(read("kmuxd/cgroup.procs"), std::to_string(::getpid()));
  EXPECT_EQ(read("cgroup.subtree_control"), "+cpu") << "the last of three writes";
}

TEST_F(cgroup_files, a_kernel_gets_its_limits) {
  const auto made = cgroups::divide(top_, false);
  const auto path = made->create("a-b-c-d-e", {512 << 20, 100, 1500});
  ASSERT_TRUE(path.has_value()) << path.error().detail;
  EXPECT_EQ(*path, top_ + "/kmux-a-b-c-d-e");
  EXPECT_EQ(read("kmux-a-b-c-d-e/memory.max"), "536870912");
  EXPECT_EQ(cgroups::memory_limit(*path), 512U << 20);
  EXPECT_EQ(read("kmux-a-b-c-d-e/memory.oom.group"), "1");
  EXPECT_EQ(read("kmux-a-b-c-d-e/pids.max"), "100");
  EXPECT_EQ(read("kmux-a-b-c-d-e/cpu.max"), "150000 100000");
  ASSERT_TRUE(cgroups::add(*path, 4711).has_value());
  EXPECT_EQ(read("kmux-a-b-c-d-e/cgroup.procs"), "4711");
}

TEST_F(cgroup_files, what_is_not_limited_is_not_written) {
  const auto made = cgroups::divide(top_, false);
  const auto path = made->create("a-b-c-d-e", {});
  ASSERT_TRUE(path.has_value());
  EXPECT_TRUE(fs::is_empty(*path));
  EXPECT_EQ(cgroups::memory_limit(*path), 0U);
  EXPECT_TRUE(cgroups::remove(*path).has_value());
  EXPECT_FALSE(fs::exists(*path));
  EXPECT_TRUE(cgroups::remove(*path).has_value()) << "absent is fine";
}

TEST_F(cgroup_files, a_controller_that_is_missing_is_told_and_not_used) {
  write("cgroup.controllers", "pids");
  const auto made = cgroups::divide(top_, false);
  EXPECT_EQ(made->missing(), (std::vector<std::string>{"memory", "cpu"}));
  const auto path = made->create("a-b-c-d-e", {512 << 20, 100, 1500});
  ASSERT_TRUE(path.has_value());
  EXPECT_FALSE(fs::exists(*path + "/memory.max"));
  EXPECT_EQ(read("kmux-a-b-c-d-e/pids.max"), "100");
}

TEST_F(cgroup_files, what_is_below_goes_with_it) {
  const auto made = cgroups::divide(top_, false);
  const auto path = made->create("a-b-c-d-e", {});
  fs::create_directories(*path + "/inner/innermost");
  EXPECT_TRUE(cgroups::remove(*path).has_value());
  EXPECT_FALSE(fs::exists(*path));
}

TEST(cgroups, a_path_must_be_the_kernels_own) {
  EXPECT_TRUE(cgroups::is_of("/sys/fs/cgroup/x/kmux-a-b-c-d-e", "a-b-c-d-e"));
  for (const std::string_view other :
       {"", "/", "/sys/fs/cgroup", "/x/kmux-a-b-c-d-f", "kmux-a-b-c-d-e"}) {
    EXPECT_FALSE(cgroups::is_of(std::string(other), "a-b-c-d-e")) << other;
  }
  EXPECT_FALSE(cgroups().on());
  EXPECT_FALSE(cgroups::open("/tmp").has_value());
  EXPECT_FALSE(cgroups::open("off")->on());
}

}  // namespace
}  // namespace kmux::supervise
