#include "daemon/cli/running.hpp"

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <unistd.h>

#include <fmt/format.h>

#include "daemon/cli/cell_runner.hpp"
#include "daemon/cli/export_notebook.hpp"
#include "daemon/cli/notebook_file.hpp"
#include "daemon/cli/render.hpp"
#include "daemon/cli/starting.hpp"
#include "daemon/cli/terminal.hpp"
#include "daemon/cli/waiting.hpp"

namespace kmux::cli {

namespace {

using namespace std::chrono_literals;

constexpr auto start_patience = 120s;

/// "-" is stdin.
outcome<std::string> read_code(const std::string& path) {
  if (path == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::ifstream in(path, std::ios::binary);
  if (!in) return failure{exit_code::not_found, path + ": " + std::strerror(errno), "ls"};
  return std::string(std::istreambuf_iterator<char>(in), {});
}

void show_said(const session& s, const said& m) {
  if (s.as_json()) {
    fmt::print("{}\n", m.json);
    std::fflush(stdout);
  } else {
    show(render(m.type, m.content));
  }
}

exit_code run_code(const session& s, kernel_channels& channels, std::string_view code,
                   const cell_options& options) {
  cell_runner runner(s, channels);
  const auto end = runner.run(code, options, [&](const said& m) { show_said(s, m); });
  if (!end) return explain(end.error());
  return end->status == "ok" ? exit_code::done : exit_code::failed;
}

std::uint64_t position_of(const kernel_view& k) {
  return k.seq > 0 ? static_cast<std::uint64_t>(k.seq) : 0;
}

/// Ends with its block, whatever happens there.
class own_kernel {
public:
  own_kernel(const session& s, std::string id, bool keep)
      : s_(s), id_(std::move(id)), keep_(keep) {}
  ~own_kernel() {
    if (keep_) {
      fmt::print(stderr, "The kernel lives on: {}\n", id_);
      return;
    }
    const auto got = s_.daemon.ask("DELETE", "api/kernels/" + id_);
    if (!got || (!got->ok() && got->status != 404)) {
      fmt::print(stderr, "kmux: the kernel {} was not ended.\nTry: kmux stop {}\n", id_, id_);
    }
  }
  own_kernel(const own_kernel&) = delete;
  own_kernel& operator=(const own_kernel&) = delete;

private:
  const session& s_;
  std::string id_;
  bool keep_;
};

/// The cells of a notebook, one after the other.
class notebook_run {
public:
  notebook_run(const session& s, notebook_file& file, kernel_channels& channels)
      : s_(s), file_(file), runner_(s, channels), fold_(s.words[0]) {}

  bool has_run() const noexcept { return !ran_.empty(); }

  exit_code run(const cell_options& options) {
    const auto& sources = file_.sources();
    auto out = exit_code::done;
    progress shown("run");
    for (std::size_t i = 0; i < sources.size(); ++i) {
      shown.tell(fmt::format("cell {} of {}", i + 1, sources.size()));
      if (sources[i].find_first_not_of(" \t\r\n") == std::string::npos) {
        file_.set_outputs(i, "[]", 0);
        continue;
      }
      const auto code = run_cell(i, options);
      if (code != exit_code::done) out = code;
      if (code != exit_code::done && (code != exit_code::failed || !s_.has("keep-going"))) break;
    }
    // Later cells may have changed what earlier ones show.
    for (const auto& [cell, request] : ran_)
      file_.set_outputs(cell, fold_.outputs_of(request), fold_.count_of(request));
    return out;
  }

private:
  exit_code run_cell(std::size_t i, const cell_options& options) {
    std::string request;
    const auto end = runner_.run(file_.sources()[i], options, [&](const said& m) {
      request = m.parent_id;
      if (m.channel == "iopub") fold_.add(m.type, m.parent_id, m.content);
      if (m.type == "error") {
        fmt::print(stderr, "kmux: cell {} failed:\n", i + 1);
        show(render(m.type, m.content));
      }
    });
    ran_.emplace_back(i, request);
    if (!end) return explain(end.error());
    return end->status == "ok" ? exit_code::done : exit_code::failed;
  }

  const session& s_;
  notebook_file& file_;
  cell_runner runner_;
  notebook_fold fold_;
  std::vector<std::pair<std::size_t, std::string>> ran_;  ///< cell, its request's msg_id
};

start_request request_of(const session& s, const std::string& file) {
  std::error_code ec;
  const auto directory = std::filesystem::absolute(file, ec).parent_path().string();
  start_request out{s.words[0], {}, s.has("cwd") ? s.value("cwd") : directory, {}};
  if (file == "-" && !s.has("cwd")) out.cwd = std::filesystem::current_path(ec).string();
  if (!s.daemon.where().local() && !s.has("cwd")) out.cwd.clear();  // it is not there
  if (const auto given = s.flags.find("env"); given != s.flags.end()) out.env = given->second;
  return out;
}

/// Starts the kernel, gives it to `work`, and ends it.
template <class Work>
exit_code with_kernel(session& s, const std::string& file, Work work) {
  const noted_signals watched(true);
  const auto started = start_kernel(s, request_of(s, file));
  if (!started) return explain(started.error());
  const own_kernel kernel(s, started->id, s.has("keep"));
  if (const auto up = wait_until_up(s, started->id, start_patience); !up)
    return explain(up.error());
  auto channels = kernel_channels::open(s.daemon, started->id, 0);
  if (!channels) return explain(channels.error());
  const auto out = work(*channels);
  channels->close();
  return out;
}

}  // namespace

exit_code exec(session& s) {
  const bool from_stdin = s.words.size() < 2 && !s.has("code");
  if ((s.words.size() > 1 && s.has("code")) || (from_stdin && ::isatty(STDIN_FILENO) != 0)) {
    return explain({exit_code::usage, "What is to be executed? Either -c CODE, or a FILE.",
                    "kmux exec --help"});
  }
  const auto timeout = duration_flag(s, "timeout", 0ms);
  if (!timeout) return timeout.error();
  const auto code = s.has("code") ? outcome<std::string>(s.value("code"))
                                  : read_code(from_stdin ? "-" : s.words[1]);
  if (!code) return explain(code.error());
  const auto kernel = find_kernel(s, s.words[0]);
  if (!kernel) return explain(kernel.error());
  if (kernel->state == "dead") {
    return explain({exit_code::failed, "That kernel is dead: " + kernel->reason + ".",
                    "kmux restart " + kernel->id.substr(0, 8)});
  }
  const noted_signals watched(true);
  auto channels = kernel_channels::open(s.daemon, kernel->id, position_of(*kernel));
  if (!channels) return explain(channels.error());
  const bool asks = ::isatty(STDIN_FILENO) != 0;
  const auto out = run_code(s, *channels, *code, {asks, *timeout});
  channels->close();
  return out;
}

exit_code run(session& s) {
  const std::string file = s.words[1];
  const auto timeout = duration_flag(s, "timeout", 0ms);
  if (!timeout) return timeout.error();
  if (!file.ends_with(".ipynb")) {
    const auto code = read_code(file);
    if (!code) return explain(code.error());
    const bool asks = file != "-" && ::isatty(STDIN_FILENO) != 0;
    return with_kernel(s, file, [&](kernel_channels& channels) {
      return run_code(s, channels, *code, {asks, *timeout});
    });
  }
  auto notebook = notebook_file::read(file);
  if (!notebook) return explain(notebook.error());
  bool changed = false;
  const auto out = with_kernel(s, file, [&](kernel_channels& channels) {
    notebook_run cells(s, *notebook, channels);
    const auto code = cells.run({false, *timeout});
    changed = cells.has_run();
    return code;
  });
  if (!changed) return out;
  const auto target = s.has("to") ? s.value("to") : file;
  if (const auto written = notebook->write(target); !written) return explain(written.error());
  fmt::print(stderr, "{} is written.\n", target);
  return out;
}

}  // namespace kmux::cli
