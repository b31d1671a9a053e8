#pragma once
// The composition root: builds everything, runs it, and ends it in order.

#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "config/config.hpp"
#include "daemon/api/api.hpp"
#include "daemon/async/alarm.hpp"
#include "daemon/auth/access_control.hpp"
#include "daemon/auth/token_store.hpp"
#include "daemon/events/event_stream.hpp"
#include "daemon/http/server.hpp"
#include "daemon/http/service.hpp"
#include "daemon/hub/oauth.hpp"
#include "daemon/metrics/loop_lag.hpp"
#include "daemon/system/descriptors.hpp"
#include "daemon/system/loop_watch.hpp"
#include "daemon/system/successor.hpp"

namespace kmux::daemon {

/// Reads the configuration again, for SIGHUP and /api/reload; what is wrong has been logged.
using reload_function =
    std::function<result<config::config>(const config::config& current, event_stream&)>;

class app {
public:
  /// Opens directories and sockets, or takes them over; the error says what to do. The directories'
  /// lock is held until destruction.
  static result<std::unique_ptr<app>> create(const config::config&, reload_function,
                                             const successor&, named_descriptors);
  ~app();

  /// Until SIGTERM or SIGINT, or until an upgrade was asked for. Returns the exit code.
  int run();

  /// What the successor needs, where an upgrade is what run() ended for. To be given to it once
  /// this object is gone, and its threads with it.
  std::optional<named_descriptors> take_handed_over();

private:
  app(const config::config&, supervise::directories, supervise::cgroups, reload_function,
      const successor&);

  result<void> open_door();
  result<void> authenticate();
  void set_door(const config::config&);
  void end_revoked();
  void begin_hub();
  result<void> load_tls();
  result<void> listen(named_descriptors);
  result<void> listen_at(const listen_address&);
  result<void> listen_admin();
  result<void> write_listen_file();
  void wait_for_signals();
  result<void> reload();
  result<void> take_over();
  void watch_loop();
  void tell_status();
  void keep_alive();
  void cull();
  void stop();
  void upgrade();
  void hand_over();
  void remove_listening_files();
  bool stops_kernels() const;
  boost::asio::awaitable<void> stop_kernels();
  boost::asio::awaitable<void> end_serving();
  boost::asio::awaitable<void> leave_signals();
  boost::asio::awaitable<void> end();

  config::config config_;
  reload_function reload_;
  supervise::directories directories_;
  supervise::cgroups cgroups_;
  boost::asio::io_context io_{1};
  event_stream events_;
  counters counted_;
  receive_buffer buffer_;
  blocking disk_;
  blocking journals_;  ///< by themselves: they are long
  task_group tasks_;   ///< of clients that are behind, and of the readiness probe
  spec_store specs_;
  supervise::spawner spawner_;
  kernel_services services_;
  kernel_manager kernels_;
  session_store sessions_;
  write_probe writable_;
  storage_probe stored_;
  access_control door_;
  token_store tokens_;
  std::optional<hub> hub_;
  std::optional<oauth> oauth_;
  api_context api_;
  router routes_;
  service service_;
  server server_;
  boost::asio::signal_set signals_;
  loop_watch watch_;
  loop_lag lag_;
  std::string status_;  ///< as it was last told
  alarm keep_alive_timer_;
  alarm cull_timer_;
  alarm abort_timer_;
  task_group stopping_kernels_;  ///< the part of the end that a second signal cuts short
  task_group ending_;
  std::vector<handed_socket> handed_;  ///< not yet listened on
  std::optional<named_descriptors> handed_over_;
  secret made_token_;            ///< where none is configured
  std::string admin_directory_;  ///< where RUNTIME/admin.sock's path is too long to bind
};

}  // namespace kmux::daemon
