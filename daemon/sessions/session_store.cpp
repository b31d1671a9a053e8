#include "daemon/sessions/session_store.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "proc/supervise/files.hpp"
#include "protocol/json.hpp"
#include "protocol/json_document.hpp"

namespace kmux::daemon {

namespace {

constexpr std::size_t largest_file = 64 << 20;
const identity everybody("", scope::admin);

std::string text_at(const json::value& v, std::string_view name) {
  return std::string(json::string_at(v, name).value_or(""));
}

}  // namespace

session_store::session_store(kernel_manager& kernels, std::string file)
    : kernels_(kernels), file_(std::move(file)) {
}

void session_store::load() {
  const auto text = supervise::read_file(file_, largest_file);
  if (!text) return;  // the first start, or a runtime directory of a new boot
  const auto document = json::parse(*text, file_);
  if (!document || !document->IsArray()) {
    spdlog::error("event=sessions_unreadable file={}", file_);
    return;
  }
  for (const auto& each : document->GetArray()) {
    session s{text_at(each, "id"),   text_at(each, "path"),      text_at(each, "name"),
              text_at(each, "type"), text_at(each, "kernel_id"), text_at(each, "owner")};
    if (!s.id.empty()) sessions_[s.id] = std::move(s);
  }
  drop_stale();
}

void session_store::drop_stale() {
  const auto dropped = std::erase_if(sessions_, [&](const auto& each) {
    return kernels_.find(each.second.kernel_id, everybody) == nullptr;
  });
  if (dropped > 0) save();
}

std::vector<session> session_store::list(const identity& who) {
  drop_stale();
  std::vector<session> out;
  for (const auto& [id, each] : sessions_) {
    if (who.may_see(each.owner)) out.push_back(each);
  }
  return out;
}

std::optional<session> session_store::find(const std::string& id, const identity& who) {
  drop_stale();
  const auto found = sessions_.find(id);
  if (found == sessions_.end() || !who.may_see(found->second.owner)) return std::nullopt;
  return found->second;
}

std::optional<session> session_store::find_path(const std::string& path, const identity& who) {
  for (auto& each : list(who)) {
    if (each.path == path && each.owner == who.owner) return each;
  }
  return std::nullopt;
}

void session_store::put(const session& s) {
  sessions_[s.id] = s;
  save();
}

void session_store::remove(const std::string& id) {
  if (sessions_.erase(id) > 0) save();
}

void session_store::save() const {
  std::string text = "[";
  for (const auto& [id, s] : sessions_) {
    if (text.size() > 1) text += ",";
    text += fmt::format(
        R"({{"id": {}, "path": {}, "name": {}, "type": {}, "kernel_id": {}, "owner": {}}})",
        json_quote(s.id), json_quote(s.path), json_quote(s.name), json_quote(s.type),
        json_quote(s.kernel_id), json_quote(s.owner));
  }
  const auto saved = supervise::write_file(file_, text + "]\n");
  if (!saved) spdlog::error("event=sessions_not_saved error=\"{}\"", saved.error().detail);
}

}  // namespace kmux::daemon
