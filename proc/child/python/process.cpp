#include "proc/child/python/process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <pthread.h>
#include <unistd.h>

#include "proc/child/python/object.hpp"

namespace kmux::python {

namespace {

child::kernel_host* kernel = nullptr;
std::atomic<owner> whose{owner::kernel};
std::atomic<bool> is_there{false}, is_forked{false};
pid_t own_pid = 0;
struct sigaction sigint_before;

constexpr std::array crashes = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
struct sigaction before_crashes[64];

// Python's own handler would do, but this one knows when it was asked: an interrupt that comes
// late must not hit the next cell.
extern "C" void on_sigint(int) {
  const int saved = errno;
  std::uint64_t none = 0;
  interrupts().asked.compare_exchange_strong(none, kernel->shell().latest() + 1);
  PyErr_SetInterrupt();
  errno = saved;
}

/// Also between fork(2) and the handlers that it runs.
bool is_ours() noexcept {
  return ::getpid() == own_pid;
}

extern "C" void on_sigterm(int signal) {
  const int saved = errno;
  if (is_ours()) {
    kernel->terminate();
  } else {  // a fork's; its eventfd is its parent's
    ::signal(signal, SIG_DFL);
    ::raise(signal);
  }
  errno = saved;
}

extern "C" void on_crash(int signal) {
  ::sigaction(signal, &before_crashes[signal], nullptr);
  // The control loop, which has not crashed, sends what waits for it, and is at its end then.
  // Whoever had taken the signal before us may live on, and gets the time that this needs mostly.
  if (is_ours() && is_there) {
    const timespec patience{0, 100'000'000};
    if (before_crashes[signal].sa_handler == SIG_DFL)
      kernel->flush_before_crash();
    else
      ::nanosleep(&patience, nullptr);
  }
  ::raise(signal);  // blocked until we return; a fault comes again by itself
}

void on_fork_in_child() {
  if (!is_there) return;
  is_forked = true;
  if (whose == owner::kernel) ::signal(SIGTERM, SIG_DFL);
}

int settle_output(void*) {
  if (is_there && !is_forked) kernel->out().settle();
  return 0;
}

}  // namespace

interrupt_state& interrupts() noexcept {
  static interrupt_state state;
  return state;
}

void take_crashes() {
  if (whose == owner::program) return;
  // A stack of its own: the other one may be what overflowed.
  constexpr std::size_t size = 64 << 10;
  stack_t stack{};
  stack.ss_sp = std::malloc(size);
  stack.ss_size = size;
  ::sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_handler = on_crash;
  action.sa_flags = SA_ONSTACK;
  for (const int signal : crashes)
    ::sigaction(signal, &action, &before_crashes[signal]);
}

void begin(child::kernel_host& host, owner who) {
  static std::once_flag once;
  std::call_once(once, [] { ::pthread_atfork(nullptr, nullptr, on_fork_in_child); });
  kernel = &host;
  whose = who;
  own_pid = ::getpid();
  is_forked = false;
  interrupts().asked = 0;
  interrupts().closing = false;
  interrupts().main_thread = static_cast<unsigned long>(::pthread_self());
  ::sigaction(SIGINT, nullptr, &sigint_before);
  is_there = true;
}

void end() {
  is_there = false;
  ::sigaction(SIGINT, &sigint_before, nullptr);
}

void take_signals() {
  struct sigaction action {};
  action.sa_handler = on_sigint;  // no SA_RESTART: who waits in a system call is woken
  ::sigaction(SIGINT, &action, nullptr);
  if (whose == owner::program) return;
  action.sa_handler = on_sigterm;
  ::sigaction(SIGTERM, &action, nullptr);
}

void interrupt_main(child::shell& shell) {
  std::uint64_t none = 0;
  interrupts().asked.compare_exchange_strong(none, shell.latest() + 1);
  if (whose == owner::kernel && ::getpgrp() == ::getpid()) {
    ::kill(0, SIGINT);  // reaches us as well: the main thread first, which has it unblocked
  } else {
    ::pthread_kill(static_cast<pthread_t>(interrupts().main_thread.load()), SIGINT);
  }
}

void settle_output_soon() {
  ::Py_AddPendingCall(settle_output, nullptr);  // no room for it: the outbox does not wait for ever
}

bool forked() noexcept {
  return is_forked;
}

}  // namespace kmux::python
