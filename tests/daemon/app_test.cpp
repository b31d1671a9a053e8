#include "daemon/app.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

namespace kmux::daemon {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using local = asio::local::stream_protocol;

class whole_app : public testing::Test {
protected:
  whole_app() {
    std::string pattern = (std::filesystem::temp_directory_path() / "kmux-app-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    config_.runtime_dir = directory_;
    config_.state_dir = directory_ + "/state";
    config_.server.listen = {"127.0.0.1:0"};
    config_.auth.token = secret("secret-one");
    config_.auth.tokens_file = directory_ + "/tokens";
    config_.auth.audit_log = directory_ + "/audit.log";
  }
  ~whole_app() override { std::filesystem::remove_all(directory_); }

  result<std::unique_ptr<app>> create() const {
    return app::create(config_,
                       [](const auto&, auto&) {
                         return error{errc::io, "no file"};
                       },
                       next_, {});
  }

  std::string directory_;
  config::config config_;
  successor next_{0, nullptr};
};

/// A client that blocks, on a thread of its own.
class client {
public:
  client(asio::io_context& io, const std::string& path) : socket_(io) {
    socket_.connect(local::endpoint(path));
  }
  void send(std::string_view bytes) { asio::write(socket_, asio::buffer(bytes)); }
  /// A whole request, and the head of its response.
  void exchange() {
    send("HEAD /api HTTP/1.1\r\nHost: h\r\n\r\n");
    std::string head;
    asio::read_until(socket_, asio::dynamic_buffer(head), "\r\n\r\n");
    EXPECT_TRUE(head.starts_with("HTTP/1.1 200 ")) << head;
  }
  boost::system::error_code wait_for_end() {
    std::string rest;
    boost::system::error_code ec;
    asio::read(socket_, asio::dynamic_buffer(rest), ec);
    return ec;
  }

private:
  local::socket socket_;
};

TEST_F(whole_app, an_address_that_is_taken_is_an_error_after_others_were_opened) {
  asio::io_context io;
  const tcp::acceptor other(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  config_.server.listen.push_back("127.0.0.1:" + std::to_string(other.local_endpoint().port()));
  const auto failed = create();
  ASSERT_FALSE(failed.has_value());
  EXPECT_NE(failed.error().detail.find("cannot listen on 127.0.0.1"), std::string::npos)
      << failed.error().detail;
  // All has been let go of: it works with the same directories once the address is left out.
  config_.server.listen.pop_back();
  const auto made = create();
  EXPECT_TRUE(made.has_value()) << made.error().detail;
}

TEST_F(whole_app, a_signal_ends_it) {
  const auto made = create();
  ASSERT_TRUE(made.has_value()) << made.error().detail;
  ::raise(SIGTERM);
  EXPECT_EQ((*made)->run(), 0);
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/listen.json"));
}

TEST_F(whole_app, a_second_signal_ends_it_at_once) {
  const auto made = create();
  ASSERT_TRUE(made.has_value()) << made.error().detail;
  std::thread people([&] {
    asio::io_context io;
    client busy(io, directory_ + "/admin.sock");
    client idle(io, directory_ + "/admin.sock");
    busy.exchange();
    // Half a request is waited for. It is read before the other client's, which is sent later.
    busy.send("GET /api HT");
    idle.exchange();
    ::kill(::getpid(), SIGTERM);
    EXPECT_EQ(idle.wait_for_end(), asio::error::eof) << "the sign that the end has begun";
    ::kill(::getpid(), SIGTERM);
    EXPECT_TRUE(busy.wait_for_end());
  });
  EXPECT_EQ((*made)->run(), 0);
  people.join();
}

}  // namespace
}  // namespace kmux::daemon
