#include "daemon/cli/waiting.hpp"

#include <algorithm>
#include <cstdio>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

namespace kmux::cli {

using namespace std::chrono_literals;

namespace {

constexpr auto away_patience = 30s;  ///< for a kmuxd that is started anew

}  // namespace

progress::progress(std::string what)
    : what_(std::move(what)), begun_(std::chrono::steady_clock::now()), told_(begun_) {
}

progress::~progress() {
  if (!shown_) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
}

void progress::tell(std::string_view state) {
  const auto now = std::chrono::steady_clock::now();
  if (::isatty(STDERR_FILENO) == 0 || now - told_ < 1s) return;
  told_ = now;
  shown_ = true;
  fmt::print(stderr, "\r{}: {} for {} s\x1b[K", what_, state,
             std::chrono::duration_cast<std::chrono::seconds>(now - begun_).count());
  std::fflush(stderr);
}

outcome<kernel_view> look_at_kernel(const session& s, const std::string& id) {
  const auto got = s.daemon.ask("GET", "api/kernels/" + id);
  if (!got) return got.error();
  if (got->status == 404) {
    kernel_view gone;
    gone.id = id;
    gone.state = "gone";
    return gone;
  }
  if (!got->ok()) return failure_of(*got);
  return kernel_from_model(got->body);
}

outcome<kernel_view> wait_for_kernel(const session& s, const std::string& id,
                                     const std::string& what, std::chrono::milliseconds most,
                                     const std::function<bool(const kernel_view&)>& reached) {
  const auto until = std::chrono::steady_clock::now() + most;
  progress shown(what);
  auto pause = 5ms;
  auto seen = std::chrono::steady_clock::now();
  for (;;) {
    const auto now = look_at_kernel(s, id);
    // An upgrade or a restart of kmuxd is no end of the wait.
    if (now) seen = std::chrono::steady_clock::now();
    if (!now &&
        (now.error().code == exit_code::refused || now.error().code == exit_code::not_found ||
         std::chrono::steady_clock::now() - seen > away_patience)) {
      return now.error();
    }
    if (now && reached(*now)) return *now;
    if (std::chrono::steady_clock::now() >= until) {
      if (!now) return now.error();
      return failure{exit_code::timed_out,
                     fmt::format("{}: it is {} after {} s.", what, now->state,
                                 std::chrono::duration<double>(most).count()),
                     "kmux stack " + id.substr(0, 8)};
    }
    shown.tell(now ? now->state : "kmuxd is away");
    std::this_thread::sleep_for(pause);
    pause = std::min<std::chrono::milliseconds>(2 * pause, 200ms);
  }
}

}  // namespace kmux::cli
