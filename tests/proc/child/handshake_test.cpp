// A whole registration: a ROUTER here is the launcher, and a kernel registers with it.
#include "proc/child/handshake.hpp"

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <future>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "proc/child/composer.hpp"
#include "proc/child/connection.hpp"
#include "proc/child/control_loop.hpp"
#include "proc/child/echo_interpreter.hpp"
#include "protocol/wire_message.hpp"
#include <kmux/child/kernel.hpp>

namespace kmux::child {
namespace {

using namespace std::chrono_literals;

constexpr auto soon = 1000ms;       ///< where a handshake must fail
constexpr auto later = 10s;         ///< where it must, once something has come in time
constexpr int patience_ms = 60000;  ///< where something must come

bool wait_readable(zmq::socket_t& socket) {
  for (;;) {
    zmq_pollitem_t item{socket.handle(), 0, ZMQ_POLLIN, 0};
    const int ready = zmq_poll(&item, 1, patience_ms);
    if (ready >= 0 || zmq_errno() != EINTR) return ready > 0;
  }
}

class handshake : public testing::Test {
protected:
  handshake() : launcher_(context_, zmq::socket_type::router) {
    block_signals();
    std::string pattern =
        (std::filesystem::temp_directory_path() / "kmux-handshake-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    file_ = directory_ + "/kernel.json";
    launcher_.set(zmq::sockopt::linger, 0);
    launcher_.bind("tcp://127.0.0.1:*");
    const std::string at = launcher_.get(zmq::sockopt::last_endpoint);
    port_ = at.substr(at.rfind(':') + 1);
    write_registration("\"" + port_ + "\"");
  }
  ~handshake() override { std::filesystem::remove_all(directory_); }

  void write_registration(const std::string& port, const std::string& rest = "") {
    write_file(file_, R"({"kernel_id": "k-1", "registration_ip": "127.0.0.1", "key": "key",
                          "registration_port": )" +
                          port + R"(, "transport": "tcp", "signature_scheme": "hmac-sha256")" +
                          rest + "}");
  }

  /// The next message that a kernel sends: its routing id is kept, its dictionary returned.
  std::string next_registration() {
    frame_list frames;
    if (!wait_readable(launcher_) || !receive_message(launcher_, frames)) return "nothing came";
    if (frames.size() != 4) return "not four frames";
    peer_ = frames.view(0);
    signature_ = frames.view(2);
    const std::string content(frames.view(3));
    const handshake_message expected("key", content);
    const auto wanted = expected.frames();
    if (frames.view(1) != wanted[0] || frames.view(2) != wanted[1]) return "not signed";
    return content;
  }
  void answer(std::string_view key, std::string_view content) {
    const handshake_message message(key, content);
    const auto frames = message.frames();
    const std::array<std::string_view, 4> all = {peer_, frames[0], frames[1], frames[2]};
    send_copies(launcher_, all);
  }
  /// The kernel's side with a short deadline: its error's text, or "".
  std::string register_soon(std::chrono::milliseconds patience = soon) {
    try {
      register_with_launcher(parse_registration_file(read_file(file_)).value(), {}, patience);
      return "";
    } catch (const std::runtime_error& e) {
      return e.what();
    }
  }
  std::string kernel_info_of(const std::string& endpoint) {
    zmq::socket_t socket(context_, zmq::socket_type::dealer);
    socket.set(zmq::sockopt::linger, 0);
    socket.connect(endpoint);
    auto asked = composer("key", "test", "t").reply({}, {"kernel_info_request"});
    send_message(socket, asked);
    frame_list frames;
    if (!wait_readable(socket) || !receive_message(socket, frames)) return "nothing came";
    wire_message<frame_list> wire(std::move(frames));
    return wire.decode({}) == errc::ok ? std::string(wire.message().content) : "undecodable";
  }
  /// A kernel registers, is acknowledged, and serves where its file now says.
  void run_whole(std::string_view acknowledgement);

  zmq::context_t context_;
  zmq::socket_t launcher_;
  std::string directory_, file_, port_, peer_, signature_;
};

void handshake::run_whole(std::string_view acknowledgement) {
  echo_interpreter language;
  std::unique_ptr<kernel> it;  // outlives its thread: stop() still looks at it when run() returns
  std::promise<void> made;
  std::thread main([&] {
    try {
      it = std::make_unique<kernel>(file_, language);
      made.set_value();
      it->run();
    } catch (...) {
      made.set_exception(std::current_exception());
    }
  });
  const std::string said = next_registration();
  answer("key", acknowledgement);
  EXPECT_NO_THROW(made.get_future().get());
  if (it != nullptr) {
    const auto where = parse_connection_file(read_file(file_));
    EXPECT_TRUE(where.has_value());
    if (where) {
      EXPECT_EQ(said, make_registration("k-1", *where));
      EXPECT_EQ(where->key.reveal(), "key");
      EXPECT_NE(where->hb_port, 0);
      EXPECT_NE(kernel_info_of(where->shell()).find("kmux-echo"), std::string::npos);
    }
    it->stop();
  }
  main.join();
}

TEST_F(handshake, a_kernel_registers_and_serves) {
  run_whole("{}");
}

TEST_F(handshake, the_port_may_be_a_number_and_the_answer_a_word) {
  write_registration(port_);
  run_whole("ACK");
}

TEST_F(handshake, over_ipc_the_kernel_takes_names_that_are_free) {
  write_file(directory_ + "/k-2", "somebody's");
  launcher_.bind("ipc://" + directory_ + "/k-1");
  write_file(file_,
             R"({"kernel_id": "k-1", "registration_ip": ")" + directory_ +
                 R"(/k", "registration_port": 1, "transport": "ipc", "key": "key", "ip": ")" +
                 directory_ + "/k\"}");
  run_whole("{}");
  const auto where = read_connection(file_);
  EXPECT_EQ(where.shell_port, 3);
  EXPECT_EQ(where.hb_port, 7);
  EXPECT_EQ(read_file(directory_ + "/k-2"), "somebody's");
}

TEST_F(handshake, a_wrong_signature_is_refused_until_the_deadline) {
  auto kernel = std::async(std::launch::async, [this] { return register_soon(later); });
  const std::string said = next_registration();
  answer("another key", "{}");
  answer("key", said);  // our own message, sent back
  const std::string error = kernel.get();
  EXPECT_NE(error.find("tcp://127.0.0.1:" + port_), std::string::npos) << error;
  EXPECT_NE(error.find("no acknowledgement"), std::string::npos) << error;
  EXPECT_NE(error.find("signature: 2"), std::string::npos) << error;
}

TEST_F(handshake, a_good_one_after_bad_ones_is_taken) {
  const auto launcher = parse_registration_file(read_file(file_)).value();
  auto kernel = std::async(std::launch::async, [&] { register_with_launcher(launcher, {}); });
  next_registration();
  answer("another key", "{}");
  const std::array<std::string_view, 2> odd = {peer_, ""};
  send_copies(launcher_, odd);
  const std::vector<std::string_view> many(100, peer_);
  send_copies(launcher_, many);
  answer("key", "{}");
  EXPECT_NO_THROW(kernel.get());
}

TEST_F(handshake, a_launcher_that_says_nothing_ends_it) {
  const startup_file file = read_startup(file_);
  EXPECT_THROW(keep_connection(file, file.asked, soon), std::runtime_error);
  EXPECT_TRUE(is_registration_file(read_file(file_))) << "the file stays as it was";
  const std::string error = register_soon();
  EXPECT_NE(error.find("no acknowledgement within 1000 ms"), std::string::npos) << error;
  EXPECT_EQ(error.find("signature"), std::string::npos) << error;
}

TEST_F(handshake, a_pending_sigterm_ends_the_wait) {
  const auto launcher = parse_registration_file(read_file(file_)).value();
  ::pthread_kill(::pthread_self(), SIGTERM);  // blocked: it stays pending
  const auto before = std::chrono::steady_clock::now();
  EXPECT_THROW(register_with_launcher(launcher, {}, 60s), std::runtime_error);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 30s);
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  int taken = 0;
  sigwait(&term, &taken);
  EXPECT_EQ(taken, SIGTERM);
}

TEST_F(handshake, what_is_missing_is_named) {
  write_file(file_, R"({"registration_ip": "127.0.0.1", "registration_port": 5, "key": ""})");
  echo_interpreter language;
  try {
    kernel it(file_, language);
    ADD_FAILURE() << "accepted";
  } catch (const std::runtime_error& e) {
    EXPECT_NE(std::string(e.what()).find("kernel_id"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find(file_), std::string::npos) << e.what();
  }
}

TEST_F(handshake, an_address_that_is_none_is_told) {
  write_file(file_, R"({"kernel_id": "k", "registration_ip": "no address", "key": "",
                        "registration_port": 5})");
  const std::string error = register_soon();
  EXPECT_NE(error.find("no address"), std::string::npos) << error;
}

TEST_F(handshake, a_connection_file_is_written_back_only_where_ports_were_chosen) {
  connection_info fixed = ipc_connection(directory_ + "/f", secret("key"), "echo");
  write_file(file_, write_connection_file(fixed) + "\n");
  const startup_file file = read_startup(file_);
  EXPECT_FALSE(file.launcher);
  keep_connection(file, file.asked);
  EXPECT_EQ(read_file(file_), write_connection_file(fixed) + "\n");
  fixed.shell_port = 9;
  keep_connection(file, fixed);
  EXPECT_EQ(read_connection(file_), fixed);
}

}  // namespace
}  // namespace kmux::child
