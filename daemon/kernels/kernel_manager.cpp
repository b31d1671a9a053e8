#include "daemon/kernels/kernel_manager.hpp"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "protocol/ids.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

/// When to ask again at the earliest, after a drain's deadline or where there is none.
constexpr drain::clock::duration least_retry = std::chrono::seconds(60);

kernel_manager::refusal refusal_of(const error& why) {
  return {why.code == errc::refused ? 403 : 500, why.detail};
}

}  // namespace

[[noreturn]] void throw_exception_from_error(const kernel_manager::refusal& r,
                                             const boost::source_location&) {
  throw std::logic_error(r.message);
}

std::shared_ptr<kernel> kernel_manager::add(supervise::record record) {
  const std::string id = record.id;
  auto made =
      std::make_shared<kernel>(services_, std::move(record), [this, id] { kernels_.erase(id); });
  kernels_[id] = made;
  return made;
}

/// jupyter_server's rule: the nearest directory that exists, at or above `path`, within the root.
std::string kernel_manager::working_directory(const kernel_request& request) const {
  std::error_code ec;
  if (const auto wish = request.env.find("KERNEL_WORKING_DIR");
      wish != request.env.end() && fs::is_directory(wish->second, ec)) {
    return wish->second;
  }
  const fs::path root =
      fs::weakly_canonical(settings_.root_dir.empty() ? settings_.home : settings_.root_dir, ec);
  fs::path here = fs::weakly_canonical(root / fs::path(request.path).relative_path(), ec);
  const auto inside = [&] {
    return std::mismatch(root.begin(), root.end(), here.begin(), here.end()).first == root.end();
  };
  while (inside() && here != root && !fs::is_directory(here, ec))
    here = here.parent_path();
  return inside() ? here.string() : root.string();
}

/// The same, but only the user can see what is there: kmux-child looks.
std::string kernel_manager::users_directory(const kernel_request& request,
                                            const std::string& owner) const {
  if (const auto wish = request.env.find("KERNEL_WORKING_DIR");
      wish != request.env.end() && wish->second.starts_with('/')) {
    return wish->second;
  }
  const auto home = find_account(owner);
  const fs::path root = !settings_.root_dir.empty() ? settings_.root_dir : home ? home->home : "/";
  const fs::path here = (root / fs::path(request.path).relative_path()).lexically_normal();
  const bool inside =
      std::mismatch(root.begin(), root.end(), here.begin(), here.end()).first == root.end();
  return (inside ? here : root).string();
}

std::optional<kernel_manager::refusal> kernel_manager::refuse(const std::string& owner) const {
  if (drain_.on()) {
    const auto left = drain_.left().value_or(least_retry);
    return refusal{503,
                   "This daemon is being drained, and starts no kernels: try again later, or "
                   "elsewhere. An administrator's DELETE /api/drain ends that.",
                   std::chrono::ceil<std::chrono::seconds>(std::max(left, least_retry))};
  }
  if (settings_.max_kernels > 0 && count_present() >= settings_.max_kernels) {
    tell_limit("kernels.max_kernels", owner);
    return refusal{403, fmt::format("The limit of {} kernels (kernels.max_kernels) is reached. "
                                    "Shut one down first.",
                                    settings_.max_kernels)};
  }
  // Those that are starting or ending are in the list as well.
  const auto theirs =
      static_cast<std::size_t>(std::count_if(kernels_.begin(), kernels_.end(), [&](const auto& k) {
        return k.second->owner() == owner && !k.second->is_lost();
      }));
  if (settings_.max_per_owner > 0 && theirs >= settings_.max_per_owner) {
    tell_limit("kernels.max_per_owner", owner);
    return refusal{403, fmt::format("{} has {} kernels, and may have {} (kernels.max_per_owner). "
                                    "Shut one down first: GET /api/kernels lists them.",
                                    owner, theirs, settings_.max_per_owner)};
  }
  return std::nullopt;
}

void kernel_manager::tell_limit(std::string_view option, const std::string& owner) const {
  services_.events.say_seldom("limit_reached", {{"option", option}, {"owner", owner}},
                              severity::warning);
}

/// Those of earlier boots take nothing that the limit is for.
std::size_t kernel_manager::count_present() const {
  return static_cast<std::size_t>(std::count_if(
      kernels_.begin(), kernels_.end(), [](const auto& each) { return !each.second->is_lost(); }));
}

namespace {

/// Whose kernel it will be. What a client says in its environment is a wish, of which only a
/// trusted front can be sure.
std::string owner_for(const kernel_request& request, const identity& who) {
  const auto wish = request.env.find("KERNEL_USERNAME");
  const bool good = wish != request.env.end() && is_owner_name(wish->second);
  return good && who.may_act_for_others() ? wish->second : who.owner;
}

}  // namespace

kernel_manager::started kernel_manager::start(const kernel_request& request, const identity& who) {
  if (const auto* const name = settings_.environment.refused(request.env)) {
    return refusal{400,
                   fmt::format("\"env\" may not set {} (kernels.env_deny). Leave it out, or have "
                               "an administrator add it to kernels.env_allow.",
                               *name)};
  }
  if (!request.id.empty()) {
    if (!is_valid_id(request.id)) {
      return refusal{400,
                     "kernel_id must be five groups of letters and digits with dashes between, "
                     "such as a UUID."};
    }
    if (services_.leaving.contains(request.id)) {
      return refusal{409,
                     "The files of a kernel with this kernel_id are being removed. Try again."};
    }
    if (left_alone_.contains(request.id)) return refusal{409, "This kernel_id is taken."};
    if (const auto existing = kernels_.find(request.id); existing != kernels_.end()) {
      if (who.may_see(existing->second->owner())) return existing->second;
      return refusal{409, "This kernel_id is taken. Choose another, or leave it out."};
    }
  }
  const auto owner = owner_for(request, who);
  if (auto refused = refuse(owner)) return std::move(*refused);
  const auto spec = services_.specs.find(request.name);
  if (!spec) {
    return refusal{spec.error().code == errc::not_found ? 404 : 500, spec.error().detail};
  }
  supervise::record record;
  record.id = request.id.empty() ? make_uuid() : request.id;
  record.kernelspec = spec->name;
  record.owner = owner;
  record.path = request.path;
  record.cwd = services_.spawner.others().on() ? users_directory(request, who.owner)
                                               : working_directory(request);
  record.env = request.env;
  const environment trace = {{"TRACEPARENT", request.traceparent}};
  if (!request.traceparent.empty() && settings_.environment.refused(trace) == nullptr)
    record.env.insert(trace.begin(), trace.end());
  auto made = add(std::move(record));
  if (const auto launched = made->start(); !launched) {
    kernels_.erase(made->id());
    return refusal_of(launched.error());
  }
  return made;
}

asio::awaitable<std::optional<kernel_manager::refusal>> kernel_manager::launched(
    std::shared_ptr<kernel> fresh) {
  const auto done = co_await fresh->started();
  if (done) co_return std::nullopt;
  co_return refusal_of(done.error());
}

asio::awaitable<void> kernel_manager::settle() {
  const auto all = kernels_;  // who fails leaves the list
  for (const auto& [id, each] : all)
    (void)co_await each->started();
}

std::shared_ptr<kernel> kernel_manager::find(const std::string& id, const identity& who) const {
  const auto found = kernels_.find(id);
  if (found == kernels_.end() || !who.may_see(found->second->owner())) return nullptr;
  return found->second;
}

std::vector<std::shared_ptr<kernel>> kernel_manager::list(const identity& who) const {
  std::vector<std::shared_ptr<kernel>> out;
  for (const auto& [id, each] : kernels_) {
    if (who.may_see(each->owner())) out.push_back(each);
  }
  return out;
}

bool kernel_manager::any_busy() const {
  return std::any_of(kernels_.begin(), kernels_.end(),
                     [](const auto& each) { return each.second->is_busy(); });
}

std::chrono::system_clock::time_point kernel_manager::last_activity(
    std::chrono::system_clock::time_point at_least) const {
  for (const auto& [id, each] : kernels_)
    at_least = std::max(at_least, each->last_activity());
  return at_least;
}

supervise::culling::duration kernel_manager::cull() {
  auto next = services_.settings.culling.all.interval;
  const auto all = kernels_;  // who ends may leave the list
  for (const auto& [id, each] : all)
    next = std::min(next, each->cull());
  return next;
}

void kernel_manager::detach_all() {
  drain_.end();  // the loop ends when nothing is armed any more
  strays_.clear();
  for (const auto& [id, each] : kernels_)
    each->detach();
}

void kernel_manager::finish_all() {
  const auto all = kernels_;  // who ends may leave the list
  for (const auto& [id, each] : all)
    each->finish_stop();
}

void kernel_manager::drain_expired() {
  services_.events.say("drain_deadline", {{"kernels", kernels_.size()}});
  finish_all();
}

asio::awaitable<void> kernel_manager::stop_all() {
  const auto all = kernels_;
  finish_all();
  for (const auto& [id, each] : all)
    co_await each->gone();
}

}  // namespace kmux::daemon
