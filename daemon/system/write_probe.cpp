#include "daemon/system/write_probe.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include <spdlog/spdlog.h>

#include "daemon/async/event.hpp"
#include "proc/unique_fd.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;

namespace {

/// What the system says, or nothing.
std::string write_into(const std::string& directory) {
  const std::string file = directory + "/.written";
  ::unlink(
      file.c_str());  // of a daemon that was killed meanwhile, or a fifo that somebody put there
  const unique_fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const bool written = fd && ::write(fd.get(), "x", 1) == 1;
  const int why = errno;
  if (fd) ::unlink(file.c_str());
  return written ? "" : std::strerror(why);
}

struct finding {
  std::string told, logged;
};

finding try_all(const std::vector<write_probe::place>& places) {
  for (const auto& place : places) {
    const auto why = write_into(place.directory);
    if (!why.empty()) {
      return {place.name + " cannot be written to: " + why, place.directory + ": " + why};
    }
  }
  return {};
}

}  // namespace

write_probe::write_probe(asio::io_context& io, blocking& disk, task_group& tasks,
                         std::vector<place> places, settings s)
    : disk_(disk), tasks_(tasks), places_(std::move(places)), settings_(s), done_(io) {
}

asio::awaitable<void> write_probe::attempt() {
  auto work = [places = places_] { return try_all(places); };
  const auto found = co_await disk_.run(std::move(work));
  if (found.told != problem_ && !found.told.empty()) {
    spdlog::error("event=not_writable error=\"{}\"", found.logged);
  }
  problem_ = found.told;
  trying_ = false;
  done_.cancel();
}

asio::awaitable<std::string> write_probe::problem() {
  if (!trying_ &&
      (tried_ == clock::time_point::min() || clock::now() - tried_ >= settings_.every)) {
    trying_ = true;
    tried_ = clock::now();
    done_.expires_at(tried_ + settings_.patience);
    tasks_.spawn("write_probe", attempt());
  }
  while (trying_ && clock::now() < tried_ + settings_.patience)
    co_await done_.async_wait(as_result);
  co_return trying_ ? "the disk does not answer" : problem_;
}

}  // namespace kmux::daemon
