#include "proc/journal/writer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/uio.h>
#include <vector>

#include "proc/file_mode.hpp"
#include "proc/journal/reader.hpp"

namespace kmux::journal {

namespace {

using std::chrono::system_clock;

std::int64_t microseconds() {
  using namespace std::chrono;
  return duration_cast<std::chrono::microseconds>(system_clock::now().time_since_epoch()).count();
}

/// Of a segment that begins with it: the first message that may be in there.
std::uint64_t first_of(const record& r) {
  return r.is_numbered() ? r.number : r.number + 1;
}

std::string because(const char* what) {
  return std::string(what) + ": " + std::strerror(errno);
}

/// Of the process, not of the descriptor: a forked child does not hold it.
bool lock(int fd) {
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  return ::fcntl(fd, F_SETLK, &whole) == 0;
}

}  // namespace

writer::writer(settings s, trouble t) : settings_(std::move(s)), trouble_(std::move(t)) {
  last_ = settings_.after;
  if (open()) last_ = std::max(last_, last_number(directory_.get()));
}

std::uint64_t writer::segment_bytes() const {
  return std::clamp(settings_.most_bytes / 32, least_segment, most_segment);
}

/// The directory and what is in it; at first, and again after a failure.
bool writer::open() {
  directory_ = open_directory(settings_.directory);
  if (!directory_) return fail(because("its directory cannot be opened"));
  const int how = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
  struct stat about {};
  if (::fstat(directory_.get(), &about) != 0) return fail(because("its directory cannot be read"));
  mode_ = mode_in(about);
  lock_.reset(::openat(directory_.get(), "journal.lock", how, mode_));
  if (!lock_) return fail(because("its directory cannot be written to"));
  if (!lock(lock_.get())) return fail("another process writes to it");
  const auto found = list_segments(directory_.get());
  segments_.assign(found.begin(), found.end());
  total_ = 0;
  for (const auto& each : segments_)
    total_ += each.bytes;
  return true;
}

std::uint64_t writer::append(kind what, std::vector<std::string_view> frames) {
  add({++last_, microseconds(), what, std::move(frames)});
  return last_;
}

void writer::note(kind what, std::vector<std::string_view> frames) {
  add({last_, microseconds(), what, std::move(frames)});
}

void writer::add(record r) {
  if (failing_ && clock::now() < retry_at_) return;
  std::size_t bytes = 0;
  for (const auto frame : r.frames)
    bytes += frame.size();
  if (bytes > copied) {
    flush();
    return write_large(r);
  }
  // No more in one write than may be kept at all.
  const std::size_t most = std::min<std::uint64_t>(buffered, settings_.most_bytes / 2);
  if (buffer_.size() + bytes > most) flush();
  if (buffer_.empty()) buffer_first_ = first_of(r);
  append_record(buffer_, r);
  if (buffer_.size() >= most) flush();
}

void writer::write_large(const record& r) {
  const auto head = make_record_head(r);
  if (!head) return;  // beyond any bound: not kept, and readers see the gap
  std::size_t bytes = head->size();
  for (const auto frame : r.frames)
    bytes += frame.size();
  buffer_first_ = first_of(r);
  if (!ready(bytes)) return;
  std::vector<std::string_view> pieces{*head};
  pieces.insert(pieces.end(), r.frames.begin(), r.frames.end());
  write(pieces);
}

void writer::flush() {
  if (buffer_.empty()) return;
  if (ready(buffer_.size())) {
    const std::string_view whole[] = {buffer_};
    write(whole);
  }
  buffer_.clear();
}

bool writer::has_room(std::uint64_t bytes) const {
  if (!segment_ || segments_.back().bytes + bytes > segment_bytes()) return false;
  return settings_.most_age.count() == 0 ||
         clock::now() - begun_ < settings_.most_age / segments_an_age;
}

/// There is a segment, with room for so much.
bool writer::ready(std::size_t bytes) {
  if (bytes > settings_.most_bytes) return false;  // not kept: a gap
  if (failing_ && (clock::now() < retry_at_ || !open())) return false;
  if (has_room(bytes)) return true;
  remove_old(bytes);
  return begin_segment(buffer_first_);
}

bool writer::begin_segment(std::uint64_t first) {
  if (settings_.sync.count() > 0 && segment_) ::fdatasync(segment_.get());
  // The one before may have nothing but notes.
  while (!segments_.empty() && segments_.back().first >= first)
    first = segments_.back().first + 1;
  segment_.reset(::openat(directory_.get(), segment_name(first).c_str(),
                          O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode_));
  if (!segment_) return fail(because("a file cannot be made"));
  begun_ = clock::now();
  segments_.push_back({first, 0, system_clock::to_time_t(system_clock::now())});
  const std::string head = make_segment_head(first);
  const std::string_view whole[] = {head};
  return write(whole);
}

/// All of it, or nothing: what was written of it is taken back.
bool writer::write(std::span<const std::string_view> pieces) {
  std::size_t done = 0, total = 0;
  for (const auto piece : pieces)
    total += piece.size();
  while (done < total) {
    std::vector<iovec> left;
    std::size_t skip = done;
    for (auto piece : pieces) {
      const std::size_t dropped = std::min(skip, piece.size());
      skip -= dropped;
      piece.remove_prefix(dropped);
      if (!piece.empty() && left.size() < 1000)
        left.push_back({const_cast<char*>(piece.data()), piece.size()});
    }
    const ssize_t n = ::writev(segment_.get(), left.data(), static_cast<int>(left.size()));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const std::string why = because("it cannot be written");
      // Where even this fails the record is torn, and readers pass it over.
      [[maybe_unused]] const int cut =
          ::ftruncate(segment_.get(), static_cast<off_t>(segments_.back().bytes));
      return fail(why);
    }
    done += static_cast<std::size_t>(n);
  }
  auto& current = segments_.back();
  current.bytes += total;
  current.changed = system_clock::to_time_t(system_clock::now());
  total_ += total;
  if (failing_) {
    failing_ = false;
    trouble_("");
  }
  if (settings_.sync.count() > 0 && clock::now() - synced_ >= settings_.sync) {
    synced_ = clock::now();
    ::fdatasync(segment_.get());
  }
  return true;
}

void writer::remove_old(std::uint64_t coming) {
  const auto now = system_clock::to_time_t(system_clock::now());
  const auto too_old = [&](const segment& each) {
    return settings_.most_age.count() > 0 && each.changed + settings_.most_age.count() < now;
  };
  while (!segments_.empty() && (total_ + coming > settings_.most_bytes ||
                                segments_.size() >= most_segments || too_old(segments_.front()))) {
    ::unlinkat(directory_.get(), segment_name(segments_.front().first).c_str(), 0);
    total_ -= segments_.front().bytes;
    segments_.pop_front();
  }
}

bool writer::fail(const std::string& why) {
  const bool news = !failing_;
  failing_ = true;
  retry_at_ = clock::now() + retry;
  segment_.reset();
  lock_.reset();
  if (news) trouble_(why);
  return false;
}

}  // namespace kmux::journal
