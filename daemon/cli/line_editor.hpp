#pragma once
// A line of input with editing, history and completion, by libedit (editline(3)).

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kmux::cli {

/// What may stand at the end of the text before the cursor.
struct completions {
  std::size_t begin = 0;  ///< where what they replace begins, in code points
  std::vector<std::string> matches;
};

/// One; the terminal is its own only while read() waits. One thread.
class line_editor {
public:
  struct hooks {
    /// Of a line up to the cursor.
    std::function<completions(std::string_view)> complete;
    /// Another descriptor that is watched meanwhile, asked for each time, and what to do where it
    /// is readable: the text it returns is shown above the line that is being edited.
    std::function<int()> fd;
    std::function<std::string()> readable;
  };
  enum class how { line, end, interrupted, detached };

  explicit line_editor(hooks);
  ~line_editor();

  void remember(const std::string& line);
  /// `begin` stands in the line already. `out` has no newline.
  how read(const std::string& prompt, const std::string& begin, std::string& out);

private:
  struct state;
  std::unique_ptr<state> it_;
};

}  // namespace kmux::cli
