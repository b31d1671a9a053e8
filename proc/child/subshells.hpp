#pragma once
// JEP 91: further shells of one kernel, each on a thread of its own.

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "proc/child/shell_loop.hpp"
#include "protocol/error.hpp"

namespace kmux::child {

/// Owned by the control loop; its thread only, but for join(). Deleting one that runs code asks it
/// to end and does not wait: its thread is joined when it has ended, or at the kernel's end.
class subshells {
public:
  subshells(interpreter& language, sender& out, input_broker& inputs,
            const std::string& kernel_info)
      : language_(language), out_(out), inputs_(inputs), kernel_info_(kernel_info) {}

  /// Its id; errc::exhausted where no thread or no descriptor is left.
  result<std::string> create();
  bool remove(const std::string& id);
  shell_loop* find(const std::string& id);
  std::vector<std::string> list() const;

  /// Of all there are and were; what nobody will serve any more does not wait.
  queue_times times();

  template <class F>
  void each(F&& f) {
    for (auto& [id, one] : open_)
      f(one->loop);
  }
  void stop();
  void join();

private:
  struct one {
    template <class... Arguments>
    explicit one(Arguments&&... a) : loop(std::forward<Arguments>(a)...) {}
    shell_loop loop;
    std::atomic<bool> ended{false};
    std::thread thread;
  };
  void reap();

  interpreter& language_;
  sender& out_;
  input_broker& inputs_;
  const std::string& kernel_info_;
  std::map<std::string, std::unique_ptr<one>> open_;
  std::vector<std::unique_ptr<one>> ending_;
  queue_times ended_;
};

}  // namespace kmux::child
