#include "proc/process_table.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

#include "proc/unique_fd.hpp"

namespace kmux {
namespace {

constexpr std::size_t most_environment = 4 << 20;

/// Files of /proc have no size: read until the end, or until `most`.
std::optional<std::string> read_proc_file(const std::string& path, std::size_t most) {
  const unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  std::string out;
  std::array<char, 4096> block;
  while (out.size() < most) {
    const ssize_t n = ::read(fd.get(), block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) break;
    out.append(block.data(), static_cast<std::size_t>(n));
  }
  return out;
}

template <class Integer>
bool parse(std::string_view text, Integer& to) {
  const auto [stopped, failed] = std::from_chars(text.data(), text.data() + text.size(), to);
  return failed == std::errc() && stopped == text.data() + text.size();
}

}  // namespace

std::optional<process_entry> parse_stat(std::string_view line) {
  while (line.ends_with('\n'))
    line.remove_suffix(1);
  // The name in field 2 may hold blanks and parentheses: count from the last one.
  const std::size_t name_end = line.rfind(')');
  process_entry out;
  if (name_end == std::string_view::npos || !parse(line.substr(0, line.find(' ')), out.pid)) {
    return std::nullopt;
  }
  std::array<std::string_view, 25> fields{};
  std::string_view rest = line.substr(name_end + 1);
  for (std::size_t field = 3; field < fields.size(); ++field) {
    if (rest.empty()) return std::nullopt;
    rest.remove_prefix(1);
    const std::size_t end = std::min(rest.find(' '), rest.size());
    fields[field] = rest.substr(0, end);
    rest.remove_prefix(end);
  }
  long threads = 0;
  std::uint64_t user = 0, system = 0;
  if (fields[3].size() != 1 || !parse(fields[4], out.parent) || !parse(fields[6], out.session) ||
      !parse(fields[14], user) || !parse(fields[15], system) || !parse(fields[20], threads) ||
      !parse(fields[22], out.start_ticks) || !parse(fields[24], out.resident_pages)) {
    return std::nullopt;
  }
  out.cpu_ticks = user + system;
  out.state = fields[3].front();
  // A main thread that has ended alone leaves the others running.
  out.ended = out.state == 'X' || (out.state == 'Z' && threads <= 1);
  return out;
}

std::optional<process_entry> read_process(pid_t pid) {
  if (pid <= 0) return std::nullopt;
  // A stat line is one read(2): it is the process's of one moment.
  const auto line = read_proc_file("/proc/" + std::to_string(pid) + "/stat", 4096);
  return line ? parse_stat(*line) : std::nullopt;
}

void process_table::add(const process_entry& entry) {
  by_pid_.emplace(entry.pid, entries_.size());
  by_parent_.emplace(entry.parent, entries_.size());
  entries_.push_back(entry);
}

process_table process_table::read() {
  process_table out;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), &::closedir);
  if (!folder) return out;
  while (const dirent* const each = ::readdir(folder.get())) {
    pid_t pid = 0;
    if (!parse(std::string_view(each->d_name), pid)) continue;
    if (const auto entry = read_process(pid)) out.add(*entry);
  }
  return out;
}

const process_entry* process_table::find(pid_t pid) const noexcept {
  const auto found = by_pid_.find(pid);
  return found == by_pid_.end() ? nullptr : &entries_[found->second];
}

std::vector<const process_entry*> process_table::children(pid_t parent) const {
  std::vector<const process_entry*> out;
  const auto [begin, end] = by_parent_.equal_range(parent);
  for (auto each = begin; each != end; ++each)
    out.push_back(&entries_[each->second]);
  return out;
}

std::optional<std::string> variable_of(pid_t pid, std::string_view name) {
  const auto text = read_proc_file("/proc/" + std::to_string(pid) + "/environ", most_environment);
  if (!text) return std::nullopt;
  std::string_view rest = *text;
  // Where the process became another program meanwhile, what was read ends anywhere: the beginning
  // of a value is none.
  for (auto end = rest.find('\0'); end != std::string_view::npos; end = rest.find('\0')) {
    const std::string_view each = rest.substr(0, end);
    if (each.size() > name.size() && each.starts_with(name) && each[name.size()] == '=') {
      return std::string(each.substr(name.size() + 1));
    }
    rest.remove_prefix(end + 1);
  }
  return std::nullopt;
}

}  // namespace kmux
