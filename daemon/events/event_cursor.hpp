#pragma once
// One reader of the stream: what they get of it, and what they miss.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/events/event_line.hpp"

namespace kmux::daemon {

/// Which events a reader wants.
struct event_filter {
  std::string kernel;              ///< empty: any, as for the next
  std::vector<std::string> types;  ///< names of events

  bool passes(const stored_event&) const;
};

/// "kernel_ended,kernel_culled"; nothing where one is no name of an event.
std::optional<std::vector<std::string>> event_names(std::string_view);

/// Takes events in their order, whoever has them, and makes text. Numbers that are missing are
/// told, whatever the filter is: nobody knows what they were. Pure; a value.
class event_cursor {
public:
  enum class format : std::uint8_t { json_lines, server_sent };
  struct wish {
    std::function<bool(const stored_event&)> may_see;  ///< not set: everything
    event_filter filter;
    std::uint64_t after = 0;
    bool counts = false;  ///< knows that it has come to `after`: what is missing behind it is told
    std::uint64_t most = ~std::uint64_t{0};  ///< events
    format as = format::json_lines;
  };

  explicit event_cursor(wish w) : wish_(std::move(w)), position_(wish_.after), left_(wish_.most) {}

  bool wants(const stored_event& e) const {
    return wish_.filter.passes(e) && (!wish_.may_see || wish_.may_see(e));
  }
  /// Adds to `out` what is to be told of it; one that was taken before is nothing.
  void take(const stored_event& e, std::string& out);
  /// There is nothing any more up to that number.
  void pass(std::uint64_t number, std::string& out);

  std::uint64_t position() const noexcept { return position_; }
  bool done() const noexcept { return left_ == 0; }
  /// So that who waits can see that we live.
  std::string keep_alive() const { return wish_.as == format::json_lines ? "\n" : ":\n\n"; }
  /// Before anything was taken: begin behind that number.
  void begin_after(std::uint64_t number) { position_ = number; }

private:
  void put(std::uint64_t number, const std::string& name, const std::string& line,
           std::string& out) const;

  wish wish_;
  std::uint64_t position_;
  std::uint64_t left_;
  bool begun_ = false;
};

}  // namespace kmux::daemon
