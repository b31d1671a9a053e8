#pragma once
// What kmux does where a person is at the terminal.

#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <string_view>
#include <termios.h>

namespace kmux::cli {

/// Colours on stdout: it is a terminal, and NO_COLOR and TERM allow it.
bool colour_wanted();
/// `text` in an SGR colour ("31" is red), where colours are wanted.
std::string painted(std::string_view text, std::string_view sgr);

struct screen_size {
  int rows = 24, columns = 80;
};
screen_size size_of_screen();

/// How many columns UTF-8 text takes, escape sequences none.
std::size_t width_of(std::string_view text);
/// Its first `columns` of them, escape sequences kept.
std::string cut_to(std::string_view text, std::size_t columns);

/// Without control characters but newline and tab: what kernels and journals say must not steer
/// a terminal.
std::string without_controls(std::string_view text);

/// While it lives, SIGINT (and SIGQUIT, SIGTERM, SIGHUP where `all`) is noted and ends no program:
/// a poll(2) returns with EINTR. One at a time.
class noted_signals {
public:
  explicit noted_signals(bool all = false);
  ~noted_signals();
  noted_signals(const noted_signals&) = delete;
  noted_signals& operator=(const noted_signals&) = delete;

  /// The last that came since the call before; 0: none.
  static int take() noexcept;
  /// No wait between two calls is longer: a signal that comes between the call and the wait does
  /// not end that.
  static constexpr std::chrono::milliseconds longest_wait{250};

private:
  struct sigaction before_[4];
  bool all_;
};

/// A line of stdin without its end, read byte by byte so that whoever comes next gets the rest;
/// nothing at its end and at a signal. `hidden`: the terminal does not show it.
std::optional<std::string> read_answer(std::string_view prompt, bool hidden);

/// The terminal without echo and lines, on its other screen, until destroyed. stdin and stdout must
/// be a terminal.
class full_screen {
public:
  full_screen();
  ~full_screen();
  full_screen(const full_screen&) = delete;
  full_screen& operator=(const full_screen&) = delete;

  /// Shows these lines instead of what is there.
  static void show(std::string_view lines);
  /// A key, or 0 after `most`, at a signal, and when the window has another size.
  static char key(std::chrono::milliseconds most);

private:
  termios before_{};
};

}  // namespace kmux::cli
