#include "daemon/specs/spec_store.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "daemon/http/text.hpp"

namespace kmux::daemon {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t largest_spec = 1 << 20;
constexpr std::size_t largest_resource = 8 << 20;

result<std::string> read_file(const fs::path& path, std::size_t most) {
  std::error_code ec;
  if (!fs::is_regular_file(path, ec)) return error{errc::not_found, "no such file"};
  if (fs::file_size(path, ec) > most) return error{errc::too_large, "the file is too large"};
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  if (!file) return error{errc::io, "the file cannot be read"};
  return text;
}

result<installed_spec> load(const fs::path& directory) {
  const auto text = read_file(directory / "kernel.json", largest_spec);
  if (!text) return text.error();
  auto spec = parse_kernelspec(*text);
  if (!spec) return spec.error();
  installed_spec out;
  out.name = directory.filename();
  out.resource_dir = directory;
  out.spec = std::move(*spec);
  return out;
}

installed_spec echo_spec() {
  installed_spec out;
  out.name = "echo";
  out.builtin_echo = true;
  out.spec.argv = {"kmux-child", "echo", "-f", "{connection_file}"};
  out.spec.display_name = "Echo (kmux)";
  out.spec.language = "echo";
  out.spec.kernel_protocol_version = "5.5";
  return out;
}

std::string lower(std::string_view s) {
  std::string out(s);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

}  // namespace

std::vector<std::string> spec_store::directories() const {
  std::vector<std::string> out = settings_.extra;
  const auto add = [&](const std::string& data_dir) { out.push_back(data_dir + "/kernels"); };
  if (const char* const path = std::getenv("JUPYTER_PATH")) {
    std::string_view rest(path);
    while (!rest.empty()) {
      const auto colon = rest.find(':');
      if (const auto part = rest.substr(0, colon); !part.empty()) add(std::string(part));
      rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
    }
  }
  if (const char* const data = std::getenv("JUPYTER_DATA_DIR")) {
    add(data);
  } else if (const char* const xdg = std::getenv("XDG_DATA_HOME")) {
    add(std::string(xdg) + "/jupyter");
  } else if (const char* const home = std::getenv("HOME")) {
    add(std::string(home) + "/.local/share/jupyter");
  }
  add("/usr/local/share/jupyter");
  add("/usr/share/jupyter");
  return out;
}

std::vector<installed_spec> spec_store::list() const {
  std::map<std::string, installed_spec> found;  // by lower-case name: the first directory wins
  for (const auto& directory : directories()) {
    std::error_code ec;
    for (const auto& each : fs::directory_iterator(directory, ec)) {
      const std::string name = each.path().filename();
      if (!is_valid_kernelspec_name(name) || found.contains(lower(name))) continue;
      if (!fs::exists(each.path() / "kernel.json", ec)) continue;
      auto spec = load(each.path());
      if (!spec) {
        spdlog::warn("event=kernelspec_ignored path={} error=\"{}\"", each.path().string(),
                     spec.error().detail);
        continue;
      }
      found.emplace(lower(name), std::move(*spec));
    }
  }
  if (settings_.echo && !found.contains("echo")) found.emplace("echo", echo_spec());
  std::vector<installed_spec> out;
  for (auto& [name, spec] : found)
    out.push_back(std::move(spec));
  return out;
}

std::string spec_store::default_name() const {
  const auto all = list();
  const auto same = [&](const auto& s) { return iequals(s.name, settings_.default_name); };
  const auto chosen = std::find_if(all.begin(), all.end(), same);
  if (chosen != all.end()) return chosen->name;
  return all.empty() ? settings_.default_name : all.front().name;
}

result<installed_spec> spec_store::find(std::string_view name) const {
  const std::string wanted = name.empty() ? default_name() : std::string(name);
  if (is_valid_kernelspec_name(wanted)) {
    std::string broken;
    for (const auto& directory : directories()) {
      std::error_code ec;
      for (const auto& each : fs::directory_iterator(directory, ec)) {
        if (!iequals(each.path().filename().string(), wanted)) continue;
        if (!fs::exists(each.path() / "kernel.json", ec)) continue;
        auto spec = load(each.path());
        if (spec) return spec;
        if (broken.empty()) broken = spec.error().detail;
      }
    }
    if (settings_.echo && iequals(wanted, "echo")) return echo_spec();
    if (!broken.empty()) {
      return error{errc::bad_field, fmt::format("The kernelspec {} is broken: {}", wanted, broken)};
    }
  }
  std::vector<std::string> names;
  for (const auto& each : list())
    names.push_back(each.name);
  return error{
      errc::not_found,
      names.empty()
          ? fmt::format("Kernel spec {} not found: no kernelspec is installed here. "
                        "Install a kernel, for example ipykernel.",
                        wanted)
          : fmt::format("Kernel spec {} not found. There is: {}.", wanted, fmt::join(names, ", "))};
}

result<std::string> spec_store::read_resource(const installed_spec& spec,
                                              std::string_view relative) {
  const error missing{errc::not_found, "There is no such file in this kernelspec."};
  if (spec.resource_dir.empty()) return missing;
  std::error_code ec;
  const fs::path base = fs::canonical(spec.resource_dir, ec);
  if (ec) return missing;
  const fs::path file = fs::canonical(base / fs::path(relative).relative_path(), ec);
  if (ec) return missing;
  const auto [end, unused] = std::mismatch(base.begin(), base.end(), file.begin(), file.end());
  if (end != base.end()) return missing;
  auto text = read_file(file, largest_resource);
  if (!text) return missing;
  return text;
}

std::map<std::string, std::string> spec_store::resources(const installed_spec& spec) {
  std::map<std::string, std::string> out;
  if (spec.resource_dir.empty()) return out;
  std::error_code ec;
  for (const auto& each : fs::directory_iterator(spec.resource_dir, ec)) {
    const std::string file = each.path().filename();
    if (file == "kernel.js" || file == "kernel.css") out.emplace(file, file);
    if (file.starts_with("logo-")) out.emplace(each.path().stem().string(), file);
  }
  return out;
}

}  // namespace kmux::daemon
