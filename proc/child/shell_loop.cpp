#include "proc/child/shell_loop.hpp"

#include <chrono>
#include <poll.h>

#include <fmt/format.h>

#include "proc/child/served_request.hpp"
#include "protocol/json.hpp"
#include "protocol/json_document.hpp"
#include "protocol/requests.hpp"

namespace kmux::child {

namespace {

using json::parse_object;

/// A flag of the content; `otherwise` where it is not there, or no boolean.
bool flag(const result<rapidjson::Document>& content, std::string_view name, bool otherwise) {
  const auto* const member = content ? json::find(*content, name) : nullptr;
  return member != nullptr && member->IsBool() ? member->GetBool() : otherwise;
}

std::string now() {
  using namespace std::chrono;
  return iso_date(duration_cast<microseconds>(system_clock::now().time_since_epoch()).count());
}

/// What ipyparallel and others look for beside an execute_reply.
std::string reply_metadata(const std::string& started, std::string_view status) {
  return fmt::format(
      R"({{"started": "{}", "dependencies_met": true, "engine": "", "status": "{}"}})", started,
      status);
}

}  // namespace

std::string with_status(std::string_view members) {
  return members == "{}" ? R"({"status": "ok"})"
                         : fmt::format(R"({{"status": "ok", {})", members.substr(1));
}

std::string error_content(std::string_view ename, std::string_view evalue) {
  return fmt::format(R"({{"status": "error", "ename": {}, "evalue": {}, "traceback": []}})",
                     json_quote(ename), json_quote(evalue));
}

namespace {

/// A query's content, taken apart. `document` keeps what the views point into.
struct parsed_query {
  explicit parsed_query(const request& r) : document(parse_object(r.message().content, "content")) {
    if (!document) return;
    asked.code = json::string_at(*document, "code").value_or("");
    asked.content = r.message().content;
    const auto* const cursor = json::find(*document, "cursor_pos");
    asked.cursor_pos =
        cursor != nullptr && cursor->IsUint64() ? cursor->GetUint64() : asked.code.size();
  }
  result<rapidjson::Document> document;
  code_query asked;
};

}  // namespace

std::string answer_query(interpreter& language, const request& r) {
  const parsed_query q(r);
  if (!q.document) return error_content("ValueError", "The content is not a JSON object.");
  const std::string_view type = r.head.msg_type;
  if (type == "complete_request") return with_status(language.complete(q.asked));
  if (type == "inspect_request") return with_status(language.inspect(q.asked));
  return language.is_complete(q.asked.code);
}

std::string empty_answer(const request& r) {
  struct silent : interpreter {
    std::string kernel_info() const override { return "{}"; }
    execute_result execute(const execute_request&, execution&) override { return {}; }
  } nobody;
  return answer_query(nobody, r);
}

shell_loop::shell_loop(std::string id, interpreter& language, sender& out, input_broker& inputs,
                       const std::string& kernel_info)
    : id_(std::move(id)),
      language_(language),
      out_(out),
      inputs_(inputs),
      kernel_info_(kernel_info) {
}

shell_loop::~shell_loop() = default;

void shell_loop::stop() noexcept {
  const std::lock_guard lock(aim_.mutex);
  stopping_ = true;
  aim_.wake.set();
  queue_->stop();
}

void shell_loop::interrupt(bool by_message) noexcept {
  {
    const std::lock_guard lock(aim_.mutex);
    aim_.hit = last_serial_;
    if (running_ != 0) aim_.wake.set();
  }
  language_.interrupt(*this, by_message);
}

/// iopub says what a kernel does when that changes; who has just connected cannot know it
/// otherwise.
std::string shell_loop::kernel_info() const {
  return fmt::format(R"({{"execution_state": "{}", {})", running_ != 0 ? "busy" : "idle",
                     kernel_info_);
}

void shell_loop::run() {
  pollfd item{queue_->fd(), POLLIN, 0};
  while (!stopping_) {
    // stop() may have come since turn() looked, and pop() have taken its word for a request's.
    if (!turn() && !stopping_) ::poll(&item, 1, -1);
  }
}

bool shell_loop::turn() {
  if (stopping_) return false;
  const auto next = queue_->pop(!cell_runs_);
  if (!next) return false;
  blocked_ = true;
  serve(*next);
  blocked_ = false;
  return true;
}

void shell_loop::refuse_rest() {
  pollfd item{queue_->fd(), POLLIN, 0};
  for (;;) {
    const bool last = stopping_;
    while (const auto next = queue_->pop(true))
      refuse(*next->what);
    if (last) return;
    if (!stopping_) ::poll(&item, 1, -1);
  }
}

void shell_loop::refuse(const request& r) {
  const std::string& type = r.head.msg_type;
  out_.status(r, "busy");
  if (type == "execute_request" && stopping_) {
    abort(r);
  } else if (!is_comm(type)) {
    out_.reply(r, reply_type(type),
               error_content("UnknownSubshellError", "The subshell has ended."));
  }
  out_.status(r, "idle");
}

void shell_loop::serve(const request_queue::entry& next) {
  const request& r = *next.what;
  const std::string& type = r.head.msg_type;
  out_.status(r, "busy");
  if (type == "execute_request") {
    if (!next.aborted) {
      serve_cell(next.what);
      return;  // idle comes with the cell's end
    }
    abort(r);
  } else if (is_comm(type)) {
    serve_comm(next.what);
  } else if (type == "shutdown_request") {
    const auto content = parse_object(r.message().content, "content");
    out_.reply(
        r, "shutdown_reply",
        fmt::format(R"({{"status": "ok", "restart": {}}})", flag(content, "restart", false)));
    stop();
  } else if (const auto content = answer(r); !content.empty()) {
    out_.reply(r, reply_type(type), content);
  }
  out_.status(r, "idle");
}

/// Empty for a type that nobody knows: busy and idle, no reply.
std::string shell_loop::answer(const request& r) {
  const std::string_view type = r.head.msg_type, content = r.message().content;
  if (type == "kernel_info_request") return kernel_info();
  if (is_query(type)) return answer_query(language_, r);
  if (type == "comm_info_request") return with_status(language_.comm_info(content));
  if (type == "history_request") return with_status(language_.history(content));
  return {};
}

void shell_loop::serve_comm(const std::shared_ptr<const request>& r) {
  const auto world = std::make_shared<served_request>(*this, r, false);
  const auto& m = r->message();
  language_.comm({r->head.msg_type, m.content, m.metadata, m.buffers}, world);
  world->end();
}

void shell_loop::abort(const request& r) {
  out_.reply(r, "execute_reply",
             fmt::format(R"({{"status": "aborted", "execution_count": {}}})", last_count_),
             reply_metadata(now(), "aborted"));
}

void shell_loop::serve_cell(const std::shared_ptr<const request>& r) {
  const auto content = parse_object(r->message().content, "content");
  const auto world =
      std::make_shared<served_request>(*this, r, flag(content, "allow_stdin", false));
  execute_request& cell = world->cell;
  if (content) cell.code = json::string_at(*content, "code").value_or("");
  cell.silent = flag(content, "silent", false);
  cell.store_history = !cell.silent && flag(content, "store_history", true);
  cell.allow_stdin = flag(content, "allow_stdin", false);
  cell.stop_on_error = flag(content, "stop_on_error", true);
  const auto* const expressions = content ? json::find(*content, "user_expressions") : nullptr;
  cell.has_user_expressions =
      expressions != nullptr && expressions->IsObject() && !expressions->ObjectEmpty();
  cell.content = r->message().content;
  cell.metadata = r->message().metadata;
  cell.execution_count = last_count_ = language_.count_cell(cell.store_history);
  world->started = now();
  if (capture_ != nullptr) {
    capture_->drain();  // what came between the cells belongs to the one before
    capture_->parent(r);
  }
  if (!cell.silent) {
    const std::string input = fmt::format(R"({{"code": {}, "execution_count": {}}})",
                                          json_quote(cell.code), cell.execution_count);
    out_.publish(r.get(), {"execute_input", {}, input, "{}", {}});
  }
  cell_runs_ = true;
  language_.start(cell, world);
}

void shell_loop::end_cell(const served_request& world, const execute_result& done) {
  const request& r = *world.asked();
  const execute_request& cell = world.cell;
  const int count = done.execution_count != 0 ? done.execution_count : cell.execution_count;
  last_count_ = count;
  cell_runs_ = false;
  if (capture_ != nullptr) capture_->drain();
  if (done.ok) {
    out_.reply(r, "execute_reply",
               fmt::format(R"({{"status": "ok", "execution_count": {}, "payload": {}, )"
                           R"("user_expressions": {}}})",
                           count, done.payload, done.user_expressions),
               reply_metadata(world.started, "ok"));
  } else {
    if (!cell.silent && cell.stop_on_error) {
      // Before the reply: what a client sends once it has read that is not to be aborted.
      queue_->begin_abort();
      out_.out().push(outbox::fence{queue_});
    }
    std::string traceback;
    for (const auto& line : done.traceback)
      traceback += (traceback.empty() ? "" : ", ") + json_quote(line);
    if (traceback.empty()) traceback = json_quote(done.ename + ": " + done.evalue);
    const std::string error =
        fmt::format(R"("ename": {}, "evalue": {}, "traceback": [{}])", json_quote(done.ename),
                    json_quote(done.evalue), traceback);
    if (!done.published) out_.publish(&r, {"error", {}, "{" + error + "}", "{}", {}});
    out_.reply(r, "execute_reply",
               fmt::format(R"({{"status": "error", "execution_count": {}, "payload": {}, )"
                           R"("user_expressions": {}, {}}})",
                           count, done.payload, done.user_expressions, error),
               reply_metadata(world.started, "error"));
  }
  out_.status(r, "idle");
  queue_->look_again();
}

}  // namespace kmux::child
