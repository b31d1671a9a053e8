#pragma once
// All kernels of this daemon, by id.

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/auth/identity.hpp"
#include "daemon/kernels/drain.hpp"
#include "daemon/kernels/environment_rules.hpp"
#include "daemon/kernels/kernel.hpp"

namespace kmux::daemon {

/// What a POST asks for.
struct kernel_request {
  std::string id;    ///< empty: a new one
  std::string name;  ///< kernelspec; empty: the default
  std::string path;  ///< relative to the root directory
  environment env;
  std::string traceparent;  ///< W3C, for TRACEPARENT; empty: none
};

class kernel_manager {
public:
  struct settings {
    std::string root_dir;           ///< where `path` begins; empty: the user's home
    std::string home;               ///< the daemon's user's
    std::size_t max_kernels = 0;    ///< 0: no limit
    std::size_t max_per_owner = 0;  ///< 0: no limit
    environment_rules environment;  ///< for what requests set
  };
  /// `status` is what HTTP should answer.
  struct refusal {
    int status;
    std::string message;
    std::optional<std::chrono::seconds> retry_after = std::nullopt;
  };
  using started = boost::system::result<std::shared_ptr<kernel>, refusal>;

  kernel_manager(kernel_services& services, settings s)
      : services_(services),
        settings_(std::move(s)),
        drain_(services.io, [this] { drain_expired(); }) {}
  void set(settings s) { settings_ = std::move(s); }

  /// Starts a kernel. An id that exists (and that `who` may see) gives that kernel, nothing
  /// started. Nothing is waited for between the count of those that are there and the new one's
  /// place among them, so that no two requests take the last place.
  started start(const kernel_request&, const identity& who);

  /// Ends when a kernel that start() gave has its process: the refusal says why it has none.
  boost::asio::awaitable<std::optional<refusal>> launched(std::shared_ptr<kernel>);

  /// nullptr if there is none, or if it belongs to somebody else.
  std::shared_ptr<kernel> find(const std::string& id, const identity& who) const;
  std::vector<std::shared_ptr<kernel>> list(const identity& who) const;
  std::size_t size() const noexcept { return kernels_.size(); }
  bool any_busy() const;
  /// Of all kernels; `at_least` where none is later.
  std::chrono::system_clock::time_point last_activity(
      std::chrono::system_clock::time_point at_least) const;

  /// From now on no kernel is started, and at the deadline those that are left are ended.
  void begin_drain(std::optional<drain::clock::duration> deadline) { drain_.begin(deadline); }
  void end_drain() { drain_.end(); }
  const drain& drained() const noexcept { return drain_; }

  /// At start-up: takes over what verifies, quarantines what cannot be read, and says so.
  void adopt_all();
  /// Ends those that nobody uses. Returns when to look again.
  supervise::culling::duration cull();
  /// Lets those go of which there is only a summary, once that is older than journals become.
  void drop_old();
  /// At the daemon's end: kernels live on.
  void detach_all();
  /// At the daemon's end, where the configuration says so: all of them, at the same time.
  boost::asio::awaitable<void> stop_all();
  /// At the daemon's end: none is between kmux-spawn and its record.
  boost::asio::awaitable<void> settle();

private:
  void drain_expired();
  void finish_all();
  std::shared_ptr<kernel> add(supervise::record);
  /// Whether there may be one more for that owner.
  std::optional<refusal> refuse(const std::string& owner) const;
  void tell_limit(std::string_view option, const std::string& owner) const;
  /// What the runtime directory tells of a kernel, and its process if that lives.
  struct found {
    supervise::record record;
    std::unique_ptr<supervise::process> process;
    bool ended = false;  ///< its process has, for certain
  };
  std::optional<found> look_for(const std::string& id);
  bool has_never_been(const std::string& id) const;
  void drop_unfinished(const std::string& id);
  std::nullopt_t leave_alone(const std::string& id, const error& why);
  void adopt(found);
  std::optional<supervise::summary> read_summary(const std::string& id);
  void adopt_lost();
  void end_as_user(const std::string& user, const kernel_mark&);
  void reap_strays();
  bool is_old(const std::string& id) const;
  std::size_t count_present() const;
  std::string working_directory(const kernel_request&) const;
  std::string users_directory(const kernel_request&, const std::string& owner) const;

  kernel_services& services_;
  settings settings_;
  drain drain_;
  std::map<std::string, std::shared_ptr<kernel>> kernels_;
  std::set<std::string> left_alone_;                         ///< ids of an earlier daemon's
  std::vector<std::unique_ptr<supervise::process>> strays_;  ///< children that are no kernels
};

}  // namespace kmux::daemon
