// A kernel's life: what the state machine says, done.
#include "daemon/kernels/kernel.hpp"

#include <filesystem>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "config/units.hpp"
#include "daemon/clock.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;
namespace on = supervise::kernel_event;
namespace act = supervise::kernel_action;
using supervise::kernel_fsm;
using supervise::user_request;

namespace {

auto now() {
  return std::chrono::steady_clock::now();
}
auto wall_now() {
  return std::chrono::system_clock::now();
}

constexpr std::size_t tail_lines = 20;
constexpr auto connect_again = std::chrono::seconds(1);  ///< where there is no descriptor for it

std::uint64_t milliseconds_of(supervise::culling::duration d) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
}

}  // namespace

kernel::kernel(kernel_services& services, supervise::record identity, std::function<void()> forget)
    : services_(services),
      record_(std::move(identity)),
      forget_(std::move(forget)),
      started_(wall_now()),
      fsm_(services.settings.life),
      life_timer_(services.io),
      heartbeat_(services.settings.heartbeat),
      heartbeat_timer_(services.io),
      activity_(wall_now()),
      culling_(now(), {std::chrono::milliseconds(record_.idle_ms),
                       std::chrono::milliseconds(record_.age_ms)}),
      activity_seen_(activity_.last()),
      order_timer_(services.io),
      numbered_(services.io),
      cursors_(services.directories.cursors(record_.id)),
      changed_(services.io) {
  if (record_.created.empty()) record_.created = iso_time(started_);
  fsm_.set_restarts(record_.restarts);
}

kernel::~kernel() = default;

result<void> kernel::start() {
  // What can be known before a process exists is told to whoever asks for the kernel.
  if (const auto user = choose_user(); !user) return user;
  if (const auto spec = make_spec(); !spec) return spec.error();
  fresh_ = true;
  feed(on::start{});
  return start_failure_;
}

asio::awaitable<result<void>> kernel::started() {
  const auto self = shared_from_this();
  while (is_launching())
    co_await changed_.wait();
  co_return start_failure_;
}

void kernel::adopt(std::unique_ptr<supervise::process> process) {
  summary_.process = record_.process;
  if (!process) return adopt_dead();
  adopted_ = true;
  activity_.adopted();
  if (const auto spec = services_.specs.find(record_.kernelspec)) {
    interrupt_by_message_ = spec->spec.interrupt_mode == "message";
    relayed_ = spec->host == launch_spec::kind::relay;
  }
  if (!record_.cgroup.empty() &&
      !(supervise::cgroups::is_of(record_.cgroup, id()) &&
        supervise::cgroups::contains(record_.cgroup, record_.process.pid))) {
    say("cgroup_lost", {{"cgroup", record_.cgroup}}, severity::warning);
    record_.cgroup.clear();
  }
  if (!record_.user.empty()) {
    // Where the user is gone, nobody is believed to be them.
    account_.uid = static_cast<uid_t>(-1);
    if (auto found = find_account(record_.user)) account_ = std::move(*found);
  }
  watch(std::move(process));
  feed(on::adopted{});
}

void kernel::detach() {
  if (process_) save();
  launching_.reset();
  life_timer_.cancel();
  disconnect();
  process_.reset();
}

void kernel::feed(supervise::kernel_event_t next) {
  events_.push_back(std::move(next));
  if (feeding_) return;
  // Whatever is done may end with the manager letting go of us.
  const auto self = shared_from_this();
  feeding_ = true;
  while (!events_.empty()) {
    const auto current = std::move(events_.front());
    events_.pop_front();
    const auto before = fsm_.now();
    for (const auto& action : fsm_.resume(current, now()))
      perform(action);
    if (fsm_.now() != before) {
      say("kernel_state", {{"state", supervise::to_string(fsm_.now())}});
      if (is_gone()) say("kernel_deleted");
    }
  }
  feeding_ = false;
  changed_.notify();
}

void kernel::perform(const supervise::kernel_action_t& action) {
  struct visitor {
    kernel& k;
    void operator()(const act::launch&) { k.launch(); }
    void operator()(const act::connect&) { k.connect(k.adopted_); }
    void operator()(const act::disconnect&) { k.disconnect(); }
    void operator()(const act::ask_shutdown& a) {
      if (k.process_) k.process_->note_descendants();
      if (k.link_) k.link_->request_shutdown(a.restart);
    }
    void operator()(const act::signal_group& a) {
      if (!k.process_) return;
      k.process_->note_descendants();
      if (const auto sent = k.process_->signal_group(a.sig); !sent) {
        spdlog::info("event=signal_not_sent kernel={} signal={} error=\"{}\"", k.id(), a.sig,
                     sent.error().detail);
      }
    }
    void operator()(const act::arm_timer& a) {
      k.life_timer_.set(a.at, [this_ = &k] { this_->feed(on::timer{}); });
    }
    void operator()(const act::cancel_timer&) { k.life_timer_.cancel(); }
    void operator()(const act::announce& a) { k.announce(a); }
    void operator()(const act::complete& a) { k.complete(a); }
    void operator()(const act::forget&) { k.forget(); }
  };
  std::visit(visitor{*this}, action);
}

void kernel::watch(std::unique_ptr<supervise::process> process) {
  process_ = std::move(process);
  process_->set_mark(id(), services_.directories.kernel_runtime(id()), record_.cgroup);
  if (const auto most = supervise::cgroups::memory_limit(record_.cgroup); most > 0) {
    process_->set_memory_limit(config::show_size(most));
  }
  process_->on_exit([this](exit_status status) { ended(std::move(status)); });
}

void kernel::ended(exit_status status) {
  const auto self = shared_from_this();
  stderr_tail_ = supervise::tail_of_file(services_.directories.stdio_log(id()), tail_lines);
  say("kernel_ended",
      {{"pid", record_.process.pid}, event_member::text("cause", describe(status))});
  record_.process = {};
  record_.last_exit = status;
  process_.reset();
  leave_cgroup();
  read_last_words();
  save_summary();
  const auto before = fsm_.now();
  feed(on::exited{std::move(status)});
  note_end(before);
  if (fsm_.now() != kernel_fsm::state::gone) save();
}

/// A death is an end that nobody asked for.
void kernel::note_end(kernel_fsm::state before) {
  using state = kernel_fsm::state;
  const bool lived = before == state::connecting || before == state::ready;
  if (lived && (fsm_.now() == state::restarting || fsm_.now() == state::dead)) {
    services_.counted.count(death_by(record_.last_exit->how));
  } else if (before == state::stopping && fsm_.now() == state::dead) {
    services_.counted.count(death::unanswering);
  }
}

void kernel::connect(bool adopted) {
  const auto where = connection();
  if (!where && where.error().code == errc::exhausted) {
    spdlog::warn("event=not_connected kernel={} error=\"{}\"", id(), where.error().detail);
    return heartbeat_timer_.set(now() + connect_again, [this, adopted] { connect(adopted); });
  }
  if (!where) {
    // Its connection file is gone or broken: nobody can talk to it ever again.
    say("connection_file_lost", {event_member::text("error", where.error().detail)},
        severity::error);
    return;
  }
  kernel_link::handlers hear;
  hear.message = [this](const kernel_message& m) { on_message(m); };
  hear.connected = [this] { connected(); };
  hear.shell_answered = [this] { activity_.answered(); };
  hear.beat = [this] {
    hung_.clear();
    heartbeat_due(heartbeat_.on_answer(now()));
  };
  hear.writable = [this] { changed_.notify(); };
  order_ = {};
  link_ = std::make_unique<kernel_link>(services_.io, services_.buffer, services_.counted, *where,
                                        services_.settings.kernel_message_limits, adopted,
                                        peer_uid(), std::move(hear));
}

void kernel::connected() {
  activity_.connected();
  starting_.stop(services_.counted.starts);
  heartbeat_due(heartbeat_.start(now()));
  feed(on::connected{});
}

void kernel::disconnect() {
  heartbeat_.stop();
  hung_.clear();
  heartbeat_timer_.cancel();
  order_timer_.cancel();
  starting_.reset();
  interrupting_.reset();
  link_.reset();
}

void kernel::heartbeat_due(supervise::heartbeat::action action) {
  if (action == supervise::heartbeat::action::ping && link_) link_->send_heartbeat();
  heartbeat_timer_.set(heartbeat_.deadline(), [this] {
    const auto before = heartbeat_.now();
    const auto next = heartbeat_.on_timer(now());
    if (heartbeat_.now() == supervise::heartbeat::state::silent) look_why_silent();
    if (heartbeat_.now() != before && hung_.empty()) {
      say("heartbeat", {{"state", supervise::to_string(heartbeat_.now())}}, severity::warning);
    }
    heartbeat_due(next);
    if (heartbeat_.now() == supervise::heartbeat::state::silent &&
        before != supervise::heartbeat::state::silent && services_.settings.restart_when_silent) {
      services_.counted.count(death::silent);
      feed(on::user_restart{.silent = true});
    }
  });
}

void kernel::announce(const act::announce& what) {
  if (what.told == act::announce::state::starting) ++services_.counted.restarts_asked;
  if (what.told == act::announce::state::restarting) ++services_.counted.restarts_by_death;
  const std::string date = iso_now();
  const sender me{"kmuxd", "kmux", date};
  tell_clients(make_status(me, supervise::to_string(what.told), what.reason, stderr_tail_));
}

void kernel::announce_death() {
  announce(
      {act::announce::state::dead, record_.last_exit ? describe(*record_.last_exit) : dead_why_});
}

void kernel::complete(const act::complete& done) {
  if (done.what != user_request::restart) return;  // whoever stops waits for the end itself
  ++restarts_done_;
  last_restart_ = done.ok ? result<void>{} : result<void>{error{errc::io, done.reason}};
}

asio::awaitable<result<void>> kernel::restart() {
  const auto self = shared_from_this();
  const auto before = restarts_done_;
  feed(on::user_restart{});
  while (restarts_done_ == before)
    co_await changed_.wait();
  co_return last_restart_;
}

void kernel::finish_stop() {
  record_.wanted = "stopped";
  save();
  if (process_) stopping_.start();
  feed(on::user_stop{});
}

asio::awaitable<void> kernel::gone() {
  const auto self = shared_from_this();
  while (fsm_.now() != kernel_fsm::state::gone)
    co_await changed_.wait();
}

asio::awaitable<void> kernel::stop() {
  const auto self = shared_from_this();
  finish_stop();
  co_await gone();
}

result<void> kernel::interrupt() {
  if (!process_) {
    return error{errc::not_found, "The kernel has no process to interrupt: restart it."};
  }
  if (is_busy()) interrupting_.start();
  if (interrupt_by_message_) {
    if (link_ && link_->request_interrupt()) return {};
    return error{errc::io, "The kernel takes no messages: restart it."};
  }
  return process_->signal_group(SIGINT);
}

result<void> kernel::signal(int number) {
  if (!process_) return error{errc::not_found, "The kernel has no process: restart it."};
  return process_->signal_group(number);
}

result<void> kernel::save() {
  if (lost_) return {};  // it has no runtime directory
  record_.restarts = fsm_.restarts();
  record_.idle_ms = milliseconds_of(culling_.so_far().idle);
  record_.age_ms = milliseconds_of(culling_.so_far().age);
  auto saved = supervise::write_file(services_.directories.record_file(id()),
                                     supervise::write_record(record_));
  if (!saved) {
    spdlog::error("event=record_not_saved kernel={} error=\"{}\"", id(), saved.error().detail);
  }
  return saved;
}

}  // namespace kmux::daemon
