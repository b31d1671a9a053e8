#pragma once
// A look into a header without building a document.

#include <string>
#include <string_view>

#include "protocol/error.hpp"

namespace kmux {

/// The fields of a header that routing needs; absent ones are empty. Reuse one object: its strings
/// keep their capacity, so that peeking does not allocate.
struct header {
  std::string msg_id;
  std::string msg_type;
  std::string session;
  std::string subshell_id;
  std::string username;

  void clear() noexcept;
};

/// Reads those members of a JSON object, stops early once it has msg_id, msg_type, session and
/// username, and never recurses. Strings are decoded (escapes, UTF-16 surrogates).
/// `{}` is fine and leaves all empty (a parent_header may be so).
/// errc::bad_json, not_an_object, bad_field (not a string; null counts as absent), bad_utf8.
errc peek_header(std::string_view json, header& out);

/// `execution_state` of a status message's content; empty if there is none.
std::string peek_execution_state(std::string_view content);

/// A header of our own, as JSON: date = now in UTC with six fractional digits, given by the caller
/// (this folder has no clock), version 5.5.
struct header_fields {
  std::string_view msg_id, session, username, date, msg_type;
};
std::string make_header(const header_fields&);

}  // namespace kmux
