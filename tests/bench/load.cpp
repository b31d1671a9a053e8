// kmux-load: measures one kernel through one kind of connection, and prints a JSON object.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <poll.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "client.hpp"
#include "protocol/header.hpp"

namespace {

using namespace kmux;
using namespace kmux::bench;
using steady = std::chrono::steady_clock;

/// Each WebSocket is a session: the same one again would replace the first.
std::string of_its_own(const std::string& target, int number) {
  return target.starts_with("ws://") ? target + std::to_string(number) : target;
}

double microseconds(steady::duration d) {
  return std::chrono::duration<double, std::micro>(d).count();
}

double at(std::vector<double>& times, double q) {
  std::sort(times.begin(), times.end());
  return times[static_cast<std::size_t>(q * static_cast<double>(times.size() - 1))];
}

void print_times(std::vector<double> times) {
  const double p50 = at(times, 0.5);
  fmt::print("{{\"p50_us\": {:.1f}, \"p99_us\": {:.1f}}}\n", p50, at(times, 0.99));
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

/// A PUB socket sends nothing to a subscriber whose subscription has not arrived yet: ask until an
/// idle is heard on iopub. Another request is made each time that a reply came without one; a
/// reply may come before its idle.
void settle(client& c) {
  received m;
  std::string before, id = c.execute("");
  for (;;) {
    c.receive(m);
    if (m.from == channel::iopub) {
      if ((m.parent.msg_id == id || m.parent.msg_id == before) &&
          m.content.find("\"idle\"") != std::string_view::npos) {
        break;
      }
    } else if (m.parent.msg_id == id) {
      before = std::exchange(id, c.execute(""));
    }
  }
  finish(c, c.execute(""), "");
}

void answered(client& c) {
  const std::string id = c.request("kernel_info_request", "{}");
  received m;
  do {
    c.receive(m);
  } while (m.from != channel::shell || m.parent.msg_id != id);
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
  print_times(std::move(times));
}

void heard_idle(client& c, const std::string& id) {
  received m;
  do {
    c.receive(m);
  } while (m.from != channel::iopub || m.parent.msg_id != id ||
           m.content.find("\"idle\"") == std::string_view::npos);
}

/// From nothing to the first answer, again and again.
void connects(const std::string& target, int count) {
  std::vector<double> times;
  for (int i = 0; i < count; ++i) {
    const auto begin = steady::now();
    const auto c = connect(of_its_own(target, i));
    answered(*c);
    times.push_back(microseconds(steady::now() - begin));
  }
  print_times(std::move(times));
}

/// Clients that only answer pings until a line comes; then each must hear what one asks for.
/// What they cost is read from the daemon by whoever started this, between the two lines.
void hold(const std::string& target, int count) {
  std::vector<std::unique_ptr<client>> all;
  for (int i = 0; i < count; ++i)
    all.push_back(connect(of_its_own(target, i)));
  fmt::print("held\n");
  std::fflush(stdout);
  std::vector<pollfd> ready = {{STDIN_FILENO, POLLIN, 0}};
  for (const auto& each : all)
    ready.push_back({each->descriptor(), POLLIN, 0});
  while (ready[0].revents == 0) {
    ::poll(ready.data(), ready.size(), -1);
    for (std::size_t i = 1; i < ready.size(); ++i)
      if (ready[i].revents != 0) all[i - 1]->answer_ping();
  }
  // One asks, and all hear it: were each to ask, each would be told of all the others' questions.
  const std::string id = all[0]->execute("");
  for (const auto& each : all)
    heard_idle(*each, id);
  fmt::print("{{\"alive\": {}}}\n", all.size());
}

/// A client for each target executes `rate` times a second in turn, on time whether or not the last
/// answer has come; the latency counts from when it was due.
void paced(const std::vector<std::string>& targets, int rate, int seconds) {
  std::vector<std::vector<double>> times(targets.size());
  std::vector<std::thread> threads;
  const auto begin = steady::now() + std::chrono::seconds(1);
  const auto period = std::chrono::duration_cast<steady::duration>(
      std::chrono::duration<double>(static_cast<double>(targets.size()) / rate));
  const int each = rate * seconds / static_cast<int>(targets.size());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    threads.emplace_back([&, i] {
      const auto c = connect(targets[i]);
      settle(*c);
      for (int n = 0; n < each; ++n) {
        const auto due =
            begin + period * n + period * static_cast<int>(i) / static_cast<int>(targets.size());
        std::this_thread::sleep_until(due);
        finish(*c, c->execute(""), "");
        times[i].push_back(microseconds(steady::now() - due));
      }
    });
  }
  for (auto& one : threads)
    one.join();
  std::vector<double> all;
  for (const auto& some : times)
    all.insert(all.end(), some.begin(), some.end());
  print_times(std::move(all));
}

/// One client asks for `count` messages; all of them listen until its idle.
void flood(const std::string& target, int count, int size, int clients) {
  std::vector<std::unique_ptr<client>> all;
  for (int i = 0; i < clients; ++i) {
    all.push_back(connect(of_its_own(target, i)));
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

/// GET of http://HOST:PORT/PATH?token=…, over one connection.
void requests(const std::string& url, int count) {
  http_client c(url);
  std::vector<double> times;
  for (int i = 0; i < count; ++i) {
    const auto begin = steady::now();
    c.get();
    times.push_back(microseconds(steady::now() - begin));
  }
  print_times(std::move(times));
}

/// One message of `megabytes`, which `code` makes the kernel send.
void big(const std::string& target, int megabytes, const std::string& code) {
  const auto c = connect(target);
  settle(*c);
  const auto begin = steady::now();
  finish(*c, c->execute(code), "");
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
    if (a.size() == 3 && a[0] == "connect") return connects(a[1], number(2)), 0;
    if (a.size() == 3 && a[0] == "hold") return hold(a[1], number(2)), 0;
    if (a.size() == 3 && a[0] == "rest") return requests(a[1], number(2)), 0;
    if (a.size() >= 4 && a[0] == "paced")
      return paced({a.begin() + 3, a.end()}, number(1), number(2)), 0;
    if (a.size() == 4 && a[0] == "big") return big(a[1], number(2), a[3]), 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "kmux-load: {}\n", e.what());
    return 1;
  }
  fmt::print(
      stderr,
      "usage: kmux-load rtt TARGET COUNT | flood TARGET COUNT SIZE CLIENTS | big TARGET MEGABYTES "
      "CODE\n"
      "       connect TARGET COUNT | hold TARGET COUNT | paced RATE SECONDS TARGET… | rest URL "
      "COUNT\n"
      "TARGET: a connection file, or "
      "ws://HOST:PORT/api/kernels/ID/channels?token=T&session_id=S\n");
  return 2;
}
