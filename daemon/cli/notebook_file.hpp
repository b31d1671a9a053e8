#pragma once
// A notebook (nbformat 4) whose cells are run, and which is written back.

#include <memory>
#include <string>
#include <vector>

#include "daemon/cli/failure.hpp"

namespace kmux::cli {

/// Everything but outputs and execution counts stays as it is.
class notebook_file {
public:
  static outcome<notebook_file> read(const std::string& path);
  notebook_file(notebook_file&&) noexcept;
  ~notebook_file();

  /// The code of the cells that have any.
  const std::vector<std::string>& sources() const noexcept { return sources_; }
  /// `outputs` is JSON; `count` 0: none.
  void set_outputs(std::size_t cell, const std::string& outputs, std::int64_t count);
  /// As nbformat writes: an indentation of one. In place of what is there, whose mode it gets.
  outcome<void> write(const std::string& path) const;

private:
  struct document;
  explicit notebook_file(std::unique_ptr<document>);

  std::unique_ptr<document> it_;
  std::vector<std::string> sources_;
  std::vector<unsigned> indices_;  ///< of those cells
};

}  // namespace kmux::cli
