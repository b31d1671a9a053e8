#include "protocol/zmtp.hpp"

#include <cstring>

namespace kmux {

namespace {

using namespace std::string_view_literals;

constexpr std::size_t greeting_size = 64;
constexpr std::string_view null_mechanism = "NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv;
constexpr std::size_t most_command = 4096;  ///< bytes of READY: names and short values
/// From here on a frame has memory of its own, which the socket is read into.
constexpr std::size_t large_frame = 64 << 10;

constexpr std::size_t usual_frames = 8, usual_bytes = 1000;  ///< of a message

constexpr unsigned char flag_more = 1, flag_long = 2, flag_command = 4;

void append_property(std::string& out, std::string_view name, std::string_view value) {
  out += static_cast<char>(name.size());
  out += name;
  for (const int shift : {24, 16, 8, 0})
    out += static_cast<char>(value.size() >> shift);
  out += value;
}

std::uint64_t big_endian(std::string_view bytes) noexcept {
  std::uint64_t value = 0;
  for (const char c : bytes)
    value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

/// False where the list of properties is malformed. `value` stays as it is where there is no
/// `name`.
bool find_property(std::string_view list, std::string_view name, std::string_view& value) {
  while (!list.empty()) {
    const std::size_t name_size = static_cast<unsigned char>(list.front());
    if (name_size == 0 || list.size() < 1 + name_size + 4) return false;
    const auto key = list.substr(1, name_size);
    const auto size = big_endian(list.substr(1 + name_size, 4));
    list.remove_prefix(1 + name_size + 4);
    if (size > list.size()) return false;
    if (key == name) value = list.substr(0, size);
    list.remove_prefix(size);
  }
  return true;
}

}  // namespace

std::string zmtp_opening(zmtp_role role, std::string_view routing_id) {
  std::string out("\xff\0\0\0\0\0\0\0\x01\x7f\x03\0"sv);  // signature, and version 3.0
  out += null_mechanism;
  out.resize(greeting_size, '\0');  // as-server 0, and filler
  std::string command = "\x05READY";
  append_property(command, "Socket-Type", role == zmtp_role::dealer ? "DEALER" : "SUB");
  if (role == zmtp_role::dealer) append_property(command, "Identity", routing_id);
  out += static_cast<char>(flag_command);
  out += static_cast<char>(command.size());
  return out + command;
}

std::string_view zmtp_subscription() noexcept {
  return "\0\x01\x01"sv;  // a frame of one byte: subscribe, to the empty prefix
}

std::size_t write_zmtp_head(std::span<char, longest_zmtp_head> out, std::size_t size, bool more) {
  const bool is_long = size > 255;
  out[0] = static_cast<char>((more ? flag_more : 0) | (is_long ? flag_long : 0));
  if (!is_long) {
    out[1] = static_cast<char>(size);
    return 2;
  }
  for (std::size_t i = 0; i < 8; ++i)
    out[1 + i] = static_cast<char>(size >> (56 - 8 * i));
  return longest_zmtp_head;
}

bool zmtp_reader::fail(std::string_view why) noexcept {
  problem_ = why;
  return false;
}

zmtp_reader::event zmtp_reader::read(std::string_view& input) {
  while (problem_.empty()) {
    if (phase_ == phase::greeting) {
      if (!collect_greeting(input)) return event::starved;
      judge_greeting();
      continue;
    }
    if (!in_body_) {
      if (!collect_head(input)) return event::starved;
      if (!begin_frame()) break;
    }
    collect_body(input);
    if (left_ > 0) return event::starved;
    in_body_ = false;
    if (phase_ == phase::handshake) {
      if (judge_ready()) return event::ready;
    } else if (body_ != body::command && !more_) {
      return end_message();
    }
  }
  return event::broken;
}

bool zmtp_reader::collect_greeting(std::string_view& input) {
  const auto part = input.substr(0, greeting_size - opening_.size());
  opening_ += part;
  input.remove_prefix(part.size());
  return opening_.size() == greeting_size;
}

bool zmtp_reader::judge_greeting() {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(opening_[i]); };
  if (byte(0) != 0xff || (byte(9) & 1) == 0 || byte(10) < 3) return fail("no ZMTP 3 peer");
  if (!std::string_view(opening_).substr(12).starts_with(null_mechanism)) {
    return fail("a peer that wants another security mechanism than NULL");
  }
  opening_.clear();
  phase_ = phase::handshake;
  return true;
}

bool zmtp_reader::judge_ready() {
  constexpr std::string_view ready = "\x05READY";
  std::string_view type;
  if (!opening_.starts_with(ready)) return fail("a peer that says something else than READY");
  if (!find_property(std::string_view(opening_).substr(ready.size()), "Socket-Type", type)) {
    return fail("a malformed READY");
  }
  const bool fits = role_ == zmtp_role::sub ? type == "PUB" || type == "XPUB"
                                            : type == "ROUTER" || type == "REP" || type == "DEALER";
  if (!fits) return fail("a peer of a socket type that does not fit");
  opening_ = {};
  phase_ = phase::traffic;
  return true;
}

/// False where the head is not complete yet.
bool zmtp_reader::collect_head(std::string_view& input) {
  while (true) {
    const bool is_long = head_size_ > 0 && (head_[0] & flag_long) != 0;
    const std::size_t wanted = head_size_ == 0 ? 1 : is_long ? longest_zmtp_head : 2;
    if (head_size_ == wanted) return true;
    if (input.empty()) return false;
    head_[head_size_++] = input.front();
    input.remove_prefix(1);
  }
}

/// The head is complete.
bool zmtp_reader::begin_frame() {
  const auto flags = static_cast<unsigned char>(head_[0]);
  left_ = big_endian({head_.data() + 1, head_size_ - 1});
  head_size_ = 0;
  in_body_ = true;
  const bool is_command = (flags & flag_command) != 0;
  if (flags > (flag_more | flag_long | flag_command)) return fail("a frame with unknown flags");
  if (is_command) {
    if ((flags & flag_more) != 0) return fail("a command in parts");
    if (left_ > most_command) return fail("a command that is too long");
    body_ = body::command;
    return true;
  }
  if (phase_ == phase::handshake) return fail("a peer that sends messages before READY");
  more_ = (flags & flag_more) != 0;
  if (!skipping_) begin_stored(left_);
  body_ = skipping_ ? body::skipped : body::stored;
  return true;
}

void zmtp_reader::begin_stored(std::size_t size) {
  // In this order: a size near 2^64 must not wrap around.
  if (size > limits_.max_bytes - message_bytes_ || message_.size() == limits_.max_frames) {
    skipping_ = true;
    message_ = {};
    return;
  }
  message_bytes_ += size;
  if (message_.frames_.empty()) {
    message_.frames_.reserve(usual_frames);
    message_.small_.reserve(usual_bytes);
  }
  message_.frames_.push_back({message_.small_.size(), size, nullptr});
  if (size >= large_frame) {
    message_.frames_.back().large = std::make_unique_for_overwrite<char[]>(size);
  }
}

void zmtp_reader::collect_body(std::string_view& input) {
  const auto part = input.substr(0, left_);
  if (body_ == body::stored) {
    if (const auto into = space(); !into.empty()) {
      std::memcpy(into.data(), part.data(), part.size());
    } else {
      message_.small_ += part;
    }
  } else if (phase_ == phase::handshake) {
    opening_ += part;
  }  // else a command that nobody has agreed upon, such as PING, or a message beyond the limits
  left_ -= part.size();
  input.remove_prefix(part.size());
}

std::span<char> zmtp_reader::space() noexcept {
  if (!in_body_ || body_ != body::stored || left_ == 0) return {};
  const auto& frame = message_.frames_.back();
  if (!frame.large) return {};
  return {frame.large.get() + (frame.size - left_), static_cast<std::size_t>(left_)};
}

zmtp_reader::event zmtp_reader::end_message() {
  message_bytes_ = 0;
  return std::exchange(skipping_, false) ? event::dropped : event::message;
}

}  // namespace kmux
