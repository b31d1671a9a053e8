// Commands that show what there is.
#include <cstdio>
#include <map>

#include <fmt/format.h>

#include "daemon/cli/command.hpp"
#include "daemon/cli/event_lines.hpp"
#include "daemon/cli/json_members.hpp"
#include "daemon/cli/kernels.hpp"
#include "daemon/cli/ps.hpp"
#include "daemon/cli/table.hpp"
#include "protocol/json.hpp"

namespace kmux::cli {

namespace {

std::string number_at(const json::value& v, std::string_view name) {
  return show_count(integer_at(v, name));
}

exit_code print_table(const table_rows& rows) {
  fmt::print("{}", as_table(rows));
  return exit_code::done;
}

/// "NAME VALUE" for each member, those of members as "NAME.MEMBER".
void add_members(table_rows& rows, const std::string& prefix, const json::value& v) {
  for (const auto& member : v.GetObject()) {
    const std::string name = prefix + member.name.GetString();
    if (member.value.IsObject()) {
      add_members(rows, name + ".", member.value);
    } else if (name.ends_with("stderr_tail")) {
      continue;  // by itself, because it has lines
    } else {
      rows.push_back(
          {name, member.value.IsString() ? member.value.GetString() : json::dump(member.value)});
    }
  }
}

/// The clients of one kernel, and how far behind each is.
void add_clients(const session& s, const std::string& id, table_rows& rows) {
  const auto got = s.daemon.ask("GET", "api/clients");
  const auto all = json::parse(got && got->ok() ? got->body : "[]", "the clients");
  if (!all || !all->IsArray()) return;
  for (const auto& each : all->GetArray()) {
    if (text_at(each, "kernel") != id) continue;
    rows.push_back(
        {"client " + number_at(each, "id"),
         fmt::format("{} from {}, session {}, {} messages behind, {} bytes waiting",
                     text_at(each, "owner"), text_at(each, "address"), text_at(each, "session"),
                     number_at(each, "behind"), number_at(each, "waiting_bytes"))});
  }
}

void print_last_events(const session& s, const std::string& id) {
  std::string out;
  event_query last;
  last.kernel = id;
  last.newest = 5;
  const auto done = each_event(s, last, [&](std::string_view line) {
    out += show_event(line) + "\n";
    return true;
  });
  if (done && !out.empty()) fmt::print("\nLast events:\n{}", out);
}

exit_code describe(session& s) {
  const auto list = list_kernels(s);
  if (!list) return explain(list.error());
  const auto kernel = find_kernel(s, *list, s.words.front());
  if (!kernel) return explain(kernel.error());
  // By itself it comes with its limits and with what it uses.
  const auto got =
      list->live ? ask(s, "GET", "api/kernels/" + kernel->id) : body_or_exit(kernel->model);
  if (!got) return got.error();
  if (s.as_json()) return print_line(*got);
  const auto model = json::parse_object(*got, "the kernel");
  if (!model) return explain(failure_of(model.error()));
  table_rows rows;
  add_members(rows, "", *model);
  if (list->live) add_clients(s, kernel->id, rows);
  if (!s.runtime_dir.empty()) {
    rows.push_back({"connection file",
                    fmt::format("{}/kernels/{}/connection.json", s.runtime_dir, kernel->id)});
    rows.push_back({"stdio log", stdio_log_of(s, kernel->id)});
  }
  print_table(rows);
  const auto& exit = object_at(object_at(*model, "kmux"), "exit");
  if (const auto tail = text_at(exit, "stderr_tail"); !tail.empty()) {
    fmt::print("\nWhat it wrote last:\n{}\n", tail);
  }
  print_last_events(s, kernel->id);
  return exit_code::done;
}

exit_code status(session& s) {
  const auto version = ask(s, "GET", "api");
  if (!version) return version.error();
  const auto got = ask(s, "GET", "api/status");
  if (!got) return got.error();
  if (s.as_json()) return print_line(*got);
  const auto ready = s.daemon.ask("GET", "readyz");
  if (!ready) return explain(ready.error());
  const auto about = json::parse_object(*version, "the version");
  const auto counts = json::parse_object(*got, "the status");
  const auto state = json::parse_object(ready->body, "the state");
  if (!about || !counts || !state) {
    return explain({exit_code::failed, "kmuxd's answer is not JSON."});
  }
  const auto reason = text_at(*state, "reason");
  table_rows rows = {{"kmuxd", text_at(*about, "kmux_version")},
                     {"state", reason.empty() ? text_at(*state, "status") : reason},
                     {"started", text_at(*counts, "started")},
                     {"kernels", number_at(*counts, "kernels")},
                     {"clients", number_at(*counts, "connections")}};
  const auto list = list_kernels(s);
  if (!list) return explain(list.error());
  std::map<std::string, int> states;
  for (const auto& each : list->all)
    ++states[each.state];
  for (const auto& [name, count] : states)
    rows.push_back({"  " + name, fmt::to_string(count)});
  return print_table(rows);
}

/// GET of a list, and a row for each of its elements.
exit_code show_list(session& s, const std::string& path, table_rows rows,
                    std::vector<std::string> (*row_of)(const json::value&)) {
  const auto got = ask(s, "GET", path);
  if (!got) return got.error();
  if (s.as_json()) return print_line(*got);
  const auto all = json::parse(*got, "the answer");
  if (!all || !all->IsArray()) return explain({exit_code::failed, "kmuxd's answer is no list."});
  for (const auto& each : all->GetArray()) {
    if (s.output == format::name) {
      print_line(row_of(each).front());
    } else {
      rows.push_back(row_of(each));
    }
  }
  return s.output == format::name ? exit_code::done : print_table(rows);
}

exit_code sessions(session& s) {
  return show_list(s, "api/sessions", {{"ID", "TYPE", "NAME", "PATH", "KERNEL", "SPEC", "STATE"}},
                   [](const json::value& v) -> std::vector<std::string> {
                     const auto& kernel = object_at(v, "kernel");
                     return {text_at(v, "id"),
                             text_at(v, "type"),
                             text_at(v, "name"),
                             text_at(v, "path"),
                             text_at(kernel, "id").substr(0, 8),
                             text_at(kernel, "name"),
                             text_at(kernel, "execution_state")};
                   });
}

exit_code clients(session& s) {
  return show_list(s, "api/clients",
                   {{"ID", "KERNEL", "OWNER", "ADDRESS", "SINCE", "BEHIND", "WAITING", "SESSION"}},
                   [](const json::value& v) -> std::vector<std::string> {
                     return {number_at(v, "id"),
                             text_at(v, "kernel").substr(0, 8),
                             text_at(v, "owner"),
                             text_at(v, "address"),
                             show_age(seconds_since(text_at(v, "since"))),
                             number_at(v, "behind"),
                             show_bytes(static_cast<double>(integer_at(v, "waiting_bytes"))),
                             text_at(v, "session")};
                   });
}

exit_code specs(session& s) {
  const auto got = ask(s, "GET", "api/kernelspecs");
  if (!got) return got.error();
  if (s.as_json()) return print_line(*got);
  const auto all = json::parse_object(*got, "the kernelspecs");
  if (!all) return explain(failure_of(all.error()));
  const auto usual = text_at(*all, "default");
  table_rows rows = {{"NAME", "LANGUAGE", "DISPLAY NAME", ""}};
  for (const auto& each : object_at(*all, "kernelspecs").GetObject()) {
    const std::string name = each.name.GetString();
    const auto& spec = object_at(each.value, "spec");
    if (s.output == format::name) print_line(name);
    rows.push_back({name, text_at(spec, "language"), text_at(spec, "display_name"),
                    name == usual ? "(default)" : ""});
  }
  return s.output == format::name ? exit_code::done : print_table(rows);
}

exit_code owners(session& s) {
  const auto list = list_kernels(s);
  if (!list) return explain(list.error());
  struct sums {
    int kernels = 0, busy = 0, dead = 0;
    std::int64_t clients = 0;
  };
  std::map<std::string, sums> all;
  for (const auto& each : list->all) {
    auto& mine = all[each.owner];
    ++mine.kernels;
    if (each.state == "busy") ++mine.busy;
    if (each.state == "dead") ++mine.dead;
    mine.clients += std::max<std::int64_t>(each.connections, 0);
  }
  table_rows rows = {{"OWNER", "KERNELS", "BUSY", "DEAD", "CLIENTS"}};
  std::string json;
  for (const auto& [owner, of] : all) {
    rows.push_back({owner, fmt::to_string(of.kernels), fmt::to_string(of.busy),
                    fmt::to_string(of.dead), fmt::to_string(of.clients)});
    json += fmt::format(
        R"({}{{"owner": {}, "kernels": {}, "busy": {}, "dead": {}, "clients": {}}})",
        json.empty() ? "" : ", ", json_quote(owner), of.kernels, of.busy, of.dead, of.clients);
  }
  return s.as_json() ? print_line("[" + json + "]") : print_table(rows);
}

constexpr flag ps_flags[] = {
    {"-f,--filter", "KEY=VALUE", "only those: state=busy, owner!=ann, spec=py*, idle>1h, mem>1GiB"},
    {"-s,--sort", "KEY", "by a column, -KEY the other way round: mem, -cpu, idle"},
    {"-w,--watch", "SECONDS", "again and again, so often"},
};

constexpr command table[] = {
    {"ps", "", word_kind::none, 0, 0, "list kernels",
     "  kmux ps\n"
     "  kmux ps --filter state=busy --sort -cpu\n"
     "  kmux ps --filter 'idle>2h' -o name | xargs kmux stop\n"
     "  kmux ps -o wide --watch 2",
     ps_flags, ps},
    {"describe",
     "ID",
     word_kind::kernel,
     1,
     1,
     "all that is known of a kernel, and why it died",
     "  kmux describe @last\n"
     "  kmux describe 3f2a -o json",
     {},
     describe},
    {"status", "", word_kind::none, 0, 0, "how kmuxd itself fares", "  kmux status", {}, status},
    {"specs", "", word_kind::none, 0, 0, "list what can be started", "  kmux specs", {}, specs},
    {"sessions",
     "",
     word_kind::none,
     0,
     0,
     "list sessions: which document has which kernel",
     "  kmux sessions",
     {},
     sessions},
    {"clients",
     "",
     word_kind::none,
     0,
     0,
     "list who is connected, and how far behind each is",
     "  kmux clients",
     {},
     clients},
    {"owners",
     "",
     word_kind::none,
     0,
     0,
     "list whose kernels there are",
     "  kmux owners",
     {},
     owners},
};

}  // namespace

std::span<const command> seeing() {
  return table;
}

}  // namespace kmux::cli
