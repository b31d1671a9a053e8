#pragma once
// What a process writes to descriptors 1 and 2: C code's output, and its children's.

#include <array>
#include <memory>
#include <mutex>
#include <string>

#include "proc/child/outbox.hpp"
#include "proc/unique_fd.hpp"

namespace kmux::child {

/// From its making on, pipes stand in the place of stdout and stderr; what comes through them is
/// stream output of the request that `parent` last named. Characters are not cut apart. Any thread,
/// where nothing else is said.
class output_capture {
public:
  /// Throws std::runtime_error where there are no descriptors left.
  explicit output_capture(outbox& out);
  /// The originals are put back.
  ~output_capture();
  output_capture(const output_capture&) = delete;
  output_capture& operator=(const output_capture&) = delete;

  void parent(std::shared_ptr<const request>);
  /// Takes what is in the pipes at this moment: all that was written before, by us or by processes
  /// that have ended, then stands in the outbox before whatever is put there next.
  void drain();
  /// Duplicates of what descriptors 1 and 2 were.
  int original(int fd) const noexcept { return pipes_[fd == 1 ? 0 : 1].original.get(); }
  /// Readable while there may be something to drain.
  int fd(int fd) const noexcept { return pipes_[fd == 1 ? 0 : 1].read.get(); }

private:
  struct pipe_end {
    const char* name;
    unique_fd read, original;
    std::string cut;  ///< the beginning of a character
  };
  void drain(pipe_end&);

  outbox& out_;
  std::mutex mutex_;
  std::shared_ptr<const request> parent_;
  std::array<pipe_end, 2> pipes_;
};

/// How many bytes at the end of `text` begin a UTF-8 character that is not whole: 0 to 3.
std::size_t cut_character(std::string_view text) noexcept;

}  // namespace kmux::child
