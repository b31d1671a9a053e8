#pragma once
// A journal's bytes: segments of records. Pure: no files, no clock.
//
// A segment is the 16 bytes of segment_magic and its first number (little endian, like everything
// here), then records, each with the next number:
//
//   u32 magic   u32 size        of everything after the checksum
//   u64 checksum                XXH3 of everything after it
//   u64 number  i64 time        microseconds since 1970
//   u8 kind     u8 0   u16 count of frames    u32 0
//   u32 length of each frame    the frames
//
// Whatever the end of a file looks like after a crash, a record is there whole or not at all. After
// damage the magic finds the next one, whose number says how many are missing.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/message.hpp"

namespace kmux::journal {

/// What a record is. The first four are messages of the kernel's, by their channel, and are what is
/// numbered. A note has the number of the message before it.
enum class kind : std::uint8_t {
  shell = 0,
  control = 1,
  stdin_ = 2,
  iopub = 3,
  request = 16,  ///< a note: a client's request that the kernel has taken
  reply = 17,    ///< a note: said on a channel to a client that is no kmuxd
};

constexpr kind kind_of(channel c) noexcept {
  return static_cast<kind>(c);
}
constexpr bool is_message(kind k) noexcept {
  return k <= kind::iopub;
}
/// Of a message.
constexpr channel channel_of(kind k) noexcept {
  return static_cast<channel>(k);
}

struct record {
  std::uint64_t number = 0;
  std::int64_t time = 0;  ///< microseconds since 1970, UTC
  kind what = kind::iopub;
  std::vector<std::string_view> frames;  ///< header, parent_header, metadata, content, buffers

  bool is_numbered() const noexcept { return is_message(what); }
  /// The four dictionaries and the buffers. False where there are fewer than four frames.
  bool message(message_view& out) const;
};

inline constexpr std::string_view segment_magic = "kmuxjnl1";  ///< the last is the version
inline constexpr std::size_t segment_head = 16;
inline constexpr std::size_t record_head = 40;
inline constexpr std::size_t most_frames = 4096 + 4;
inline constexpr std::size_t most_record = std::size_t{1} << 30;  ///< bytes

std::string make_segment_head(std::uint64_t first);
/// The first number; nothing where that is no segment of this version.
std::optional<std::uint64_t> read_segment_head(std::string_view bytes);

/// False, and nothing is appended, where there are too many frames, or they are too long.
bool append_record(std::string& out, const record&);
/// The same for large ones: everything but the frames, which follow it as they are.
std::optional<std::string> make_record_head(const record&);

enum class decoded {
  whole,
  partial,  ///< the bytes end before the record does; `size` says how many it needs, if it is one
  broken,   ///< no record starts here
};
/// The record at the beginning of `bytes`; its frames are views into them. `size`: its length.
decoded decode_record(std::string_view bytes, record& out, std::size_t& size);

/// Whether these are the first four bytes of a record.
bool is_record_magic(std::string_view bytes) noexcept;

/// Where the next record may begin, at `from` or after it; bytes.size() where none does. Up to
/// three bytes of a magic at the end count as one.
std::size_t find_record(std::string_view bytes, std::size_t from);

}  // namespace kmux::journal
