#include "daemon/cli/terminal.hpp"

#include <cstdio>
#include <cstdlib>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/format.h>

namespace kmux::cli {

namespace {

constexpr int watched[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
volatile std::sig_atomic_t noted = 0;

void note(int number) {
  noted = number;
}

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

/// The length of the escape sequence at its beginning (ECMA-48, CSI); 0: there is none.
std::size_t sequence_at(std::string_view text) {
  if (!text.starts_with("\x1b[")) return 0;
  const auto end = text.find_first_of("ABCDEFGHJKSTfhlmnsu", 2);
  return end == std::string_view::npos ? text.size() : end + 1;
}

}  // namespace

bool colour_wanted() {
  static const bool wanted = [] {
    const char* const refused = std::getenv("NO_COLOR");
    const char* const kind = std::getenv("TERM");
    return ::isatty(STDOUT_FILENO) != 0 && (refused == nullptr || *refused == '\0') &&
           kind != nullptr && std::string_view(kind) != "dumb";
  }();
  return wanted;
}

std::string painted(std::string_view text, std::string_view sgr) {
  if (!colour_wanted()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", sgr, text);
}

screen_size size_of_screen() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) {
    return {};
  }
  return {size.ws_row, size.ws_col};
}

std::size_t width_of(std::string_view text) {
  std::size_t out = 0;
  while (!text.empty()) {
    if (const auto skipped = sequence_at(text); skipped > 0) {
      text.remove_prefix(skipped);
      continue;
    }
    if (!is_continuation(text.front())) ++out;
    text.remove_prefix(1);
  }
  return out;
}

std::string cut_to(std::string_view text, std::size_t columns) {
  std::string out;
  std::size_t used = 0;
  while (!text.empty()) {
    if (const auto sequence = sequence_at(text); sequence > 0) {
      out += text.substr(0, sequence);
      text.remove_prefix(sequence);
      continue;
    }
    if (!is_continuation(text.front())) ++used;
    if (used <= columns) out += text.front();
    text.remove_prefix(1);
  }
  return out;
}

std::string without_controls(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool c1 =
        c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (c1) ++i;
    if (!c1 && (c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7F))) out += text[i];
  }
  return out;
}

noted_signals::noted_signals(bool all) : before_{}, all_(all) {
  noted = 0;
  struct sigaction action {};
  action.sa_handler = note;  // without SA_RESTART: waits are to end
  for (std::size_t i = 0; i < (all_ ? std::size(watched) : 1); ++i)
    ::sigaction(watched[i], &action, &before_[i]);
}

noted_signals::~noted_signals() {
  for (std::size_t i = 0; i < (all_ ? std::size(watched) : 1); ++i)
    ::sigaction(watched[i], &before_[i], nullptr);
}

int noted_signals::take() noexcept {
  const int out = noted;
  noted = 0;
  return out;
}

std::optional<std::string> read_answer(std::string_view prompt, bool hidden) {
  fmt::print(stderr, "{}", without_controls(prompt));
  std::fflush(stderr);
  termios before{};
  const bool terminal = ::tcgetattr(STDIN_FILENO, &before) == 0;
  if (terminal) {
    termios asking = before;
    asking.c_lflag |= ICANON | ECHO;  // a console has it otherwise
    if (hidden) asking.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSADRAIN, &asking);
  }
  std::string line;
  char c = 0;
  ssize_t n = 0;
  // A newline that was typed ahead, while the line editor had the terminal, has become the other.
  while ((n = ::read(STDIN_FILENO, &c, 1)) == 1 && c != '\n' && c != '\r')
    line += c;
  if (terminal) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
  if (terminal && hidden) fmt::print(stderr, "\n");
  if (n != 1 && line.empty()) return std::nullopt;
  return line;
}

full_screen::full_screen() {
  ::tcgetattr(STDIN_FILENO, &before_);
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  fmt::print("\x1b[?1049h\x1b[?25l");
  std::fflush(stdout);
}

full_screen::~full_screen() {
  fmt::print("\x1b[?25h\x1b[?1049l");
  std::fflush(stdout);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

void full_screen::show(std::string_view lines) {
  std::string out = "\x1b[H";
  const auto size = size_of_screen();
  int row = 0;
  while (!lines.empty() && row < size.rows) {
    const auto end = std::min(lines.find('\n'), lines.size());
    out += (row++ > 0 ? "\r\n" : "") +
           cut_to(lines.substr(0, end), static_cast<std::size_t>(size.columns)) + "\x1b[0m\x1b[K";
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  fmt::print("{}\x1b[J", out);
  std::fflush(stdout);
}

char full_screen::key(std::chrono::milliseconds most) {
  pollfd item{STDIN_FILENO, POLLIN, 0};
  char c = 0;
  if (::poll(&item, 1, static_cast<int>(most.count())) <= 0) return 0;
  return ::read(STDIN_FILENO, &c, 1) == 1 ? c : 'q';  // its end is one for us as well
}

}  // namespace kmux::cli
