#pragma once
// The file of named tokens, and changes to it.

#include <functional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "daemon/async/blocking.hpp"
#include "daemon/auth/token_list.hpp"

namespace kmux::daemon {

/// Each change reads the file again first, so that what a person has written meanwhile stays.
/// Changes come one after the other: `disk` has one thread. Loop thread only.
class token_store {
public:
  using listener = std::function<void(token_list)>;

  /// `changed` gets each new list, on the loop.
  token_store(blocking& disk, listener changed) : disk_(disk), changed_(std::move(changed)) {}
  void set_path(std::string path) { path_ = std::move(path); }

  boost::asio::awaitable<result<token_list>> read();
  /// Nothing is written where `change` fails.
  boost::asio::awaitable<result<void>> change(std::function<result<void>(token_list&)> change);

private:
  blocking& disk_;
  listener changed_;
  std::string path_;
};

}  // namespace kmux::daemon
