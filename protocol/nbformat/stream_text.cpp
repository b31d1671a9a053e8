#include "protocol/nbformat/stream_text.hpp"

#include <algorithm>

namespace kmux {

namespace {

/// Length of the sequence that begins with this byte.
std::size_t length_from(char first) noexcept {
  const auto byte = static_cast<unsigned char>(first);
  if (byte < 0xc0) return 1;
  if (byte < 0xe0) return 2;
  return byte < 0xf0 ? 3 : 4;
}

constexpr bool is_control(char c) noexcept {
  return c == '\n' || c == '\r' || c == '\b';
}

constexpr bool continues(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

}  // namespace

bool stream_text::append(std::string_view text, std::size_t most) {
  while (!text.empty()) {
    const auto* const end = std::find_if(text.begin(), text.end(), is_control);
    const auto run = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    if (!write(run, most)) return false;
    text.remove_prefix(run.size());
    if (text.empty()) break;
    const char control = text.front();
    text.remove_prefix(1);
    if (control == '\n') {
      if (size() >= most) return false;
      end_line();
    } else if (control == '\r') {
      after_.append(before_.rbegin(), before_.rend());
      before_.clear();
    } else {
      erase();
    }
  }
  return true;
}

bool stream_text::write(std::string_view run, std::size_t most) {
  if (after_.empty() && size() + run.size() <= most) {
    before_ += run;
    return true;
  }
  // The last byte of after_ is the first of the code point under the cursor.
  while (!run.empty()) {
    const auto one = run.substr(0, length_from(run.front()));
    const std::size_t under = after_.empty() ? 0 : length_from(after_.back());
    if (size() - under + one.size() > most) return false;
    after_.resize(after_.size() - under);
    before_ += one;
    run.remove_prefix(one.size());
  }
  return true;
}

void stream_text::end_line() {
  lines_ += before_;
  lines_.append(after_.rbegin(), after_.rend());
  lines_ += '\n';
  before_.clear();
  after_.clear();
}

void stream_text::erase() {
  if (before_.empty()) return;
  while (continues(before_.back()))
    before_.pop_back();
  before_.pop_back();
  if (!after_.empty()) after_.resize(after_.size() - length_from(after_.back()));
}

std::string stream_text::str() const {
  std::string out = lines_ + before_;
  out.append(after_.rbegin(), after_.rend());
  return out;
}

}  // namespace kmux
