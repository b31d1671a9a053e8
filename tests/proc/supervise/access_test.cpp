#include "proc/supervise/access.hpp"

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "proc/file_mode.hpp"
#include "proc/supervise/directories.hpp"

namespace kmux::supervise {
namespace {

constexpr const char* id = "1-2-3-4-5";

struct shared : testing::Test {
  std::string root = testing::TempDir() + "kmux-access-" + std::to_string(::getpid());
  ~shared() override { std::filesystem::remove_all(root); }

  static unsigned mode_of(const std::string& path) {
    struct stat about {};
    return ::stat(path.c_str(), &about) == 0 ? about.st_mode & 0777 : 0;
  }
};

TEST_F(shared, what_the_kernel_writes_is_in_directories_of_its_own) {
  const auto d = directories::open(root + "/r", root + "/s");
  ASSERT_TRUE(d) << d.error().detail;
  ASSERT_TRUE(d->create_kernel(id));
  EXPECT_EQ(d->stdio_log(id), d->kernel_state(id) + "/stdio.log");
  EXPECT_EQ(d->exit_file(id), d->kernel_runtime(id) + "/exit.json");

  const auto done = d->share_kernel(id, ::getuid() + 1);
  ASSERT_TRUE(done) << done.error().detail;
  EXPECT_EQ(d->stdio_log(id), d->kernel_state(id) + "/user/stdio.log");
  EXPECT_EQ(d->exit_file(id), d->kernel_runtime(id) + "/user/exit.json");
  EXPECT_EQ(d->record_file(id), d->kernel_runtime(id) + "/record.json");
  ASSERT_TRUE(d->share_kernel(id, ::getuid() + 1)) << "once more, at a restart";
}

TEST_F(shared, the_group_bits_are_the_lists_mask) {
  const auto d = directories::open(root + "/r", root + "/s");
  ASSERT_TRUE(d->create_kernel(id));
  EXPECT_EQ(mode_beside(d->kernel_runtime(id) + "/x"), 0600U);
  ASSERT_TRUE(d->share_kernel(id, ::getuid() + 1));
  EXPECT_EQ(mode_of(d->kernel_runtime(id)), 0750U);
  EXPECT_EQ(mode_of(d->kernel_runtime(id) + "/user"), 0770U);
  EXPECT_EQ(mode_beside(d->kernel_runtime(id) + "/x"), 0640U);
  EXPECT_EQ(mode_beside(d->kernel_runtime(id) + "/user/x"), 0660U);
  ASSERT_TRUE(write_file(d->record_file(id), "{}"));
  EXPECT_EQ(mode_of(d->record_file(id)), 0640U);
  EXPECT_GT(::getxattr(d->record_file(id).c_str(), "system.posix_acl_access", nullptr, 0), 0);
}

TEST_F(shared, a_link_is_not_followed) {
  std::filesystem::create_directories(root + "/real");
  std::filesystem::create_symlink(root + "/real", root + "/link");
  EXPECT_FALSE(share_directory(root + "/link", ::getuid() + 1, sharing::writing));
  EXPECT_EQ(::getxattr((root + "/real").c_str(), "system.posix_acl_access", nullptr, 0), -1);
}

TEST_F(shared, sockets_need_a_short_path) {
  const auto d = directories::open(root + "/" + std::string(100, 'r'), root + "/s");
  ASSERT_TRUE(d->create_kernel(id));
  const auto elsewhere = d->choose_socket_prefix(id);
  ASSERT_TRUE(elsewhere);
  EXPECT_TRUE(directories::remove_sockets(*elsewhere));
  ASSERT_TRUE(d->share_kernel(id, ::getuid() + 1));
  const auto prefix = d->choose_socket_prefix(id);
  ASSERT_FALSE(prefix);
  EXPECT_NE(prefix.error().detail.find("runtime_dir"), std::string::npos);
}

}  // namespace
}  // namespace kmux::supervise
