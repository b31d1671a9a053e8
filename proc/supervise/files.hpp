#pragma once
// Small files, whole, written so that a reader sees the old or the new one.

#include <cstddef>
#include <string>
#include <string_view>

#include "protocol/error.hpp"

namespace kmux::supervise {

enum class durability {
  memory,
  disk
};  ///< disk: fsync of file and directory (blocks; not on the loop)

/// Temporary file beside it (for whom the directory is: file_mode.hpp), then rename(2).
result<void> write_file(const std::string& path, std::string_view content,
                        durability = durability::memory);

/// errc::not_found, errc::too_large or errc::io; a regular file only, links are not followed.
result<std::string> read_file(const std::string& path, std::size_t limit = 1 << 20);

/// The end of a log for people: whole lines where they fit, valid UTF-8, no control characters but
/// newline and tab. Empty if there is no such file.
std::string tail_of_file(const std::string& path, std::size_t max_lines = 20,
                         std::size_t max_bytes = 4096);
/// The same of text already read.
std::string tail_of_text(std::string_view text, std::size_t max_lines, std::size_t max_bytes);

/// mkdir -p, 0700. Refuses, saying what to mend, a last directory that another user owns or that
/// group or others may write to.
result<void> make_private_directory(const std::string& path);

/// Removes a directory of at most 10,000 files, as a kernel makes it; absent is fine. False where
/// it has more, or directories: whose it is may have filled it so as to hold us up.
bool remove_flat_directory(const std::string& path);

/// rm -r without following links; absent is fine.
result<void> remove_tree(const std::string& path);
/// The same, where the file of that name in it is the last to go: whoever is killed in the middle
/// leaves it to the next, who goes by it.
result<void> remove_tree(const std::string& path, const std::string& last);

}  // namespace kmux::supervise
