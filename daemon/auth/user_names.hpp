#pragma once
// Login names of users.

#include <chrono>
#include <string>
#include <sys/types.h>
#include <unordered_map>

#include <boost/asio/awaitable.hpp>

#include "daemon/async/blocking.hpp"

namespace kmux::daemon {

/// The login name of a user, or "uid:N" where it has none. May wait for a directory server.
std::string user_name(uid_t);

/// The same off the loop, kept for a minute. Loop thread only; `names` outlives it.
class user_names {
public:
  explicit user_names(blocking& names) : blocking_(names) {}
  boost::asio::awaitable<std::string> of(uid_t);

private:
  struct entry {
    std::string name;
    std::chrono::steady_clock::time_point since;
  };
  blocking& blocking_;
  std::unordered_map<uid_t, entry> known_;
};

}  // namespace kmux::daemon
