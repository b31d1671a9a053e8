#pragma once
// One request while it is served, and after: its output may come later.

#include <memory>

#include "proc/child/shell_loop.hpp"

namespace kmux::child {

/// From its making until end() an interrupt of its loop hits it, but for one that is `unseen`:
/// served on another thread beside what the loop does. See `execution` for threads; must
/// not be used once the kernel is gone.
class served_request final : public execution {
public:
  struct unseen_t {};
  static constexpr unseen_t unseen{};

  served_request(shell_loop&, std::shared_ptr<const request>, bool allow_stdin);
  served_request(shell_loop&, std::shared_ptr<const request>, unseen_t);

  void publish(std::string_view type, std::string_view content, std::string_view metadata,
               std::span<const std::string_view> buffers) override;
  void stream(std::string_view name, std::string_view text) override;
  std::optional<std::string> input(std::string_view prompt, bool password) override;
  bool interrupted() const override;
  bool sleep(std::chrono::milliseconds) override;
  void finish(const execute_result&) override;

  /// input() without the wait; nullptr where the client may not be asked.
  std::shared_ptr<pending_input> ask(std::string_view prompt, bool password);
  /// Nobody is hit from now on; what ran before runs again.
  void end();

  const std::shared_ptr<const request>& asked() const noexcept { return request_; }
  /// Its place among those of all loops, from 1; 0: not, or no more, served. Any thread.
  std::uint64_t serial() const noexcept { return serial_; }
  outbox& out() noexcept { return out_.out(); }
  execute_request cell;  ///< where it is one
  std::string started;   ///< an ISO 8601 date

private:
  shell_loop& loop_;  ///< not after end(): a subshell may be gone by then
  sender& out_;
  input_broker& inputs_;
  std::shared_ptr<const request> request_;
  bool allow_stdin_ = false;
  std::atomic<std::uint64_t> serial_{0};
  std::uint64_t before_ = 0;
};

}  // namespace kmux::child
