#include "proc/child/shell_loop.hpp"

#include <fmt/format.h>

#include "proc/child/multipart.hpp"
#include "proc/child/sockets.hpp"
#include "protocol/json.hpp"
#include "protocol/json_document.hpp"

namespace kmux::child {

namespace {

/// kernel_info_reply's content around what the language says of itself.
std::string complete_kernel_info(const std::string& members) {
  return R"("status": "ok", "protocol_version": "5.5", "help_links": [], "debugger": false, )"
         R"("supported_features": [], )" +
         members.substr(1);
}

std::string with_status(std::string_view members) {
  return members == "{}" ? R"({"status": "ok"})"
                         : fmt::format(R"({{"status": "ok", {})", members.substr(1));
}

}  // namespace

/// What the code of one request may do. Between its construction and its end, and only then, an
/// interrupt has somebody to hit.
class shell_loop::running : public execution {
public:
  running(shell_loop& loop, const request& r, bool allow_stdin)
      : loop_(loop), request_(r), allow_stdin_(allow_stdin) {
    const std::lock_guard lock(loop_.mutex_);
    loop_.busy_ = true;
    loop_.interrupted_ = false;
    loop_.wake_.clear();
  }
  ~running() override {
    const std::lock_guard lock(loop_.mutex_);
    loop_.busy_ = loop_.interrupted_ = false;
    loop_.wake_.clear();
  }

  void publish(std::string_view type, std::string_view content, std::string_view metadata,
               std::span<const std::string_view> buffers) override {
    loop_.publish(request_.message().header, {type, {}, content, metadata, buffers});
  }
  bool interrupted() const override {
    const std::lock_guard lock(loop_.mutex_);
    return loop_.interrupted_ || loop_.stopping_;
  }
  bool sleep(std::chrono::milliseconds duration) override {
    zmq_pollitem_t item{nullptr, loop_.wake_.fd(), ZMQ_POLLIN, 0};
    const auto until = std::chrono::steady_clock::now() + duration;
    while (!interrupted()) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      if (left.count() <= 0) return true;
      zmq_poll(&item, 1, static_cast<long>(left.count()));
    }
    return false;
  }
  std::optional<std::string> input(std::string_view prompt, bool password) override;

private:
  std::optional<std::string> answer_in(const frame_list&);

  shell_loop& loop_;
  const request& request_;
  bool allow_stdin_;
};

std::optional<std::string> shell_loop::running::input(std::string_view prompt, bool password) {
  if (!allow_stdin_) return std::nullopt;
  frame_list frames;
  while (receive_message(loop_.stdin_, frames)) {  // answers that nobody waits for any more
  }
  const std::string content =
      fmt::format(R"({{"prompt": {}, "password": {}}})", json_quote(prompt), password);
  frames = loop_.composer_.reply(request_.identities(),
                                 {"input_request", request_.message().header, content, "{}", {}});
  send_message(loop_.stdin_, frames);
  zmq_pollitem_t items[] = {{loop_.stdin_.handle(), 0, ZMQ_POLLIN, 0},
                            {nullptr, loop_.wake_.fd(), ZMQ_POLLIN, 0}};
  while (!interrupted()) {
    zmq_poll(items, 2, -1);
    while (receive_message(loop_.stdin_, frames)) {
      const auto reply = loop_.stdin_reader_.read(std::move(frames));
      if (!reply || reply->head.msg_type != "input_reply") continue;
      const auto said = json::parse_object(reply->message().content, "content");
      if (said) return std::string(json::string_at(*said, "value").value_or(""));
    }
  }
  return std::nullopt;
}

shell_loop::shell_loop(zmq::context_t& context, connection_info& where, const std::string& session,
                       interpreter& language, outbox& out)
    : language_(language),
      out_(out),
      kernel_info_(complete_kernel_info(language.kernel_info())),
      shell_(make_router(context, where, where.shell_port)),
      stdin_(make_router(context, where, where.stdin_port)),
      reader_(where.key),
      stdin_reader_(where.key),
      composer_(where.key, session, "s") {
}

void shell_loop::stop() noexcept {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  wake_.set();
  loop_.stop();
}

/// iopub says what a kernel does when that changes; who has just connected cannot know it
/// otherwise.
std::string shell_loop::kernel_info() {
  const std::lock_guard lock(mutex_);
  return fmt::format(R"({{"execution_state": "{}", {})", busy_ ? "busy" : "idle", kernel_info_);
}

void shell_loop::interrupt() noexcept {
  const std::lock_guard lock(mutex_);
  if (!busy_) return;
  interrupted_ = true;
  wake_.set();
}

void shell_loop::run() {
  loop_.watch(shell_, [this] { read(); });
  loop_.each_turn([this] {
    // Read what has come before the next request runs: an error aborts what is queued then.
    if (!queue_.empty()) {
      request next = std::move(queue_.front());
      queue_.pop_front();
      serve(next);
    }
    if (queue_.empty()) aborting_ = false;
    return queue_.empty() ? poll_loop::forever : std::chrono::milliseconds(0);
  });
  loop_.run();
}

void shell_loop::read() {
  frame_list frames;
  while (receive_message(shell_, frames)) {
    if (frames.size() == 0) continue;
    if (auto r = reader_.read(std::move(frames))) queue_.push_back(std::move(*r));
    frames = {};
  }
}

void shell_loop::publish(std::string_view parent, const outgoing_message& m) {
  outgoing_message with_parent = m;
  with_parent.parent_header = parent;
  auto frames = composer_.broadcast(with_parent);
  out_.push(std::move(frames), composer_.bytes());
}

void shell_loop::status(const request& r, std::string_view state) {
  const std::string content = fmt::format(R"({{"execution_state": "{}"}})", state);
  publish(r.message().header, {"status", {}, content, "{}", {}});
}

void shell_loop::reply(const request& r, std::string_view type, std::string_view content) {
  auto frames = composer_.reply(r.identities(), {type, r.message().header, content, "{}", {}});
  send_message(shell_, frames);
}

void shell_loop::serve(request& r) {
  status(r, "busy");
  const std::string& type = r.head.msg_type;
  if (type == "execute_request") {
    if (aborting_) {
      reply(r, "execute_reply",
            fmt::format(R"({{"status": "aborted", "execution_count": {}}})", count_));
    } else {
      const auto content = json::parse_object(r.message().content, "content");
      const auto* const allow = content ? json::find(*content, "allow_stdin") : nullptr;
      running context(*this, r, allow != nullptr && allow->IsTrue());
      execute(r, context);
    }
  } else if (type == "comm_open" || type == "comm_msg" || type == "comm_close") {
    running context(*this, r, false);
    language_.comm({type, r.message().content, r.message().buffers}, context);
  } else if (type == "shutdown_request") {
    reply(r, "shutdown_reply", R"({"status": "ok", "restart": false})");
    stop();
  } else if (const auto content = other_reply(r); !content.empty()) {
    reply(r, type.substr(0, type.size() - std::string_view("request").size()) + "reply", content);
  }
  status(r, "idle");
}

std::string shell_loop::other_reply(const request& r) {
  const std::string& type = r.head.msg_type;
  if (type == "kernel_info_request") return kernel_info();
  if (type == "comm_info_request") return with_status(language_.comm_info());
  if (type == "history_request") return with_status(language_.history());
  const auto content = json::parse_object(r.message().content, "content");
  if (!content) return {};
  const auto code = json::string_at(*content, "code").value_or("");
  const auto* const cursor = json::find(*content, "cursor_pos");
  const std::size_t at =
      cursor != nullptr && cursor->IsUint64() ? cursor->GetUint64() : code.size();
  if (type == "complete_request") return with_status(language_.complete(code, at));
  if (type == "inspect_request") return with_status(language_.inspect(code, at));
  if (type == "is_complete_request") return language_.is_complete(code);
  return {};  // unknown: busy and idle, no reply
}

void shell_loop::execute(request& r, running& context) {
  const auto content = json::parse_object(r.message().content, "content");
  execute_request asked;
  const auto flag = [&](std::string_view name, bool otherwise) {
    const auto* const member = content ? json::find(*content, name) : nullptr;
    return member != nullptr && member->IsBool() ? member->GetBool() : otherwise;
  };
  if (content) asked.code = json::string_at(*content, "code").value_or("");
  asked.silent = flag("silent", false);
  if (!asked.silent && flag("store_history", true)) ++count_;
  asked.execution_count = count_;
  const std::string& header = std::string(r.message().header);
  if (!asked.silent) {
    const std::string input =
        fmt::format(R"({{"code": {}, "execution_count": {}}})", json_quote(asked.code), count_);
    publish(header, {"execute_input", {}, input, "{}", {}});
  }
  const auto done = language_.execute(asked, context);
  if (done.ok) {
    reply(r, "execute_reply",
          fmt::format(R"({{"status": "ok", "execution_count": {}, "payload": [], )"
                      R"("user_expressions": {{}}}})",
                      count_));
    return;
  }
  if (!asked.silent && flag("stop_on_error", true)) {
    // Before the reply: what a client sends once it has read that is not to be aborted.
    read();
    aborting_ = true;
  }
  std::string traceback;
  for (const auto& line : done.traceback)
    traceback += (traceback.empty() ? "" : ", ") + json_quote(line);
  if (traceback.empty()) traceback = json_quote(done.ename + ": " + done.evalue);
  const std::string error = fmt::format(R"("ename": {}, "evalue": {}, "traceback": [{}])",
                                        json_quote(done.ename), json_quote(done.evalue), traceback);
  publish(header, {"error", {}, "{" + error + "}", "{}", {}});
  reply(r, "execute_reply",
        fmt::format(R"({{"status": "error", "execution_count": {}, {}}})", count_, error));
}

}  // namespace kmux::child
