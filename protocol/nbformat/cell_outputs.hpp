#pragma once
// What a notebook shows of a cell: its kernel's iopub messages, folded into nbformat 4 outputs.
// https://nbformat.readthedocs.io/en/latest/format_description.html#code-cell-outputs

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/nbformat/output_list.hpp"

namespace kmux {

/// What one message said. The views are read during the call only. Its metadata and its buffers are
/// not here: an output in nbformat has no place for them.
struct shown_message {
  std::string_view msg_type;
  std::string_view parent_msg_id;
  std::string_view content;
};

/// The most that is kept: of the cell's own outputs, and as much again of those of all its kernel's
/// output widgets together. Bytes are those of text, names and JSON.
struct output_limits {
  std::size_t max_bytes = std::size_t{64} << 20;
  std::size_t max_outputs = 10'000;
  std::size_t max_areas = 1'000;  ///< output widgets; a further one captures nothing
};

/// Folds the iopub messages of all cells of one kernel, in order, into what the cell whose request
/// was `msg_id` shows now, as JupyterLab does. What is malformed is skipped.
///
/// Of other cells it wants all messages too, because they may change what this one shows: an update
/// of a display (update_display_data; and display_data or execute_result with a display_id that is
/// shown already, which change that as well), a comm message to an output widget, and what a widget
/// captures, whichever cell says it.
///
/// An output widget (ipywidgets' Output) has a list of its own. While it has a msg_id, it captures
/// what has that parent: stream, display_data, execute_result, error and clear_output. Of several
/// the one that began last does. A widget that is closed shows nothing and captures nothing.
class cell_outputs {
public:
  explicit cell_outputs(std::string msg_id, output_limits most = {});

  void add(const shown_message&);

  /// The cell's own outputs: an array, as `outputs` in a notebook.
  std::string json() const;
  /// {comm_id: outputs}, for the widgets that have captured something of this cell. It has all that
  /// they show, of other cells too.
  std::string widget_areas_json() const;

private:
  struct area {
    output_list list;
    std::string msg_id;  ///< what it captures; empty: nothing
    bool of_this_cell = false;
  };
  using areas = std::map<std::string, area, std::less<>>;

  void add_output(const shown_message&);
  void clear_output(const shown_message&);
  void open(std::string_view content);
  void close(std::string_view content);
  void change(area&, widget_change);
  void remove(areas::iterator);
  void update(const whole_output&);
  bool has_displays() const;
  area* capturing(std::string_view parent);

  std::string msg_id_;
  std::size_t max_areas_;
  output_list own_;
  areas areas_;                         ///< by comm_id
  std::vector<std::string> capturing_;  ///< comm_ids of those with a msg_id, the latest last
  output_budget own_budget_, areas_budget_;
};

}  // namespace kmux
