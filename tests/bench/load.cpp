// kmux-load: measures one kernel through one kind of connection, and prints a JSON object.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "client.hpp"
#include "protocol/header.hpp"

namespace {

using namespace kmux;
using namespace kmux::bench;
using steady = std::chrono::steady_clock;

double microseconds(steady::duration d) {
  return std::chrono::duration<double, std::micro>(d).count();
}

/// Until reply and idle of `id` have come; counts the iopub messages of it.
std::size_t finish(client& c, const std::string& id, std::string_view counted) {
  received m;
  std::size_t count = 0;
  for (bool replied = false, idle = false; !replied || !idle;) {
    c.receive(m);
    if (m.parent.msg_id != id) continue;
    if (m.from == channel::shell) {
      replied = true;
    } else if (m.head.msg_type == counted) {
      ++count;
    } else if (m.head.msg_type == "status" &&
               m.content.find("\"idle\"") != std::string_view::npos) {
      idle = true;
    }
  }
  return count;
}

/// A PUB socket has nobody to send to before the subscription is there: ask until iopub is heard.
void settle(client& c) {
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  finish(c, c.execute(""), "");
}

void round_trips(const std::string& target, int count) {
  const auto c = connect(target);
  settle(*c);
  std::vector<double> times;
  for (int i = 0; i < count + count / 10; ++i) {
    const auto begin = steady::now();
    finish(*c, c->execute(""), "");
    if (i >= count / 10) times.push_back(microseconds(steady::now() - begin));
  }
  std::sort(times.begin(), times.end());
  const auto at = [&](double q) {
    return times[static_cast<std::size_t>(q * static_cast<double>(times.size() - 1))];
  };
  fmt::print("{{\"p50_us\": {:.1f}, \"p99_us\": {:.1f}}}\n", at(0.5), at(0.99));
}

/// One client asks for `count` messages; all of them listen until its idle.
void flood(const std::string& target, int count, int size, int clients) {
  std::vector<std::unique_ptr<client>> all;
  for (int i = 0; i < clients; ++i) {
    // Each a session of its own: the first may be told the URL's, the others add to it.
    all.push_back(
        connect(i == 0 || target.find("ws://") != 0 ? target : target + std::to_string(i)));
  }
  for (const auto& each : all)
    settle(*each);
  const auto begin = steady::now();
  const std::string id = all[0]->execute(fmt::format("flood {} {}", count, size));
  std::vector<std::size_t> got(all.size());
  std::vector<std::thread> threads;
  const auto listen = [&](std::size_t i) {
    received m;
    for (;;) {
      all[i]->receive(m);
      if (m.parent.msg_id != id || m.from != channel::iopub) continue;
      if (m.head.msg_type == "stream") ++got[i];
      if (m.head.msg_type == "status" && m.content.find("\"idle\"") != std::string_view::npos)
        return;
    }
  };
  for (std::size_t i = 1; i < all.size(); ++i)
    threads.emplace_back(listen, i);
  listen(0);
  for (auto& each : threads)
    each.join();
  const double seconds = microseconds(steady::now() - begin) / 1e6;
  std::size_t total = 0;
  for (const auto n : got)
    total += n;
  fmt::print("{{\"seconds\": {:.3f}, \"deliveries_per_s\": {:.0f}, \"lost\": {}}}\n", seconds,
             static_cast<double>(total) / seconds,
             static_cast<long long>(count) * clients - static_cast<long long>(total));
}

void big(const std::string& target, int megabytes) {
  const auto c = connect(target);
  settle(*c);
  const auto begin = steady::now();
  finish(*c, c->execute(fmt::format("big {}", megabytes)), "");
  const double seconds = microseconds(steady::now() - begin) / 1e6;
  fmt::print("{{\"seconds\": {:.3f}, \"megabytes_per_s\": {:.0f}}}\n", seconds,
             megabytes / seconds);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> a(argv + 1, argv + argc);
  const auto number = [&](std::size_t i) { return std::atoi(a[i].c_str()); };
  try {
    if (a.size() == 3 && a[0] == "rtt") return round_trips(a[1], number(2)), 0;
    if (a.size() == 5 && a[0] == "flood") return flood(a[1], number(2), number(3), number(4)), 0;
    if (a.size() == 3 && a[0] == "big") return big(a[1], number(2)), 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "kmux-load: {}\n", e.what());
    return 1;
  }
  fmt::print(
      stderr,
      "usage: kmux-load rtt TARGET COUNT | flood TARGET COUNT SIZE CLIENTS | big TARGET MEGABYTES\n"
      "TARGET: a connection file, or "
      "ws://HOST:PORT/api/kernels/ID/channels?token=T&session_id=S\n");
  return 2;
}
