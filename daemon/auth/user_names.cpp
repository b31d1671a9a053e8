#include "daemon/auth/user_names.hpp"

#include <array>
#include <pwd.h>

#include <fmt/format.h>

namespace kmux::daemon {

namespace asio = boost::asio;

namespace {

constexpr auto good_for = std::chrono::minutes(1);
constexpr std::size_t most_known = 10'000;

}  // namespace

std::string user_name(uid_t uid) {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr ? std::string(found->pw_name) : fmt::format("uid:{}", uid);
}

asio::awaitable<std::string> user_names::of(uid_t uid) {
  const auto now = std::chrono::steady_clock::now();
  if (const auto found = known_.find(uid); found != known_.end()) {
    if (now - found->second.since < good_for) co_return found->second.name;
  }
  const auto ask = [uid] { return user_name(uid); };
  auto name = co_await blocking_.run(ask);
  if (known_.size() >= most_known) known_.clear();
  known_.insert_or_assign(uid, entry{name, now});
  co_return name;
}

}  // namespace kmux::daemon
