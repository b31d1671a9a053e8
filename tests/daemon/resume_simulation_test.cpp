// Child, daemon and clients as pure machines, under faults at every step: messages that are lost or
// late, connections that are cut, a daemon that is killed, a journal that forgets or cannot be
// written. Nothing may be missing but what the journal has forgotten, or could not keep while a
// client was away, and that is told; to who counts, nothing comes twice.
//
// A failure names its seed: KMUX_SEED=N runs that schedule alone, and says what happened.
#include <cstdlib>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <vector>

#include <gtest/gtest.h>

#include "daemon/kernels/kept_aside.hpp"
#include "daemon/kernels/message_order.hpp"
#include "daemon/kernels/place.hpp"

namespace kmux::daemon {
namespace {

using number = std::uint64_t;

/// What is on its way to a client.
struct frame {
  enum class kind { message, gap, ping } what;
  number first, last;
};

struct client {
  bool counts;
  // Its own side.
  bool connected = false;
  number last = 0;     ///< of a counting one: what it resumes from
  number begin = 0;    ///< what it wants to have: everything above this
  bool begun = false;  ///< the daemon knows it
  std::vector<number> got;
  std::set<number> told_missing;
  std::set<number> owed;  ///< in no journal, but it was here when they came
  // The daemon's side of the connection.
  place where;
  std::deque<frame> socket;
  kept_aside<bool> aside;
  number pinged = 0;
  struct reading {
    number known;
    std::vector<number> records;
  };
  std::optional<reading> read;
};

class world {
public:
  explicit world(std::uint64_t seed, bool loud) : random_(seed), loud_(loud) {
    clients_.resize(3);
    for (std::size_t i = 0; i < clients_.size(); ++i)
      clients_[i].counts = i != 0;
  }

  /// Empty, or what went wrong.
  std::string run() {
    const int steps = 20 + static_cast<int>(below(60));
    for (int i = 0; i < steps; ++i)
      step();
    settle();
    for (const auto& each : clients_) {
      if (const auto wrong = judge(each); !wrong.empty()) return wrong;
    }
    return {};
  }

private:
  static constexpr std::size_t room = 6;  ///< frames; a client with more waiting is slow
  static constexpr std::size_t aside_room = 1000;

  number below(number n) { return random_() % n; }
  client& any_client() { return clients_[below(clients_.size())]; }
  void say(const std::string& what) {
    if (loud_) std::cerr << what << "\n";
  }

  void step() {
    switch (below(17)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return child_says(1 + below(4));
      case 4:
      case 5:
      case 6:
        return daemon_receives();
      case 7:
        return daemon_waits_no_longer();
      case 8:
        return read(any_client());
      case 9:
      case 10:
        return take(any_client(), 1 + below(5));
      case 11:
        return connect(any_client());
      case 12:
        return cut(any_client());
      case 13:
        return below(4) == 0 ? kill_daemon() : daemon_receives();
      case 16:
        return disk_changes();
      case 14:
        return below(3) == 0 ? lose_on_the_way() : child_says(1);
      default:
        return below(4) == 0 ? forget() : read(any_client());
    }
  }

  void child_says(number count) {
    for (number i = 0; i < count; ++i) {
      ++said_;
      if (disk_full_) unkept_.insert(said_);
      if (!disk_full_) journal_.push_back(said_);
      wires_[below(2)].push_back(said_);
      say("child says " + std::to_string(said_));
    }
  }
  void disk_changes() {
    disk_full_ = !disk_full_;
    say(disk_full_ ? "the disk is full" : "the disk has room");
  }
  void lose_on_the_way() {
    auto& wire = wires_[below(2)];
    if (!wire.empty()) wire.pop_front();
  }
  void forget() {
    const auto count = std::min<number>(journal_.size(), below(5));
    for (number i = 0; i < count; ++i) {
      forgotten_.insert(journal_.front());
      journal_.pop_front();
    }
  }

  void daemon_receives() {
    auto& wire = wires_[below(2)].empty() ? wires_[0].empty() ? wires_[1] : wires_[0] : wires_[1];
    if (wire.empty()) return;
    const number n = wire.front();
    wire.pop_front();
    say("daemon receives " + std::to_string(n));
    head_ = std::max(head_, n);
    using turn = message_order<number>::turn;
    const turn its = order_.judge(n);
    if (its == turn::now) hand_on(n);
    if (its == turn::early) order_.keep(n, 1, n);
    hand_on_waiting();
  }
  void hand_on_waiting() {
    while (const auto next = order_.take())
      hand_on(*next);
  }
  void daemon_waits_no_longer() {
    order_.skip();
    hand_on_waiting();
  }

  void hand_on(number n) {
    for (auto& each : clients_) {
      if (!each.connected) continue;
      const bool fresh = !each.where.position();
      const bool kept = !unkept_.contains(n);
      if (!kept && (fresh || n > *each.where.position())) each.owed.insert(n);
      if (!each.where.on_message(n)) {
        if (each.where.behind() && !kept) each.aside.add({n, 1, true}, aside_room);
        continue;
      }
      if (fresh && !each.counts) know(each, n - 1);
      if (each.socket.size() >= room) {
        each.where = place::after(n - 1);
        if (!kept) each.aside.add({n, 1, true}, aside_room);
      } else {
        send(each, n);
      }
    }
  }
  void know(client& c, number cursor) {
    cursors_[&c] = cursor;
    if (!std::exchange(c.begun, true)) c.begin = cursor;
  }
  void send(client& c, number n) {
    c.socket.push_back({frame::kind::message, n, n});
    ping(c);
  }
  void ping(client& c) {
    if (c.pinged != 0) return;
    c.pinged = *c.where.position();
    c.socket.push_back({frame::kind::ping, c.pinged, c.pinged});
  }
  void tell_gap(client& c, const std::optional<message_gap>& gap) {
    if (gap) c.socket.push_back({frame::kind::gap, gap->first, gap->last});
  }

  /// The disk is asked at one step and answers at another.
  void read(client& c) {
    if (!c.connected || !c.where.behind()) return;
    if (!c.read) {
      if (c.socket.size() > room / 2) return;
      client::reading r{head_, {}};
      const std::size_t most = 1 + below(4);
      for (const number n : journal_) {
        if (n > *c.where.position() && r.records.size() < most) r.records.push_back(n);
      }
      c.read = std::move(r);
      return;
    }
    const auto done = std::move(*c.read);
    c.read.reset();
    for (const number n : done.records) {
      send_aside(c, n - 1);
      pass(c, n);
    }
    if (!done.records.empty()) return;
    send_aside(c, done.known);
    std::optional<message_gap> gap;
    c.where.on_journal_end(done.known, head_, gap);
    tell_gap(c, gap);
  }

  void pass(client& c, number n) {
    std::optional<message_gap> gap;
    if (!c.where.on_stored(n, gap)) return;
    tell_gap(c, gap);
    send(c, n);
  }
  void send_aside(client& c, number up_to) {
    while (const auto each = c.aside.take(up_to))
      pass(c, each->number);
  }

  void take(client& c, number count) {
    for (number i = 0; i < count && c.connected && !c.socket.empty(); ++i) {
      const frame f = c.socket.front();
      c.socket.pop_front();
      if (f.what == frame::kind::message) {
        c.got.push_back(f.first);
        c.last = std::max(c.last, f.last);
      } else if (f.what == frame::kind::gap) {
        for (number n = f.first; n <= f.last; ++n)
          c.told_missing.insert(n);
        c.last = std::max(c.last, f.last);
      } else if (below(8) != 0) {  // else the pong is late for ever
        cursors_[&c] = f.first;
        c.pinged = 0;
        if (*c.where.position() > f.first) ping(c);
      }
    }
  }

  void connect(client& c) {
    if (c.connected) return;
    say("client " + std::to_string(&c - clients_.data()) + " connects");
    c.connected = true;
    c.socket.clear();
    c.aside = {};
    c.pinged = 0;
    c.read.reset();
    if (c.counts) {
      c.where = place::after(c.last);
    } else if (const auto known = cursors_.find(&c); known != cursors_.end()) {
      c.where = place::after(known->second);
    } else {
      c.where = place::at_end(head_);
      if (head_ != 0) know(c, head_);
    }
  }
  void cut(client& c) {
    take(c, below(3));
    c.connected = false;
    c.owed.clear();
  }
  void kill_daemon() {
    say("daemon is killed");
    for (auto& each : clients_)
      cut(each);
    for (auto& wire : wires_)
      wire.clear();
    order_ = {};
    head_ = 0;
  }

  /// No more faults: everything arrives.
  void settle() {
    for (auto& each : clients_)
      connect(each);
    child_says(1);  // as the answer to a new daemon's question does
    for (int i = 0; i < 10'000 && !settled(); ++i) {
      daemon_receives();
      daemon_receives();
      daemon_waits_no_longer();
      for (auto& each : clients_) {
        read(each);
        take(each, 100);
      }
    }
  }
  bool settled() const {
    for (const auto& each : clients_) {
      if (each.where.behind() || !each.socket.empty()) return false;
    }
    return wires_[0].empty() && wires_[1].empty();
  }

  std::string judge(const client& c) const {
    std::ostringstream out;
    const auto who = &c - clients_.data();
    if (!c.counts && !c.begun) return {};  // never heard of, and so nothing was promised
    std::set<number> have(c.got.begin(), c.got.end());
    if (c.counts && have.size() != c.got.size()) out << "client " << who << " got something twice";
    if (c.counts && !std::is_sorted(c.got.begin(), c.got.end())) {
      out << "client " << who << " got something out of order";
    }
    for (number n = c.begin + 1; n <= said_; ++n) {
      if (have.contains(n)) continue;
      if (!c.told_missing.contains(n))
        out << "client " << who << " misses " << n;
      else if (unkept_.contains(n) ? c.owed.contains(n) : !forgotten_.contains(n))
        out << "client " << who << " was told that " << n << " is lost";
    }
    return out.str();
  }

  std::mt19937_64 random_;
  bool loud_;
  // The child, and what outlives everything.
  number said_ = 0;
  std::deque<number> journal_;
  std::set<number> forgotten_;
  std::set<number> unkept_;  ///< was never in the journal
  bool disk_full_ = false;
  std::map<const client*, number> cursors_;
  // Between it and the daemon.
  std::deque<number> wires_[2];
  // The daemon.
  message_order<number> order_;
  number head_ = 0;
  std::vector<client> clients_;
};

TEST(resume_simulation, nothing_is_lost_under_any_schedule) {
  if (const char* const seed = std::getenv("KMUX_SEED")) {
    EXPECT_EQ(world(std::strtoull(seed, nullptr, 10), true).run(), "");
    return;
  }
  const char* const wish = std::getenv("KMUX_SCHEDULES");
  const std::uint64_t schedules = wish != nullptr ? std::strtoull(wish, nullptr, 10) : 1'000'000;
  for (std::uint64_t seed = 1; seed <= schedules; ++seed) {
    ASSERT_EQ(world(seed, false).run(), "") << "KMUX_SEED=" << seed;
  }
}

}  // namespace
}  // namespace kmux::daemon
