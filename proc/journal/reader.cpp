#include "proc/journal/reader.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

#include "proc/journal/segments.hpp"
#include "protocol/error.hpp"

namespace kmux::journal {

namespace {

// Who puts many false beginnings into a journal makes it slow to read, but not for ever.
constexpr int most_tries = 1000;
constexpr int most_broken = 100'000;  ///< in a segment
constexpr int most_empty = 16;        ///< segments in a row, of which nothing is read

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
  refused_ = false;
  if (!directory_) directory_ = open_directory(path_);
  if (!directory_) return refuse(errno);
  for (int empty = 0; empty < most_empty; ++empty) {
    while (segment_ && next_in_segment(out)) {
      if (out.is_numbered()) {
        if (out.number <= after_) continue;
        after_ = out.number;
      } else if (out.number < after_) {
        continue;
      }
      return true;
    }
    if (!next_segment()) return false;
  }
  return false;  // and go on from here when asked again
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
        // The end of the file, for now: or a length that is a lie, with whole records behind it.
        if (const std::size_t found = find_whole(bytes); found < bytes.size()) {
          at_ += found;
          continue;
        }
        return false;
      case decoded::broken:
        if (++broken_ > most_broken) return false;
        at_ += std::max<std::size_t>(1, find_record(bytes, 1));
        continue;
    }
  }
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
  segment_ = std::move(opened);
  chunk_.reset();
  at_ = 0;
  broken_ = 0;
  offset_ = segment_head;
  segment_first_ = first;
  begun_ = true;
  if (!segment_) return false;
  char head[segment_head];
  const ssize_t n = ::pread(segment_.get(), head, sizeof head, 0);
  if (n == static_cast<ssize_t>(sizeof head) && read_segment_head({head, sizeof head})) return true;
  // Not ours, of a later version, or not begun: nothing in it can be read.
  offset_ = std::uint64_t{1} << 62;
  return true;
}

/// The next one that is there. The current one is at its end, which is final only once there is a
/// next one: what was written between the last look and that is read first.
bool reader::next_segment() {
  errno = 0;
  const auto all = list_segments(directory_.get(), listing::numbers);
  if (all.empty()) refuse(errno);
  std::uint64_t wanted = 0;
  if (!begun_) {
    for (const auto& each : all) {
      if (wanted == 0 || each.first <= after_ + 1) wanted = each.first;
    }
  } else {
    const auto found = std::find_if(all.begin(), all.end(), [this](const segment& each) {
      return each.first > segment_first_;
    });
    if (found != all.end()) wanted = found->first;
    if (wanted != 0 && segment_ && fill(record_head)) return true;
  }
  return wanted != 0 && open_segment(wanted);
}

std::uint64_t last_number(int directory) {
  const auto all = list_segments(directory, listing::numbers);
  // The last may have nothing in it yet, or be damaged.
  int tries = 0;
  for (auto each = all.rbegin(); each != all.rend() && ++tries <= most_empty; ++each) {
    reader from(directory, each->first - 1);
    stored_record r;
    std::uint64_t last = 0;
    while (from.next(r))
      last = std::max(last, r.number);
    if (last != 0) return std::max(last, all.back().first - 1);
  }
  return all.empty() ? 0 : all.back().first - 1;
}

}  // namespace kmux::journal
