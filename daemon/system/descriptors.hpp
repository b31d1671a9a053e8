#pragma once
// Descriptors that whoever started this program has handed over: sd_listen_fds(3). systemd hands
// over the sockets of a .socket unit, and a kmuxd that is upgraded what it goes on with.

#include <string>
#include <string_view>
#include <vector>

#include "proc/unique_fd.hpp"

namespace kmux::daemon {

/// Names of our own; a service manager's are those of its units.
inline constexpr std::string_view our_lock = "kmuxd.lock";      ///< of the runtime directory
inline constexpr std::string_view our_token = "kmuxd.token";    ///< a file that holds it
inline constexpr std::string_view our_socket = "kmuxd.listen";  ///< one that we have bound

struct named_descriptor {
  std::string name;
  unique_fd fd;
};
using named_descriptors = std::vector<named_descriptor>;

/// What is meant for this process, close-on-exec. Takes the variables out of the environment, so
/// that no child takes them for its own. To be called once, before there are threads.
named_descriptors take_descriptors();

/// The first of that name; an empty one if there is none.
unique_fd take_named(named_descriptors&, std::string_view name);

/// A file in memory that holds `text`, to be handed over; an empty descriptor where that fails.
unique_fd file_of(std::string_view text);
/// What such a file holds, at most `most` bytes.
std::string text_of(const unique_fd&, std::size_t most);

/// For the program that this process executes next: descriptors 3, 4, …, and LISTEN_PID,
/// LISTEN_FDS, LISTEN_FDNAMES. What has one of these numbers already is moved or closed: nothing of
/// this program may run on that needs one. False where descriptors ran out.
bool give_descriptors(named_descriptors);

}  // namespace kmux::daemon
