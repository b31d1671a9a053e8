#include "proc/child/kernel_host.hpp"

#include <fmt/format.h>

#include "proc/child/sockets.hpp"
#include "protocol/ids.hpp"

namespace kmux::child {

namespace {

/// kernel_info_reply's content around what the language says of itself.
std::string complete_kernel_info(const interpreter& language) {
  std::string features;
  if (language.has_subshells()) features += R"("kernel subshells")";
  if (language.has_debugger()) features += features.empty() ? R"("debugger")" : R"(, "debugger")";
  return fmt::format(R"("status": "ok", "protocol_version": "5.5", "debugger": {}, )"
                     R"("supported_features": [{}], )",
                     language.has_debugger(), features) +
         language.kernel_info().substr(1);
}

std::string connect_reply(const connection_info& where) {
  return fmt::format(R"({{"status": "ok", "shell_port": {}, "iopub_port": {}, "stdin_port": {}, )"
                     R"("control_port": {}, "hb_port": {}}})",
                     where.shell_port, where.iopub_port, where.stdin_port, where.control_port,
                     where.hb_port);
}

}  // namespace

kernel_host::kernel_host(connection_info& where, interpreter& language, kernel_settings settings)
    : context_(make_context()),
      session_(make_uuid()),
      key_(where.key),
      sockets_(context_, where),
      connect_(connect_reply(where)),
      info_(complete_kernel_info(language)),
      sender_(key_.reveal(), session_, outbox_),
      journal_(where.journal),
      capture_(settings.capture_output ? std::make_unique<output_capture>(outbox_) : nullptr),
      shell_("", language, sender_, inputs_, info_),
      control_(std::move(sockets_),
               {context_, session_, key_, connect_, language, shell_, sender_, inputs_,
                capture_.get(), journal_},
               settings) {
  shell_.set_capture(capture_.get());
}

kernel_host::~kernel_host() = default;

void kernel_host::run() {
  start();
  shell_.run();
  finish();
}

void kernel_host::start() {
  const std::lock_guard lock(mutex_);
  phase_ = phase::running;
  shell_id_ = std::this_thread::get_id();
  if (stop_asked_) shell_.stop();
  control_thread_ = std::thread([this] {
    {
      const std::lock_guard mine(mutex_);
      control_id_ = std::this_thread::get_id();
    }
    control_.run();
    outbox_.close();
  });
}

void kernel_host::finish() {
  // Control ends last: what shell said at the end must still be published.
  {
    const std::lock_guard lock(mutex_);
    if (phase_ != phase::running || finishing_) return;
    finishing_ = true;
  }
  control_.stop();
  control_thread_.join();
  control_.join();
  context_.close();
  {
    const std::lock_guard lock(mutex_);
    phase_ = phase::ended;
  }
  changed_.notify_all();
}

void kernel_host::stop() {
  std::unique_lock lock(mutex_);
  stop_asked_ = true;
  if (phase_ == phase::running) control_.terminate();
  const auto me = std::this_thread::get_id();
  if (me == shell_id_ || me == control_id_) return;
  changed_.wait(lock, [this] { return phase_ != phase::running; });
}

}  // namespace kmux::child
