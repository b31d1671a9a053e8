#include "daemon/cli/http_reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace kmux::cli {

namespace {

constexpr std::size_t longest_head = 64 << 10;
constexpr std::size_t piece_bytes = 64 << 10;

failure not_http(std::string_view what) {
  return {exit_code::failed, "That is no answer of a kmuxd: " + std::string(what) + "."};
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

outcome<void> http_reader::more(clock::time_point until) {
  const std::size_t had = buffer_.size();
  buffer_.resize(had + piece_bytes);
  const auto n = from_.read({buffer_.data() + had, piece_bytes}, until);
  buffer_.resize(had + (n ? *n : 0));
  if (!n) return n.error();
  if (*n == 0) {
    return failure{exit_code::failed, "kmuxd at " + from_.name() + " ended the connection.",
                   "kmux status"};
  }
  return {};
}

outcome<std::string> http_reader::line(clock::time_point until) {
  for (;;) {
    if (const auto end = buffer_.find("\r\n"); end != std::string::npos) {
      std::string out = buffer_.substr(0, end);
      buffer_.erase(0, end + 2);
      return out;
    }
    if (buffer_.size() > longest_head) return not_http("its head is too long");
    if (const auto read = more(until); !read) return read.error();
  }
}

outcome<int> http_reader::head(clock::time_point until) {
  const auto first = line(until);
  if (!first) return first.error();
  int status = 0;
  if (!first->starts_with("HTTP/1.") || first->size() < 12 ||
      std::from_chars(first->data() + 9, first->data() + 12, status).ec != std::errc()) {
    return not_http("it does not begin as HTTP does");
  }
  for (;;) {
    auto next = line(until);
    if (!next) return next.error();
    if (next->empty()) break;
    const auto colon = std::min(next->find(':'), next->size());
    std::transform(next->begin(), next->begin() + static_cast<std::ptrdiff_t>(colon), next->begin(),
                   lower);
    if (head_.size() > longest_head) return not_http("its head is too long");
    head_ += "\n" + *next;
  }
  if (const auto coding = header("transfer-encoding"); coding && *coding == "chunked") {
    how_ = framing::chunks;
  } else if (const auto length = header("content-length")) {
    how_ = framing::length;
    if (std::from_chars(length->data(), length->data() + length->size(), left_).ec != std::errc()) {
      return not_http("its Content-Length is no number");
    }
  }
  if (status == 204 || status == 304) {
    how_ = framing::length;
    left_ = 0;
  }
  return status;
}

std::optional<std::string_view> http_reader::header(std::string_view name) const {
  const auto at = head_.find("\n" + std::string(name) + ":");
  if (at == std::string::npos) return std::nullopt;
  std::string_view value = std::string_view(head_).substr(at + name.size() + 2);
  value = value.substr(0, value.find('\n'));
  while (value.starts_with(' '))
    value.remove_prefix(1);
  return value;
}

outcome<std::string> http_reader::take(std::size_t most, clock::time_point until) {
  if (buffer_.empty()) {
    if (const auto read = more(until); !read) return read.error();
  }
  std::string out = buffer_.substr(0, most);
  buffer_.erase(0, out.size());
  return out;
}

/// RFC 9112, section 7.1: the chunk's size stands before it, and an empty line behind it.
outcome<void> http_reader::next_chunk(clock::time_point until) {
  if (!std::exchange(first_chunk_, false)) {
    if (const auto end = line(until); !end) return end.error();
  }
  const auto size = line(until);
  if (!size) return size.error();
  if (std::from_chars(size->data(), size->data() + size->size(), left_, 16).ec != std::errc()) {
    return not_http("a chunk has no size");
  }
  return {};
}

outcome<std::string> http_reader::piece(const std::function<clock::time_point()>& until) {
  if (ended_) return std::string();
  if (how_ == framing::to_end) {
    std::array<char, piece_bytes> bytes{};
    if (!buffer_.empty()) return std::exchange(buffer_, {});
    const auto n = from_.read(bytes, until());
    if (!n) return n.error();
    return std::string(bytes.data(), *n);
  }
  if (how_ == framing::chunks && left_ == 0) {
    if (const auto read = next_chunk(until()); !read) return read.error();
  }
  if (left_ == 0) {
    ended_ = true;
    return std::string();
  }
  auto out = take(left_, until());
  if (out) left_ -= out->size();
  return out;
}

}  // namespace kmux::cli
