#include "proc/child/served_request.hpp"

#include <poll.h>

#include <fmt/format.h>

#include "protocol/json.hpp"

namespace kmux::child {

served_request::served_request(shell_loop& loop, std::shared_ptr<const request> asked,
                               bool allow_stdin)
    : loop_(loop),
      out_(loop.out_),
      inputs_(loop.inputs_),
      request_(std::move(asked)),
      allow_stdin_(allow_stdin) {
  const std::lock_guard lock(loop_.aim_.mutex);
  serial_ = ++loop_.last_serial_;
  before_ = loop_.running_.exchange(serial_);
  loop_.aim_.wake.clear();
  if (loop_.stopping_) loop_.aim_.wake.set();
}

served_request::served_request(shell_loop& loop, std::shared_ptr<const request> asked, unseen_t)
    : loop_(loop), out_(loop.out_), inputs_(loop.inputs_), request_(std::move(asked)) {
}

void served_request::end() {
  const std::lock_guard lock(loop_.aim_.mutex);
  loop_.running_ = before_;
  serial_ = 0;
  if (!loop_.stopping_) loop_.aim_.wake.clear();
}

void served_request::publish(std::string_view type, std::string_view content,
                             std::string_view metadata, std::span<const std::string_view> buffers) {
  out_.publish(request_.get(), {type, {}, content, metadata, buffers});
}

void served_request::stream(std::string_view name, std::string_view text) {
  out_.write(request_, name, text);
}

bool served_request::interrupted() const {
  if (serial_ == 0) return false;
  if (loop_.stopping_) return true;
  const std::lock_guard lock(loop_.aim_.mutex);
  return loop_.aim_.hit >= serial_;
}

bool served_request::sleep(std::chrono::milliseconds duration) {
  pollfd item{loop_.aim_.wake.fd(), POLLIN, 0};
  const auto until = std::chrono::steady_clock::now() + duration;
  while (!interrupted()) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return true;
    ::poll(&item, 1, static_cast<int>(std::min<long>(left.count(), 1'000'000)));
  }
  return false;
}

std::shared_ptr<pending_input> served_request::ask(std::string_view prompt, bool password) {
  if (!allow_stdin_) return nullptr;
  auto pending = inputs_.open(request_);
  const std::string content =
      fmt::format(R"({{"prompt": {}, "password": {}}})", json_quote(prompt), password);
  out_.send(channel::stdin_, *request_, "input_request", content);
  return pending;
}

std::optional<std::string> served_request::input(std::string_view prompt, bool password) {
  const auto pending = ask(prompt, password);
  if (!pending) return std::nullopt;
  pollfd items[] = {{pending->fd(), POLLIN, 0}, {loop_.aim_.wake.fd(), POLLIN, 0}};
  while (!interrupted()) {
    ::poll(items, 2, -1);
    if (auto answer = pending->take()) return answer;
  }
  return std::nullopt;
}

void served_request::finish(const execute_result& done) {
  end();
  loop_.end_cell(*this, done);
}

}  // namespace kmux::child
