#include "proc/journal/cursors.hpp"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace kmux::journal {

namespace {

/// An entry as it is in the file.
struct slot {
  std::uint64_t checksum;  ///< of what follows
  std::uint64_t number;
  std::int64_t used;
  std::uint16_t session_size, alias_size;
  char session[cursors::longest_name], alias[cursors::longest_name];
};
static_assert(std::is_trivially_copyable_v<slot>);

std::uint64_t checksum_of(const slot& s) {
  return XXH3_64bits(reinterpret_cast<const char*>(&s) + sizeof s.checksum,
                     sizeof s - sizeof s.checksum);
}

}  // namespace

void cursors::load() {
  if (loaded_) return;
  loaded_ = true;
  file_.reset(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file_) return;
  slot s;
  for (std::size_t i = 0; i < most_; ++i) {
    const auto at = static_cast<off_t>(i * sizeof s);
    if (::pread(file_.get(), &s, sizeof s, at) != static_cast<ssize_t>(sizeof s)) return;
    entry& e = entries_.emplace_back();
    if (checksum_of(s) != s.checksum || s.session_size > longest_name ||
        s.alias_size > longest_name) {
      continue;  // its place is used again
    }
    e.number = s.number;
    e.used = s.used;
    e.session.assign(s.session, s.session_size);
    e.alias.assign(s.alias, s.alias_size);
    clock_ = std::max(clock_, e.used);
  }
}

void cursors::close() {
  loaded_ = false;
  file_.reset();
  entries_ = {};
}

cursors::entry* cursors::look(std::string_view session) {
  load();
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const entry& e) { return e.session == session; });
  return found == entries_.end() || session.empty() ? nullptr : &*found;
}

cursors::entry& cursors::make(std::string_view session) {
  if (entry* const known = look(session)) return *known;
  entry* place = nullptr;
  if (entries_.size() < most_) {
    place = &entries_.emplace_back();
  } else {
    place = &*std::min_element(entries_.begin(), entries_.end(),
                               [](const auto& a, const auto& b) { return a.used < b.used; });
  }
  *place = {};
  place->session = session;
  return *place;
}

bool cursors::save(entry& e) {
  e.used = ++clock_;
  slot s{};
  s.number = e.number;
  s.used = e.used;
  s.session_size = static_cast<std::uint16_t>(e.session.size());
  s.alias_size = static_cast<std::uint16_t>(e.alias.size());
  std::memcpy(s.session, e.session.data(), e.session.size());
  std::memcpy(s.alias, e.alias.data(), e.alias.size());
  s.checksum = checksum_of(s);
  const auto at = static_cast<off_t>(static_cast<std::size_t>(&e - entries_.data()) * sizeof s);
  return file_ && ::pwrite(file_.get(), &s, sizeof s, at) == static_cast<ssize_t>(sizeof s);
}

std::optional<std::uint64_t> cursors::find(std::string_view session) {
  const entry* const known = look(session);
  return known == nullptr ? std::nullopt : std::optional(known->number);
}

bool cursors::set(std::string_view session, std::uint64_t number) {
  if (session.empty() || session.size() > longest_name) return true;
  entry& e = make(session);
  e.number = number;
  return save(e);
}

std::string_view cursors::alias(std::string_view session) {
  const entry* const known = look(session);
  return known == nullptr ? std::string_view() : known->alias;
}

bool cursors::set_alias(std::string_view session, std::string_view alias) {
  if (session.empty() || session.size() > longest_name || alias.size() > longest_name) return true;
  entry& e = make(session);
  if (e.alias == alias) return true;
  e.alias = alias;
  return save(e);
}

}  // namespace kmux::journal
