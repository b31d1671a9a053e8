#include "daemon/system/journal_log.hpp"

#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace kmux::daemon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(journal_log, a_line_has_its_words_as_fields) {
  EXPECT_THAT(journal_fields("event=kernel_launched kernel=1-2 spec=echo owner=ann pid=7"),
              ElementsAre("KMUX_EVENT=kernel_launched", "KMUX_KERNEL=1-2", "KMUX_SPEC=echo",
                          "KMUX_OWNER=ann", "KMUX_PID=7"));
}

TEST(journal_log, what_others_have_said_is_no_field) {
  EXPECT_THAT(journal_fields(R"(event=x error="a kernel=2" kernel=3)"),
              ElementsAre("KMUX_EVENT=x"));
  EXPECT_THAT(journal_fields("kernel=1 session=a kernel=2"),
              ElementsAre("KMUX_KERNEL=1", "KMUX_SESSION=a"));
}

TEST(journal_log, what_is_no_pair_is_left_out) {
  EXPECT_THAT(journal_fields("words alone = a-b=1 empty= =x"), IsEmpty());
}

TEST(journal_log, the_journal_is_ours_only_where_standard_error_leads_there) {
  struct stat about {};
  ASSERT_EQ(::fstat(STDERR_FILENO, &about), 0);
  ::setenv("JOURNAL_STREAM", fmt::format("{}:{}", about.st_dev, about.st_ino).c_str(), 1);
  EXPECT_TRUE(logs_to_journal());
  ::setenv("JOURNAL_STREAM", "1:1", 1);
  EXPECT_FALSE(logs_to_journal());
  ::unsetenv("JOURNAL_STREAM");
  EXPECT_FALSE(logs_to_journal());
}

}  // namespace
}  // namespace kmux::daemon
