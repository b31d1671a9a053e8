#include "daemon/journal/executions.hpp"

#include <fmt/format.h>

#include "protocol/json.hpp"
#include "protocol/json_document.hpp"
#include "protocol/requests.hpp"

namespace kmux::daemon {

namespace {

std::string text_at(const result<rapidjson::Document>& object, std::string_view name) {
  return object ? std::string(json::string_at(*object, name).value_or("")) : std::string();
}

std::string date_or_null(std::int64_t time) {
  return time == 0 ? "null" : fmt::format(R"("{}")", iso_date(time));
}

}  // namespace

void executions::add(const journal::record& r) {
  message_view m;
  if (!r.message(m) || peek_header(m.header, head_) != errc::ok) return;
  if (r.what == journal::kind::request) return asked(r, m);
  if (peek_header(m.parent_header, parent_) != errc::ok) return;
  // A new process begins with this.
  if (head_.msg_type == "status" && parent_.msg_id.empty() &&
      peek_execution_state(m.content) == "starting") {
    return process_ended();
  }
  if (parent_.msg_type == "execute_request") said(r, m);
}

void executions::asked(const journal::record& r, const message_view& m) {
  execution& e = all_.of(head_.msg_id, head_.session);
  e.username = head_.username;
  e.submitted = r.time;
  const auto metadata = json::parse_object(m.metadata, "metadata");
  e.cell_id = text_at(metadata, "cellId");
  const auto content = json::parse_object(m.content, "content");
  e.has_code = content && json::string_at(*content, "code").has_value();
  e.code = text_at(content, "code");
}

void executions::said(const journal::record& r, const message_view& m) {
  execution& e = all_.of(parent_.msg_id, parent_.session);
  if (head_.msg_type == "status") {
    const std::string state = peek_execution_state(m.content);
    if (state == "busy" && e.started == 0) {
      e.started = r.time;
      if (e.ended == 0) e.status = "running";
    }
    return;
  }
  if (head_.msg_type != "execute_input" && head_.msg_type != "execute_reply") return;
  const auto content = json::parse_object(m.content, "content");
  if (!content) return;
  const auto* const count = json::find(*content, "execution_count");
  if (count != nullptr && count->IsInt64()) e.execution_count = count->GetInt64();
  if (head_.msg_type != "execute_reply") return;
  e.ended = r.time;
  const std::string status = text_at(content, "status");
  e.status = status == "ok" || status == "error" ? status : "aborted";
}

void executions::process_ended() {
  for (auto& [at, each] : all_.all()) {
    if (each.ended == 0) each.status = "died";
  }
}

std::string executions::json(std::string_view owner) const {
  std::string out = "[";
  for (const auto& [at, each] : all_.all())
    out += (out.size() > 1 ? ", " : "") + to_json(each, owner);
  return out + "]";
}

std::string to_json(const execution& e, std::string_view owner) {
  return fmt::format(
      R"({{"msg_id": {}, "session": {}, "username": {}, "owner": {}, "cellId": {}, )"
      R"("submitted": {}, "started": {}, "ended": {}, "status": "{}", "execution_count": {}{}}})",
      json_quote(e.msg_id), json_quote(e.session), json_quote(e.username), json_quote(owner),
      e.cell_id.empty() ? "null" : json_quote(e.cell_id), date_or_null(e.submitted),
      date_or_null(e.started), date_or_null(e.ended), e.status,
      e.execution_count == 0 ? "null" : fmt::to_string(e.execution_count),
      e.has_code ? ", \"code\": " + json_quote(e.code) : "");
}

}  // namespace kmux::daemon
