// What kmuxd's directories tell of its kernels, read by whoever may read them.
#include <algorithm>
#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "daemon/cli/kernels.hpp"
#include "proc/journal/reader.hpp"
#include "proc/journal/segments.hpp"
#include "proc/process_table.hpp"
#include "proc/supervise/directories.hpp"
#include "proc/supervise/files.hpp"
#include "proc/supervise/record.hpp"
#include "proc/supervise/summary.hpp"
#include "protocol/ids.hpp"
#include "protocol/json.hpp"
#include "protocol/requests.hpp"

namespace kmux::cli {

namespace fs = std::filesystem;

namespace {

/// What a model is made of.
struct facts {
  std::string id, spec, owner, created;
  process_identity process;
  int restarts = 0;
  bool pinned = false;
  std::optional<exit_status> exit;
  std::string why;  ///< where no exit status tells it
};

bool lives(const process_identity& p) {
  if (p.pid < 2) return false;
  const auto entry = read_process(p.pid);  // one that nobody has buried yet has ended
  const auto now = identify(p.pid);
  return entry && !entry->ended && now && *now == p;
}

/// What is known of a journal.
struct journal_facts {
  std::uint64_t last = 0;    ///< number
  std::string last_written;  ///< the kernel's last sign of life; empty: none
};

journal_facts look_at_journal(const std::string& directory) {
  const auto opened = journal::open_directory(directory);
  if (!opened) return {};
  journal_facts out{journal::last_number(opened.get()), {}};
  std::int64_t changed = 0;
  for (const auto& each : journal::list_segments(opened.get()))
    changed = std::max(changed, each.changed);
  if (changed > 0) out.last_written = iso_date(changed * 1'000'000);
  return out;
}

std::string exit_of(const facts& f, const std::string& state) {
  if (!f.exit) return "null";
  return fmt::format(
      R"({{"cause": {}, "code": {}, "signal": {}, "detail": {}, "stderr_tail": {}}})",
      json_quote(to_string(f.exit->how)), f.exit->code, f.exit->signal,
      json_quote(describe(*f.exit)), json_quote(supervise::tail_of_file(state + "/stdio.log")));
}

std::string model_of(const facts& f, const std::string& state) {
  const bool alive = lives(f.process);
  const auto kept = look_at_journal(state);
  std::string why = f.exit ? describe(*f.exit) : f.why;
  if (why.empty()) why = "its process has ended, and nobody saw how";
  return fmt::format(
      R"({{"id": {}, "name": {}, "last_activity": {}, "execution_state": "{}"{}, "kmux": {{"owner": {}, )"
      R"("pid": {}, "seq": {}, "started": {}, "restarts": {}, "pinned": {}, "exit": {}}}}})",
      json_quote(f.id), json_quote(f.spec),
      json_quote(kept.last_written.empty() ? f.created : kept.last_written),
      alive ? "unknown" : "dead", alive ? "" : R"(, "reason": )" + json_quote(why),
      json_quote(f.owner), alive ? fmt::to_string(f.process.pid) : "null", kept.last,
      json_quote(f.created), f.restarts, f.pinned, exit_of(f, state));
}

std::optional<facts> from_record(const std::string& file) {
  const auto text = supervise::read_file(file);
  const auto record = text ? supervise::parse_record(*text, file) : text.error();
  if (!record) {
    fmt::print(stderr, "kmux: {}\n", record.error().detail);
    return std::nullopt;
  }
  facts out{record->id,
            record->kernelspec,
            record->owner,
            record->created,
            record->process,
            record->restarts,
            record->pinned,
            {},
            {}};
  if (!lives(record->process)) {
    out.exit = record->last_exit;
    const auto noted = supervise::read_file(record->exit_file);
    if (noted && record->process.pid > 0) {
      if (auto status = parse_exit_status(*noted)) out.exit = std::move(*status);
    }
    if (record->process.pid > 0 && record->process.boot_id != current_boot_id()) {
      out.why = "the machine was started again";
    }
  }
  return out;
}

std::optional<facts> from_summary(const std::string& file) {
  const auto text = supervise::read_file(file);
  const auto s = text ? supervise::parse_summary(*text, file) : text.error();
  if (!s) return std::nullopt;
  return facts{s->id,      s->kernelspec, s->owner,
               s->created, s->process,    0,
               false,      s->exit,       "its runtime directory was lost"};
}

/// Of the kernels' directories below it.
result<std::vector<std::string>> ids_in(const std::string& directory) {
  std::error_code ec;
  std::vector<std::string> out;
  for (const auto& each : fs::directory_iterator(directory + "/kernels", ec)) {
    if (auto id = each.path().filename().string(); is_valid_id(id)) out.push_back(std::move(id));
  }
  if (ec) return error{errc::io, directory + "/kernels: " + ec.message()};
  std::ranges::sort(out);
  return out;
}

}  // namespace

std::string journal_of(const session& s, std::string_view id) {
  return supervise::written_in(fmt::format("{}/kernels/{}", s.state_dir, id));
}

std::string stdio_log_of(const session& s, std::string_view id) {
  return journal_of(s, id) + "/stdio.log";
}

result<std::string> models_from_files(const std::string& runtime_dir,
                                      const std::string& state_dir) {
  const auto running = ids_in(runtime_dir);
  const auto kept = ids_in(state_dir);
  if (!running && !kept) return running.error();
  std::map<std::string, facts> all;
  for (const auto& id : running ? *running : std::vector<std::string>()) {
    if (auto found = from_record(fmt::format("{}/kernels/{}/record.json", runtime_dir, id)))
      all[id] = std::move(*found);
  }
  for (const auto& id : kept ? *kept : std::vector<std::string>()) {
    if (all.contains(id)) continue;
    if (auto found = from_summary(fmt::format("{}/kernels/{}/summary.json", state_dir, id)))
      all[id] = std::move(*found);
  }
  std::string out = "[";
  for (const auto& [id, each] : all) {
    if (out.size() > 1) out += ", ";
    out += model_of(each, supervise::written_in(fmt::format("{}/kernels/{}", state_dir, id)));
  }
  return out + "]";
}

}  // namespace kmux::cli
