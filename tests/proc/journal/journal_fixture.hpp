#pragma once
// A journal in a directory of its own.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "proc/journal/reader.hpp"
#include "proc/journal/writer.hpp"

namespace kmux::journal {

class journal_fixture : public testing::Test {
protected:
  journal_fixture() {
    std::string pattern = (std::filesystem::temp_directory_path() / "kmux-test-XXXXXX").string();
    top_ = ::mkdtemp(pattern.data());
  }
  ~journal_fixture() override { std::filesystem::remove_all(top_); }

  writer open(std::uint64_t most_bytes = 1 << 20) {
    writer::settings s;
    s.directory = top_;
    s.most_bytes = most_bytes;
    return writer(s, [this](const std::string& why) { troubles_.push_back(why); });
  }
  static std::uint64_t say(writer& out, std::string_view content) {
    return out.append(kind::iopub, {R"({"msg_id":"m"})", "{}", "{}", content});
  }
  /// The contents of everything after `after`, as "number:content".
  std::vector<std::string> read(std::uint64_t after = 0) const {
    reader from(top_, after);
    std::vector<std::string> out;
    for (stored_record r; from.next(r);) {
      out.push_back(std::to_string(r.number) + ":" + std::string(r.frames.at(3)));
      EXPECT_GT(r.time, 1'500'000'000'000'000);
    }
    return out;
  }
  std::vector<std::string> files() const {
    std::vector<std::string> out;
    for (const auto& each : std::filesystem::directory_iterator(top_)) {
      if (segment_number(each.path().filename().string())) out.push_back(each.path());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  static std::string bytes_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void put_bytes(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }

  std::string top_;
  std::vector<std::string> troubles_;
};

}  // namespace kmux::journal
