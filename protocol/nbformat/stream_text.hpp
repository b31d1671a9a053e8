#pragma once
// The text of a stream output, once carriage returns and backspaces have done their work.

#include <cstddef>
#include <string>
#include <string_view>

namespace kmux {

/// Takes text as it comes, cut anywhere between code points, and keeps only what is shown. It does
/// as JupyterLab does (@jupyterlab/outputarea since 4.3), so that both come to the same text:
///
///   \n   begins a new line after the last one, wherever in that one the cursor was
///   \r   takes the cursor to the line's start, and what follows overwrites; so \r\n is a newline
///   \b   removes the character before the cursor, if the line has one, and with it the character
///        under the cursor, if the cursor is not at the line's end
///
/// What overwrites and is overwritten is a code point (in JupyterLab half of one, beyond U+FFFF).
/// The code points of a terminal's escape sequence are like others: they stay in the text, and a
/// line that is written over one with escape sequences overwrites these code point by code point.
/// Progress bars look well, because a line and the next have theirs at the same places; with text
/// that has them elsewhere, the rest of a sequence may be left over, in JupyterLab too.
class stream_text {
public:
  /// Takes of `text`, which is UTF-8, what fits while size() is `most` at the most. False if it had
  /// to leave out the rest.
  bool append(std::string_view text, std::size_t most);

  /// In bytes.
  std::size_t size() const noexcept { return lines_.size() + before_.size() + after_.size(); }
  std::string str() const;

private:
  bool write(std::string_view run, std::size_t most);
  void end_line();
  void erase();

  std::string lines_;  ///< all but the last: nothing changes them any more
  // The last line is two stacks, so that each character costs the same however long the line is.
  std::string before_;  ///< what is before the cursor
  std::string after_;   ///< the bytes from the cursor on, the last one first
};

}  // namespace kmux
