#pragma once
// Connection files, and other small files of a child. Errors are std::runtime_error, for people.

#include <string>

#include "protocol/connection_file.hpp"

namespace kmux::child {

std::string read_file(const std::string& path);
std::string read_all(int fd);  ///< to its end; what cannot be read ends it
/// Whole or not at all: a temporary file beside it (0600), then rename(2).
void write_file(const std::string& path, const std::string& text);

connection_info read_connection(const std::string& path);
/// Writes it back where binding chose ports.
void keep_connection(const std::string& path, const connection_info& bound);

}  // namespace kmux::child
