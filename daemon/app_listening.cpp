// The app's sockets: opened, taken over from whoever started us, handed over to a successor.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "daemon/app.hpp"
#include "daemon/settings.hpp"
#include "protocol/json.hpp"

namespace kmux::daemon {

namespace fs = std::filesystem;

result<void> app::listen(named_descriptors handed) {
  for (auto& each : handed) {
    if (auto where = address_of(each.fd)) {
      handed_.push_back({std::move(*where), std::move(each.fd), each.name == our_socket});
    } else {
      spdlog::warn("event=descriptor_ignored name={} reason=\"not a socket that listens\"",
                   each.name);
    }
  }
  for (const auto& where : config_.server.listen) {
    if (const auto done = listen_at(listen_address_from(where)); !done) return done;
  }
  if (const auto done = listen_admin(); !done) return done;
  // The service manager's are served as well; what we had bound and is no longer wanted closes.
  for (auto& each : std::exchange(handed_, {})) {
    if (each.ours) continue;
    if (auto done = server_.listen(std::move(each), config_.server.base_url); !done) return done;
  }
  return write_listen_file();
}

/// On the socket that was handed over for it, or else a new one.
result<void> app::listen_at(const listen_address& where) {
  const auto found =
      std::ranges::find_if(handed_, [&](const auto& each) { return is_at(where, each.where); });
  if (found == handed_.end()) return server_.listen(where, config_.server.base_url);
  auto taken = std::move(*found);
  handed_.erase(found);
  return server_.listen(std::move(taken), config_.server.base_url);
}

result<void> app::listen_admin() {
  listen_address admin;
  const std::string wanted = directories_.runtime() + "/admin.sock";
  admin.path = wanted;
  if (wanted.size() > supervise::max_socket_path) {
    std::error_code unknown;
    const auto before = fs::read_symlink(wanted, unknown);
    // Bound by the kmuxd before us, of which we are the successor.
    if (std::ranges::any_of(handed_, [&](const auto& h) { return h.where.path == before; })) {
      admin_directory_ = before.parent_path();
      admin.path = before;
      return listen_at(admin);
    }
    std::string pattern = "/tmp/kmux-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) {
      return error{errc::io, "cannot make a directory in /tmp for admin.sock"};
    }
    admin_directory_ = pattern;
    admin.path = pattern + "/admin.sock";
    std::error_code ec;
    // Where a daemon that was killed had its own.
    if (const auto old = fs::read_symlink(wanted, ec); !ec) {
      supervise::directories::remove_sockets(old.string());
    }
    fs::remove(wanted, ec);
    fs::create_symlink(admin.path, wanted, ec);
    if (ec) return error{errc::io, "cannot make " + wanted + ": " + ec.message()};
  }
  return listen_at(admin);
}

result<void> app::write_listen_file() {
  std::string urls;
  for (const auto& url : server_.urls()) {
    urls += (urls.empty() ? "" : ", ") + json_quote(url);
    spdlog::info("event=listening url={}", url);
  }
  return supervise::write_file(directories_.runtime() + "/listen.json",
                               fmt::format("{{\"pid\": {}, \"urls\": [{}]}}\n", ::getpid(), urls));
}

void app::hand_over() {
  named_descriptors out;
  if (!made_token_.empty()) out.push_back({std::string(our_token), file_of(made_token_.reveal())});
  for (auto& each : server_.hand_over()) {
    out.push_back({std::string(each.ours ? our_socket : "socket"), std::move(each.fd)});
  }
  handed_over_ = std::move(out);
}

/// The lock last: until then this is the one writer, also where the upgrade is given up.
std::optional<named_descriptors> app::take_handed_over() {
  if (!handed_over_) return std::nullopt;
  handed_over_->push_back({std::string(our_lock), directories_.take_lock()});
  std::erase_if(*handed_over_, [](const auto& each) { return !each.fd; });
  return std::move(handed_over_);
}

void app::remove_listening_files() {
  std::error_code ec;
  fs::remove(directories_.runtime() + "/listen.json", ec);
  if (!admin_directory_.empty()) {
    fs::remove(directories_.runtime() + "/admin.sock", ec);
    fs::remove(admin_directory_, ec);
  }
}

}  // namespace kmux::daemon
