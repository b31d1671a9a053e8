#include "proc/supervise/spawn_client.hpp"

#include <cerrno>
#include <cstring>
#include <memory>
#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "proc/packet.hpp"

namespace kmux::supervise {
namespace {

namespace asio = boost::asio;

/// A PAM session may have to ask other machines.
constexpr auto longest_answer = std::chrono::seconds(30);
/// From the end of a process to kmux-spawn's word of it. Where that has ended, its connection tells
/// so at once.
constexpr auto longest_end = std::chrono::seconds(10);

result<unique_fd> connect(const std::string& path) {
  const auto address = unix_address(path);
  if (!address) return address.error();
  unique_fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address)) {
    return error{errc::io, "kmux-spawn cannot be asked at " + path + ": " + std::strerror(errno) +
                               ". Is it running, and kernels.spawn its socket?"};
  }
  return fd;
}

result<unique_fd> send(const std::string& path, const spawn_request& r, int descriptor) {
  auto fd = connect(path);
  if (!fd) return fd;
  const std::span<const int> beside(&descriptor, descriptor >= 0 ? 1 : 0);
  if (auto sent = send_packet(fd->get(), write_spawn_request(r), beside); !sent) {
    return error{sent.error().code, "kmux-spawn: " + sent.error().detail};
  }
  return fd;
}

result<spawn_reply> receive(unique_fd from) {
  auto got = receive_packet(from.get(), max_spawn_message);
  if (!got) return error{got.error().code, "kmux-spawn: " + got.error().detail};
  if (got->text.empty()) {
    return error{errc::io,
                 "kmux-spawn gave no answer: it accepts kmuxd's own user alone (peer), "
                 "and its log says more"};
  }
  spawn_reply out;
  auto answer = parse_spawn_answer(got->text);
  if (!answer) return answer.error();
  if (answer->code != errc::ok) return error{answer->code, answer->detail};
  out.answer = std::move(*answer);
  if (!got->descriptors.empty()) out.descriptor = std::move(got->descriptors.front());
  out.connection = std::move(from);
  return out;
}

/// Keeps itself until it has called its handler, or the loop is gone.
struct exchange : std::enable_shared_from_this<exchange> {
  asio::posix::stream_descriptor socket;
  asio::steady_timer timer;
  spawn_client::handler done;

  exchange(asio::io_context& io, unique_fd fd, spawn_client::handler h)
      : socket(io, fd.release()), timer(io), done(std::move(h)) {}

  void run(std::chrono::seconds patience) {
    timer.expires_after(patience);
    timer.async_wait([self = shared_from_this()](boost::system::error_code cancelled) {
      if (cancelled || self->answered()) return;
      self->finish(error{errc::io, "kmux-spawn gave no answer in time"});
    });
    socket.async_wait(asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this()](boost::system::error_code failed) {
                        if (failed) return;
                        self->finish(receive(unique_fd(self->socket.release())));
                      });
  }
  /// Where the loop was held up, both may be due; then the other handler comes as well.
  bool answered() {
    pollfd there{socket.is_open() ? socket.native_handle() : -1, POLLIN, 0};
    return ::poll(&there, 1, 0) > 0;
  }
  void finish(result<spawn_reply> reply) {
    if (!done) return;
    timer.cancel();
    if (socket.is_open()) socket.close();
    std::exchange(done, nullptr)(std::move(reply));
  }
};

void run(asio::io_context& io, result<unique_fd> fd, std::chrono::seconds patience,
         spawn_client::handler done) {
  if (fd) {
    return std::make_shared<exchange>(io, std::move(*fd), std::move(done))->run(patience);
  }
  asio::post(io, [done = std::move(done), why = fd.error()] { done(why); });
}

}  // namespace

void spawn_client::ask(const spawn_request& r, int descriptor, handler done) {
  run(io_, send(path_, r, descriptor), longest_answer, std::move(done));
}

void spawn_client::wait(unique_fd connection, handler done) {
  result<unique_fd> there = std::move(connection);
  if (!*there) there = error{errc::not_found, "there is no connection"};
  run(io_, std::move(there), longest_end, std::move(done));
}

result<spawn_reply> spawn_client::ask_now(const spawn_request& r, int descriptor) const {
  asio::io_context loop;
  result<spawn_reply> out = error{errc::io, "kmux-spawn was not asked"};
  run(loop, send(path_, r, descriptor), longest_answer,
      [&out](result<spawn_reply> reply) { out = std::move(reply); });
  loop.run();
  return out;
}

}  // namespace kmux::supervise
