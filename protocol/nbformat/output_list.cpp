#include "protocol/nbformat/output_list.hpp"

#include <utility>

#include "protocol/json.hpp"

namespace kmux {

namespace {

constexpr std::string_view left_out =
    R"({"output_type":"stream","name":"stderr",)"
    R"("text":"kmux: more output was left out, it is beyond what is kept of a cell\n"})";

}  // namespace

void output_list::add(output one, output_budget& budget) {
  if (std::exchange(clear_next_, false)) clear(budget);
  if (full_) return;
  std::visit([&](auto& each) { append(std::move(each), budget); }, one);
}

void output_list::replace(std::vector<output> all, output_budget& budget) {
  const bool clear_next = std::exchange(clear_next_, false);
  clear(budget);
  for (auto& one : all)
    add(std::move(one), budget);
  clear_next_ = clear_next;
}

void output_list::clear(output_budget& budget) {
  budget.bytes += std::exchange(bytes_, 0);
  budget.outputs += outputs_.size();
  outputs_.clear();
  displays_.clear();
  full_ = false;
}

bool output_list::take(std::size_t bytes, output_budget& budget) {
  full_ = budget.outputs == 0 || bytes > budget.bytes;
  if (full_) return false;
  --budget.outputs;
  budget.bytes -= bytes;
  bytes_ += bytes;
  return true;
}

void output_list::append(stream_piece piece, output_budget& budget) {
  auto* last = outputs_.empty() ? nullptr : std::get_if<stream>(&outputs_.back());
  if (last == nullptr || last->name != piece.name) {
    if (!take(piece.name.size(), budget)) return;
    last = &std::get<stream>(outputs_.emplace_back(stream{std::move(piece.name), {}}));
  }
  const std::size_t others = bytes_ - last->text.size();
  const std::size_t most = bytes_ + budget.bytes;
  full_ = !last->text.append(piece.text, most - others);
  bytes_ = others + last->text.size();
  budget.bytes = most - bytes_;
}

void output_list::append(whole_output one, output_budget& budget) {
  if (one.display_id.empty()) {
    if (take(one.members.size() + one.bundle.size(), budget)) outputs_.emplace_back(std::move(one));
    return;
  }
  update(one, budget);
  if (full_) return;
  if (!take(one.members.size() + one.bundle.size() + one.display_id.size(), budget)) return;
  auto& shown = displays_[one.display_id];
  shown.bundle = std::exchange(one.bundle, {});
  ++shown.outputs;
  outputs_.emplace_back(std::move(one));
}

void output_list::update(const whole_output& one, output_budget& budget) {
  const auto found = displays_.find(one.display_id);
  if (found == displays_.end()) return;
  auto& [bundle, outputs] = found->second;
  // Each output counts what it shows, though it is kept once: json() has it as often.
  const std::size_t others = bytes_ - outputs * bundle.size();
  const std::size_t most = bytes_ + budget.bytes;
  if (one.bundle.size() > (most - others) / outputs) {
    full_ = true;
    return;
  }
  bundle = one.bundle;
  bytes_ = others + outputs * bundle.size();
  budget.bytes = most - bytes_;
}

std::string output_list::json() const {
  std::string out = "[";
  const auto begin = [&] { out += out.size() > 1 ? "," : ""; };
  for (const auto& each : outputs_) {
    begin();
    if (const auto* const text = std::get_if<stream>(&each)) {
      out += R"({"output_type":"stream","name":)" + json_quote(text->name) + R"(,"text":)" +
             json_quote(text->text.str()) + '}';
      continue;
    }
    const auto& whole = std::get<whole_output>(each);
    const auto display = displays_.find(whole.display_id);
    const auto& bundle = display == displays_.end() ? whole.bundle : display->second.bundle;
    out += '{' + whole.members + (bundle.empty() ? "" : ",") + bundle + '}';
  }
  if (full_) {
    begin();
    out += left_out;
  }
  return out + ']';
}

}  // namespace kmux
