#include "proc/journal/segments.hpp"

#include <algorithm>
#include <charconv>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>

#include <fmt/format.h>

namespace kmux::journal {

namespace {

constexpr std::string_view prefix = "journal.";
constexpr std::size_t digits = 20;
// Of a writer's, which makes a thousand at the most, all are seen.
constexpr std::size_t most_listed = 1100;
constexpr int most_names = 4096;

struct dir_closer {
  void operator()(DIR* d) const noexcept { ::closedir(d); }
};

}  // namespace

std::string segment_name(std::uint64_t first) {
  return fmt::format("{}{:020}", prefix, first);
}

std::optional<std::uint64_t> segment_number(std::string_view name) {
  if (!name.starts_with(prefix) || name.size() != prefix.size() + digits) return std::nullopt;
  std::uint64_t out = 0;
  const char* const end = name.data() + name.size();
  const auto [stopped, problem] = std::from_chars(name.data() + prefix.size(), end, out);
  if (problem != std::errc() || stopped != end) return std::nullopt;
  return out;
}

std::vector<segment> list_segments(int directory, listing how) {
  std::vector<segment> out;
  // A descriptor of its own: reading a directory moves its position.
  const int again = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (again < 0) return out;
  const std::unique_ptr<DIR, dir_closer> names(::fdopendir(again));
  if (!names) return out;
  // Whose directory it is may have filled it, to hold up who reads: the rest is not looked at.
  for (int seen = 0; seen < most_names && out.size() < most_listed; ++seen) {
    const dirent* const each = ::readdir(names.get());
    if (each == nullptr) break;
    const auto first = segment_number(each->d_name);
    if (!first) continue;
    if (how == listing::numbers && each->d_type == DT_REG) {
      out.push_back({*first});
      continue;
    }
    struct stat info {};
    if (::fstatat(directory, each->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISREG(info.st_mode)) continue;
    out.push_back({*first, static_cast<std::uint64_t>(info.st_size), info.st_mtime});
  }
  std::sort(out.begin(), out.end(),
            [](const segment& a, const segment& b) { return a.first < b.first; });
  return out;
}

unique_fd open_directory(const std::string& path) {
  return unique_fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
}

}  // namespace kmux::journal
