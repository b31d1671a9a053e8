#include "daemon/cli/journal_lines.hpp"

#include <thread>
#include <unistd.h>

#include <fmt/format.h>

#include "daemon/cli/json_members.hpp"
#include "daemon/http/text.hpp"
#include "daemon/journal/message_lines.hpp"
#include "proc/journal/reader.hpp"
#include "proc/log_tail.hpp"

namespace kmux::cli {

namespace {

using namespace std::chrono_literals;

constexpr auto idle = 60s;          ///< kmuxd sends an empty line each 15 s
constexpr auto look_pause = 200ms;  ///< between two looks at a file

failure cannot_read(const std::string& path) {
  return {exit_code::refused, path + " cannot be read: only its owner and root may.",
          "kmux as kmuxd's own user, or root"};
}

}  // namespace

outcome<void> stream_lines(const session& s, const std::string& path,
                           const std::function<bool(std::string_view)>& take) {
  line_cutter lines(take);
  const auto got = s.daemon.stream(
      path, [&](std::string_view piece) { return lines.add(piece); }, idle);
  if (!got) return got.error();
  if (got->ok()) return {};
  return failure_of(*got);
}

bool line_cutter::add(std::string_view piece) {
  for (;;) {
    const auto end = piece.find('\n');
    if (end == std::string_view::npos) break;
    partial_ += piece.substr(0, end);
    piece.remove_prefix(end + 1);
    const auto line = std::exchange(partial_, {});
    if (!line.empty() && !take_(line)) return false;
  }
  partial_ += piece;
  return true;
}

outcome<void> each_message(const session& s, const kernel_view& kernel, bool live,
                           const message_query& query,
                           const std::function<bool(std::string_view)>& take) {
  if (live) {
    std::string path =
        fmt::format("api/kernels/{}/messages?follow={}", kernel.id, query.follow ? "1" : "0");
    for (const auto& [name, value] :
         {std::pair{"parent", query.parent}, {"type", query.type}, {"channel", query.channel}}) {
      if (!value.empty()) path += fmt::format("&{}={}", name, daemon::percent_encode(value));
    }
    return stream_lines(s, path, take);
  }
  const auto directory = journal_of(s, kernel.id);
  if (::access(directory.c_str(), R_OK | X_OK) != 0) return cannot_read(directory);
  journal::reader from(directory, 0);
  daemon::message_lines lines({0, query.parent, query.type, query.channel});
  for (;;) {
    journal::stored_record r;
    if (from.next(r)) {
      auto line = lines.line(r);
      if (line.empty()) continue;
      line.pop_back();
      if (!take(line)) return {};
    } else if (query.follow || from.refused()) {
      std::this_thread::sleep_for(look_pause);
    } else {
      return {};
    }
  }
}

outcome<void> each_log_piece(const session& s, const kernel_view& kernel, bool live, bool follow,
                             const std::function<bool(std::string_view)>& take) {
  if (live) {
    return stream_lines(s, fmt::format("api/kernels/{}/stdio?follow={}", kernel.id, follow ? 1 : 0),
                        [&](std::string_view line) {
                          const auto piece = json::parse_object(line, "a line");
                          return !piece || take(text_at(*piece, "text"));
                        });
  }
  const auto path = stdio_log_of(s, kernel.id);
  if (::access(path.c_str(), F_OK) == 0 && ::access(path.c_str(), R_OK) != 0) {
    return cannot_read(path);
  }
  log_tail log(path, ~std::size_t{0});
  for (;;) {
    const auto piece = log.next();
    if (!piece.empty()) {
      if (!take(piece)) return {};
    } else if (follow) {
      std::this_thread::sleep_for(look_pause);
    } else {
      return {};
    }
  }
}

}  // namespace kmux::cli
