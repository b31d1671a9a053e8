#include "proc/child/handshake.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <stdexcept>
#include <sys/signalfd.h>
#include <vector>

#include <fmt/format.h>

#include "proc/child/multipart.hpp"
#include "proc/child/sockets.hpp"
#include "proc/unique_fd.hpp"

namespace kmux::child {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::int64_t largest_frame = 64 << 10;
constexpr std::size_t most_acknowledgement_frames = 16;

[[noreturn]] void fail(const std::string& endpoint, std::string_view why) {
  throw std::runtime_error(fmt::format("registration with {} failed: {}", endpoint, why));
}

/// Readable while SIGTERM is blocked and pending. Nobody reads it: the signal stays what it is.
unique_fd watch_sigterm() {
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  return unique_fd(::signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK));
}

/// True when there is something to read, false at the deadline.
bool wait_for_message(zmq::socket_t& socket, const unique_fd& end, clock::time_point deadline,
                      const std::string& endpoint) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now());
    if (left.count() <= 0) return false;
    std::array<zmq_pollitem_t, 2> items = {
        {{socket.handle(), 0, ZMQ_POLLIN, 0}, {nullptr, end.get(), ZMQ_POLLIN, 0}}};
    const int ready = zmq_poll(items.data(), end ? 2 : 1, left.count());
    if (ready < 0 && zmq_errno() != EINTR) throw zmq::error_t();
    if (ready <= 0) continue;
    if (items[1].revents != 0) fail(endpoint, "SIGTERM came first");
    if (items[0].revents != 0) return true;
  }
}

/// Waits for a good one; counts the others.
bool await_acknowledgement(zmq::socket_t& socket, const registration_info& launcher,
                           std::string_view sent, clock::time_point deadline, int& refused) {
  const unique_fd end = watch_sigterm();
  frame_list frames;
  std::vector<std::string_view> views;
  while (wait_for_message(socket, end, deadline, launcher.endpoint())) {
    if (!receive_message(socket, frames, most_acknowledgement_frames)) continue;
    views.clear();
    for (std::size_t i = 0; i < frames.size(); ++i)
      views.push_back(frames.view(i));
    if (check_acknowledgement(views, launcher.kernel.key.reveal(), sent) == errc::ok) return true;
    ++refused;
  }
  return false;
}

}  // namespace

void register_with_launcher(const registration_info& launcher, const connection_info& bound,
                            std::chrono::milliseconds patience) {
  const auto deadline = clock::now() + patience;
  const std::string endpoint = launcher.endpoint();
  const std::string sent = make_registration(launcher.kernel_id, bound);
  int refused = 0;
  try {
    // A context of its own: it is gone, with its connection, when the handshake is over. The
    // launcher may close its socket then (JEP 66), and nobody should try to connect again.
    zmq::context_t context = make_context();
    zmq::socket_t socket(context, zmq::socket_type::dealer);
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::maxmsgsize, largest_frame);
    socket.connect(endpoint);
    const handshake_message message(launcher.kernel.key.reveal(), sent);
    const auto frames = message.frames();
    if (!send_copies(socket, frames)) fail(endpoint, "the message cannot be sent");
    if (await_acknowledgement(socket, launcher, sent, deadline, refused)) return;
  } catch (const zmq::error_t& e) {
    fail(endpoint, e.what());
  }
  const std::string waited = fmt::format("no acknowledgement within {} ms", patience.count());
  fail(endpoint, refused == 0
                     ? waited
                     : fmt::format("{}; messages without a valid signature: {}", waited, refused));
}

}  // namespace kmux::child
