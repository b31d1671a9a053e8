// Commands that change nothing.
#include <cstdio>

#include <fmt/format.h>

#include "daemon/cli/command.hpp"
#include "daemon/cli/table.hpp"
#include "protocol/json_document.hpp"

namespace kmux::cli {

namespace {

std::string text_at(const json::value& v, std::string_view name) {
  const auto text = json::string_at(v, name);
  return text ? std::string(*text) : std::string();
}

std::string number_at(const json::value& v, std::string_view name) {
  const auto* const number = json::find(v, name);
  return number != nullptr && number->IsInt64() ? fmt::to_string(number->GetInt64()) : "-";
}

std::vector<std::string> row_of(const json::value& kernel) {
  const auto* more = json::find(kernel, "kmux");
  const json::value none(rapidjson::kObjectType);
  if (more == nullptr) more = &none;
  return {text_at(kernel, "id").substr(0, 8),
          text_at(kernel, "name"),
          text_at(*more, "owner"),
          text_at(kernel, "execution_state"),
          age_of(text_at(*more, "started")),
          age_of(text_at(kernel, "last_activity")),
          number_at(kernel, "connections"),
          number_at(*more, "restarts"),
          number_at(*more, "pid"),
          text_at(kernel, "reason")};
}

exit_code print(const std::string& line) {
  fmt::print("{}\n", line);
  return exit_code::done;
}

exit_code ps(session& s) {
  const auto got = ask(s, "GET", "api/kernels");
  if (!got) return got.error();
  if (s.as_json) return print(*got);
  const auto all = json::parse(*got, "the list of kernels");
  if (!all || !all->IsArray()) return explain(error{errc::bad_json, "That is no list of kernels."});
  std::vector<std::vector<std::string>> rows = {
      {"ID", "SPEC", "OWNER", "STATE", "AGE", "ACTIVE", "CLIENTS", "RESTARTS", "PID", ""}};
  for (const auto& kernel : all->GetArray())
    rows.push_back(row_of(kernel));
  fmt::print("{}", as_table(rows));
  return exit_code::done;
}

exit_code describe(session& s) {
  const auto kernel = find_kernel(s, s.words.front());
  if (kernel.why != exit_code::done) return kernel.why;
  const auto got = ask(s, "GET", "api/kernels/" + kernel.id);
  if (!got) return got.error();
  if (s.as_json) return print(*got);
  const auto model = json::parse_object(*got, "the kernel");
  if (!model) return explain(model.error());
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const auto& self, const std::string& prefix, const json::value& v) -> void {
    for (const auto& member : v.GetObject()) {
      const std::string name = prefix + member.name.GetString();
      if (member.value.IsObject()) {
        self(self, name + ".", member.value);
      } else {
        rows.push_back(
            {name, member.value.IsString() ? member.value.GetString() : json::dump(member.value)});
      }
    }
  };
  add(add, "", *model);
  fmt::print("{}", as_table(rows));
  return exit_code::done;
}

exit_code status(session& s) {
  const auto version = ask(s, "GET", "api");
  if (!version) return version.error();
  const auto got = ask(s, "GET", "api/status");
  if (!got) return got.error();
  if (s.as_json) return print(*got);
  const auto ready = s.daemon.ask("GET", "readyz");
  if (!ready) return explain(ready.error());
  const auto about = json::parse_object(*version, "the version");
  const auto counts = json::parse_object(*got, "the status");
  const auto state = json::parse_object(ready->body, "the state");
  if (!about || !counts || !state) {
    return explain(error{errc::bad_json, "kmuxd's answer is not JSON."});
  }
  const auto reason = text_at(*state, "reason");
  fmt::print("{}", as_table({{"kmuxd", text_at(*about, "kmux_version")},
                             {"state", reason.empty() ? text_at(*state, "status") : reason},
                             {"started", text_at(*counts, "started")},
                             {"kernels", number_at(*counts, "kernels")},
                             {"clients", number_at(*counts, "connections")}}));
  return exit_code::done;
}

constexpr command table[] = {
    {"ps", "", 0, 0, "list kernels", ps},
    {"describe", "ID", 1, 1, "all that is known of a kernel", describe},
    {"status", "", 0, 0, "how kmuxd itself fares", status},
};

}  // namespace

std::span<const command> seeing() {
  return table;
}

}  // namespace kmux::cli
