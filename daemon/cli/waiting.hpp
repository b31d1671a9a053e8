#pragma once
// Waiting for what becomes of a kernel.

#include <chrono>
#include <functional>
#include <string>

#include "daemon/cli/kernels.hpp"

namespace kmux::cli {

/// Says on a terminal, once a second, for what and how long something is waited for; the line goes
/// with it.
class progress {
public:
  explicit progress(std::string what);
  ~progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;
  void tell(std::string_view now);

private:
  std::string what_;
  std::chrono::steady_clock::time_point begun_, told_;
  bool shown_ = false;
};

/// The kernel as the daemon tells it; state "gone" where it is not there any more.
outcome<kernel_view> look_at_kernel(const session&, const std::string& id);

/// Looks again and again. exit_code::timed_out after `most`.
outcome<kernel_view> wait_for_kernel(const session&, const std::string& id, const std::string& what,
                                     std::chrono::milliseconds most,
                                     const std::function<bool(const kernel_view&)>& reached);

}  // namespace kmux::cli
