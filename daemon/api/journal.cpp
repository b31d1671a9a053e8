// What a kernel has said and was asked: /api/kernels/{id}/messages, …/executions and …/timings.
#include <algorithm>
#include <optional>
#include <thread>

#include "daemon/api/api.hpp"
#include "daemon/api/body.hpp"
#include "daemon/http/body_source.hpp"
#include "daemon/journal/executions.hpp"
#include "daemon/journal/message_lines.hpp"
#include "daemon/journal/timings.hpp"
#include "proc/journal/reader.hpp"
#include "protocol/nbformat/cell_outputs.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;

namespace {

constexpr std::size_t piece_bytes = 256 << 10;
constexpr std::size_t piece_records = 10'000;  ///< looked at before others have their turn
/// A client that follows gets an empty line so often, which is how we learn that it has gone.
constexpr auto keep_alive = std::chrono::seconds(15);

std::string text_at(const http_request& request, std::string_view name) {
  const auto* const text = request.argument(name);
  return text == nullptr ? std::string() : *text;
}

/// On the journals' thread. True: it may go on.
bool wait_if_refused(const journal::reader& from) {
  if (from.refused()) std::this_thread::sleep_for(journal::reader::refused_pause);
  return from.refused() || from.paused();
}

class message_source : public body_source {
public:
  message_source(std::shared_ptr<kernel> of, blocking& journals, message_filter filter,
                 std::uint64_t limit, bool follow)
      : kernel_(std::move(of)), journals_(journals), follow_(follow) {
    work_ = std::make_shared<work>(kernel_->journal_directory(), std::move(filter), limit);
  }

  asio::awaitable<std::string> next() override {
    for (;;) {
      // Before the look into the journal, which may miss what comes meanwhile.
      const bool last = !follow_ || kernel_->is_gone();
      const auto known = kernel_->head();
      auto read = [work = work_] { return work->run(); };
      std::string text = co_await journals_.run(std::move(read));
      const auto now = std::chrono::steady_clock::now();
      if (text.empty() && follow_ && now >= quiet_until_) text = "\n";
      if (!text.empty()) {
        quiet_until_ = now + keep_alive;
        co_return text;
      }
      if (work_->left == 0) co_return std::string();
      if (work_->more) continue;
      if (last) co_return std::string();
      // What is known and is not there the journal does not have: others will come.
      const auto seen = std::max(known, work_->from.position());
      co_await kernel_->wait_for_message(seen, quiet_until_ - now);
    }
  }

private:
  /// What the journals' thread works on.
  struct work {
    work(const std::string& directory, message_filter filter, std::uint64_t limit)
        : from(directory, filter.after), lines(std::move(filter)), left(limit) {}

    std::string run() {
      std::string out;
      journal::stored_record r;
      more = true;
      for (std::size_t i = 0; i < piece_records && left > 0 && out.size() < piece_bytes; ++i) {
        if (!from.next(r)) {
          more = wait_if_refused(from);
          break;
        }
        const std::string line = lines.line(r);
        if (!line.empty()) --left;
        out += line;
      }
      return out;
    }

    journal::reader from;
    message_lines lines;
    std::uint64_t left;
    bool more = true;
  };

  std::shared_ptr<kernel> kernel_;
  blocking& journals_;
  bool follow_;
  std::shared_ptr<work> work_;
  /// When something has to be sent, be it nothing: what the filter leaves out may come all the
  /// time.
  std::chrono::steady_clock::time_point quiet_until_ =
      std::chrono::steady_clock::now() + keep_alive;
};

http_response show_messages(const api_context& api, const http_request& request) {
  const auto found = api.kernels.find(request.parameters[0], request.who);
  if (!found) return error_response(404, "Kernel does not exist: " + request.parameters[0]);
  message_filter filter;
  const auto after = number_argument(request, "after", 0);
  const auto limit = number_argument(request, "limit", ~std::uint64_t{0});
  if (!after || !limit) return error_response(400, "after and limit must be whole numbers.");
  filter.after = *after;
  filter.parent = text_at(request, "parent");
  filter.type = text_at(request, "type");
  filter.channel = text_at(request, "channel");
  if (!filter.channel.empty() && !channel_from(filter.channel)) {
    return error_response(400, "channel must be iopub, shell, control or stdin.");
  }
  const std::string follow = text_at(request, "follow");
  http_response response;
  response.content_type = "application/x-ndjson";
  response.source = std::make_shared<message_source>(found, api.journals, std::move(filter), *limit,
                                                     follow == "1" || follow == "true");
  return response;
}

/// Feeds iopub messages to the folding.
class output_fold {
public:
  explicit output_fold(std::string msg_id) : outputs_(std::move(msg_id)) {}

  void add(const journal::record& r) {
    message_view m;
    if (r.what != journal::kind::iopub || !r.message(m)) return;
    if (peek_header(m.header, head_) != errc::ok ||
        peek_header(m.parent_header, parent_) != errc::ok) {
      return;
    }
    outputs_.add({head_.msg_type, parent_.msg_id, m.content});
  }
  std::string json() const {
    return "\"outputs\": " + outputs_.json() + ", \"areas\": " + outputs_.widget_areas_json();
  }

private:
  cell_outputs outputs_;
  header head_, parent_;
};

/// What the kernel was asked to execute.
class execution_fold {
public:
  /// `msg_id`: whose outputs are wanted, too; empty: nobody's.
  execution_fold(const kernel& of, const std::string& msg_id)
      : owner_(of.owner()), alive_(of.has_process()) {
    if (!msg_id.empty()) outputs_.emplace(msg_id);
  }

  void add(const journal::record& r) {
    all_.add(r);
    if (outputs_) outputs_->add(r);
  }
  void end() {
    if (!alive_) all_.process_ended();
  }
  std::string list() const { return all_.json(owner_); }
  /// Empty where it is not known.
  std::string show(const std::string& msg_id) const {
    const execution* const wanted = all_.find(msg_id);
    if (wanted == nullptr) return {};
    std::string text = to_json(*wanted, owner_);
    text.back() = ',';
    return text + " " + outputs_->json() + "}";
  }

private:
  executions all_;
  std::optional<output_fold> outputs_;
  std::string owner_;
  bool alive_;
};

struct timing_fold {
  void add(const journal::record& r) { all.add(r); }
  void end() {}

  timings all;
};

/// Into `fold` goes a kernel's whole journal, read in pieces on the journals' thread, so that
/// others have their turn.
template <class Fold>
asio::awaitable<void> scan(const api_context& api, const kernel& of, std::shared_ptr<Fold> fold) {
  const auto from = std::make_shared<journal::reader>(of.journal_directory(), 0);
  auto step = [from, fold] {
    journal::stored_record r;
    for (std::size_t i = 0; i < piece_records; ++i) {
      if (!from->next(r)) return wait_if_refused(*from);
      fold->add(r);
    }
    return true;
  };
  while (co_await api.journals.run(step)) {
  }
  fold->end();
}

asio::awaitable<http_response> list_executions(const api_context& api, http_request& request) {
  const auto found = api.kernels.find(request.parameters[0], request.who);
  if (!found) co_return error_response(404, "Kernel does not exist: " + request.parameters[0]);
  const auto read = std::make_shared<execution_fold>(*found, "");
  co_await scan(api, *found, read);
  auto write = [read] { return read->list(); };
  auto text = co_await api.journals.run(std::move(write));
  co_return json_response(200, std::move(text));
}

asio::awaitable<http_response> show_outputs(const api_context& api, http_request& request) {
  const auto found = api.kernels.find(request.parameters[0], request.who);
  if (!found) co_return error_response(404, "Kernel does not exist: " + request.parameters[0]);
  const std::string msg_id = request.parameters[1];
  const auto read = std::make_shared<execution_fold>(*found, msg_id);
  co_await scan(api, *found, read);
  auto write = [read, msg_id] { return read->show(msg_id); };
  auto text = co_await api.journals.run(std::move(write));
  if (text.empty()) {
    co_return error_response(
        404, "The kernel's journal knows no execution " + msg_id +
                 ": it has never been asked for, or it is so old that it was removed.");
  }
  co_return json_response(200, std::move(text));
}

asio::awaitable<http_response> list_timings(const api_context& api, http_request& request) {
  const auto found = api.kernels.find(request.parameters[0], request.who);
  if (!found) co_return error_response(404, "Kernel does not exist: " + request.parameters[0]);
  timings::wanted wanted;
  const auto after = number_argument(request, "after", 0);
  const auto limit = number_argument(request, "limit", wanted.limit);
  if (!after || !limit) co_return error_response(400, "after and limit must be whole numbers.");
  wanted = {*after, *limit, text_at(request, "type")};
  const auto read = std::make_shared<timing_fold>();
  co_await scan(api, *found, read);
  auto write = [read, wanted] { return read->all.json(wanted); };
  auto text = co_await api.journals.run(std::move(write));
  co_return json_response(200, std::move(text));
}

}  // namespace

void add_journal_routes(router& routes, api_context& api) {
  routes
      .add_simple("GET", "/api/kernels/{id}/messages",
                  [&](auto& r) { return show_messages(api, r); })
      .needs = access::read;
  routes
      .add("GET", "/api/kernels/{id}/executions", [&](auto& r) { return list_executions(api, r); })
      .needs = access::read;
  routes
      .add("GET", "/api/kernels/{id}/executions/{msg_id}/outputs",
           [&](auto& r) { return show_outputs(api, r); })
      .needs = access::read;
  routes.add("GET", "/api/kernels/{id}/timings", [&](auto& r) { return list_timings(api, r); })
      .needs = access::read;
}

}  // namespace kmux::daemon
