#include "daemon/system/loop_watch.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <execinfo.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "daemon/clock.hpp"

namespace kmux::daemon {

namespace {

constexpr int deepest = 64;
constexpr auto least_pause = std::chrono::milliseconds(1);

std::atomic<int> stack_log = 2;
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler reads it");

/// Not one that anybody else sends, and none that asks for the end.
int stack_signal() {
  return SIGRTMIN + 3;
}

/// backtrace(3) is safe here only because it was called before: at first it loads a library.
void write_stack(int) {
  const int before = errno;
  void* frames[deepest];
  ::backtrace_symbols_fd(frames, ::backtrace(frames, deepest), stack_log.load());
  errno = before;
}

/// For the thread that calls it.
void install_handler() {
  void* frame = nullptr;
  ::backtrace(&frame, 1);
  struct sigaction action {};
  action.sa_handler = write_stack;
  action.sa_flags = SA_RESTART;
  ::sigfillset(&action.sa_mask);
  ::sigaction(stack_signal(), &action, nullptr);
  // Whoever started us may have blocked it, and then no stack would ever be written.
  sigset_t ours;
  ::sigemptyset(&ours);
  ::sigaddset(&ours, stack_signal());
  ::pthread_sigmask(SIG_UNBLOCK, &ours, nullptr);
}

}  // namespace

loop_watch::loop_watch(boost::asio::io_context& io, std::function<void()> ticked)
    : ticked_(std::move(ticked)), timer_(io) {
}

loop_watch::~loop_watch() {
  end_thread();
}

void loop_watch::start(settings s) {
  end_thread();
  install_handler();
  stack_log = s.log;
  pause_ = std::max<clock::duration>(std::min(s.stuck_after / 4, s.most), least_pause);
  timer_.set(clock::now(), [this] { tick(); });
  // Signals are for the loop's thread: this one must not take them.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  ending_ = false;
  thread_ = std::thread([this, s] { watch(s); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void loop_watch::stop() {
  timer_.cancel();
  end_thread();
}

void loop_watch::end_thread() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void loop_watch::tick() {
  loop_ = ::pthread_self();
  ++ticks_;
  if (stuck_.exchange(false)) spdlog::warn("event=loop_goes_on");
  ticked_();
  timer_.set(clock::now() + pause_, [this] { tick(); });
}

void loop_watch::watch(settings s) {
  const auto pause = std::max<clock::duration>(s.stuck_after / 4, least_pause);
  auto seen = ticks_.load();
  auto last = clock::now();
  clock::duration silent{0};
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, pause, [this] { return ending_; })) {
    const auto now = clock::now();
    // A process that was stopped as a whole is not stuck: what this thread could not see counts no
    // more than two looks.
    silent += std::min(now - std::exchange(last, now), 2 * pause);
    if (const auto ticks = ticks_.load(); ticks != std::exchange(seen, ticks)) silent = {};
    if (silent < s.stuck_after || seen == 0 || stuck_.exchange(true)) continue;
    report(s);
  }
}

void loop_watch::report(const settings& s) {
  const auto line = fmt::format(
      "time={} level=error event=loop_stuck seconds={:.1f} stack=\"follows, where the loop can "
      "still be interrupted\"\n",
      iso_now(), std::chrono::duration<double>(s.stuck_after).count());
  [[maybe_unused]] const auto written = ::write(s.log, line.data(), line.size());
  ::pthread_kill(loop_, stack_signal());
}

}  // namespace kmux::daemon
