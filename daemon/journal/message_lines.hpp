#pragma once
// A journal's messages as lines of JSON.

#include <cstdint>
#include <string>

#include "proc/journal/record.hpp"
#include "protocol/header.hpp"

namespace kmux::daemon {

/// Which messages are wanted; what is empty does not matter.
struct message_filter {
  std::uint64_t after = 0;
  std::string parent;   ///< the msg_id of the request
  std::string type;     ///< msg_type
  std::string channel;  ///< "iopub", "shell", "control", "stdin"
};

/// One use at a time; keeps its headers' memory.
class message_lines {
public:
  explicit message_lines(message_filter f) : filter_(std::move(f)) {}

  /// The record as a line with its end, or empty where it is not wanted: {"seq", "time", "channel",
  /// "header", "parent_header", "metadata", "content", "buffers": [base64, …]}. A message that is
  /// not JSON has "error" in place of its parts.
  std::string line(const journal::record&);

private:
  message_filter filter_;
  header head_, parent_;
};

}  // namespace kmux::daemon
