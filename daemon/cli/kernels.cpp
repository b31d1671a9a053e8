#include "daemon/cli/kernels.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "daemon/cli/json_members.hpp"
#include "proc/supervise/files.hpp"

namespace kmux::cli {

namespace {

constexpr std::string_view newest = "@last";

kernel_view view_of(const json::value& kernel) {
  const json::value none(rapidjson::kObjectType);
  const auto* more = json::find(kernel, "kmux");
  if (more == nullptr) more = &none;
  kernel_view out;
  out.id = text_at(kernel, "id");
  out.spec = text_at(kernel, "name");
  out.owner = text_at(*more, "owner");
  out.state = text_at(kernel, "execution_state");
  out.reason = text_at(kernel, "reason");
  out.started = text_at(*more, "started");
  out.last_activity = text_at(kernel, "last_activity");
  out.journal = text_at(*more, "journal");
  out.heartbeat = text_at(*more, "heartbeat");
  out.connections = integer_at(kernel, "connections");
  out.restarts = integer_at(*more, "restarts");
  out.pid = integer_at(*more, "pid");
  out.seq = integer_at(*more, "seq");
  const auto* const pinned = json::find(*more, "pinned");
  out.pinned = pinned != nullptr && pinned->IsTrue();
  out.model = json::dump(kernel);
  return out;
}

outcome<kernel_list> parse_list(std::string text, bool live) {
  const auto document = json::parse(text, "the list of kernels");
  if (!document) return failure_of(document.error());
  if (!document->IsArray()) return failure{exit_code::failed, "That is no list of kernels."};
  kernel_list out;
  out.live = live;
  for (const auto& each : document->GetArray())
    out.all.push_back(view_of(each));
  out.json = std::move(text);
  return out;
}

/// The kernels of those sessions whose name or path it is.
std::vector<std::string> kernels_of_sessions(const session& s, bool live, const std::string& word) {
  std::string text;
  if (live) {
    if (auto got = s.daemon.ask("GET", "api/sessions"); got && got->ok()) text = got->body;
  } else if (auto read = supervise::read_file(s.runtime_dir + "/sessions.json", 64 << 20)) {
    text = *read;
  }
  std::vector<std::string> out;
  const auto document = json::parse(text.empty() ? "[]" : text, "the sessions");
  if (!document || !document->IsArray()) return out;
  for (const auto& each : document->GetArray()) {
    if (text_at(each, "name") != word && text_at(each, "path") != word) continue;
    const auto* const kernel = json::find(each, "kernel");
    auto id = kernel != nullptr ? text_at(*kernel, "id") : text_at(each, "kernel_id");
    if (std::ranges::count(out, id) == 0) out.push_back(std::move(id));
  }
  return out;
}

}  // namespace

outcome<kernel_view> kernel_from_model(std::string_view model) {
  const auto document = json::parse_object(model, "the kernel");
  if (!document) return failure_of(document.error());
  return view_of(*document);
}

outcome<kernel_list> list_kernels(const session& s) {
  auto got = s.daemon.ask("GET", "api/kernels");
  if (got && got->ok()) return parse_list(std::move(got->body), true);
  if (got) return failure_of(*got);
  if (got.error().code != exit_code::unreachable || s.runtime_dir.empty()) return got.error();
  auto read = read_kernels(s.runtime_dir, s.state_dir);
  if (!read) return got.error();
  fmt::print(stderr, "kmux: no kmuxd answers; this is what {} and {} tell.\n", s.runtime_dir,
             s.state_dir);
  return std::move(*read);
}

outcome<kernel_view> find_kernel(const session& s, const kernel_list& list,
                                 const std::string& word) {
  std::vector<const kernel_view*> found;
  if (word == newest) {
    const auto last = std::ranges::max_element(list.all, {}, &kernel_view::started);
    if (last != list.all.end()) return *last;
    return failure{exit_code::not_found, "There is no kernel.", "kmux start SPEC"};
  }
  for (const auto& each : list.all) {
    if (each.id == word) return each;
    if (!word.empty() && each.id.starts_with(word)) found.push_back(&each);
  }
  if (found.empty()) {
    const auto ids = kernels_of_sessions(s, list.live, word);
    for (const auto& each : list.all) {
      if (std::ranges::count(ids, each.id) > 0) found.push_back(&each);
    }
  }
  if (found.size() == 1) return *found.front();
  if (found.empty()) {
    return failure{
        exit_code::not_found,
        fmt::format("No kernel's id begins with \"{0}\", and no session is called so.", word),
        "kmux ps"};
  }
  return failure{
      exit_code::usage,
      fmt::format("{} kernels are meant by \"{}\": say more of the id.", found.size(), word),
      "kmux ps"};
}

outcome<kernel_view> find_kernel(const session& s, const std::string& word) {
  const auto list = list_kernels(s);
  if (!list) return list.error();
  return find_kernel(s, *list, word);
}

result<kernel_list> read_kernels(const std::string& runtime_dir, const std::string& state_dir) {
  auto text = models_from_files(runtime_dir, state_dir);
  if (!text) return text.error();
  auto out = parse_list(std::move(*text), false);
  if (!out) return error{errc::bad_json, out.error().text};
  return std::move(*out);
}

}  // namespace kmux::cli
