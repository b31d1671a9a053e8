#pragma once
// A notebook of what a kernel's journal holds.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/nbformat/cell_outputs.hpp"

namespace kmux::cli {

/// Folds lines of messages, in order. What was executed silently is in no notebook.
class notebook_fold {
public:
  explicit notebook_fold(std::string spec) : spec_(std::move(spec)) {}

  /// A line of the journal.
  void add(std::string_view line);
  /// An iopub message.
  void add(std::string_view type, const std::string& parent, const std::string& content);

  std::size_t size() const noexcept { return cells_.size(); }
  /// What the cell that was asked for by `msg_id` shows, as nbformat's outputs; and its number, 0
  /// where it has none.
  std::string outputs_of(const std::string& msg_id) const;
  std::int64_t count_of(const std::string& msg_id) const;
  /// nbformat 4.5.
  std::string json() const;

private:
  struct cell {
    std::string id, code;
    std::int64_t count = 0;
    cell_outputs outputs;
  };

  std::string spec_;
  std::vector<std::unique_ptr<cell>> cells_;
  std::map<std::string, cell*> by_request_;
};

}  // namespace kmux::cli
