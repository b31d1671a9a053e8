#include "daemon/cli/line_editor.hpp"

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cwchar>
#include <deque>
#include <histedit.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <fmt/format.h>

#include "daemon/cli/terminal.hpp"

namespace kmux::cli {

namespace {

constexpr int remembered_lines = 1000;
constexpr std::size_t most_shown = 60;  ///< completions
/// Keys that nobody types, for what libedit does only at a key.
constexpr const char* redisplay = "\x18\x12";

std::size_t length_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// The first bytes that all of them have, whole code points.
std::string common_start(const std::vector<std::string>& all) {
  std::string out = all.front();
  for (const auto& each : all) {
    const auto differ = std::ranges::mismatch(out, each).in1;
    out.erase(differ, out.end());
  }
  while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0x80) != 0 &&
         std::mblen(out.data(), out.size()) < 0) {
    out.pop_back();
  }
  return out;
}

}  // namespace

struct line_editor::state {
  hooks ask;
  EditLine* edit = nullptr;
  History* history = nullptr;
  termios before{};
  std::string prompt;
  std::deque<char> pushed;  ///< keys that are ours
  how ended = how::end;

  static state& of(EditLine* e) {
    void* out = nullptr;
    el_get(e, EL_CLIENTDATA, &out);
    return *static_cast<state*>(out);
  }
  static char* prompt_of(EditLine* e) { return of(e).prompt.data(); }
  static int next_key(EditLine* e, wchar_t* out) { return of(e).key(out); }
  static unsigned char complete_line(EditLine* e, int) { return of(e).complete(); }

  /// Until the next line: what is typed ahead waits, Ctrl-D as well, and is shown when it is
  /// edited.
  void keep_keys() const {
    termios waiting = before;
    waiting.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    ::tcsetattr(STDIN_FILENO, TCSADRAIN, &waiting);
  }

  void push(std::string_view keys) { pushed.insert(pushed.end(), keys.begin(), keys.end()); }

  /// Text above the line that is being edited.
  void show_above(const std::string& text) {
    if (text.empty()) return;
    fmt::print("\r\x1b[K{}{}", text, text.ends_with('\n') ? "" : "\n");
    std::fflush(stdout);
    push(redisplay);
  }

  /// A byte of stdin, or one of ours; -1 with `ended` set.
  int byte() {
    while (pushed.empty()) {
      pollfd items[] = {{STDIN_FILENO, POLLIN, 0}, {ask.fd(), POLLIN, 0}};
      const int ready = ::poll(items, 2, static_cast<int>(noted_signals::longest_wait.count()));
      if (const int number = noted_signals::take(); number != 0) {
        ended = number == SIGINT ? how::interrupted : how::detached;
        return -1;
      }
      if (ready <= 0) continue;
      // Keys first: what is said without an end must not keep anybody from leaving.
      if (items[0].revents != 0) {
        char c = 0;
        if (::read(STDIN_FILENO, &c, 1) == 1) return static_cast<unsigned char>(c);
        ended = how::end;
        return -1;
      }
      if (items[1].revents != 0) show_above(ask.readable());
    }
    const char c = pushed.front();
    pushed.pop_front();
    return static_cast<unsigned char>(c);
  }

  int key(wchar_t* out) {
    std::mbstate_t partial{};
    for (;;) {
      const int c = byte();
      if (c < 0) return -1;
      const char one = static_cast<char>(c);
      const auto n = std::mbrtowc(out, &one, 1, &partial);
      if (n == static_cast<std::size_t>(-2)) continue;
      if (n == static_cast<std::size_t>(-1)) partial = {};
      if (n != static_cast<std::size_t>(-1)) return 1;
    }
  }

  unsigned char complete() {
    const LineInfo* const line = el_line(edit);
    const std::string before(line->buffer, line->cursor);
    if (before.find_first_not_of(" \t") == std::string::npos) {
      return el_insertstr(edit, "    ") == 0 ? CC_REFRESH : CC_ERROR;
    }
    const auto found = ask.complete(before);
    const std::size_t typed = length_of(before) - std::min(found.begin, length_of(before));
    if (found.matches.empty()) return CC_REFRESH_BEEP;
    const auto start = common_start(found.matches);
    if (length_of(start) > typed || found.matches.size() == 1) {
      el_deletestr(edit, static_cast<int>(typed));
      return el_insertstr(edit, start.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
    }
    std::string list;
    for (std::size_t i = 0; i < std::min(found.matches.size(), most_shown); ++i)
      list += found.matches[i] + "  ";
    if (found.matches.size() > most_shown) list += "…";
    show_above(without_controls(list));
    return CC_NORM;
  }
};

line_editor::line_editor(hooks h) : it_(std::make_unique<state>()) {
  std::setlocale(LC_CTYPE, "");
  it_->ask = std::move(h);
  ::tcgetattr(STDIN_FILENO, &it_->before);
  it_->edit = el_init("kmux", stdin, stdout, stderr);
  it_->history = history_init();
  HistEvent event;
  ::history(it_->history, &event, H_SETSIZE, remembered_lines);
  auto* const e = it_->edit;
  el_set(e, EL_CLIENTDATA, it_.get());
  el_set(e, EL_PROMPT, &state::prompt_of);
  el_set(e, EL_EDITOR, "emacs");
  el_set(e, EL_SIGNAL, 0);
  el_set(e, EL_HIST, ::history, it_->history);
  el_set(e, EL_GETCFN, &state::next_key);
  el_set(e, EL_ADDFN, "kmux-complete", "Complete by asking the kernel", &state::complete_line);
  el_set(e, EL_BIND, "^I", "kmux-complete", nullptr);
  el_set(e, EL_BIND, redisplay, "ed-redisplay", nullptr);
  el_set(e, EL_BIND, "^R", "em-inc-search-prev", nullptr);
}

line_editor::~line_editor() {
  el_end(it_->edit);
  history_end(it_->history);
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &it_->before);
}

void line_editor::remember(const std::string& line) {
  HistEvent event;
  if (line.find_first_not_of(" \t\n") != std::string::npos) {
    ::history(it_->history, &event, H_ENTER, line.c_str());
  }
}

line_editor::how line_editor::read(const std::string& prompt, const std::string& begin,
                                   std::string& out) {
  it_->prompt = prompt;
  it_->ended = how::end;
  it_->pushed.clear();
  it_->push(begin);
  int count = 0;
  const char* const line = el_gets(it_->edit, &count);
  it_->keep_keys();
  if (line == nullptr || count <= 0) {
    el_reset(it_->edit);
    it_->keep_keys();
    return it_->ended;
  }
  out.assign(line, static_cast<std::size_t>(count));
  if (out.ends_with('\n')) out.pop_back();
  return how::line;
}

}  // namespace kmux::cli
