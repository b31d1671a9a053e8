#include "proc/child/kernel_host.hpp"

#include "proc/child/sockets.hpp"
#include "protocol/ids.hpp"

namespace kmux::child {

kernel_host::kernel_host(connection_info& where, interpreter& language)
    : context_(make_context()),
      session_(make_uuid()),
      shell_(context_, where, session_, language, outbox_),
      control_(context_, where, session_, shell_, outbox_) {
}

kernel_host::~kernel_host() = default;

void kernel_host::run() {
  {
    const std::lock_guard lock(mutex_);
    phase_ = phase::running;
    shell_thread_ = std::this_thread::get_id();
    if (stop_asked_) shell_.stop();
  }
  std::thread control([this] {
    {
      const std::lock_guard lock(mutex_);
      control_thread_ = std::this_thread::get_id();
    }
    control_.run();
    outbox_.close();
  });
  shell_.run();
  // Control ends last: what shell said at the end must still be published.
  control_.stop();
  control.join();
  {
    const std::lock_guard lock(mutex_);
    phase_ = phase::ended;
  }
  changed_.notify_all();
}

void kernel_host::stop() {
  std::unique_lock lock(mutex_);
  stop_asked_ = true;
  if (phase_ == phase::running) shell_.stop();
  const auto me = std::this_thread::get_id();
  if (me == shell_thread_ || me == control_thread_) return;
  changed_.wait(lock, [this] { return phase_ != phase::running; });
}

}  // namespace kmux::child
