#include "daemon/cli/export_notebook.hpp"

#include <fmt/format.h>

#include "daemon/cli/json_members.hpp"
#include "protocol/json.hpp"

namespace kmux::cli {

namespace {

/// Changes what other cells show, too: displays by their id, and widgets.
bool concerns_all(std::string_view type) {
  return type == "update_display_data" || type == "display_data" || type == "execute_result" ||
         type == "clear_output" || type.starts_with("comm_");
}

/// nbformat: a cell's id is 1 to 64 of [a-zA-Z0-9-_].
std::string cell_id(std::size_t number) {
  return fmt::format("cell-{}", number);
}

}  // namespace

void notebook_fold::add(std::string_view line) {
  const auto m = json::parse_object(line, "a message");
  if (!m || text_at(*m, "channel") != "iopub") return;
  add(text_at(object_at(*m, "header"), "msg_type"),
      text_at(object_at(*m, "parent_header"), "msg_id"), json::dump(object_at(*m, "content")));
}

void notebook_fold::add(std::string_view type, const std::string& parent,
                        const std::string& content) {
  const auto own = by_request_.find(parent);
  if (type == "execute_input" && own == by_request_.end()) {
    const auto input = json::parse_object(content, "execute_input");
    if (!input) return;
    cells_.push_back(
        std::make_unique<cell>(cell{cell_id(cells_.size() + 1), text_at(*input, "code"),
                                    integer_at(*input, "execution_count"), cell_outputs(parent)}));
    by_request_[parent] = cells_.back().get();
  } else if (concerns_all(type)) {
    for (const auto& each : cells_)
      each->outputs.add({type, parent, content});
  } else if (own != by_request_.end()) {
    own->second->outputs.add({type, parent, content});
  }
}

std::string notebook_fold::outputs_of(const std::string& msg_id) const {
  const auto own = by_request_.find(msg_id);
  return own == by_request_.end() ? "[]" : own->second->outputs.json();
}

std::int64_t notebook_fold::count_of(const std::string& msg_id) const {
  const auto own = by_request_.find(msg_id);
  return own == by_request_.end() ? 0 : own->second->count;
}

std::string notebook_fold::json() const {
  std::string cells;
  for (const auto& each : cells_) {
    cells += fmt::format(
        R"({}{{"cell_type": "code", "id": "{}", "execution_count": {}, "metadata": {{}}, "source": {}, "outputs": {}}})",
        cells.empty() ? "" : ",\n  ", each->id,
        each->count > 0 ? fmt::to_string(each->count) : "null", json_quote(each->code),
        each->outputs.json());
  }
  return fmt::format(R"({{"nbformat": 4, "nbformat_minor": 5,
 "metadata": {{"kernelspec": {{"name": {0}, "display_name": {0}}}}},
 "cells": [
  {1}
 ]}})",
                     json_quote(spec_), cells);
}

}  // namespace kmux::cli
