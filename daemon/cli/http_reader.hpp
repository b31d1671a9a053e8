#pragma once
// Reads one HTTP/1.1 response off a connection: its head, then its body in pieces (RFC 9112).

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/cli/connection.hpp"

namespace kmux::cli {

/// What kmuxd sends: a body with Content-Length, in chunks, or up to the end of the connection.
class http_reader {
public:
  explicit http_reader(connection& from) : from_(from) {}

  /// The status code.
  outcome<int> head(clock::time_point until);
  /// The next piece of the body; empty at its end.
  outcome<std::string> piece(const std::function<clock::time_point()>& until);
  /// The value of a header of the head, its name in lower case.
  std::optional<std::string_view> header(std::string_view name) const;
  /// What was read beyond the head, for whom the connection is something else now.
  std::string take_rest() { return std::move(buffer_); }

private:
  outcome<void> more(clock::time_point until);
  outcome<std::string> line(clock::time_point until);
  outcome<std::string> take(std::size_t most, clock::time_point until);
  outcome<void> next_chunk(clock::time_point until);

  enum class framing { length, chunks, to_end };

  connection& from_;
  std::string buffer_, head_;
  framing how_ = framing::to_end;
  std::size_t left_ = 0;  ///< of the body, or of the chunk
  bool first_chunk_ = true, ended_ = false;
};

}  // namespace kmux::cli
