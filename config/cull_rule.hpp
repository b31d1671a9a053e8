#pragma once
// Exceptions from what culling.idle_timeout and culling.max_age say.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace kmux::config {

/// "kernelspec:NAME idle_timeout=2h", "owner:NAME kernelspec:NAME max_age=0": whom it is for, and
/// what is different for them.
struct cull_rule {
  std::string kernelspec;  ///< empty: any
  std::string owner;       ///< empty: any
  std::optional<std::chrono::milliseconds> idle_timeout, max_age;
};

/// nullopt with `problem`, which says what to write instead.
std::optional<cull_rule> parse_cull_rule(std::string_view, std::string& problem);

/// What is wrong with a rule; empty if nothing is.
std::string check_cull_rule(const std::string&);

}  // namespace kmux::config
