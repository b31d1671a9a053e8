// A log that grows, and whose older half goes now and then.
#include "proc/log_tail.hpp"

#include <filesystem>
#include <fstream>
#include <stdlib.h>

#include <gtest/gtest.h>

#include "proc/child/bounded_log.hpp"

namespace kmux {
namespace {

class tail_of_log : public testing::Test {
protected:
  tail_of_log() {
    std::string pattern = "/tmp/kmux-test-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    path_ = directory_ + "/stdio.log";
  }
  ~tail_of_log() override { std::filesystem::remove_all(directory_); }

  std::string directory_, path_;
};

TEST_F(tail_of_log, begins_at_a_line_and_goes_on) {
  std::ofstream(path_) << "one\ntwo\nthree\n";
  log_tail t(path_, 8);
  EXPECT_EQ(t.next(), "three\n");
  EXPECT_EQ(t.next(), "");
  std::ofstream(path_, std::ios::app) << "fo";
  EXPECT_EQ(t.next(), "fo");
  std::ofstream(path_, std::ios::app) << "ur\n";
  EXPECT_EQ(t.next(), "ur\n");
}

TEST_F(tail_of_log, a_file_that_comes_later_is_read_from_its_beginning) {
  log_tail t(path_, ~std::size_t{0});
  EXPECT_EQ(t.next(), "");
  std::ofstream(path_) << "here\n";
  EXPECT_EQ(t.next(), "here\n");
}

TEST_F(tail_of_log, nothing_is_repeated_or_lost_where_the_older_half_goes) {
  child::bounded_log log(path_, 1000);
  log_tail t(path_, ~std::size_t{0});
  std::string seen, written;
  for (int i = 0; i < 500; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    log.append(line);
    written += line;
    seen += t.next();
  }
  EXPECT_EQ(seen, written);
}

TEST_F(tail_of_log, what_was_passed_over_is_all_that_is_missing) {
  child::bounded_log log(path_, 1000);
  log_tail t(path_, ~std::size_t{0});
  log.append("first\n");
  EXPECT_EQ(t.next(), "first\n");
  for (int i = 0; i < 500; ++i)
    log.append("line " + std::to_string(i) + "\n");
  const auto rest = t.next();
  EXPECT_TRUE(rest.ends_with("line 498\nline 499\n")) << rest;
}

TEST_F(tail_of_log, a_link_is_not_followed) {
  std::ofstream(directory_ + "/other") << "secret\n";
  std::filesystem::create_symlink(directory_ + "/other", path_);
  EXPECT_EQ(log_tail(path_, ~std::size_t{0}).next(), "");
}

}  // namespace
}  // namespace kmux
