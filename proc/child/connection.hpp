#pragma once
// Connection files, and other small files of a child. Errors are std::runtime_error, for people.

#include <chrono>
#include <optional>
#include <string>

#include "proc/child/handshake.hpp"
#include "protocol/connection_file.hpp"
#include "protocol/registration.hpp"

namespace kmux::child {

std::string read_file(const std::string& path);
std::string read_all(int fd);  ///< to its end; what cannot be read ends it
/// Whole or not at all: a temporary file beside it (0600), then rename(2).
void write_file(const std::string& path, const std::string& text);

connection_info read_connection(const std::string& path);

/// What a kernel is started with: a connection file, or a registration file in its place.
struct startup_file {
  std::string path;
  connection_info asked;  ///< where to bind
  std::optional<registration_info> launcher;
};

startup_file read_startup(const std::string& path);
/// After binding. Tells the launcher where there is one, which may take until it acknowledges; then
/// the file is a connection file with the ports that were bound.
void keep_connection(const startup_file&, const connection_info& bound,
                     std::chrono::milliseconds patience = handshake_patience);

}  // namespace kmux::child
