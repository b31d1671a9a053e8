#pragma once
// A kernel's messages as lines of JSON: from kmuxd, or from the journal where it does not run.

#include <functional>
#include <string>
#include <string_view>

#include "daemon/cli/kernels.hpp"

namespace kmux::cli {

/// Cuts what comes in pieces into lines; `take` gets those that are not empty.
class line_cutter {
public:
  explicit line_cutter(std::function<bool(std::string_view)> take) : take_(std::move(take)) {}
  /// False once `take` has returned it.
  bool add(std::string_view piece);

private:
  std::function<bool(std::string_view)> take_;
  std::string partial_;
};

/// Lines that kmuxd sends as an answer to GET, which may not end.
outcome<void> stream_lines(const session&, const std::string& path,
                           const std::function<bool(std::string_view)>& take);

struct message_query {
  std::string parent, type, channel;  ///< empty: any
  bool follow = false;
};

/// Each line goes to `take` until that returns false; with `follow` until the kernel is gone.
outcome<void> each_message(const session&, const kernel_view&, bool live, const message_query&,
                           const std::function<bool(std::string_view)>& take);

/// The text of its process's log, in pieces, in the same way.
outcome<void> each_log_piece(const session&, const kernel_view&, bool live, bool follow,
                             const std::function<bool(std::string_view)>& take);

}  // namespace kmux::cli
