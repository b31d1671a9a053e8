#pragma once
// What one message, or one element of an output widget's state, adds to a cell's outputs.

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace kmux {

/// Text that is yet to be joined to what its stream has said.
struct stream_piece {
  std::string name;
  std::string text;
};

/// A display, a result or an error.
struct whole_output {
  std::string members;  ///< of the JSON object, without braces: all but those of the bundle
  std::string bundle;   ///< "data": …, "metadata": …, which an update changes; errors have none
  std::string display_id;  ///< empty if it has none
};

using output = std::variant<stream_piece, whole_output>;

/// What a comm message changes in an output widget. What it does not speak of, or wrongly, is
/// empty.
struct widget_change {
  std::string comm_id;
  std::optional<std::string> msg_id;           ///< messages with this parent are to be captured
  std::optional<std::vector<output>> outputs;  ///< what the widget is to show
};

// All of these read a message's content. It is empty (nullopt) where the message is malformed,
// which includes nesting deeper than 200 levels, or is about something else. Bytes that are not
// UTF-8 become U+FFFD, as in clients: some kernels send file names as they are.

/// A stream, display_data, update_display_data, execute_result or error message.
std::optional<output> read_output(std::string_view msg_type, std::string_view content);

/// clear_output's `wait`.
std::optional<bool> read_clear_output(std::string_view content);

/// A comm_open of a widget whose model is OutputModel.
std::optional<widget_change> read_comm_open(std::string_view content);

/// A comm_msg with an update by the kernel, to any widget. An echo_update is none: it repeats what
/// some client has made of messages that are folded here anyway, and it comes later than they do.
std::optional<widget_change> read_comm_msg(std::string_view content);

/// The comm that a comm_close closes.
std::optional<std::string> read_comm_close(std::string_view content);

}  // namespace kmux
