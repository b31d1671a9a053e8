#include "daemon/specs/spec_scan.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

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

std::map<std::string, std::string> resources_in(const fs::path& directory) {
  std::map<std::string, std::string> out;
  std::error_code ec;
  for (const auto& each : fs::directory_iterator(directory, ec)) {
    const std::string file = each.path().filename();
    if (file == "kernel.js" || file == "kernel.css") out.emplace(file, file);
    if (file.starts_with("logo-")) out.emplace(each.path().stem().string(), file);
  }
  return out;
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
  out.resources = resources_in(directory);
  return out;
}

}  // namespace

std::vector<std::string> jupyter_kernel_directories() {
  std::vector<std::string> out;
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

found_specs scan_specs(const std::vector<std::string>& directories) {
  found_specs out;
  for (const auto& directory : directories) {
    std::error_code ec;
    for (fs::directory_iterator each(directory, ec), end; !ec && each != end; each.increment(ec)) {
      const std::string name = each->path().filename();
      const std::string key = to_lower(name);
      std::error_code unknown;
      if (!is_valid_kernelspec_name(name) || out.good.contains(key)) continue;
      if (!fs::exists(each->path() / "kernel.json", unknown)) continue;
      if (auto spec = load(each->path())) {
        out.good.emplace(key, std::move(*spec));
        out.broken.erase(key);
      } else {
        out.broken.try_emplace(key, each->path().string() + ": " + spec.error().detail);
      }
    }
  }
  return out;
}

result<std::string> read_resource(const std::string& resource_dir, std::string_view relative) {
  const error missing{errc::not_found, "There is no such file in this kernelspec."};
  if (resource_dir.empty()) return missing;
  std::error_code ec;
  const fs::path base = fs::canonical(resource_dir, ec);
  if (ec) return missing;
  const fs::path file = fs::canonical(base / fs::path(relative).relative_path(), ec);
  if (ec) return missing;
  const auto [end, unused] = std::mismatch(base.begin(), base.end(), file.begin(), file.end());
  if (end != base.end()) return missing;
  auto text = read_file(file, largest_resource);
  if (!text) return missing;
  return text;
}

}  // namespace kmux::daemon
