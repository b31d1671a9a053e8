#include "daemon/cli/command.hpp"

#include <cstdio>

#include <fmt/format.h>

#include "protocol/json_document.hpp"

namespace kmux::cli {

namespace {

constexpr std::string_view newest = "@last";

}  // namespace

exit_code explain(const failure& problem) {
  fmt::print(stderr, "kmux: {}\n", problem.text);
  return problem.code;
}

exit_code explain(const error& problem) {
  return explain(failure{exit_code::failed, problem.detail});
}

exit_code explain(const answer& got) {
  fmt::print(stderr, "kmux: {}\n", got.message());
  switch (got.status) {
    case 404:
      return exit_code::not_found;
    case 401:
    case 403:
    case 409:
    case 503:
      return exit_code::refused;
    default:
      return exit_code::failed;
  }
}

body_or_exit ask(const session& s, std::string_view method, const std::string& path,
                 const std::string& body) {
  auto got = s.daemon.ask(method, path, body);
  if (!got) return explain(got.error());
  if (!got->ok()) return explain(*got);
  return std::move(got->body);
}

found_kernel find_kernel(const session& s, const std::string& prefix) {
  const auto got = ask(s, "GET", "api/kernels");
  if (!got) return {{}, got.error()};
  const auto all = json::parse(*got, "the list of kernels");
  if (!all || !all->IsArray()) return {{}, explain(error{errc::bad_json, "That is no list."})};
  found_kernel out;
  std::string started;
  std::size_t count = 0;
  for (const auto& kernel : all->GetArray()) {
    const auto id = json::string_at(kernel, "id").value_or("");
    const auto* const more = json::find(kernel, "kmux");
    const auto when = more == nullptr ? "" : json::string_at(*more, "started").value_or("");
    if (prefix == newest ? when < started : !id.starts_with(prefix)) continue;
    count = prefix == newest ? 1 : count + 1;
    started = when;
    out.id = id;
    if (id == prefix) return out;
  }
  if (count == 1) return out;
  fmt::print(stderr, "kmux: {} begin with \"{}\". kmux ps lists them.\n",
             count == 0 ? "no kernel's ids" : fmt::format("{} kernels' ids", count), prefix);
  return {{}, count == 0 ? exit_code::not_found : exit_code::usage};
}

}  // namespace kmux::cli
