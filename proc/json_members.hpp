#pragma once
// For .cpp files only: reads an object's members into a struct, keeping the first error.

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/error.hpp"
#include "protocol/json_document.hpp"
#include "protocol/kernelspec.hpp"

namespace kmux {

/// Absent (or null) members leave their target alone, unless `required`. Unknown members are never
/// looked at. Strings with a zero byte are refused: they become paths, arguments and environment.
class json_members {
public:
  static constexpr bool required = true;

  /// `what` names the text in errors: "RUNTIME/…/record.json", "the launch spec".
  json_members(const json::value& object, std::string_view what) : object_(object), what_(what) {}

  void read(std::string_view name, std::string& to, bool must = false);
  void read(std::string_view name, bool& to);
  void read(std::string_view name, std::vector<std::string>& to);
  void read(std::string_view name, environment& to);

  template <class Integer>
  void read_number(std::string_view name, Integer& to, bool must = false) {
    std::uint64_t magnitude = 0;
    bool negative = false;
    if (!number(name, must, magnitude, negative)) return;
    constexpr auto max = static_cast<std::uint64_t>(std::numeric_limits<Integer>::max());
    if (magnitude > max || (negative && !std::numeric_limits<Integer>::is_signed)) {
      return fail(errc::bad_field, name, "is out of range");
    }
    to = negative ? static_cast<Integer>(-static_cast<std::int64_t>(magnitude))
                  : static_cast<Integer>(magnitude);
  }

  void fail(errc, std::string_view name, std::string_view problem);
  bool ok() const noexcept { return first_.code == errc::ok; }
  const error& first_error() const noexcept { return first_; }

private:
  const json::value* member(std::string_view name, bool must);
  bool number(std::string_view name, bool must, std::uint64_t& magnitude, bool& negative);

  const json::value& object_;
  std::string_view what_;
  error first_;
};

namespace json {
void write(writer&, std::string_view text);
void write(writer&, std::string_view name, std::string_view text);
void write(writer&, std::string_view name, const environment&);
void write(writer&, std::string_view name, const std::vector<std::string>&);
}  // namespace json

}  // namespace kmux
