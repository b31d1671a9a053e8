#pragma once
// What a process has one of: its kernel, its signals, and whether it is still the one that began.

#include <atomic>
#include <cstdint>

#include "proc/child/kernel_host.hpp"

namespace kmux::python {

/// Interrupts: who they hit. Written by signal handlers and by the control loop.
struct interrupt_state {
  /// shell.latest() + 1 at the interrupt that Python has not handled yet; 0: there is none.
  std::atomic<std::uint64_t> asked{0};
  std::atomic<bool> closing{false};  ///< the main loop has left: nobody is hit any more
  std::atomic<unsigned long> main_thread{0};
};
interrupt_state& interrupts() noexcept;

/// A kernel's own process, or a program's with a kernel inside for a while: SIGTERM, crashes and
/// the process group are the program's then.
enum class owner : unsigned char { kernel, program };

/// A kernel is made in this process, on its main thread; one after the other, no two at a time.
void begin(child::kernel_host&, owner);
/// A program's has ended: SIGINT is what it was at begin(), and forks are no concern of ours.
void end();

/// SIGINT and SIGTERM from now on: SIGINT runs Python's handler, SIGTERM ends the kernel. To be
/// called again before each cell: user code may have taken SIGINT away.
void take_signals();
/// A crash (SIGSEGV, SIGABRT…) waits until what was said before it has left.
void take_crashes();
/// SIGINT to the main thread, and to the other processes of our group where it is ours.
void interrupt_main(child::shell&);

/// The outbox is told to settle() when the main thread is back in Python's loop: print() has then
/// written its line's end, too. Any thread; at the latest after the outbox's own patience.
void settle_output_soon();

/// A child of fork(2), which has our memory but not our threads.
bool forked() noexcept;

}  // namespace kmux::python
