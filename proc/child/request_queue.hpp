#pragma once
// Requests on their way from the control loop, which reads them, to a shell loop, which serves
// them.

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "proc/child/event_fd.hpp"
#include "proc/child/request.hpp"

namespace kmux::child {

/// How long requests have waited for their turn.
struct queue_times {
  std::uint64_t served = 0, waiting = 0;
  std::chrono::nanoseconds total{0}, longest{0};  ///< of those served

  queue_times& operator+=(const queue_times&);
};

/// First in, first out. The control loop pushes, one shell loop pops.
class request_queue {
public:
  using clock = std::chrono::steady_clock;
  struct entry {
    std::shared_ptr<const request> what;
    clock::time_point since;
    bool aborted = false;  ///< an execute_request behind one that failed
  };

  void push(std::shared_ptr<const request>, clock::time_point now);
  /// The next; `cells` false passes execute_requests over. Where there is none the descriptor is
  /// quiet until there may be one, and the clock is not read.
  std::optional<entry> pop(bool cells, clock::time_point (*now)() = clock::now);
  /// To be called when execute_requests may be popped again.
  void look_again();

  /// stop_on_error: all execute_requests up to end_abort() are aborted: those that are here, and
  /// those that a client sent before it could know.
  void begin_abort();
  void end_abort();

  void stop() noexcept { ready_.set(); }  ///< wakes who waits

  /// Takes out the completions that have waited since before `until`: another thread may answer.
  std::vector<std::shared_ptr<const request>> take_overdue(clock::time_point until);
  /// When the oldest of those came; max() where there is none.
  clock::time_point oldest_pressing() const;

  queue_times times() const;

  /// Read no more from clients for now: they feel it.
  bool full() const;

  /// Readable while there may be something to pop.
  int fd() const noexcept { return ready_.fd(); }

private:
  mutable std::mutex mutex_;
  std::deque<entry> queue_;
  static constexpr std::size_t most_bytes = std::size_t{1} << 30, most_requests = 100'000;

  void count(const request&, int by);

  std::size_t bytes_ = 0;
  // So that nobody looks through a long queue of cells for what is not there.
  int no_cells_ = 0, pressing_ = 0;
  bool aborting_ = false;
  queue_times times_;  ///< all but what waits
  event_fd ready_;
};

/// A question about code, which changes nothing: complete, inspect, is_complete.
bool is_query(std::string_view msg_type);
/// comm_open, comm_msg, comm_close
bool is_comm(std::string_view msg_type);

}  // namespace kmux::child
