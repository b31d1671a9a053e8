#include "protocol/nbformat/cell_outputs.hpp"

#include <algorithm>
#include <utility>

#include "protocol/json.hpp"

namespace kmux {

namespace {

bool is_output(std::string_view type) {
  return type == "stream" || type == "display_data" || type == "update_display_data" ||
         type == "execute_result" || type == "error";
}

}  // namespace

cell_outputs::cell_outputs(std::string msg_id, output_limits most)
    : msg_id_(std::move(msg_id)),
      max_areas_(most.max_areas),
      own_budget_{most.max_bytes, most.max_outputs},
      areas_budget_(own_budget_) {
}

void cell_outputs::add(const shown_message& m) {
  if (is_output(m.msg_type)) {
    add_output(m);
  } else if (m.msg_type == "clear_output") {
    clear_output(m);
  } else if (m.msg_type == "comm_open") {
    open(m.content);
  } else if (areas_.empty()) {
    return;  // other widgets' messages are many, and may be large
  } else if (m.msg_type == "comm_msg") {
    if (auto said = read_comm_msg(m.content)) {
      const auto found = areas_.find(said->comm_id);
      if (found != areas_.end()) change(found->second, *std::move(said));
    }
  } else if (m.msg_type == "comm_close") {
    close(m.content);
  }
}

void cell_outputs::add_output(const shown_message& m) {
  area* const by = capturing(m.parent_msg_id);
  const bool shown = by != nullptr || m.parent_msg_id == msg_id_;
  const bool may_update = m.msg_type != "stream" && m.msg_type != "error" && has_displays();
  if (!shown && !may_update) return;
  auto said = read_output(m.msg_type, m.content);
  if (!said) return;
  if (const auto* const whole = std::get_if<whole_output>(&*said)) update(*whole);
  if (!shown || m.msg_type == "update_display_data") return;
  if (by == nullptr) return own_.add(*std::move(said), own_budget_);
  by->list.add(*std::move(said), areas_budget_);
  by->of_this_cell = by->of_this_cell || m.parent_msg_id == msg_id_;
}

void cell_outputs::clear_output(const shown_message& m) {
  area* const by = capturing(m.parent_msg_id);
  if (by == nullptr && m.parent_msg_id != msg_id_) return;
  const auto wait = read_clear_output(m.content);
  if (!wait) return;
  output_list& list = by != nullptr ? by->list : own_;
  if (*wait) return list.clear_before_next();
  list.clear(by != nullptr ? areas_budget_ : own_budget_);
}

void cell_outputs::open(std::string_view content) {
  auto said = read_comm_open(content);
  if (!said) return;
  remove(areas_.find(said->comm_id));
  if (areas_.size() >= max_areas_) return;
  auto& made = areas_[said->comm_id];
  change(made, *std::move(said));
}

void cell_outputs::close(std::string_view content) {
  if (const auto comm_id = read_comm_close(content)) remove(areas_.find(*comm_id));
}

void cell_outputs::change(area& which, widget_change said) {
  if (said.msg_id && *said.msg_id != which.msg_id) {
    std::erase(capturing_, said.comm_id);
    which.msg_id = *std::move(said.msg_id);
    if (!which.msg_id.empty()) capturing_.push_back(std::move(said.comm_id));
  }
  if (said.outputs) which.list.replace(*std::move(said.outputs), areas_budget_);
}

void cell_outputs::remove(areas::iterator which) {
  if (which == areas_.end()) return;
  which->second.list.clear(areas_budget_);
  std::erase(capturing_, which->first);
  areas_.erase(which);
}

void cell_outputs::update(const whole_output& one) {
  own_.update(one, own_budget_);
  for (auto& [comm_id, each] : areas_)
    each.list.update(one, areas_budget_);
}

bool cell_outputs::has_displays() const {
  return own_.has_displays() || std::any_of(areas_.begin(), areas_.end(), [](const auto& each) {
           return each.second.list.has_displays();
         });
}

cell_outputs::area* cell_outputs::capturing(std::string_view parent) {
  for (auto comm_id = capturing_.rbegin(); comm_id != capturing_.rend(); ++comm_id) {
    auto& each = areas_.find(*comm_id)->second;
    if (each.msg_id == parent) return &each;
  }
  return nullptr;
}

std::string cell_outputs::json() const {
  return own_.json();
}

std::string cell_outputs::widget_areas_json() const {
  std::string out = "{";
  for (const auto& [comm_id, each] : areas_) {
    if (!each.of_this_cell) continue;
    out += (out.size() > 1 ? "," : "") + json_quote(comm_id) + ':' + each.list.json();
  }
  return out + '}';
}

}  // namespace kmux
