#pragma once
// For .cpp files only: what connection files and registration files have in common.

#include <string>
#include <string_view>

#include "protocol/connection_file.hpp"
#include "protocol/json_document.hpp"

namespace kmux {

/// Reads members of one such file; errors name the file and the member.
class connection_members {
public:
  /// `file` is "connection" or "registration". Both outlive this.
  connection_members(const json::value& object, std::string_view file)
      : object_(object), file_(file) {}

  error bad(std::string_view member, std::string_view should) const;
  error missing(std::string_view member) const;
  bool has(std::string_view member) const { return json::find(object_, member) != nullptr; }

  /// Leaves `out` alone where the member is not there. At most 4096 bytes.
  result<void> text(std::string_view member, std::string& out) const;
  /// A number, or a string of digits (JEP 106); `least` to 65535.
  result<void> port(std::string_view member, int least, int& out) const;
  /// A number, not negative.
  result<void> number(std::string_view member, std::uint64_t& out) const;
  /// Everything of a connection but its ports, checked.
  result<void> connection(connection_info& out) const;

private:
  result<void> journal(std::optional<journal_info>& out) const;

  const json::value& object_;
  std::string_view file_;
};

}  // namespace kmux
