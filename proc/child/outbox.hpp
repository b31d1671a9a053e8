#pragma once
// What any thread has to say, on its way to the control loop, which owns the sockets.

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>

#include "proc/child/event_fd.hpp"
#include "proc/child/multipart.hpp"
#include "proc/child/request.hpp"

namespace kmux::child {

class request_queue;

/// In order, over all channels. Bounded by bytes: when it is full, push() waits: user code that
/// prints faster than the world can read is slowed down, as by a terminal; nothing is dropped.
///
/// What need not go at once is gathered, so that who says much does not wake the control loop for
/// each word: it is ready after `gather`, or with the first thing that is urgent, or when it has
/// become much. Text is gathered further: what follows text of the same stream and parent is
/// appended to it, and after some went the next is ready only `text_pause` later. So few messages
/// carry many prints, hardly late, and text stands before whatever was said after it.
///
/// A line is not cut where that can be helped: print("a") writes "a" and "\n", and its thread may
/// lose the processor in between. A line that is open waits for its end or for settle(), but no
/// longer than `line_patience`, or `settle_patience` where somebody has been told to settle() it.
/// Messages do not wait for it: one that was begun behind them stays when they go.
class outbox {
public:
  using clock = std::chrono::steady_clock;
  static constexpr auto gather = std::chrono::milliseconds(1);
  static constexpr auto text_pause = std::chrono::milliseconds(4);
  static constexpr auto line_patience = std::chrono::milliseconds(3);     ///< after `gather`
  static constexpr auto settle_patience = std::chrono::milliseconds(20);  ///< the same
  static constexpr std::size_t much = 64 << 10;                           ///< bytes
  static constexpr std::size_t longest_text = 1 << 20;                    ///< of one stream message

  struct message {
    channel where;
    frame_list frames;
  };
  struct text {
    std::shared_ptr<const request> parent;  ///< may be nullptr
    std::string name;                       ///< "stdout" or "stderr"
    std::string bytes;
  };
  /// All requests that were sent before what follows in here can be known are to be in the queue.
  struct fence {
    std::shared_ptr<request_queue> aborting;  ///< may outlive its shell, a subshell's does
  };
  using item = std::variant<message, text, fence>;

  explicit outbox(std::size_t bound = 4 << 20) : bound_(bound) {}

  enum class haste { now, soon };
  /// Any thread but the control loop's; waits for room. False once closed.
  bool push(channel, frame_list&&, std::size_t bytes, haste = haste::now);
  void push(fence);
  enum class written {
    no_room,  ///< and nothing is taken
    yes,      ///< also once closed
    settle,   ///< and settle() is wanted as soon as the writer has gone on
  };
  /// Any thread.
  written try_write(const std::shared_ptr<const request>& parent, std::string_view name,
                    std::string_view bytes);
  /// The same, and it is taken whatever room there is: for bounded amounts.
  void write(const std::shared_ptr<const request>& parent, std::string_view name,
             std::string_view bytes);
  /// Any thread: an open line has no end coming.
  void settle();
  /// For `timeout` at the most.
  void wait_for_room(std::chrono::milliseconds timeout);
  bool has_room() const;

  /// The control loop: something will come, and it sets its clock for that without being woken.
  void expect(clock::time_point now);
  /// The control loop: everything that is ready.
  std::deque<item> take(clock::time_point now);
  /// What waits is ready now.
  void hurry();
  /// When text that waits will be ready; max() where none does.
  clock::time_point due() const;
  /// push() returns false from now on, also where it waits.
  void close();
  /// Readable while there may be something to take.
  int fd() const noexcept { return ready_.fd(); }

private:
  bool only_text() const { return texts_ == queue_.size(); }
  bool full() const { return bytes_ > 0 && bytes_ >= bound_; }
  clock::time_point when_ready() const;
  std::optional<text> begun_line();
  void keep(text&& line, clock::time_point now);
  void make_urgent();
  void let_go();
  void added(std::size_t bytes, haste);
  void append(const std::shared_ptr<const request>& parent, std::string_view name,
              std::string_view bytes);

  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::deque<item> queue_;
  std::size_t bound_, bytes_ = 0;
  bool closed_ = false, urgent_ = false;
  std::size_t texts_ = 0;   ///< how many items of the queue are text
  bool gathering_ = false;  ///< due_ is set for what waits, or will
  clock::time_point next_text_{}, due_{};
  bool open_line_ = false;  ///< the last text has no end of line
  bool to_settle_ = false;  ///< somebody has been told to settle() what waits
  bool held_ = false;       ///< the control loop sleeps for the sake of an open line
  event_fd ready_;
};

}  // namespace kmux::child
