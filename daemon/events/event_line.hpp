#pragma once
// What has happened, as a line of the log and as a line of JSON.

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kmux::daemon {

/// NAME=VALUE of an event. "kernel" and "owner" say whose it is, wherever they stand.
class event_member {
public:
  event_member(std::string_view name, std::string_view word) : name_(name), value_(word) {}
  event_member(std::string_view name, std::integral auto number)
      : name_(name), value_(std::to_string(number)), how_(kind::number) {}
  /// What may have blanks in it: stands in quotation marks in the log.
  static event_member text(std::string_view name, std::string_view value) {
    return {name, value, kind::text};
  }
  /// For the stream alone.
  static event_member unlogged(std::string_view name, std::string_view value) {
    return {name, value, kind::unlogged};
  }

  const std::string& name() const noexcept { return name_; }
  const std::string& value() const noexcept { return value_; }
  std::string json() const;
  /// Nothing where it is not logged, else with a blank before it; never a line end.
  std::string logged() const;

private:
  enum class kind : std::uint8_t { word, number, text, unlogged };
  event_member(std::string_view name, std::string_view value, kind how)
      : name_(name), value_(value), how_(how) {}

  std::string name_, value_;
  kind how_ = kind::word;
};

using event_members = std::vector<event_member>;

/// An event of the stream. Whoever counts in JavaScript can count these numbers.
struct stored_event {
  static constexpr std::uint64_t most_number = (std::uint64_t{1} << 53) - 1;

  std::uint64_t number = 0;
  std::string name, owner, kernel;  ///< the last two are empty where it is the daemon's own
  std::string line;                 ///< JSON, without a line end
};

/// "event=NAME kernel=ID cause=\"…\"".
std::string event_text(std::string_view name, const event_members&);

/// `time` in microseconds since 1970. What is longer than 1 KiB is cut.
stored_event make_event(std::uint64_t number, std::int64_t time, std::string_view name,
                        const event_members&);

/// The number of a line that make_event() wrote, without a look at the rest; 0: it is none.
std::uint64_t number_of_event(std::string_view line) noexcept;
/// Nothing where it is no event: what is on a disk is not trusted.
std::optional<stored_event> parse_event(std::string_view line);

/// Of events that are not kept any more: {"event": "events_dropped", "first": 1, "last": 7}.
std::string dropped_line(std::uint64_t first, std::uint64_t last);

/// A name of an event: small letters and "_".
bool is_event_name(std::string_view) noexcept;

}  // namespace kmux::daemon
