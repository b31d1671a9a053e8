// The loop pair: stop() from any thread, twice; interrupts that hit one cell; back-pressure.
#include <atomic>
#include <filesystem>
#include <future>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "proc/child/echo_interpreter.hpp"
#include "proc/child/kernel_host.hpp"
#include "proc/child/multipart.hpp"
#include "proc/child/sockets.hpp"
#include "proc/unique_fd.hpp"
#include "protocol/requests.hpp"
#include "protocol/signer.hpp"
#include "protocol/wire.hpp"
#include "protocol/wire_message.hpp"

namespace kmux::child {
namespace {

using namespace std::chrono_literals;

class loops : public testing::Test {
protected:
  loops() {
    std::string pattern = (std::filesystem::temp_directory_path() / "kmux-loops-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    where_ = ipc_connection(directory_ + "/k", secret("key"), "echo");
    host_ = std::make_unique<kernel_host>(where_, language_);
  }
  ~loops() override { std::filesystem::remove_all(directory_); }

  /// Sends on a channel and waits for the reply's content; empty when none came in time.
  std::string ask(zmq::socket_t& socket, std::string_view type, std::string_view content) {
    auto frames = asks_.reply({}, {type, "{}", content, "{}", {}});
    send_message(socket, frames);
    return receive(socket);
  }
  static std::string receive(zmq::socket_t& socket) {
    zmq_pollitem_t item{socket.handle(), 0, ZMQ_POLLIN, 0};
    frame_list frames;
    if (zmq_poll(&item, 1, 60'000) <= 0 || !receive_message(socket, frames)) return {};
    wire_message<frame_list> wire(std::move(frames));
    return wire.decode({}) == errc::ok ? std::string(wire.message().content) : "";
  }
  std::string create_subshell(zmq::socket_t& control) {
    const auto created = ask(control, "create_subshell_request", "{}");
    const auto begin = created.find("subshell_id\": \"") + 15;
    return created.substr(begin, created.find('"', begin) - begin);
  }
  zmq::socket_t connect(const std::string& endpoint) {
    zmq::socket_t socket(context_, zmq::socket_type::dealer);
    socket.set(zmq::sockopt::linger, 0);
    socket.connect(endpoint);
    return socket;
  }

  std::string execute(zmq::socket_t& socket, std::string_view code) {
    return ask(socket, "execute_request", R"({"code": ")" + std::string(code) + "\"}");
  }
  /// In the place of the one with the usual settings.
  void make_host(kernel_settings settings) {
    host_.reset();
    host_ = std::make_unique<kernel_host>(where_, language_, settings);
  }

  zmq::context_t context_;
  std::string directory_;
  connection_info where_;
  echo_interpreter language_;
  std::unique_ptr<kernel_host> host_;
  composer asks_{"key", "test", "a"};
};

TEST_F(loops, stop_from_many_threads_blocks_until_both_have_ended) {
  std::atomic<bool> ended = false;
  std::thread main([&] {
    host_->run();
    ended = true;
  });
  auto shell = connect(where_.shell());
  EXPECT_NE(ask(shell, "kernel_info_request", "{}").find("kmux-echo"), std::string::npos);
  std::vector<std::thread> stoppers;
  for (int i = 0; i < 4; ++i)
    stoppers.emplace_back([&] { host_->stop(); });
  for (auto& each : stoppers)
    each.join();
  main.join();
  EXPECT_TRUE(ended);
  host_->stop();
}

TEST_F(loops, stop_before_run_ends_it_at_once) {
  std::thread stopper([&] { host_->stop(); });
  stopper.join();
  host_->run();
}

TEST_F(loops, control_answers_and_interrupts_whatever_the_shell_does) {
  std::thread main([&] { host_->run(); });
  auto shell = connect(where_.shell());
  auto control = connect(where_.control());
  ask(shell, "kernel_info_request", "{}");
  composer makes("key", "test", "s");
  auto frames = makes.reply({}, {"execute_request", "{}", R"({"code": "spin 1000"})", "{}", {}});
  send_message(shell, frames);
  EXPECT_NE(ask(control, "kernel_info_request", "{}").find("kmux-echo"), std::string::npos);
  // The cell may not have begun: an interrupt without a cell is harmless, so ask until it hits.
  std::string reply;
  composer asks("key", "test", "i");
  zmq_pollitem_t item{shell.handle(), 0, ZMQ_POLLIN, 0};
  for (int i = 0; i < 1000 && reply.empty(); ++i) {
    frames = asks.reply({}, {"interrupt_request", "{}", "{}", "{}", {}});
    send_message(control, frames);
    EXPECT_NE(receive(control).find("ok"), std::string::npos);
    if (zmq_poll(&item, 1, 10) > 0) reply = receive(shell);
  }
  EXPECT_NE(reply.find("KeyboardInterrupt"), std::string::npos);
  auto again = composer("key", "test", "n")
                   .reply({}, {"execute_request", "{}", R"({"code": "echo fine"})", "{}", {}});
  send_message(shell, again);
  EXPECT_NE(receive(shell).find("\"ok\""), std::string::npos) << "the next cell is not hit";
  host_->stop();
  main.join();
}

TEST_F(loops, bad_input_is_dropped_and_the_kernel_lives) {
  std::thread main([&] { host_->run(); });
  auto shell = connect(where_.shell());
  const std::vector<std::vector<std::string_view>> bad = {
      {""},
      {"<IDS|MSG>"},
      {"<IDS|MSG>", "", "{}", "{}", "{}", "{}"},
      {"<IDS|MSG>", "00", "{", "{}", "{}", "{}"},
      {"x", "y", "z"}};
  for (const auto& frames : bad)
    send_copies(shell, frames);
  composer makes("key", "test", "t");
  auto once = makes.reply({}, {"kernel_info_request", "{}", "{}", "{}", {}});
  std::vector<std::string> copy;
  for (std::size_t i = 0; i < once.size(); ++i)
    copy.emplace_back(once.view(i));
  const std::vector<std::string_view> replayed(copy.begin(), copy.end());
  send_copies(shell, replayed);
  EXPECT_NE(receive(shell).find("kmux-echo"), std::string::npos);
  send_copies(shell, replayed);  // seen before: no answer; the next one has one
  EXPECT_NE(ask(shell, "is_complete_request", R"({"code": "x\\"})").find("incomplete"),
            std::string::npos);
  host_->stop();
  main.join();
}

TEST_F(loops, cells_that_come_within_the_time_after_an_error_are_aborted) {
  make_host({.stop_on_error_timeout = 1h});
  std::thread main([&] { host_->run(); });
  auto shell = connect(where_.shell());
  EXPECT_NE(execute(shell, "error E v").find("\"error\""), std::string::npos);
  EXPECT_NE(execute(shell, "echo a").find("\"aborted\""), std::string::npos);
  EXPECT_NE(ask(shell, "kernel_info_request", "{}").find("kmux-echo"), std::string::npos);
  EXPECT_NE(execute(shell, "echo b").find("\"aborted\""), std::string::npos);
  host_->stop();
  main.join();
}

TEST_F(loops, the_time_after_an_error_ends) {
  const auto patience = 50ms;
  make_host({.stop_on_error_timeout = patience});
  std::thread main([&] { host_->run(); });
  auto shell = connect(where_.shell());
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_NE(execute(shell, "error E v").find("\"error\""), std::string::npos);
  std::string last;
  while (last.find("\"ok\"") == std::string::npos && std::chrono::steady_clock::now() < begin + 60s)
    last = execute(shell, "echo a");
  EXPECT_NE(last.find("\"ok\""), std::string::npos);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, patience);
  // And where nothing else wakes the loop; several tries, for a machine that is busy.
  last.clear();
  for (int i = 0; i < 20 && last.find("\"ok\"") == std::string::npos; ++i) {
    execute(shell, "error E v");
    zmq_pollitem_t item{shell.handle(), 0, ZMQ_POLLIN, 0};
    EXPECT_EQ(zmq_poll(&item, 1, (2 * patience).count()), 0);
    last = execute(shell, "echo b");
  }
  EXPECT_NE(last.find("\"ok\""), std::string::npos);
  host_->stop();
  main.join();
}

/// A request with a header of its own: composer makes none with a subshell_id.
frame_list to_subshell(const std::string& id, const std::string& message, std::string_view type,
                       std::string_view content) {
  signer signs("key");
  const std::string header = R"({"msg_id": ")" + message +
                             R"(", "session": "t", "username": "u", )" +
                             R"("date": "", "msg_type": ")" + std::string(type) +
                             R"(", "version": "5.5", "subshell_id": ")" + id + "\"}";
  const message_view view{header, "{}", "{}", content, {}};
  signer::signature storage;
  frame_list frames;
  for (const auto part : encode_wire(signs.sign(view, storage), view))
    frames.push_back(zmq::message_t(part.data(), part.size()));
  return frames;
}

TEST_F(loops, subshells_run_beside_the_main_shell_and_end_while_they_are_busy) {
  std::thread main([&] { host_->run(); });
  auto shell = connect(where_.shell());
  auto control = connect(where_.control());
  composer makes("key", "test", "u");
  const std::string id = create_subshell(control);
  auto slow = makes.reply({}, {"execute_request", "{}", R"({"code": "spin 1000"})", "{}", {}});
  send_message(shell, slow);
  auto quick = to_subshell(id, "a", "execute_request", R"({"code": "echo beside"})");
  send_message(shell, quick);
  EXPECT_NE(receive(shell).find("\"ok\""), std::string::npos) << "the main shell spins";
  for (const char* const each : {"b", "waits"}) {
    auto busy = to_subshell(id, each, "execute_request", R"({"code": "sleep 1000"})");
    send_message(shell, busy);
  }
  EXPECT_NE(ask(control, "list_subshell_request", "{}").find(id), std::string::npos);
  EXPECT_NE(ask(control, "delete_subshell_request", R"({"subshell_id": ")" + id + "\"}").find("ok"),
            std::string::npos);
  EXPECT_EQ(ask(control, "list_subshell_request", "{}").find(id), std::string::npos);
  auto late = to_subshell(id, "c", "execute_request", R"({"code": "echo nobody"})");
  send_message(shell, late);
  const std::string replies = receive(shell) + receive(shell) + receive(shell);
  EXPECT_NE(replies.find("UnknownSubshellError"), std::string::npos) << replies;
  EXPECT_NE(replies.find("\"aborted\""), std::string::npos) << replies;
  host_->stop();
  main.join();
}

TEST_F(loops, a_kernel_that_cannot_make_a_subshell_says_so_and_goes_on) {
  std::thread main([&] { host_->run(); });
  auto shell = connect(where_.shell());
  auto control = connect(where_.control());
  EXPECT_NE(ask(control, "list_subshell_request", "{}").find("ok"), std::string::npos);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit few = before;
  few.rlim_cur = 100;
  ::setrlimit(RLIMIT_NOFILE, &few);
  std::vector<unique_fd> taken;
  do {
    taken.emplace_back(::dup(control.get(zmq::sockopt::fd)));
  } while (taken.back());
  const auto refused = ask(control, "create_subshell_request", "{}");
  EXPECT_NE(refused.find("no descriptor left"), std::string::npos) << refused;
  taken.clear();
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_FALSE(create_subshell(control).empty());
  EXPECT_NE(execute(shell, "echo a").find("\"ok\""), std::string::npos);
  host_->stop();
  main.join();
}

TEST_F(loops, a_completion_does_not_wait_for_the_cell_that_blocks) {
  std::thread main([&] { host_->run(); });
  auto shell = connect(where_.shell());
  composer makes("key", "test", "v");
  auto slow = makes.reply({}, {"execute_request", "{}", R"({"code": "spin 1000"})", "{}", {}});
  send_message(shell, slow);
  // One that a busy machine does not answer in time is answered with nothing.
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  std::string told;
  do {
    told = ask(shell, "complete_request", R"({"code": "ech", "cursor_pos": 3})");
    EXPECT_NE(told.find("\"matches\""), std::string::npos) << told;
  } while (told.find("echo") == std::string::npos && std::chrono::steady_clock::now() < deadline);
  EXPECT_NE(told.find("echo"), std::string::npos) << told;
  host_->stop();
  main.join();
}

std::uint64_t number_after(std::string_view text, std::string_view name) {
  return std::stoull(std::string(text.substr(text.find(name) + name.size())));
}

TEST_F(loops, usage_tells_how_long_requests_waited_in_all_shells) {
  std::thread main([&] { host_->run(); });
  auto shell = connect(where_.shell());
  auto control = connect(where_.control());
  composer makes("key", "test", "w");
  const std::string id = create_subshell(control);
  auto in_subshell = to_subshell(id, "d", "execute_request", R"({"code": "echo a"})");
  send_message(shell, in_subshell);
  EXPECT_NE(receive(shell).find("\"ok\""), std::string::npos);
  for (const char* const code : {R"({"code": "spin 1000"})", R"({"code": "echo behind"})"}) {
    auto frames = makes.reply({}, {"execute_request", "{}", code, "{}", {}});
    send_message(shell, frames);
  }
  std::string told;
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  const auto is_told = [&] {
    return number_after(told, "\"served\": ") == 2 && number_after(told, "\"waiting\": ") == 1;
  };
  do {
    told = ask(control, "usage_request", "{}");
  } while (!is_told() && std::chrono::steady_clock::now() < deadline);
  EXPECT_TRUE(is_told()) << told;
  EXPECT_NE(told.find("\"control_lag_seconds\": "), std::string::npos) << told;
  ask(control, "delete_subshell_request", R"({"subshell_id": ")" + id + "\"}");
  EXPECT_EQ(number_after(ask(control, "usage_request", "{}"), "\"served\": "), 2U)
      << "what has gone is not forgotten";
  host_->stop();
  main.join();
}

}  // namespace
}  // namespace kmux::child
