#pragma once
// The journal in a kernel's process.

#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "proc/child/multipart.hpp"
#include "proc/child/request.hpp"
#include "proc/journal/writer.hpp"
#include "proc/unique_fd.hpp"
#include "protocol/connection_file.hpp"

namespace kmux::child {

/// Numbers what the kernel says and keeps it, where the connection file names a journal; else does
/// nothing. Any thread.
class recorder {
public:
  explicit recorder(const std::optional<journal_info>&);

  /// Keeps the message and puts its number into its frames: on iopub into the topic; for a kmuxd
  /// into one more frame before the delimiter (see protocol/message_number). Nobody may be told of
  /// it before flush().
  void record(channel, frame_list&);
  /// Keeps that a client has asked for this. Execute requests only; others are no work.
  void note(const header&, const message_view&);
  /// False: the disk refuses, and what was recorded is not kept.
  bool flush();
  /// What was recorded, and then could not be kept: its number is to say so.
  static void mark_not_kept(frame_list&);

private:
  std::mutex mutex_;
  unique_fd log_;  ///< the process's own stderr, also where descriptor 2 is captured later
  std::optional<journal::writer> journal_;
  bool code_ = false;
};

/// What one thread is about to send: recorded when it is said, sent by send(), so that one write
/// serves many messages.
class announcer {
public:
  explicit announcer(recorder& to) : to_(to) {}
  /// `send` gets the frames; called by send().
  template <class Send>
  void say(channel where, frame_list&& frames, Send send) {
    to_.record(where, frames);
    waiting_.push_back({std::move(frames), std::move(send)});
  }
  void send() {
    if (waiting_.empty()) return;
    const bool kept = to_.flush();
    waiting_.swap(sending_);  // what is sent may make something be said
    for (auto& each : sending_) {
      if (!kept) recorder::mark_not_kept(each.frames);
      each.send(std::move(each.frames));
    }
    sending_.clear();
  }

private:
  struct item {
    frame_list frames;
    std::function<void(frame_list&&)> send;
  };
  recorder& to_;
  std::vector<item> waiting_, sending_;
};

}  // namespace kmux::child
