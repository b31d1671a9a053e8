#pragma once
// One kernel: its life, its process, its channels, its clients.

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "daemon/async/alarm.hpp"
#include "daemon/async/blocking.hpp"
#include "daemon/async/event.hpp"
#include "daemon/async/task_group.hpp"
#include "daemon/events/event_stream.hpp"
#include "daemon/kernels/activity.hpp"
#include "daemon/kernels/channels_socket.hpp"
#include "daemon/kernels/kernel_link.hpp"
#include "daemon/kernels/message_order.hpp"
#include "daemon/metrics/counters.hpp"
#include "daemon/specs/spec_store.hpp"
#include "proc/account.hpp"
#include "proc/journal/cursors.hpp"
#include "proc/journal/reader.hpp"
#include "proc/process_doing.hpp"
#include "proc/resources.hpp"
#include "proc/supervise/cgroups.hpp"
#include "proc/supervise/culling.hpp"
#include "proc/supervise/directories.hpp"
#include "proc/supervise/heartbeat.hpp"
#include "proc/supervise/kernel_fsm.hpp"
#include "proc/supervise/process.hpp"
#include "proc/supervise/record.hpp"
#include "proc/supervise/spawner.hpp"
#include "proc/supervise/summary.hpp"

namespace kmux::daemon {

/// Which kernels are ended by themselves.
struct cull_settings {
  supervise::culling::settings all;
  std::vector<supervise::cull_rule> rules;
};

/// Why a kernel is dead that nobody saw end.
inline constexpr const char* machine_started_again = "the machine was started again";
inline constexpr const char* runtime_directory_lost = "its runtime directory was lost";

struct kernel_settings {
  supervise::kernel_fsm::settings life;
  supervise::heartbeat::settings heartbeat;
  bool restart_when_silent = false;
  message_limits kernel_message_limits;
  message_limits client_message_limits;
  std::size_t client_queue_bytes = std::size_t{8} << 20;
  journal_info journal;  ///< but for its directory; most_bytes 0: none
  std::size_t stdio_limit = 1 << 20;
  process_limits limits;
  supervise::cgroup_limits cgroup_limits;
  environment base_env;          ///< what kernels inherit of the daemon's environment
  std::vector<std::string> tcp;  ///< kernelspecs whose kernels need tcp
  cull_settings culling;
};

/// What all kernels share. Outlives them.
struct kernel_services {
  boost::asio::io_context& io;
  event_stream& events;
  receive_buffer& buffer;
  const supervise::directories& directories;
  supervise::spawner& spawner;
  const supervise::cgroups& cgroups;
  const spec_store& specs;
  blocking& journals;
  task_group& tasks;
  counters& counted;
  kernel_settings settings;
  std::uint64_t clients_so_far = 0;    ///< each has a number of its own
  std::set<std::string> leaving = {};  ///< ids of kernels that are gone and whose files are not yet
};

/// The shell around supervise::kernel_fsm. Held by shared_ptr: a client or a request may still look
/// at a kernel that has just been forgotten. Loop thread only. Stops by detach() (the process lives
/// on) or stop().
class kernel : public std::enable_shared_from_this<kernel> {
public:
  /// `forget` is called once, from the loop, when nothing is left to supervise.
  kernel(kernel_services& services, supervise::record identity, std::function<void()> forget);
  ~kernel();

  /// First launch. On an error it is gone already; what is told can be seen before a process runs.
  result<void> start();
  /// Ends when that launch has succeeded, or failed as start() would say: kmux-spawn is waited for.
  boost::asio::awaitable<result<void>> started();
  bool is_launching() const noexcept { return launching_ != nullptr; }
  /// Takes over what an earlier daemon left: a living process, or nullptr for one that has ended.
  void adopt(std::unique_ptr<supervise::process> process);
  /// Takes over what only its summary tells of; `why` it is dead, for people.
  void adopt_lost(const supervise::summary&, std::string why);
  /// Lets go of process and sockets, for the daemon's own end.
  void detach();

  const std::string& id() const noexcept { return record_.id; }
  const std::string& owner() const noexcept { return record_.owner; }
  const std::string& spec_name() const noexcept { return record_.kernelspec; }
  const kernel_settings& settings() const noexcept { return services_.settings; }
  kernel_services& services() const noexcept { return services_; }

  /// It ended with an earlier boot or with its runtime directory, and was not started again.
  bool is_lost() const noexcept { return lost_; }
  /// The kernel model of Jupyter's REST API, as JSON; `more` members of "kmux".
  std::string model(std::string_view more = {}) const;
  resource_places resources() const;
  std::size_t connections() const noexcept { return clients_.size(); }
  /// Jupyter's execution_state, as in the model.
  std::string_view state_name() const noexcept;
  /// As it has said itself, and with a process that can be.
  bool is_busy() const noexcept {
    return has_process() && activity_.state() == "busy" && !activity_.presumed_busy();
  }
  std::chrono::system_clock::time_point last_activity() const noexcept { return activity_.last(); }

  /// Ends when the new process is connected: the error says why that could not be.
  boost::asio::awaitable<result<void>> restart();
  /// Ends when process and files are gone.
  boost::asio::awaitable<void> stop();
  result<void> interrupt();
  /// To all of its process group.
  result<void> signal(int number);
  /// A pinned one is not culled.
  void pin(bool);
  /// Counts idle time and age, and ends the kernel as stop() would where it is time. Returns when
  /// to look again at the latest.
  supervise::culling::duration cull();
  /// stop() without waiting, and the wait without asking.
  void finish_stop();
  boost::asio::awaitable<void> gone();

  // For channels_socket.
  void attach(channels_socket&);
  void detach(channels_socket&);
  /// Waits until the kernel can take it.
  boost::asio::awaitable<void> send_from(channels_socket&, channel_message&, const header&);
  /// Replies to that session are the client's.
  bool belongs_to(const channels_socket&, const std::string& session);
  /// The client has everything up to that number.
  void confirm(const std::string& session, std::uint64_t number);
  const std::vector<channels_socket*>& clients() const noexcept { return clients_; }
  std::string stdio_log() const { return services_.directories.stdio_log(id()); }
  std::string journal_directory() const { return services_.directories.written_state(id()); }
  /// Ends when there is a message with a larger number, when the kernel is gone, or after `most`.
  boost::asio::awaitable<void> wait_for_message(std::uint64_t after, alarm::clock::duration most);
  bool is_gone() const noexcept { return fsm_.now() == supervise::kernel_fsm::state::gone; }
  /// A process runs, or is about to.
  bool has_process() const noexcept { return process_ != nullptr; }
  bool is_process(pid_t pid) const noexcept {
    return process_ != nullptr && process_->identity().pid == pid;
  }
  std::shared_ptr<journal::reader> journal_from(std::uint64_t after) const;
  /// The newest number that is known, 0: none yet.
  std::uint64_t head() const noexcept { return head_; }
  bool recording() const noexcept { return recording_; }
  /// An event of this kernel's, for its owner as well.
  void say(std::string_view name, event_members = {}, severity = severity::info);

private:
  void feed(supervise::kernel_event_t);
  void perform(const supervise::kernel_action_t&);
  void launch();
  result<launch_spec> prepare_launch();
  void let_go(result<supervise::held_child>, const launch_spec&);
  result<void> try_let_go(supervise::held_child, const launch_spec&);
  void launch_failed(const error&);
  result<void> choose_user();
  environment inherited_env() const;
  supervise::spawner::request own_request(const launch_spec&) const;
  spawn_request users_request(const launch_spec&) const;
  result<launch_spec> make_spec();
  result<connection_info> connection();
  std::optional<uid_t> peer_uid() const;
  result<void> write_connection();
  std::optional<journal_info> journal_place() const;
  result<std::string> kernel_sockets();
  void mark(environment&) const;
  void connect(bool adopted);
  void connected();
  void disconnect();
  void ended(exit_status);
  void announce(const supervise::kernel_action::announce&);
  void remove_users_files();
  void announce_death();
  void complete(const supervise::kernel_action::complete&);
  void forget();
  void watch(std::unique_ptr<supervise::process>);
  void adopt_dead();
  /// The record. A failure is said in the log; a launch ends with it, all else goes on.
  result<void> save();
  void save_summary();
  result<void> enter_cgroup(const supervise::held_child&);
  void leave_cgroup();
  void look_why_silent();

  /// A message that came before its turn, with what kernel_message only refers to.
  struct early_message {
    kmux::channel channel;
    std::shared_ptr<const wire_message<zmtp_message>> wire;
    header head, parent;
    std::uint64_t number;
    bool kept;
    bool for_clients;
  };
  void on_message(const kernel_message&);
  void hand_on(const kernel_message&);
  void hand_on_kept();
  void wait_for_order();
  void look_at_order();
  void note_number(std::uint64_t);
  void note_recording(const kernel_message&);
  void read_last_words();
  const char* journal_state() const noexcept;
  bool keeps_journal() const noexcept { return services_.settings.journal.most_bytes > 0; }
  place place_of(const channels_socket&);
  void tell_clients(const owned_message&);
  channels_socket* client_of(const std::string& session) const;
  void note_route(channels_socket&, const std::string& session);
  void note_shutdown(const channel_message&, const header&);
  void warn_of_culling();
  std::string cull_reason() const;
  std::string cull_model() const;
  void save_counts();
  void heartbeat_due(supervise::heartbeat::action);
  void note_end(supervise::kernel_fsm::state before);

  kernel_services& services_;
  supervise::record record_;
  std::function<void()> forget_;
  std::chrono::system_clock::time_point started_;

  supervise::kernel_fsm fsm_;
  std::deque<supervise::kernel_event_t> events_;  ///< feed() is not re-entered
  bool feeding_ = false;
  alarm life_timer_;
  std::unique_ptr<supervise::process> process_;
  bool adopted_ = false;
  std::shared_ptr<bool> launching_;  ///< while kmux-spawn is waited for; its answer asks this
  bool fresh_ = false;               ///< has never been launched
  result<void> start_failure_;
  account account_;  ///< of record_.user
  bool interrupt_by_message_ = false;
  bool relayed_ = false;
  std::string stderr_tail_;
  std::string dead_why_;  ///< where no exit status tells it
  bool lost_ = false;
  supervise::summary summary_;
  std::vector<process_doing>
      hung_;  ///< while silent: the process and, if it is a relay, its kernel

  std::unique_ptr<kernel_link> link_;
  supervise::heartbeat heartbeat_;
  alarm heartbeat_timer_;
  activity activity_;
  supervise::culling culling_;
  activity::time_point activity_seen_;   ///< at the last look
  supervise::culling::settings limits_;  ///< at the last look, of this kernel

  std::vector<channels_socket*> clients_;
  std::unordered_map<std::string, channels_socket*> routes_;  ///< header session → who sent it last
  message_order<early_message> order_;                        ///< of the process that runs
  alarm order_timer_;
  alarm::clock::time_point order_until_{};
  alarm::clock::time_point unkept_at_{};  ///< when a message came that is in no journal
  std::uint64_t head_ = 0;
  bool recording_ = true;  ///< its process could write the journal when it spoke last
  timed_event numbered_;   ///< head_ has grown, or the kernel is gone
  journal::cursors cursors_;
  bool cursors_fail_ = false;
  event changed_;  ///< life, link or outbox: waiters look again

  stopwatch starting_, interrupting_, stopping_;
  std::uint64_t restarts_done_ = 0;
  result<void> last_restart_;
};

}  // namespace kmux::daemon
