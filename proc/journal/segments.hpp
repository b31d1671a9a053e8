#pragma once
// A journal's files: DIRECTORY/journal.NUMBER, by the number of their first record.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proc/unique_fd.hpp"

namespace kmux::journal {

/// What a path is made of: twenty digits, so that names sort as numbers do.
std::string segment_name(std::uint64_t first);
/// The number in such a name; nothing for any other.
std::optional<std::uint64_t> segment_number(std::string_view name);

struct segment {
  std::uint64_t first = 0;
  std::uint64_t bytes = 0;
  std::int64_t changed = 0;  ///< seconds since 1970
};
enum class listing { whole, numbers };  ///< numbers: bytes and changed may be left out
/// Those of an open directory, by their first numbers. Regular files only, and no more than a
/// writer makes.
std::vector<segment> list_segments(int directory, listing = listing::whole);

/// Opens a directory to be used with *at(2); empty, with errno, where that fails.
unique_fd open_directory(const std::string& path);

}  // namespace kmux::journal
