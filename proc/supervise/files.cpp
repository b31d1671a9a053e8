#include "proc/supervise/files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include "proc/file_mode.hpp"
#include "proc/unique_fd.hpp"
#include "protocol/json.hpp"

namespace kmux::supervise {
namespace {

error system_error(std::string_view what, const std::string& path) {
  const int number = errno;
  return {errc_of(number), std::string(what) + " " + path + ": " + std::strerror(number)};
}

bool write_all(int fd, std::string_view rest) {
  while (!rest.empty()) {
    const ssize_t n = ::write(fd, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

/// From `offset`, at most `limit` bytes.
bool read_all(int fd, std::size_t offset, std::size_t limit, std::string& to) {
  char block[16384];
  while (to.size() < limit) {
    const std::size_t want = std::min(sizeof block, limit - to.size());
    const ssize_t n = ::pread(fd, block, want, static_cast<off_t>(offset + to.size()));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    if (n == 0) break;
    to.append(block, static_cast<std::size_t>(n));
  }
  return true;
}

/// O_NONBLOCK: opening a fifo that somebody put there must not wait for a writer.
result<unique_fd> open_regular(const std::string& path, std::size_t& size) {
  unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat about {};
  if (!fd || ::fstat(fd.get(), &about) != 0) return system_error("cannot open", path);
  if (!S_ISREG(about.st_mode)) return error{errc::io, path + " is not a regular file"};
  size = static_cast<std::size_t>(about.st_size);
  return fd;
}

bool sync_directory(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const unique_fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd && ::fsync(fd.get()) == 0;
}

/// Length of the terminal sequence at the front of `text` (ECMA-48: ESC [ parameters final).
std::size_t escape_sequence(std::string_view text) {
  if (text.size() < 2 || text[1] != '[') return 1;
  std::size_t end = 2;
  while (end < text.size() && (text[end] < '@' || text[end] > '~'))
    ++end;
  return std::min(end + 1, text.size());
}

std::size_t character_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto lead = static_cast<unsigned char>(text.front());
    std::size_t length = character_length(lead);
    const std::string_view character = text.substr(0, length);
    if (lead == 0x1b) {
      length = escape_sequence(text);
    } else if (lead < 0x80) {
      if (lead == '\n' || lead == '\t' || (lead >= 0x20 && lead != 0x7f)) out += text.front();
    } else if (!is_utf8(character)) {
      out += '?';  // no longer than what it stands for: the bound on the whole holds
      length = 1;
    } else if (!(lead == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0)) {
      out += character;  // all but the C1 controls
    }
    text.remove_prefix(std::min(length, text.size()));
  }
  return out;
}

}  // namespace

result<void> write_file(const std::string& path, std::string_view content, durability how) {
  const std::string temporary = path + ".new";
  // A file of our own: what is there already is a leftover, or was put there by a kernel. To open a
  // fifo would wait for a reader.
  ::unlink(temporary.c_str());
  unique_fd fd(
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_beside(path)));
  if (!fd) return system_error("cannot create", temporary);
  const bool written =
      write_all(fd.get(), content) && (how == durability::memory || ::fsync(fd.get()) == 0);
  if (!written || ::rename(temporary.c_str(), path.c_str()) != 0) {
    error failed = system_error("cannot write", path);
    ::unlink(temporary.c_str());
    return failed;
  }
  if (how == durability::disk && !sync_directory(path)) {
    return system_error("cannot make durable", path);
  }
  return {};
}

result<std::string> read_file(const std::string& path, std::size_t limit) {
  std::size_t size = 0;
  const auto fd = open_regular(path, size);
  if (!fd) return fd.error();
  std::string content;
  // One byte more than allowed: the file may have grown since.
  if (!read_all(fd->get(), 0, limit + 1, content)) return system_error("cannot read", path);
  if (content.size() > limit) {
    return error{errc::too_large, path + " is longer than " + std::to_string(limit) + " bytes"};
  }
  return content;
}

std::string tail_of_file(const std::string& path, std::size_t max_lines, std::size_t max_bytes) {
  std::size_t size = 0;
  const auto fd = open_regular(path, size);
  if (!fd) return {};
  // One byte more, so that tail_of_text() sees whether the first line is whole.
  const std::size_t want = std::min(size, max_bytes + 1);
  std::string end;
  if (!read_all(fd->get(), size - want, want, end)) return {};
  return tail_of_text(end, max_lines, max_bytes);
}

std::string tail_of_text(std::string_view text, std::size_t max_lines, std::size_t max_bytes) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
    text.remove_suffix(1);
  if (max_lines == 0) return {};
  if (text.size() > max_bytes) {
    const bool whole = text[text.size() - max_bytes - 1] == '\n';
    text.remove_prefix(text.size() - max_bytes);
    if (const std::size_t line = text.find('\n'); !whole && line != std::string_view::npos) {
      text.remove_prefix(line + 1);
    }
    // A character that was cut in two: its remaining bytes are 10xxxxxx.
    for (int i = 0; i < 3 && !text.empty() && (text.front() & 0xc0) == 0x80; ++i) {
      text.remove_prefix(1);
    }
  }
  std::size_t start = text.size();
  for (std::size_t lines = 0; lines < max_lines && start != std::string_view::npos; ++lines) {
    start = start == 0 ? std::string_view::npos : text.rfind('\n', start - 1);
  }
  if (start != std::string_view::npos) text.remove_prefix(start + 1);
  return printable(text);
}

result<void> make_private_directory(const std::string& path) {
  const std::filesystem::path whole(path);
  if (!whole.is_absolute()) return error{errc::bad_field, path + " is not an absolute path"};
  std::filesystem::path part;
  for (const auto& name : whole) {
    part /= name;
    if (::mkdir(part.c_str(), 0700) == 0 || errno == EEXIST) continue;
    struct stat about {};
    const int why = errno;  // EROFS or EACCES may also be said of one that exists
    if (::stat(part.c_str(), &about) == 0 && S_ISDIR(about.st_mode)) continue;
    errno = why;
    return system_error("cannot create", part.string());
  }
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) return system_error("cannot open", path);
  if (!S_ISDIR(about.st_mode)) return error{errc::io, path + " is not a directory"};
  if (about.st_uid != ::geteuid()) {
    return error{errc::io, path + " belongs to user " + std::to_string(about.st_uid) + ", not to " +
                               std::to_string(::geteuid()) + ": choose another directory"};
  }
  if ((about.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return error{errc::io, path + " may be written to by others: chmod 700 " + path};
  }
  return {};
}

bool remove_flat_directory(const std::string& path) {
  constexpr int most = 10'000;
  namespace fs = std::filesystem;
  std::error_code failed;
  int count = 0;
  for (fs::directory_iterator each(path, failed), none; each != none && !failed;) {
    if (++count > most || ::unlink(each->path().c_str()) != 0) return false;
    each.increment(failed);
  }
  return ::rmdir(path.c_str()) == 0 || errno == ENOENT;
}

result<void> remove_tree(const std::string& path) {
  constexpr int most_tries = 10;
  std::error_code failed;
  // A process that is being started there, or ended, may make a file behind the look.
  for (int i = 0; i < most_tries; ++i) {
    std::filesystem::remove_all(path, failed);
    if (failed != std::errc::directory_not_empty) break;
  }
  if (failed) return error{errc::io, "cannot remove " + path + ": " + failed.message()};
  return {};
}

result<void> remove_tree(const std::string& path, const std::string& last) {
  namespace fs = std::filesystem;
  std::error_code unknown;
  if (fs::is_directory(fs::symlink_status(path, unknown))) {
    std::error_code failed;
    for (fs::directory_iterator each(path, failed), none; !failed && each != none;
         each.increment(failed)) {
      if (each->path().filename() == last) continue;
      if (auto removed = remove_tree(each->path().string()); !removed) return removed;
    }
    if (failed) return error{errc::io, "cannot list " + path + ": " + failed.message()};
  }
  return remove_tree(path);
}

}  // namespace kmux::supervise
