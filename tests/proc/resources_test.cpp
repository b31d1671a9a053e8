#include "proc/resources.hpp"

#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <gmock/gmock.h>

#include "proc/unique_fd.hpp"

namespace kmux {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

TEST(resources, limits_are_the_soft_ones_that_there_are) {
  EXPECT_THAT(
      parse_limits(
          "Limit                     Soft Limit           Hard Limit           Units     \n"
          "Max cpu time              60                   65                   seconds   \n"
          "Max file size             unlimited            unlimited            bytes     \n"
          "Max stack size            8388608              unlimited            bytes     \n"
          "Max open files            1024                 20000                files     \n"),
      ElementsAre(Pair("cpu", 60), Pair("files", 1024)));
  EXPECT_THAT(parse_limits(""), IsEmpty());
  EXPECT_THAT(parse_limits("Max open files"), IsEmpty());
}

TEST(resources, of_this_process) {
  const auto self = identify(::getpid());
  ASSERT_TRUE(self);
  for (const auto& tree : {tree_of(self->pid), tree_of(self->pid, process_table::read())}) {
    const auto used = usage_of(tree);
    EXPECT_EQ(used.processes, 1U);
    EXPECT_GT(used.memory, 0U);
  }
  const auto text = resources_json({*self, false, "", {}});
  EXPECT_THAT(text, HasSubstr("\"cgroup\": null}, \"usage\": {\"processes\": "));
  EXPECT_THAT(text, testing::Not(HasSubstr("\"descriptors\": null")));
}

TEST(resources, a_threads_children_are_the_processs) {
  pid_t child = -1;
  std::thread([&] {
    child = ::fork();
    if (child == 0) {
      ::pause();
      ::_exit(0);
    }
    const auto one = tree_of(::getpid()), other = tree_of(::getpid(), process_table::read());
    EXPECT_THAT(one, testing::SizeIs(2));
    EXPECT_THAT(other, testing::SizeIs(2));
    EXPECT_EQ(one.back().pid, child);
  }).join();
  ::kill(child, SIGKILL);
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
}

TEST(resources, of_another_process_with_its_pid) {
  auto self = identify(::getpid());
  ASSERT_TRUE(self);
  ++self->start_ticks;
  EXPECT_EQ(resources_json({*self, false, "", {}}),
            "\"limits\": null, \"usage\": {\"processes\": 0, \"cpu_seconds\": 0.00, \"memory\": 0, "
            "\"disk\": 0, \"descriptors\": null}");
}

class in_a_directory : public testing::Test {
protected:
  in_a_directory() { std::filesystem::create_directories(path_ + "/user"); }
  ~in_a_directory() override { std::filesystem::remove_all(path_); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/" + name) << text;
  }

  const std::string path_ = testing::TempDir() + "resources." + std::to_string(::getpid());
};

TEST_F(in_a_directory, what_is_on_the_disk_counts_at_any_depth) {
  const auto without = resources_json({{}, false, "", {}});
  EXPECT_THAT(without, HasSubstr("\"disk\": 0,"));
  write("user/journal", std::string(1 << 20, 'x'));
  const unique_fd file(::open((path_ + "/user/journal").c_str(), O_RDONLY));
  ASSERT_EQ(::fsync(file.get()), 0) << "blocks are given when it is written";
  const auto text = resources_json({{}, false, "", {path_}});
  const auto at = text.find("\"disk\": ");
  EXPECT_GE(std::stoull(text.substr(at + 8)), 1U << 20);
  EXPECT_EQ(resources_json({{}, false, "", {path_ + "/not-there"}}), without);
}

TEST_F(in_a_directory, a_cgroups_limits) {
  const auto self = identify(::getpid());
  ASSERT_TRUE(self);
  write("memory.max", "1048576\n");
  write("pids.max", "max\n");
  write("cpu.max", "150000 100000\n");
  EXPECT_THAT(resources_json({*self, false, path_, {}}),
              HasSubstr(R"("cgroup": {"memory": 1048576, "processes": null, "cpus": 1.5}})"));
  write("cpu.max", "max 100000\n");
  EXPECT_THAT(resources_json({*self, false, path_, {}}), HasSubstr("\"cpus\": null}"));
}

}  // namespace
}  // namespace kmux
