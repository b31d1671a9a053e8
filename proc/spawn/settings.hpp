#pragma once
// What the administrator allows: /etc/kmux/kmux-spawn.toml, which only root may write.

#include <string>
#include <sys/types.h>
#include <vector>

#include "protocol/error.hpp"

namespace kmux::spawn {

struct settings {
  std::string peer = "kmux";  ///< the one user who may ask: kmuxd's
  uid_t first_uid = 1000;     ///< whose processes may be started: these uids …
  uid_t last_uid = 59999;
  std::vector<std::string> users;   ///< … of these users, where any are named …
  std::vector<std::string> groups;  ///< … or of members of these groups
  bool allow_root = false;
  std::string pam;                           ///< service of /etc/pam.d; empty: no session
  bool scopes = false;                       ///< each kernel in a scope: where systemd runs
  std::string slice = "kmux-kernels.slice";  ///< where those are
  bool private_tmp = false;                  ///< /tmp and /var/tmp of each kernel's own
  bool hide_proc = false;                    ///< others' processes are not in /proc
  std::string child;                         ///< kmux-child; empty: beside kmux-spawn
};

/// The error names the file, the place and what to write.
result<settings> load_settings(const std::string& file);

}  // namespace kmux::spawn
