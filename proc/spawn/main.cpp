// kmux-spawn: starts kernels as their users, for a kmuxd that has no privilege.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include "proc/packet.hpp"
#include "proc/spawn/settings.hpp"
#include "proc/spawn/worker.hpp"

namespace {

using namespace kmux;

constexpr int failed = 1;
constexpr int usage_error = 2;
constexpr int backlog = 1024;

constexpr const char* usage =
    "usage: kmux-spawn [--config FILE] [--listen PATH]\n"
    "  --config FILE   /etc/kmux/kmux-spawn.toml where none is given\n"
    "  --listen PATH   a Unix socket; else the one that systemd hands over\n"
    "  --check-config  says whether the file is good\n";

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "kmux-spawn: {}\n", why);
  std::exit(failed);
}

struct options {
  std::string config = "/etc/kmux/kmux-spawn.toml";
  std::string listen;
  bool check = false;
};

options read_options(int argc, char** argv) {
  options out;
  for (int i = 1; i < argc; ++i) {
    const std::string word(argv[i]);
    if (word == "--check-config") {
      out.check = true;
    } else if (i + 1 < argc && word == "--config") {
      out.config = argv[++i];
    } else if (i + 1 < argc && word == "--listen") {
      out.listen = argv[++i];
    } else {
      const bool asked = word == "--help" || word == "-h";
      fmt::print(asked ? stdout : stderr, "{}", usage);
      std::exit(asked ? 0 : usage_error);
    }
  }
  return out;
}

/// The peer's own, and nobody else's to connect to.
unique_fd listen_at(const std::string& path, uid_t peer) {
  const auto address = unix_address(path);
  if (!address) give_up(address.error().detail);
  unique_fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  ::unlink(path.c_str());
  ::umask(0177);
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0 ||
      ::listen(fd.get(), backlog) != 0 ||
      (peer != ::geteuid() && ::chown(path.c_str(), peer, static_cast<gid_t>(-1)) != 0)) {
    give_up("cannot listen at " + path + ": " + std::strerror(errno));
  }
  return fd;
}

unique_fd listening_socket(const std::string& path, uid_t peer) {
  if (!path.empty()) return listen_at(path, peer);
  if (::sd_listen_fds(1) != 1 ||
      ::sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_SEQPACKET, 1, nullptr, 0) <= 0) {
    give_up("systemd hands over no socket (kmux-spawn.socket), and there is no --listen");
  }
  return unique_fd(SD_LISTEN_FDS_START);
}

bool is_peer(int connection, uid_t wanted) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == wanted;
}

/// Nothing of a request is looked at here.
[[noreturn]] void accept_all(const unique_fd& socket, uid_t peer, const spawn::settings& s) {
  for (;;) {
    unique_fd connection(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      give_up(std::string("accept: ") + std::strerror(errno));
    }
    if (!is_peer(connection.get(), peer)) {
      fmt::print(stderr, "event=stranger error=\"only {} may ask\"\n", s.peer);
      continue;
    }
    if (::fork() != 0) continue;
    ::close(socket.get());
    ::signal(SIGCHLD, SIG_DFL);
    spawn::serve(std::move(connection), s);
    std::_Exit(0);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const options wanted = read_options(argc, argv);
  const auto settings = spawn::load_settings(wanted.config);
  if (!settings) give_up(settings.error().detail);
  if (wanted.check) {
    fmt::print("The configuration is good.\n");
    return 0;
  }
  const passwd* const peer = ::getpwnam(settings->peer.c_str());
  if (peer == nullptr) give_up("peer: there is no user " + settings->peer);
  const uid_t uid = peer->pw_uid;
  const unique_fd socket = listening_socket(wanted.listen, uid);
  ::signal(SIGCHLD, SIG_IGN);  // nobody waits for them
  ::signal(SIGPIPE, SIG_IGN);
  (void)::sd_notify(1, "READY=1");
  accept_all(socket, uid, *settings);
}
