#include "daemon/specs/spec_store.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "daemon/http/text.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;

std::vector<std::string> spec_store::directories() const {
  auto out = settings_.extra;
  const auto jupyters = jupyter_kernel_directories();
  out.insert(out.end(), jupyters.begin(), jupyters.end());
  return out;
}

void spec_store::refresh_now() {
  take(scan_specs(directories()));
}

asio::awaitable<void> spec_store::refresh(blocking& thread) {
  auto where = directories();
  auto work = [where = std::move(where)] { return scan_specs(where); };
  take(co_await thread.run(std::move(work)));
}

void spec_store::take(found_specs fresh) {
  for (const auto& [name, problem] : fresh.broken) {
    const auto known = found_.broken.find(name);
    if (known != found_.broken.end() && known->second == problem) continue;
    spdlog::warn("event=kernelspec_ignored spec={} error=\"{}\"", name, problem);
  }
  for (const auto& name : settings_.native) {
    const auto spec = fresh.good.find(to_lower(name));
    if (spec == fresh.good.end() || host_natively(spec->second, settings_.python)) continue;
    spdlog::warn(
        "event=kernelspec_not_native spec={} error=\"its argv does not run ipykernel: it "
        "is hosted as any kernel\"",
        name);
  }
  add_builtin(fresh.good);
  found_ = std::move(fresh);
}

void spec_store::add_builtin(std::map<std::string, installed_spec>& all) const {
  if (settings_.echo) all.try_emplace("echo", echo_spec());
  if (settings_.python.package.empty()) return;
  const std::string name = all.contains("python3") ? "kmux-python" : "python3";
  all.try_emplace(name, python_spec(settings_.python, name));
}

std::vector<installed_spec> spec_store::list() const {
  auto all = found_.good;
  std::vector<installed_spec> out;
  out.reserve(all.size());
  for (auto& [name, spec] : all)
    out.push_back(std::move(spec));
  return out;
}

std::string spec_store::default_name() const {
  const auto all = list();
  const auto wanted = std::find_if(all.begin(), all.end(), [&](const installed_spec& each) {
    return iequals(each.name, settings_.default_name);
  });
  if (wanted != all.end()) return wanted->name;
  return all.empty() ? settings_.default_name : all.front().name;
}

result<installed_spec> spec_store::find(std::string_view name) const {
  const std::string wanted = name.empty() ? default_name() : std::string(name);
  const std::string key = to_lower(wanted);
  if (const auto good = found_.good.find(key); good != found_.good.end()) return good->second;
  if (const auto broken = found_.broken.find(key); broken != found_.broken.end()) {
    return error{errc::bad_field,
                 fmt::format("The kernelspec {} is broken: {}", wanted, broken->second)};
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

}  // namespace kmux::daemon
