#pragma once
// The connections that are being served.

#include <functional>
#include <set>

#include "daemon/auth/identity.hpp"
#include "daemon/http/peer_stream.hpp"

namespace kmux::daemon {

/// The live connections, so that they can be cut off: all of them, or those whose answer goes on
/// although its credentials do not. Registration is an object. Loop thread only.
class served_list {
public:
  class entry {
  public:
    entry(served_list& owner, peer_stream& stream) : owner_(owner), stream_(stream) {
      owner_.entries_.insert(this);
    }
    ~entry() { owner_.entries_.erase(this); }
    entry(const entry&) = delete;
    entry& operator=(const entry&) = delete;

    /// An answer without a foreseeable end goes to them; nullptr: it has ended. `end` closes it in
    /// the way its client understands.
    void set_long(const identity* who, std::function<void()> end = {}) {
      who_ = who;
      end_ = std::move(end);
    }

  private:
    friend served_list;
    served_list& owner_;
    peer_stream& stream_;
    const identity* who_ = nullptr;
    std::function<void()> end_;
  };

  std::size_t size() const noexcept { return entries_.size(); }
  void close_all(bool only_idle) {
    for (const entry* const each : entries_) {
      if (each->stream_.idle() || !only_idle) each->stream_.close();
    }
  }
  /// Closing ends a coroutine later, from the loop: the list does not change under us.
  void end_long(const std::function<bool(const identity&)>& which) {
    for (const entry* const each : entries_) {
      if (each->who_ != nullptr && which(*each->who_)) each->end_();
    }
  }

private:
  std::set<entry*> entries_;
};

}  // namespace kmux::daemon
