#include "daemon/cli/event_lines.hpp"

#include <cstdio>
#include <deque>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

#include "daemon/cli/journal_lines.hpp"
#include "daemon/cli/json_members.hpp"
#include "daemon/cli/kernels.hpp"
#include "daemon/cli/table.hpp"
#include "daemon/cli/terminal.hpp"
#include "daemon/events/event_cursor.hpp"
#include "daemon/events/event_reader.hpp"
#include "daemon/http/text.hpp"
#include "protocol/ids.hpp"

namespace kmux::cli {

namespace {

using namespace std::chrono_literals;

constexpr auto look_pause = 200ms;  ///< between two looks at the file

std::string path_of(const event_query& q) {
  std::string out = fmt::format("api/events?follow={}", q.follow ? 1 : 0);
  if (!q.kernel.empty()) out += "&kernel=" + q.kernel;
  if (!q.types.empty()) out += "&type=" + daemon::percent_encode(q.types);
  if (q.after) out += fmt::format("&after={}", *q.after);
  if (q.newest) out += fmt::format("&limit={}", *q.newest);
  return out;
}

daemon::event_cursor::wish wish_of(const event_query& q) {
  daemon::event_cursor::wish out;
  out.filter.kernel = q.kernel;
  if (auto names = daemon::event_names(q.types)) out.filter.types = std::move(*names);
  out.after = q.after.value_or(0);
  out.counts = q.after.has_value();
  return out;
}

/// Before the newest that are wanted.
std::uint64_t begin_of(const std::string& file, const daemon::event_cursor& wanted,
                       std::uint64_t newest) {
  daemon::event_reader from(file);
  daemon::stored_event each;
  std::deque<std::uint64_t> found;
  while (from.next(each)) {
    if (wanted.wants(each)) found.push_back(each.number);
    if (found.size() > newest) found.pop_front();
  }
  return found.empty() ? from.position() : found.front() - 1;
}

outcome<void> read_files(const session& s, const event_query& q,
                         const std::function<bool(std::string_view)>& take) {
  const std::string file = s.state_dir + "/events.jsonl";
  if (::access(file.c_str(), R_OK) != 0) {
    return failure{exit_code::refused, file + " cannot be read: only its owner and root may.",
                   "kmux as kmuxd's own user, or root"};
  }
  fmt::print(stderr, "kmux: no kmuxd answers; this is what {} tells.\n", file);
  daemon::event_cursor cursor(wish_of(q));
  if (q.newest) cursor.begin_after(begin_of(file, cursor, *q.newest));
  daemon::event_reader from(file, cursor.position());
  line_cutter lines(take);
  for (;;) {
    daemon::stored_event each;
    std::string out;
    if (from.next(each)) {
      cursor.take(each, out);
      if (!lines.add(out)) return {};
    } else if (q.follow) {
      std::this_thread::sleep_for(look_pause);
    } else {
      break;
    }
  }
  if (from.damaged() > 0) {
    fmt::print(stderr, "kmux: {} lines of {} are no events.\n", from.damaged(), file);
  }
  return {};
}

/// The id of a kernel, which may be gone by now.
outcome<std::string> kernel_of(const session& s) {
  if (!s.has("kernel")) return std::string();
  const auto word = s.value("kernel");
  if (is_valid_id(word)) return word;
  const auto found = find_kernel(s, word);
  if (found) return found->id;
  auto why = found.error();
  why.text += " Of one that is gone the whole id is needed.";
  why.next = "kmux events --type kernel_deleted";
  return why;
}

/// A whole number that a flag has; nothing where it is not given.
outcome<std::optional<std::uint64_t>> number_flag(const session& s, const std::string& name) {
  if (!s.has(name)) return std::optional<std::uint64_t>();
  const auto text = s.value(name);
  const bool digits = !text.empty() && text.size() < 16 &&
                      text.find_first_not_of("0123456789") == std::string::npos;
  if (digits) return std::optional<std::uint64_t>(std::stoull(text));
  return failure{exit_code::usage, fmt::format("--{} takes a number, not \"{}\".", name, text),
                 "kmux events --help"};
}

outcome<event_query> query_of(const session& s) {
  event_query q;
  const auto kernel = kernel_of(s);
  if (!kernel) return kernel.error();
  const auto after = number_flag(s, "after");
  if (!after) return after.error();
  const auto newest = number_flag(s, "lines");
  if (!newest) return newest.error();
  if (*after && *newest) {
    return failure{exit_code::usage, "--after and --lines say both where to begin: one of them.",
                   "kmux events --help"};
  }
  q.kernel = *kernel;
  q.types = s.value("type");
  if (s.has("type") && !daemon::event_names(q.types)) {
    return failure{exit_code::usage,
                   "--type takes names of events, with commas between: kernel_ended,kernel_culled.",
                   "kmux events --help"};
  }
  q.after = *after;
  q.newest = *newest;
  q.follow = s.has("follow");
  return q;
}

/// "spec=echo pid=12", all but what stands in columns.
std::string rest_of(const json::value& event) {
  std::string out;
  for (const auto& each : event.GetObject()) {
    const std::string_view name(each.name.GetString(), each.name.GetStringLength());
    if (name == "number" || name == "time" || name == "event" || name == "kernel" ||
        name == "owner") {
      continue;
    }
    out += fmt::format("  {}={}", name,
                       each.value.IsString() ? each.value.GetString() : json::dump(each.value));
  }
  return out;
}

}  // namespace

outcome<void> each_event(const session& s, const event_query& q,
                         const std::function<bool(std::string_view)>& take) {
  auto done = stream_lines(s, path_of(q), take);
  if (done || done.error().code != exit_code::unreachable || s.state_dir.empty()) return done;
  auto read = read_files(s, q, take);
  // There is nothing to read where no kmuxd has ever been.
  const bool never = ::access((s.state_dir + "/events.jsonl").c_str(), F_OK) != 0;
  return !read && never ? done : read;
}

std::string show_event(std::string_view line) {
  const auto event = json::parse_object(line, "an event");
  if (!event) return without_controls(std::string(line));
  const auto number = integer_at(*event, "number");
  return without_controls(fmt::format(
      "{:>6}  {:<27}  {:<19}  {:<8}  {:<10}{}", number < 0 ? "-" : fmt::to_string(number),
      text_at(*event, "time"), text_at(*event, "event"), text_at(*event, "kernel").substr(0, 8),
      text_at(*event, "owner"), rest_of(*event)));
}

exit_code events(session& s) {
  const auto q = query_of(s);
  if (!q) return explain(q.error());
  const auto age = duration_flag(s, "since", 100000h);
  if (!age) return age.error();
  const double oldest = std::chrono::duration<double>(*age).count();
  const auto done = each_event(s, *q, [&](std::string_view line) {
    const auto event = json::parse_object(line, "an event");
    if (event && seconds_since(text_at(*event, "time")) > oldest) return true;
    const auto text = (s.as_json() ? std::string(line) : show_event(line)) + "\n";
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
           std::fflush(stdout) == 0;
  });
  return done ? exit_code::done : explain(done.error());
}

}  // namespace kmux::cli
