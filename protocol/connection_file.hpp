#pragma once
// Connection files: how a client finds a kernel's five sockets.
// https://jupyter-client.readthedocs.io/en/stable/kernels.html#connection-files

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/error.hpp"
#include "protocol/secret.hpp"

namespace kmux {

/// Where a kernel on kmux::child is to keep what it says: the member "kmux_journal" of the file.
struct journal_info {
  std::string directory;  ///< absolute; must be there
  std::uint64_t most_bytes = std::uint64_t{256} << 20;
  std::uint64_t most_age = 0;  ///< seconds; 0: any
  std::uint64_t sync = 0;      ///< milliseconds between two fdatasync(2); 0: never
  std::uint64_t after = 0;     ///< the first number is larger
  bool code = false;           ///< the code of requests, too

  friend bool operator==(const journal_info&, const journal_info&) = default;
};

struct connection_info {
  std::string transport = "tcp";  ///< "tcp" or "ipc"
  std::string ip = "127.0.0.1";   ///< for ipc the path's prefix
  int shell_port = 0, iopub_port = 0, stdin_port = 0, control_port = 0, hb_port = 0;
  secret key;  ///< empty: unsigned
  std::string signature_scheme = "hmac-sha256";
  std::string kernel_name;
  std::string curve_publickey;  ///< Z85, 40 characters, or empty; as is the next
  secret curve_secretkey;
  std::optional<journal_info> journal;

  /// "tcp://127.0.0.1:5000", "ipc:///run/x/k-1"
  std::string endpoint(int port) const;
  std::string shell() const { return endpoint(shell_port); }
  std::string iopub() const { return endpoint(iopub_port); }
  std::string stdin_() const { return endpoint(stdin_port); }
  std::string control() const { return endpoint(control_port); }
  std::string hb() const { return endpoint(hb_port); }

  friend bool operator==(const connection_info&, const connection_info&) = default;
};

/// Ports may be numbers or strings of digits (JEP 106); unknown members are ignored; only
/// hmac-sha256 is supported (missing means that). The detail names the member.
result<connection_info> parse_connection_file(std::string_view json);

/// As jupyter_client writes it, two spaces of indentation.
std::string write_connection_file(const connection_info&);

/// ipc with ports 1 to 5 below `prefix` (an absolute path). Does not check the path's length.
connection_info ipc_connection(std::string prefix, secret key, std::string kernel_name);

}  // namespace kmux
