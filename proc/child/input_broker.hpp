#pragma once
// Questions to clients (stdin), and who waits for which answer.

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "proc/child/event_fd.hpp"
#include "proc/child/request.hpp"

namespace kmux::child {

/// One question. Its descriptor becomes readable with the answer.
class pending_input {
public:
  explicit pending_input(std::shared_ptr<const request> asked_for) : for_(std::move(asked_for)) {}

  int fd() const noexcept { return ready_.fd(); }
  /// The answer, once.
  std::optional<std::string> take();
  void answer(std::string value);
  const request& asked_for() const noexcept { return *for_; }

private:
  std::shared_ptr<const request> for_;
  std::mutex mutex_;
  std::optional<std::string> value_;
  event_fd ready_;
};

/// Any thread asks; the control loop brings the answers. A reply goes to the question whose
/// request it names as its parent, else to the newest question to that client; one that nobody
/// waits for any more is dropped.
class input_broker {
public:
  /// Waits for an answer until the pointer is gone.
  std::shared_ptr<pending_input> open(std::shared_ptr<const request>);
  void deliver(const request& input_reply);

private:
  std::mutex mutex_;
  std::list<std::weak_ptr<pending_input>> waiting_;
};

}  // namespace kmux::child
