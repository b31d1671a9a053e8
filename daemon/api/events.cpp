// What has happened: /api/events.
#include <algorithm>
#include <deque>
#include <optional>

#include <fmt/format.h>

#include "daemon/api/api.hpp"
#include "daemon/api/body.hpp"
#include "daemon/events/event_cursor.hpp"
#include "daemon/events/event_reader.hpp"
#include "daemon/http/body_source.hpp"
#include "daemon/http/text.hpp"
#include "protocol/ids.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;

namespace {

constexpr std::size_t piece_bytes = 256 << 10;
constexpr std::size_t piece_events = 10'000;           ///< before others have their turn
constexpr auto keep_alive = std::chrono::seconds(15);  ///< as for messages

struct event_query {
  event_cursor::wish wish;
  std::optional<std::uint64_t> newest;  ///< so many, to begin with
  bool follow = false;
};

/// From memory what is there, from the files what is older, by the number alone: however slow the
/// reader is, nothing waits for them.
class event_source : public body_source {
public:
  event_source(event_stream& events, blocking& journals, event_query q)
      : events_(events),
        journals_(journals),
        query_(std::move(q)),
        work_(std::make_shared<work>(query_.wish, events.log().file())) {}

  asio::awaitable<std::string> next() override {
    if (const auto newest = std::exchange(query_.newest, std::nullopt)) co_await begin_at(*newest);
    const auto& cursor = work_->cursor;
    while (!cursor.done()) {
      std::string out;
      const bool ended = events_.ended();
      if (is_behind()) {
        auto read = [work = work_] { return work->from_files(); };
        out = co_await journals_.run(std::move(read));
      } else {
        out = from_memory();
      }
      const auto now = clock::now();
      if (out.empty() && now >= quiet_until_) out = cursor.keep_alive();
      if (!out.empty()) {
        quiet_until_ = now + keep_alive;
        co_return out;
      }
      if (cursor.position() < log().last()) continue;
      if (!query_.follow || ended) break;
      co_await events_.wait(cursor.position(), quiet_until_ - now);
    }
    co_return std::string();
  }

private:
  /// What the journals' thread works on, and the loop while that does not.
  struct work {
    work(event_cursor::wish w, std::string from) : cursor(std::move(w)), file(std::move(from)) {}

    std::string from_files() {
      if (!files) files.emplace(file, cursor.position());
      std::string out;
      stored_event each;
      for (std::size_t i = 0; i < piece_events && out.size() < piece_bytes && !cursor.done(); ++i) {
        if (!files->next(each)) {
          files.reset();
          at_end = true;
          break;
        }
        cursor.take(each, out);
      }
      return out;
    }
    /// The numbers of the newest that are wanted, of those before `end`. True: there are more.
    bool look_for(std::deque<std::uint64_t>& found, std::size_t most, std::uint64_t end) {
      if (!files) files.emplace(file);
      stored_event each;
      for (std::size_t i = 0; i < piece_events; ++i) {
        if (!files->next(each) || each.number >= end) {
          files.reset();
          return false;
        }
        if (cursor.wants(each)) found.push_back(each.number);
        if (found.size() > most) found.pop_front();
      }
      return true;
    }

    event_cursor cursor;
    std::string file;
    std::optional<event_reader> files;
    bool at_end = false;  ///< of the files
  };

  const event_log& log() const { return events_.log(); }

  bool is_behind() const {
    return work_->cursor.position() + 1 < log().first_in_memory() && !work_->at_end;
  }

  std::string from_memory() {
    auto& cursor = work_->cursor;
    work_->at_end = false;
    work_->files.reset();
    const auto& all = log().newest();
    std::string out;
    auto each = std::ranges::upper_bound(all, cursor.position(), {}, &stored_event::number);
    for (; each != all.end() && out.size() < piece_bytes && !cursor.done(); ++each)
      cursor.take(*each, out);
    if (each == all.end()) cursor.pass(log().last(), out);
    return out;
  }

  /// Before the newest so many that are wanted.
  asio::awaitable<void> begin_at(std::uint64_t newest) {
    auto& cursor = work_->cursor;
    const auto& all = log().newest();
    std::uint64_t begin = log().last() + 1;
    std::uint64_t left = newest;
    for (auto each = all.rbegin(); each != all.rend() && left > 0; ++each) {
      if (!cursor.wants(*each)) continue;
      begin = each->number;
      --left;
    }
    if (left > 0) {
      const auto found = std::make_shared<std::deque<std::uint64_t>>();
      const auto end = log().first_in_memory();
      for (bool more = true; more;) {
        auto look = [work = work_, found, left, end] { return work->look_for(*found, left, end); };
        more = co_await journals_.run(std::move(look));
      }
      if (!found->empty()) begin = found->front();
    }
    cursor.begin_after(begin - 1);
  }

  using clock = std::chrono::steady_clock;

  event_stream& events_;
  blocking& journals_;
  event_query query_;
  std::shared_ptr<work> work_;
  /// When something has to be sent, be it nothing: others' events may come all the time.
  clock::time_point quiet_until_ = clock::now() + keep_alive;
};

bool is_switch(const std::string* text) {
  return text == nullptr || *text == "0" || *text == "1" || *text == "true" || *text == "false";
}

/// Whose it is; what is no kernel's is for administrators.
bool may_see(const identity& who, const stored_event& e) {
  return e.kernel.empty() || e.owner.empty() ? who.admin() : who.may_see(e.owner);
}

/// Where the reader has come to: a browser that lost the connection says so in a header, and
/// repeats the address.
result<std::optional<std::uint64_t>> read_after(const http_request& request) {
  const auto* const header = request.header("Last-Event-ID");
  const auto* const argument = request.argument("after");
  if (header == nullptr && argument == nullptr) return std::optional<std::uint64_t>();
  const auto number = header != nullptr ? whole_number(*header) : whole_number(*argument);
  if (number) return number;
  return error{errc::bad_field, "after and Last-Event-ID must be numbers of events."};
}

result<event_query> read_query(const event_log& log, const http_request& request) {
  event_query q;
  const auto after = read_after(request);
  if (!after) return after.error();
  const auto limit = number_argument(request, "limit", ~std::uint64_t{0});
  if (!limit) return error{errc::bad_field, "limit must be a whole number."};
  const auto* const follow = request.argument("follow");
  if (!is_switch(follow)) return error{errc::bad_field, "follow must be 0 or 1."};
  if (const auto* const kernel = request.argument("kernel")) {
    if (!is_valid_id(*kernel)) return error{errc::bad_field, "kernel must be a kernel's whole id."};
    q.wish.filter.kernel = *kernel;
  }
  if (const auto* const type = request.argument("type")) {
    auto names = event_names(*type);
    if (!names) {
      return error{errc::bad_field,
                   "type must be names of events with commas between: kernel_ended,kernel_culled."};
    }
    q.wish.filter.types = std::move(*names);
  }
  q.wish.may_see = [who = request.who](const stored_event& e) { return may_see(who, e); };
  // Whoever has seen more than there was has it of a daemon whose disk lost it.
  q.wish.after = std::min(after->value_or(0), log.last());
  q.wish.counts = after->has_value();
  if (*after) {
    q.wish.most = *limit;
  } else if (request.argument("limit") != nullptr) {
    q.newest = *limit;
  }
  const auto* const accept = request.header("Accept");
  if (accept != nullptr && has_token(*accept, "text/event-stream")) {
    q.wish.as = event_cursor::format::server_sent;
  }
  q.follow = q.wish.as == event_cursor::format::server_sent ||
             (follow != nullptr && (*follow == "1" || *follow == "true"));
  return q;
}

http_response show_events(const api_context& api, const http_request& request) {
  auto q = read_query(api.events.log(), request);
  if (!q) return error_response(400, q.error().detail);
  http_response response;
  if (q->wish.as == event_cursor::format::server_sent) {
    response.content_type = "text/event-stream";
    response.headers.emplace_back("X-Accel-Buffering", "no");  // nginx would hold them back
  } else {
    response.content_type = "application/x-ndjson";
  }
  response.source = std::make_shared<event_source>(api.events, api.journals, std::move(*q));
  return response;
}

}  // namespace

void add_event_routes(router& routes, api_context& api) {
  routes.add_simple("GET", "/api/events", [&](auto& r) { return show_events(api, r); });
}

}  // namespace kmux::daemon
