#include "daemon/journal/timings.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "protocol/json.hpp"
#include "protocol/requests.hpp"

namespace kmux::daemon {

namespace {

double seconds_between(std::int64_t from, std::int64_t to) {
  return static_cast<double>(std::max<std::int64_t>(to - from, 0)) / 1e6;  // clocks are set back
}

std::string date_or_null(std::int64_t time) {
  return time == 0 ? "null" : fmt::format(R"("{}")", iso_date(time));
}

std::string seconds_or_null(std::int64_t from, std::int64_t to) {
  return from == 0 || to == 0 ? "null" : fmt::format("{:.6f}", seconds_between(from, to));
}

std::string to_json(const timing& t) {
  return fmt::format(
      R"({{"seq": {}, "msg_id": {}, "msg_type": {}, "session": {}, "submitted": {}, )"
      R"("started": {}, "ended": {}, "queue": {}, "run": {}}})",
      t.seq, json_quote(t.msg_id), json_quote(t.msg_type), json_quote(t.session),
      date_or_null(t.submitted), date_or_null(t.started), date_or_null(t.ended),
      seconds_or_null(t.submitted, t.started), seconds_or_null(t.started, t.ended));
}

/// Percentiles by the nearest rank.
class distribution {
public:
  void add(std::int64_t from, std::int64_t to) {
    if (from != 0 && to != 0) all_.push_back(seconds_between(from, to));
  }
  std::string json() {
    std::ranges::sort(all_);
    return fmt::format(R"({{"count": {}, "p50": {}, "p90": {}, "p99": {}}})", all_.size(), at(50),
                       at(90), at(99));
  }

private:
  std::string at(std::size_t percent) const {
    if (all_.empty()) return "null";
    return fmt::format("{:.6f}", all_[(all_.size() * percent + 99) / 100 - 1]);
  }

  std::vector<double> all_;
};

}  // namespace

void timings::add(const journal::record& r) {
  message_view m;
  if (!r.message(m) || peek_header(m.header, head_) != errc::ok) return;
  if (r.what == journal::kind::request) {
    timing& asked = all_.of(head_.msg_id, head_.session);
    asked.msg_type = head_.msg_type;
    asked.submitted = r.time;
    asked.seq = r.number;
    return;
  }
  const bool reply = head_.msg_type.ends_with("_reply");
  if ((head_.msg_type != "status" && !reply) || peek_header(m.parent_header, parent_) != errc::ok ||
      parent_.msg_id.empty()) {
    return;
  }
  const auto state = reply ? "idle" : peek_execution_state(m.content);
  timing& t = all_.of(parent_.msg_id, parent_.session);
  t.msg_type = parent_.msg_type;
  t.seq = r.number;
  if (state == "busy" && t.started == 0) t.started = r.time;
  if (state == "idle" && t.ended == 0) t.ended = r.time;
}

std::string timings::json(const wanted& w) const {
  distribution queue, run;
  std::vector<const timing*> shown;
  for (const auto& [at, each] : all_.all()) {
    if ((w.after > 0 && each.seq <= w.after) || (!w.type.empty() && w.type != each.msg_type))
      continue;
    queue.add(each.submitted, each.started);
    run.add(each.started, each.ended);
    shown.push_back(&each);
  }
  std::string out = "{\"timings\": [";
  for (std::size_t i = shown.size() - std::min<std::size_t>(shown.size(), w.limit);
       i < shown.size(); ++i)
    out += (out.ends_with('[') ? "" : ", ") + to_json(*shown[i]);
  return out +
         fmt::format(R"(], "summary": {{"queue": {}, "run": {}}}}})", queue.json(), run.json());
}

}  // namespace kmux::daemon
