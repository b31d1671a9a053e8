#include "proc/child/subshells.hpp"

#include <algorithm>
#include <stdexcept>

#include "protocol/ids.hpp"

namespace kmux::child {

result<std::string> subshells::create() try {
  reap();
  auto fresh = std::make_unique<one>(make_uuid(), language_, out_, inputs_, kernel_info_);
  one& it = *fresh;
  it.thread = std::thread([this, &it] {
    language_.run_subshell(it.loop);
    it.loop.refuse_rest();
    it.ended = true;
  });
  open_.emplace(it.loop.id(), std::move(fresh));
  return it.loop.id();
} catch (const std::runtime_error& e) {
  return error{errc::exhausted, std::string("no subshell can be made: ") + e.what()};
}

bool subshells::remove(const std::string& id) {
  const auto found = open_.find(id);
  if (found == open_.end()) return false;
  found->second->loop.stop();
  found->second->loop.interrupt(true);
  ending_.push_back(std::move(found->second));
  open_.erase(found);
  reap();
  return true;
}

shell_loop* subshells::find(const std::string& id) {
  const auto found = open_.find(id);
  return found == open_.end() ? nullptr : &found->second->loop;
}

std::vector<std::string> subshells::list() const {
  std::vector<std::string> out;
  for (const auto& [id, ignored] : open_)
    out.push_back(id);
  return out;
}

void subshells::stop() {
  while (!open_.empty())
    remove(open_.begin()->first);
}

void subshells::join() {
  for (auto& each : ending_)
    each->thread.join();
  ending_.clear();
}

void subshells::reap() {
  std::erase_if(ending_, [this](const auto& each) {
    if (!each->ended) return false;
    each->thread.join();
    ended_ += each->loop.queue().times();
    return true;
  });
}

queue_times subshells::times() {
  queue_times out = ended_;
  for (const auto& each : ending_)
    out += each->loop.queue().times();
  out.waiting = 0;
  for (const auto& [id, each] : open_)
    out += each->loop.queue().times();
  return out;
}

}  // namespace kmux::child
