#pragma once
// The outputs of a cell or of an output widget, folded.

#include <cstddef>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "protocol/nbformat/output.hpp"
#include "protocol/nbformat/stream_text.hpp"

namespace kmux {

/// What may still be added. Lists may share one.
struct output_budget {
  std::size_t bytes;
  std::size_t outputs;
};

/// Each call names the same budget. Once something did not fit into it, the list takes no more
/// until it is cleared, so that what it shows is all that came up to one point.
class output_list {
public:
  /// After the clearing that clear_before_next() has asked for.
  void add(output, output_budget&);
  /// These instead of what is there. (It does not count as the next output: JupyterLab.)
  void replace(std::vector<output>, output_budget&);
  /// Changes the bundle of all outputs that have this one's display_id.
  void update(const whole_output&, output_budget&);
  void clear(output_budget&);
  void clear_before_next() noexcept { clear_next_ = true; }

  /// Whether there is anything to update.
  bool has_displays() const noexcept { return !displays_.empty(); }
  /// An array. Its last element says so, in one line on stderr, where something did not fit.
  std::string json() const;

private:
  struct stream {
    std::string name;
    stream_text text;
  };
  /// What all outputs with one display_id show: a new one changes the earlier ones as well.
  struct display {
    std::string bundle;
    std::size_t outputs = 0;
  };
  bool take(std::size_t bytes, output_budget&);
  void append(stream_piece, output_budget&);
  void append(whole_output, output_budget&);

  std::vector<std::variant<stream, whole_output>> outputs_;
  std::map<std::string, display, std::less<>> displays_;  ///< by display_id
  std::size_t bytes_ = 0;                                 ///< taken from the budget
  bool clear_next_ = false, full_ = false;
};

}  // namespace kmux
