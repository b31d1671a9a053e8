#pragma once
// "Is this kernel really connected?" A reply proves shell; only an iopub message proves that the
// subscription has arrived, because PUB sockets drop what is sent before.

#include <chrono>
#include <string_view>

namespace kmux {

/// Pure: the owner sends what it says and tells it what came. Connected after a kernel_info_reply
/// on shell and one iopub message (of any kind). Asks again, after `retry`, only when the reply has
/// come and iopub is silent (requests to a kernel which has not bound yet queue up and would all be
/// answered later), and after `give_up_reply` without any reply.
class nudge {
public:
  using clock = std::chrono::steady_clock;
  using duration = clock::duration;
  struct settings {
    duration retry = std::chrono::milliseconds(20);
    duration repeat_without_reply = std::chrono::seconds(3);
  };
  enum class action { none, send_kernel_info };

  nudge() = default;
  explicit nudge(settings s) : settings_(s) {}

  action start(clock::time_point now);
  action on_reply(clock::time_point now);
  action on_iopub(clock::time_point now);
  /// To be called at `deadline()`.
  action on_timer(clock::time_point now);

  bool connected() const noexcept { return replied_ && heard_; }
  /// When to call on_timer; time_point::max() when there is nothing to wait for.
  clock::time_point deadline() const noexcept { return deadline_; }
  int sent() const noexcept { return sent_; }

private:
  settings settings_;
  bool replied_ = false, heard_ = false;
  int sent_ = 0;
  clock::time_point deadline_ = clock::time_point::max();
};

}  // namespace kmux
