// What the control loop does with requests: answers them itself, or passes them to whom they are
// for.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "proc/child/control_loop.hpp"
#include "proc/child/served_request.hpp"
#include "protocol/json.hpp"
#include "protocol/json_document.hpp"

namespace kmux::child {

namespace {

/// What is asked of the language may come on control too, and waits for its turn on the shell loop.
bool is_for_shell(std::string_view type) {
  return type == "execute_request" || is_query(type) || type == "comm_info_request" ||
         type == "history_request";
}

std::string unknown_subshell(std::string_view id) {
  return error_content("UnknownSubshellError", fmt::format("Unknown subshell_id '{}'", id));
}

}  // namespace

void control_loop::refuse(const request& r, std::string_view content) {
  status(r.message().header, "busy");
  // A comm message has no reply of its own.
  if (!is_comm(r.head.msg_type)) reply(r, content);
  status(r.message().header, "idle");
}

void control_loop::to_shell(const std::shared_ptr<const request>& r) {
  const std::string& id = r->head.subshell_id;
  shell_loop* loop = id.empty() ? &parts_.shell : subshells_.find(id);
  // Front ends send comms to subshells, so that widgets live while a cell runs. Most widgets are
  // made for one thread: they get the main one as long as nothing blocks it.
  if (loop != nullptr && is_comm(r->head.msg_type) && !parts_.shell.blocked()) loop = &parts_.shell;
  if (r->head.msg_type == "connect_request") {
    status(r->message().header, "busy");
    reply(*r, parts_.connect);
    status(r->message().header, "idle");
  } else if (loop == nullptr) {
    refuse(*r, unknown_subshell(id));
  } else {
    parts_.journal.note(r->head, r->message());
    const auto now = request_queue::clock::now();
    parts_.out.out().expect(now);
    loop->queue().push(r, now);
  }
}

void control_loop::serve(const std::shared_ptr<const request>& asked) {
  const request& r = *asked;
  const std::string& type = r.head.msg_type;
  {
    const std::lock_guard lock(mutex_);
    latest_ = asked;
  }
  if (is_for_shell(type) || type == "connect_request") return to_shell(asked);
  if (type == "debug_request" && parts_.language.has_debugger()) return serve_debug(asked);
  if (type == "stack_request" && parts_.language.tells_stacks()) return serve_stacks(asked);
  const std::string_view header = r.message().header;
  status(header, "busy");
  if (type == "kernel_info_request") {
    reply(r, parts_.shell.kernel_info());
  } else if (type == "interrupt_request") {
    parts_.shell.interrupt(true);
    subshells_.each([](shell_loop& each) { each.interrupt(true); });
    reply(r, R"({"status": "ok"})");
  } else if (type == "usage_request") {
    auto times = parts_.shell.queue().times();
    times += subshells_.times();
    reply(r, usage_.reply(times, loop_.take_lag()));
  } else if (type.ends_with("_subshell_request")) {
    reply(r, answer_subshells(r));
  } else if (type == "shutdown_request") {
    const auto content = json::parse_object(r.message().content, "content");
    const auto* const restart = content ? json::find(*content, "restart") : nullptr;
    const std::string_view told = restart != nullptr && restart->IsTrue()
                                      ? R"({"status": "ok", "restart": true})"
                                      : R"({"status": "ok", "restart": false})";
    publish({"shutdown_reply", header, told, "{}", {}});
    reply(r, told);
    begin_stop();
  }
  status(header, "idle");
}

std::string control_loop::answer_subshells(const request& r) {
  const std::string_view type = r.head.msg_type;
  if (!parts_.language.has_subshells()) {
    return error_content("NotImplementedError", "This kernel has no subshells.");
  }
  if (type == "create_subshell_request") {
    const auto id = subshells_.create();
    return id ? fmt::format(R"({{"status": "ok", "subshell_id": "{}"}})", *id)
              : error_content("RuntimeError", id.error().detail);
  }
  if (type == "list_subshell_request") {
    auto ids = subshells_.list();
    for (auto& each : ids)
      each = json_quote(each);
    return fmt::format(R"({{"status": "ok", "subshell_id": [{}]}})", fmt::join(ids, ", "));
  }
  const auto content = json::parse_object(r.message().content, "content");
  const auto id = content ? json::string_at(*content, "subshell_id").value_or("") : "";
  if (!subshells_.remove(std::string(id))) {
    return unknown_subshell(id);
  }
  return R"({"status": "ok"})";
}

void control_loop::serve_aside(const std::shared_ptr<const request>& r, helper_thread::job j) {
  if (debugger_.post(std::move(j))) return;
  refuse(*r, error_content("RuntimeError", "The kernel's process can have no more threads."));
}

/// On a thread of its own: starting a debugger while code runs takes as long as that code wants.
void control_loop::serve_debug(const std::shared_ptr<const request>& r) {
  serve_aside(r, [this, r] {
    served_request world(parts_.shell, r, served_request::unseen);
    parts_.out.status(*r, "busy");
    const auto content = parts_.language.debug(r->message().content, world);
    parts_.out.reply(*r, "debug_reply", content);
    parts_.out.status(*r, "idle");
  });
}

/// On the same thread: what holds the interpreter's lock would hold up the loop.
void control_loop::serve_stacks(const std::shared_ptr<const request>& r) {
  serve_aside(r, [this, r] {
    parts_.out.status(*r, "busy");
    parts_.out.reply(*r, "stack_reply", with_status(parts_.language.stacks()));
    parts_.out.status(*r, "idle");
  });
}

}  // namespace kmux::child
