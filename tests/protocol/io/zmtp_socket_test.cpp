// Our ZeroMQ connections against libzmq's sockets.
#include <filesystem>
#include <functional>
#include <optional>
#include <poll.h>
#include <string>
#include <unistd.h>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>
#include <zmq.hpp>

#include "protocol/io/zmtp_port.hpp"

namespace kmux {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using frames = std::vector<std::string>;

constexpr auto patience = 60s;

frames frames_of(const zmtp_message& message) {
  frames out;
  for (std::size_t i = 0; i < message.size(); ++i)
    out.emplace_back(message.view(i));
  return out;
}

class zmtp_peer : public testing::Test {
protected:
  zmtp_peer() {
    std::string pattern = (std::filesystem::temp_directory_path() / "kmux-zmtp-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    endpoint_ = "ipc://" + directory_ + "/s";
  }
  ~zmtp_peer() override { std::filesystem::remove_all(directory_); }

  zmq::socket_t bound(zmq::socket_type type) {
    zmq::socket_t socket(context_, type);
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::rcvtimeo, 60'000);
    socket.bind(endpoint_);
    return socket;
  }
  /// A message of libzmq's, or nothing.
  static frames receive(zmq::socket_t& socket) {
    frames out;
    zmq::message_t part;
    do {
      if (!socket.recv(part)) return out;
      out.push_back(part.to_string());
    } while (part.more());
    return out;
  }
  static void send(zmq::socket_t& socket, const frames& message) {
    for (std::size_t i = 0; i < message.size(); ++i) {
      socket.send(zmq::buffer(message[i]),
                  i + 1 < message.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
    }
  }

  zmtp_settings settings(zmtp_role role, std::string id = "me") const {
    zmtp_settings s;
    s.role = role;
    s.endpoint = endpoint_;
    s.routing_id = std::move(id);
    return s;
  }
  zmtp_handlers collecting() {
    return {[this](zmtp_message&& m) { got_.push_back(frames_of(m)); }, {}, {}, {}};
  }

  /// Serves the socket until the condition holds; false when time is up.
  bool serve(zmtp_socket& socket, const std::function<bool()>& done) {
    const auto deadline = clock::now() + patience;
    while (!done()) {
      if (clock::now() > deadline) return false;
      if (socket.fd() < 0 && socket.retry() <= clock::now()) socket.connect(clock::now());
      const short wanted = socket.wants_to_write() ? POLLIN | POLLOUT : POLLIN;
      pollfd item{socket.fd(), wanted, 0};
      if (::poll(&item, 1, 5) <= 0) continue;
      if ((item.revents & POLLOUT) != 0) socket.write();
      if ((item.revents & ~POLLOUT) != 0) socket.read();
    }
    return true;
  }

  zmq::context_t context_;
  receive_buffer buffer_;
  std::string directory_, endpoint_;
  std::vector<frames> got_;
};

bool send_frames(zmtp_socket& socket, const frames& message) {
  const std::vector<std::string_view> views(message.begin(), message.end());
  return socket.send(views);
}

TEST_F(zmtp_peer, a_dealer_is_known_by_its_routing_id_and_gets_its_answers) {
  auto router = bound(zmq::socket_type::router);
  zmtp_socket dealer(buffer_, settings(zmtp_role::dealer, "kmuxd-1"), collecting());
  EXPECT_TRUE(send_frames(dealer, {"before", "it is there"}));
  std::optional<frames> asked;
  ASSERT_TRUE(serve(dealer, [&] {
    zmq_pollitem_t item{router.handle(), 0, ZMQ_POLLIN, 0};
    if (zmq_poll(&item, 1, 0) > 0) asked = receive(router);
    return asked.has_value();
  }));
  EXPECT_EQ(*asked, (frames{"kmuxd-1", "before", "it is there"}));
  const frames answer = {"", std::string(255, 'a'), std::string(256, 'b'),
                         std::string(5'000'000, 'c')};
  frames addressed = answer;
  addressed.insert(addressed.begin(), "kmuxd-1");
  send(router, addressed);
  send(router, {"kmuxd-1", "and one more"});
  ASSERT_TRUE(serve(dealer, [&] { return got_.size() == 2; }));
  EXPECT_EQ(got_, (std::vector<frames>{answer, {"and one more"}}));
}

TEST_F(zmtp_peer, a_sub_hears_what_is_published) {
  auto publisher = bound(zmq::socket_type::xpub);
  zmtp_socket sub(buffer_, settings(zmtp_role::sub), collecting());
  frames subscription;
  ASSERT_TRUE(serve(sub, [&] {
    zmq_pollitem_t item{publisher.handle(), 0, ZMQ_POLLIN, 0};
    if (zmq_poll(&item, 1, 0) > 0) subscription = receive(publisher);
    return !subscription.empty();
  }));
  EXPECT_EQ(subscription, (frames{"\x01"}));
  for (int i = 0; i < 1000; ++i)
    send(publisher, {"topic", std::to_string(i)});
  ASSERT_TRUE(serve(sub, [&] { return got_.size() == 1000; }));
  for (int i = 0; i < 1000; ++i)
    EXPECT_EQ(got_[static_cast<std::size_t>(i)], (frames{"topic", std::to_string(i)}));
}

TEST_F(zmtp_peer, what_the_peer_does_not_take_waits_up_to_the_bound) {
  auto s = settings(zmtp_role::dealer);
  s.outbox_bytes = 100'000;
  bool drained = false;
  auto on = collecting();
  on.drained = [&] { drained = true; };
  zmtp_socket dealer(buffer_, s, on);
  int accepted = 0;
  const frames message = {std::string(10'000, 'x')};
  while (send_frames(dealer, message))
    ++accepted;
  EXPECT_EQ(accepted, 9);  // ten have ten heads more than the bound
  auto router = bound(zmq::socket_type::router);
  int came = 0;
  ASSERT_TRUE(serve(dealer, [&] {
    zmq_pollitem_t item{router.handle(), 0, ZMQ_POLLIN, 0};
    if (zmq_poll(&item, 1, 0) > 0) came += receive(router).size() == 2 ? 1 : 0;
    return came == accepted;
  }));
  EXPECT_TRUE(drained);
  EXPECT_TRUE(send_frames(dealer, message));
}

TEST_F(zmtp_peer, it_connects_again_when_the_peer_comes_back) {
  zmtp_socket dealer(buffer_, settings(zmtp_role::dealer), collecting());
  for (int round = 0; round < 3; ++round) {
    auto router = bound(zmq::socket_type::router);
    frames asked;
    ASSERT_TRUE(send_frames(dealer, {"round", std::to_string(round)}));
    ASSERT_TRUE(serve(dealer, [&] {
      zmq_pollitem_t item{router.handle(), 0, ZMQ_POLLIN, 0};
      if (zmq_poll(&item, 1, 0) > 0) asked = receive(router);
      return !asked.empty();
    }));
    EXPECT_EQ(asked, (frames{"me", "round", std::to_string(round)}));
    router.close();
    ASSERT_TRUE(serve(dealer, [&] { return dealer.fd() < 0; }));
  }
}

TEST_F(zmtp_peer, a_peer_that_does_not_fit_is_left) {
  auto publisher = bound(zmq::socket_type::pub);
  bool closing = false;
  auto on = collecting();
  on.closing = [&] { closing = true; };
  zmtp_socket dealer(buffer_, settings(zmtp_role::dealer), on);
  ASSERT_TRUE(serve(dealer, [&] { return closing; }));
}

TEST_F(zmtp_peer, over_tcp_too) {
  zmq::socket_t router(context_, zmq::socket_type::router);
  router.set(zmq::sockopt::linger, 0);
  router.set(zmq::sockopt::rcvtimeo, 60'000);
  router.bind("tcp://127.0.0.1:0");
  endpoint_ = router.get(zmq::sockopt::last_endpoint);
  zmtp_socket dealer(buffer_, settings(zmtp_role::dealer), collecting());
  EXPECT_TRUE(send_frames(dealer, {"hello"}));
  frames asked;
  ASSERT_TRUE(serve(dealer, [&] {
    zmq_pollitem_t item{router.handle(), 0, ZMQ_POLLIN, 0};
    if (zmq_poll(&item, 1, 0) > 0) asked = receive(router);
    return !asked.empty();
  }));
  EXPECT_EQ(asked, (frames{"me", "hello"}));
}

TEST_F(zmtp_peer, on_an_asio_loop_a_handler_may_destroy_its_port) {
  auto router = bound(zmq::socket_type::router);
  boost::asio::io_context io(1);
  std::unique_ptr<zmtp_port> port;
  auto on = collecting();
  on.message = [&](zmtp_message&& m) {
    got_.push_back(frames_of(m));
    if (got_.size() == 2) port.reset();
  };
  port = std::make_unique<zmtp_port>(io, buffer_, settings(zmtp_role::dealer), on);
  const std::vector<std::string_view> hello = {"hello"};
  EXPECT_TRUE(port->send(hello));
  // libzmq's thread may need a while: whoever waits for the loop alone could wait for ever.
  zmq_pollitem_t item{router.handle(), 0, ZMQ_POLLIN, 0};
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (zmq_poll(&item, 1, 0) <= 0 && std::chrono::steady_clock::now() < deadline)
    io.run_one_for(std::chrono::milliseconds(5));
  EXPECT_EQ(receive(router), (frames{"me", "hello"}));
  for (const auto* text : {"1", "2", "3"})
    send(router, {"me", text});
  io.run_for(patience);  // ends by itself when the port is gone
  EXPECT_TRUE(io.stopped());
  EXPECT_EQ(got_, (std::vector<frames>{{"1"}, {"2"}}));
}

TEST(zmtp_endpoints, what_can_be_connected_to) {
  EXPECT_TRUE(parse_zmtp_endpoint("ipc:///run/x/k-1"));
  EXPECT_TRUE(parse_zmtp_endpoint("ipc:///" + std::string(106, 'x')));
  EXPECT_TRUE(parse_zmtp_endpoint("tcp://127.0.0.1:5000"));
  for (const auto& bad : {std::string(), std::string("ipc://"), std::string("ipc://relative"),
                          "ipc:///" + std::string(107, 'x'), std::string("tcp://127.0.0.1"),
                          std::string("tcp://127.0.0.1:0"), std::string("tcp://127.0.0.1:65536"),
                          std::string("tcp://127.0.0.1:1x"), std::string("tcp://localhost:80"),
                          std::string("tcp://:80"), std::string("udp://127.0.0.1:80")}) {
    EXPECT_FALSE(parse_zmtp_endpoint(bad)) << bad;
  }
}

}  // namespace
}  // namespace kmux
