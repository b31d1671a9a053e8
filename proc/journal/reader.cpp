#include "proc/journal/reader.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

#include "protocol/error.hpp"

namespace kmux::journal {

namespace {

// Who puts many false beginnings into a journal makes it slow to read, but not for ever.
constexpr int most_tries = 1000;
constexpr int most_broken = 100'000;                       ///< in a segment
constexpr std::uint64_t no_more = std::uint64_t{1} << 62;  ///< beyond every file's end
constexpr std::size_t cost_of_segment = 64;  ///< of seeing one in a list, in bytes read
constexpr int most_empty = 32;               ///< segments in a row without a record, at a time

std::uint64_t size_of_file(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

}  // namespace

reader::reader(std::string directory, std::uint64_t after, settings s)
    : path_(std::move(directory)), settings_(s), after_(after) {
}

reader::reader(int directory, std::uint64_t after)
    : after_(after), directory_(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
}

bool reader::next(stored_record& out) {
  refused_ = paused_ = false;
  int empty = 0;
  if (!directory_) directory_ = open_directory(path_);
  if (!directory_) return refuse(errno);
  for (;;) {
    while (segment_ && next_in_segment(out)) {
      if (out.is_numbered()) {
        if (out.number <= after_) continue;
        after_ = out.number;
      } else if (out.number < after_) {
        continue;
      }
      return true;
    }
    paused_ = paused_ || ++empty > most_empty;
    if (paused_ || !next_segment()) return false;
  }
}

/// False, and paused, where that is more than may be read.
bool reader::spend(std::size_t bytes) {
  if (patience_ == no_end) return true;
  paused_ = bytes > patience_;
  if (!paused_) patience_ -= bytes;
  return !paused_;
}

bool reader::next_in_segment(stored_record& out) {
  for (;;) {
    std::size_t size = record_head;
    const std::string_view bytes =
        chunk_ ? std::string_view(*chunk_).substr(at_) : std::string_view();
    switch (bytes.empty() ? decoded::partial : decode_record(bytes, out, size)) {
      case decoded::whole:
        at_ += size;
        if (size > settings_.most_record) continue;
        out.keep = chunk_;
        return true;
      case decoded::partial:
        if (size > settings_.most_record ? skip(size) : fill(size)) continue;
        if (paused_) return false;
        // The end of the file, for now: or a length that is a lie, with whole records behind it.
        if (const std::size_t found = find_whole(bytes); found < bytes.size()) {
          at_ += found;
          continue;
        }
        return false;
      case decoded::broken:
        // What it claimed to be was read, and its checksum made.
        damage_ += std::min(size, bytes.size());
        if (++broken_ > most_broken || damage_ > most_damage) return give_up();
        size = std::max<std::size_t>(1, find_record(bytes, 1));
        damage_ += size;
        at_ += size;
        continue;
    }
  }
}

/// The rest of the segment is not read any more; always false for next()'s sake.
bool reader::give_up() {
  chunk_.reset();
  at_ = 0;
  offset_ = no_more;
  return false;
}

/// Where the next whole record begins; bytes.size() where there is none.
std::size_t reader::find_whole(std::string_view bytes) const {
  record r;
  std::size_t ignored = 0, found = 0;
  for (int i = 0; i < most_tries && found < bytes.size(); ++i) {
    found = find_record(bytes, found + 1);
    if (decode_record(bytes.substr(found), r, ignored) == decoded::whole) return found;
  }
  return bytes.size();
}

/// Reads on until there are `wanted` bytes, or the file ends.
bool reader::fill(std::size_t wanted) {
  const std::size_t left = chunk_ ? chunk_->size() - at_ : 0;
  const std::uint64_t size = size_of_file(segment_.get());
  if (size <= offset_) return false;
  // What was given out still points into the old chunk.
  auto next = std::make_shared<std::string>();
  const std::size_t room =
      std::min<std::uint64_t>(std::max(wanted, settings_.chunk), left + size - offset_);
  if (!spend(room - left)) return false;
  next->resize(room);
  if (left > 0) std::copy_n(chunk_->data() + at_, left, next->data());
  std::size_t have = left;
  while (have < room) {
    const ssize_t n =
        ::pread(segment_.get(), next->data() + have, room - have, static_cast<off_t>(offset_));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    have += static_cast<std::size_t>(n);
    offset_ += static_cast<std::uint64_t>(n);
  }
  next->resize(have);
  const bool more = have > left;
  if (more) {
    chunk_ = std::move(next);
    at_ = 0;
  }
  return more;
}

/// Over a record that is too long, if it is one: there must be another behind it, or the end.
bool reader::skip(std::size_t size) {
  const std::uint64_t next = offset_ - (chunk_->size() - at_) + size;
  const std::uint64_t end = size_of_file(segment_.get());
  char magic[4];
  const bool whole =
      next == end || (::pread(segment_.get(), magic, sizeof magic, static_cast<off_t>(next)) ==
                          static_cast<ssize_t>(sizeof magic) &&
                      is_record_magic({magic, sizeof magic}));
  if (next > end || !whole) return false;
  offset_ = next;
  chunk_.reset();
  at_ = 0;
  return true;
}

/// Notes whether it was for want of something that others hold; always false for next()'s sake.
bool reader::refuse(int number) {
  refused_ = errc_of(number) == errc::exhausted;
  return false;
}

bool reader::open_segment(std::uint64_t first) {
  unique_fd opened(::openat(directory_.get(), segment_name(first).c_str(),
                            O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!opened) refuse(errno);
  if (refused_) return false;  // and look for it again
  char head[segment_head] = {};
  const ssize_t n = opened ? ::pread(opened.get(), head, sizeof head, 0) : -1;
  // The newest may just have been made, and its head not been written: it is looked for again.
  const bool whole = n == static_cast<ssize_t>(sizeof head);
  if (n >= 0 && !whole && first == listed_.back().first) return false;
  segment_ = std::move(opened);
  chunk_.reset();
  at_ = 0;
  broken_ = 0;
  offset_ = segment_head;
  segment_first_ = first;
  begun_ = true;
  if (!segment_) return false;
  if (whole && read_segment_head({head, sizeof head})) return true;
  // Not ours, of a later version, or never begun: nothing in it can be read.
  offset_ = no_more;
  return true;
}

/// In `listed_`; 0 where there is none.
std::uint64_t reader::next_listed() const {
  std::uint64_t found = 0;
  for (const auto& each : listed_) {
    if (begun_ && each.first > segment_first_) return each.first;
    if (!begun_ && (found == 0 || each.first <= after_ + 1)) found = each.first;
  }
  return found;
}

/// The next one that is there. The current one is at its end, which is final only once there is a
/// next one: what was written between the last look and that is read first.
bool reader::next_segment() {
  std::uint64_t wanted = next_listed();
  const bool fresh = wanted == 0;
  if (fresh) {
    errno = 0;
    listed_ = list_segments(directory_.get(), listing::numbers);
    if (listed_.empty()) refuse(errno);
    if (!spend(listed_.size() * cost_of_segment)) return false;
    wanted = next_listed();
  }
  if (begun_ && wanted != 0 && segment_ && fill(record_head)) return true;
  if (paused_ || wanted == 0) return false;
  if (open_segment(wanted)) return true;
  // The oldest go while we read, also between the list and the file: those behind it are there.
  const bool gone = begun_ && segment_first_ == wanted;
  if (refused_ || (fresh && !gone)) return false;
  listed_.clear();
  return next_segment();
}

std::uint64_t last_number(int directory, std::size_t patience) {
  const auto all = list_segments(directory, listing::numbers);
  if (all.empty()) return 0;
  const std::uint64_t least = all.back().first - 1;
  // The last may have nothing in it yet, or be damaged.
  int looked_at = 0;
  for (auto each = all.rbegin(); each != all.rend() && ++looked_at <= most_empty; ++each) {
    reader from(directory, each->first - 1);
    from.set_patience(patience);
    stored_record r;
    std::uint64_t last = 0;
    while (from.next(r))
      last = std::max(last, r.number);
    if (last != 0 || from.paused()) return std::max(last, least);
    patience = from.patience();
  }
  return least;
}

}  // namespace kmux::journal
