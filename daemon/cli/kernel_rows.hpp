#pragma once
// The rows of ps and top: kernels with what they use of this machine; filtered and sorted by the
// columns that are shown.

#include <span>
#include <string>
#include <vector>

#include "daemon/cli/kernels.hpp"
#include "daemon/cli/table.hpp"
#include "proc/resources.hpp"

namespace kmux::cli {

struct kernel_row {
  kernel_view kernel;
  process_usage used;       ///< no processes: not known
  double cpu_percent = -1;  ///< top's
};

struct column {
  const char* key;  ///< of --sort and --filter
  const char* title;
  bool wide;  ///< with -o wide only
  std::string (*text)(const kernel_row&);
  double (*number)(const kernel_row&);  ///< what it is sorted by; nullptr: its text
};
std::span<const column> kernel_columns();

/// With usage, where the kernels are on this machine.
std::vector<kernel_row> rows_of(const session&, const kernel_list&);

/// "KEY=PATTERN", "KEY!=PATTERN" (fnmatch(3)), "KEY>VALUE", "KEY<VALUE" with times and sizes.
outcome<void> filter_rows(std::vector<kernel_row>&, const std::vector<std::string>& filters);
/// By a column's key; "-KEY": the other way round.
outcome<void> sort_rows(std::vector<kernel_row>&, std::string key);

std::string show_rows(const std::vector<kernel_row>&, std::span<const column* const>);

}  // namespace kmux::cli
