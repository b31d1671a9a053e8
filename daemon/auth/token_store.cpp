#include "daemon/auth/token_store.hpp"

#include "daemon/auth/authenticator.hpp"
#include "proc/supervise/files.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;

asio::awaitable<result<token_list>> token_store::read() {
  const auto work = [path = path_] { return read_token_list(path); };
  co_return co_await disk_.run(work);
}

asio::awaitable<result<void>> token_store::change(std::function<result<void>(token_list&)> change) {
  const auto work = [path = path_, change = std::move(change)]() -> result<token_list> {
    auto list = read_token_list(path);
    if (!list) return list;
    if (const auto changed = change(*list); !changed) return changed.error();
    const auto written = supervise::write_file(path, list->text(), supervise::durability::disk);
    if (!written) return written.error();
    return list;
  };
  auto list = co_await disk_.run(work);
  if (!list) co_return list.error();
  changed_(std::move(*list));
  co_return result<void>();
}

}  // namespace kmux::daemon
