#pragma once
// Messages in short, for tables of what they fold to.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/json.hpp"
#include "protocol/nbformat/cell_outputs.hpp"
#include "valid_outputs.hpp"

namespace kmux {

struct message {
  std::string type;
  std::string content;
  std::string parent = "cell";
};

inline void add(cell_outputs& to, const std::vector<message>& messages) {
  for (const auto& each : messages)
    to.add({each.type, each.parent, each.content});
}

/// The cell "cell" after these, checked.
inline cell_outputs fold(const std::vector<message>& messages, output_limits limits = {}) {
  cell_outputs out("cell", limits);
  add(out, messages);
  EXPECT_TRUE(are_valid_outputs(out.json())) << out.json();
  EXPECT_TRUE(are_valid_areas(out.widget_areas_json())) << out.widget_areas_json();
  return out;
}

inline message stream(const std::string& text, const std::string& name = "stdout",
                      const std::string& parent = "cell") {
  return {"stream", R"({"name":)" + json_quote(name) + R"(,"text":)" + json_quote(text) + "}",
          parent};
}

/// A display, or an update of one, of some text.
inline message display(const std::string& text, const std::string& id = "",
                       const std::string& type = "display_data",
                       const std::string& parent = "cell") {
  return {type,
          R"({"data":{"text/plain":)" + json_quote(text) + R"(},"metadata":{},"transient":{)" +
              (id.empty() ? "" : R"("display_id":)" + json_quote(id)) + "}}",
          parent};
}

inline message clear(bool wait, const std::string& parent = "cell") {
  return {"clear_output", wait ? R"({"wait":true})" : R"({"wait":false})", parent};
}

// What they become.
inline std::string shown_stream(const std::string& text, const std::string& name = "stdout") {
  return R"({"output_type":"stream","name":)" + json_quote(name) + R"(,"text":)" +
         json_quote(text) + "}";
}

inline std::string shown_display(const std::string& text) {
  return R"({"output_type":"display_data","data":{"text/plain":)" + json_quote(text) +
         R"(},"metadata":{}})";
}

inline const std::string left_out =
    shown_stream("kmux: more output was left out, it is beyond what is kept of a cell\n", "stderr");

}  // namespace kmux
