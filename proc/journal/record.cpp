#include "proc/journal/record.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace kmux::journal {

static_assert(std::endian::native == std::endian::little, "the journal is little endian");

namespace {

constexpr std::string_view record_magic = "\xb1kmr";
constexpr std::size_t checked_from = 16;  ///< what is before is magic, size, checksum

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
T get(std::string_view bytes, std::size_t at) {
  T out;
  std::memcpy(&out, bytes.data() + at, sizeof out);
  return out;
}

/// Of the whole record.
std::optional<std::size_t> size_of(const record& r) {
  std::size_t size = record_head + r.frames.size() * sizeof(std::uint32_t);
  for (const auto frame : r.frames)
    size += frame.size();
  if (r.frames.size() > most_frames || size > most_record) return std::nullopt;
  return size;
}

void put_head(std::string& out, const record& r, std::size_t size) {
  out += record_magic;
  put(out, static_cast<std::uint32_t>(size - checked_from));
  put(out, std::uint64_t{0});
  put(out, r.number);
  put(out, r.time);
  put(out, static_cast<std::uint8_t>(r.what));
  put(out, std::uint8_t{0});
  put(out, static_cast<std::uint16_t>(r.frames.size()));
  put(out, std::uint32_t{0});
  for (const auto frame : r.frames)
    put(out, static_cast<std::uint32_t>(frame.size()));
}

void set_checksum(char* record, std::uint64_t sum) {
  std::memcpy(record + 8, &sum, sizeof sum);
}

}  // namespace

bool record::message(message_view& out) const {
  if (frames.size() < 4) return false;
  out.header = frames[0];
  out.parent_header = frames[1];
  out.metadata = frames[2];
  out.content = frames[3];
  out.buffers.assign(frames.begin() + 4, frames.end());
  return true;
}

std::string make_segment_head(std::uint64_t first) {
  std::string out(segment_magic);
  put(out, first);
  return out;
}

std::optional<std::uint64_t> read_segment_head(std::string_view bytes) {
  if (bytes.size() < segment_head || !bytes.starts_with(segment_magic)) return std::nullopt;
  return get<std::uint64_t>(bytes, segment_magic.size());
}

bool append_record(std::string& out, const record& r) {
  const auto size = size_of(r);
  if (!size) return false;
  const std::size_t begin = out.size();
  put_head(out, r, *size);
  for (const auto frame : r.frames)
    out += frame;
  set_checksum(out.data() + begin,
               XXH3_64bits(out.data() + begin + checked_from, *size - checked_from));
  return true;
}

std::optional<std::string> make_record_head(const record& r) {
  const auto size = size_of(r);
  if (!size) return std::nullopt;
  std::string out;
  put_head(out, r, *size);
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  XXH3_64bits_update(&state, out.data() + checked_from, out.size() - checked_from);
  for (const auto frame : r.frames)
    XXH3_64bits_update(&state, frame.data(), frame.size());
  set_checksum(out.data(), XXH3_64bits_digest(&state));
  return out;
}

decoded decode_record(std::string_view bytes, record& out, std::size_t& size) {
  size = record_head;
  if (!bytes.starts_with(record_magic.substr(0, bytes.size()))) return decoded::broken;
  if (bytes.size() < record_head) return decoded::partial;
  const std::size_t rest = get<std::uint32_t>(bytes, 4);
  const std::size_t count = get<std::uint16_t>(bytes, 34);
  if (rest > most_record || count > most_frames) return decoded::broken;
  const std::size_t lengths = count * sizeof(std::uint32_t);
  if (rest < record_head - checked_from + lengths) return decoded::broken;
  size = checked_from + rest;
  if (bytes.size() < size) return decoded::partial;
  if (XXH3_64bits(bytes.data() + checked_from, rest) != get<std::uint64_t>(bytes, 8)) {
    return decoded::broken;
  }
  out.number = get<std::uint64_t>(bytes, 16);
  out.time = get<std::int64_t>(bytes, 24);
  out.what = static_cast<kind>(bytes[32]);
  out.frames.clear();
  std::size_t at = record_head + lengths;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t length = get<std::uint32_t>(bytes, record_head + i * sizeof(std::uint32_t));
    if (length > size - at) return decoded::broken;
    out.frames.push_back(bytes.substr(at, length));
    at += length;
  }
  return at == size ? decoded::whole : decoded::broken;
}

bool is_record_magic(std::string_view bytes) noexcept {
  return bytes == record_magic;
}

std::size_t find_record(std::string_view bytes, std::size_t from) {
  const std::size_t found = bytes.find(record_magic, std::min(from, bytes.size()));
  if (found != std::string_view::npos) return found;
  std::size_t at =
      bytes.size() - std::min(bytes.size() - std::min(from, bytes.size()), record_magic.size() - 1);
  while (at < bytes.size() && !record_magic.starts_with(bytes.substr(at)))
    ++at;
  return at;
}

}  // namespace kmux::journal
