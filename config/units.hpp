#pragma once
// How people write durations, sizes and addresses.

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace kmux::config {

/// "250ms", "30s", "1.5h"; a plain number is seconds. At most a year.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view);
std::string show_duration(std::chrono::milliseconds);

/// "64MiB", "512KiB", "1GiB"; a plain number is bytes. At most 1 TiB.
std::optional<std::size_t> parse_size(std::string_view);
std::string show_size(std::size_t);

/// "2", "0.5": processors, in thousandths. From 0.01 to 10000.
std::optional<unsigned> parse_processors(std::string_view);

/// What is wrong with a --listen address; empty if nothing is.
std::string check_listen(std::string_view);
/// Whether only this machine's processes can connect there.
bool is_private_listen(std::string_view);

}  // namespace kmux::config
