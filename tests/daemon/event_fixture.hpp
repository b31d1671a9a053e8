#pragma once

#include <filesystem>
#include <stdlib.h>
#include <string>

#include <gtest/gtest.h>

namespace kmux::daemon {

/// A directory for the files of events.
class event_directory : public testing::Test {
protected:
  event_directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "kmux-events-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~event_directory() override { std::filesystem::remove_all(directory_); }

  std::string file() const { return directory_ + "/events.jsonl"; }

  std::string directory_;
};

}  // namespace kmux::daemon
